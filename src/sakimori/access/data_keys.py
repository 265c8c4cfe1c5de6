"""Which version of its data keys an institution seals with, and which older ones may still be needed.

A data key of a purpose (``boundary-vault``, …) has versions 1, 2, 3, …, each a secret of its own. What version is used
is a row, read in the transaction that seals: from the commit of ``begin`` on, no process seals with an older one.
"""

from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Column, Named, Select, Table, Text, bindparam

from sakimori.access.secrets import Secrets
from sakimori.store import Snapshot, Transaction
from sakimori.store.kept import run
from sakimori.store.schema import TenantColumns, metadata


class DataKeyColumns(TenantColumns):
    purpose: Named[str] = Column(Text, primary_key=True)
    version: Named[int] = Column(BigInteger)
    """With which is sealed. Without a row: 1."""
    oldest: Named[int] = Column(BigInteger)
    """The oldest under which something may still be sealed; below ``version`` while it is being rotated."""


data_key = Table("data_key", metadata, DataKeyColumns)


@dataclass(frozen=True, slots=True)
class Versions:
    """A data key as of a transaction: what ``store.encrypted`` encrypts and decrypts with."""

    tenant: str
    purpose: str
    version: int
    oldest: int
    secrets: Secrets = field(compare=False, repr=False)

    @property
    def rotating(self) -> bool:
        """Whether a rotation was begun and not finished."""
        return self.oldest < self.version

    def key(self, version: int) -> bytes:
        """32 bytes. Raises SecretsError where that version is missing or cannot be read."""
        return self.secrets.key(self.tenant, _named(self.purpose, version))


def current(snapshot: Snapshot, secrets: Secrets, purpose: str) -> Versions:
    """With which version to encrypt in this transaction."""
    row = run(snapshot, _of_purpose, {"purpose": purpose}).one_or_none()
    version, oldest = (1, 1) if row is None else (row.version, row.oldest)
    return Versions(snapshot.tenant, purpose, version, oldest, secrets)


def begin(transaction: Transaction, secrets: Secrets, purpose: str) -> Versions:
    """Encrypt with a new version from this commit on; with the one that was begun, where a rotation is unfinished.

    Raises:
        SecretsError: the new key cannot be made, or the one in use is missing.
    """
    known = current(transaction, secrets, purpose)
    if known.rotating:
        return known
    known.key(known.version)  # what cannot be opened cannot be rotated
    secrets.provision(transaction.tenant, _named(purpose, known.version + 1))
    row = {"purpose": purpose, "version": known.version + 1, "oldest": known.oldest}
    transaction.replace(data_key, [row])
    return current(transaction, secrets, purpose)


def finish(transaction: Transaction, made: Versions) -> None:
    """Say that nothing is encrypted under versions before this one."""
    row = {"purpose": made.purpose, "version": made.version, "oldest": made.version}
    transaction.replace(data_key, [row])


def _of_purpose(view: Transaction) -> "Select[tuple[object, ...]]":
    return view.rows(data_key).where(data_key.c.purpose == bindparam("purpose"))


def _named(purpose: str, version: int) -> str:
    return purpose if version == 1 else f"{purpose}-{version}"
