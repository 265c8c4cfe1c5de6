"""Providers of models, as all processes of a programme share them: who is cut off, their keys, and how they fare.

These rows are of no institution but of the whole programme: a provider that is cut off is so for everybody. They stand
under ``PROGRAMME``, which no institution can be called, so that row-level security holds for them as for all others.
Who may write them is a matter of rights (``manage_providers``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from sqlalchemy import BigInteger, Column, LargeBinary, Named, Table, Text

from sakimori.core import Nanos
from sakimori.store.encrypted import Cipher, DataKeys
from sakimori.store.errors import StoreError
from sakimori.store.schema import TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction

PROGRAMME = "/programme"
"""Has a slash: see ``core.unfit_tenant``."""
_FORGOTTEN: Nanos = 3_600_000_000_000
"""What a process last said of itself so long ago is deleted: it is gone."""


class CutColumns(TenantColumns):
    provider: Named[str] = Column(Text, primary_key=True)
    cut_at: Named[int] = Column(BigInteger)
    cut_by: Named[str] = Column(Text)
    reason: Named[str] = Column(Text)


class KeyColumns(TenantColumns):
    provider: Named[str] = Column(Text, primary_key=True)
    sealed: Named[bytes] = Column(LargeBinary)
    set_at: Named[int] = Column(BigInteger)


class HealthColumns(TenantColumns):
    provider: Named[str] = Column(Text, primary_key=True)
    process: Named[str] = Column(Text, primary_key=True)
    at: Named[int] = Column(BigInteger)
    state: Named[str] = Column(Text)
    answered: Named[int] = Column(BigInteger)
    failed: Named[int] = Column(BigInteger)
    last_failure: Named[str | None] = Column(Text)
    last_failure_at: Named[int | None] = Column(BigInteger)


cut_off = Table("provider_cut", metadata, CutColumns)
stored_key = Table("provider_key", metadata, KeyColumns)
fares = Table("provider_health", metadata, HealthColumns)


@dataclass(frozen=True, slots=True)
class Cut:
    """A provider that gets no calls, and why."""

    provider: str
    at: Nanos
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What one gateway process saw of a provider since it started."""

    provider: str
    process: str
    at: Nanos
    state: str
    answered: int
    failed: int
    last_failure: str | None
    last_failure_at: Nanos | None


def cut(transaction: Transaction, provider: str, *, by: str, reason: str, now: Nanos) -> None:
    """Cut a provider off. One that is cut off already stays so as of the first time."""
    row = {"provider": provider, "cut_at": now, "cut_by": by, "reason": reason}
    transaction.insert_missing(cut_off, [row])


def restore(transaction: Transaction, provider: str) -> bool:
    """Let calls go there again. Returns whether it was cut off."""
    named = transaction.delete(cut_off).where(cut_off.c.provider == provider)
    return transaction.connection.execute(named).rowcount > 0


def cuts(snapshot: Snapshot) -> list[Cut]:
    """Providers that are cut off, by name."""
    rows = snapshot.connection.execute(snapshot.rows(cut_off).order_by(cut_off.c.provider))
    return [Cut(row.provider, row.cut_at, row.cut_by, row.reason) for row in rows]


def keep_key(transaction: Transaction, keys: DataKeys, provider: str, secret: str, *, now: Nanos) -> None:
    """Keep what is shown to a provider, encrypted (``store.encrypted``); its name is bound to it."""
    sealed = Cipher(keys).encrypt(secret.encode(), bound=_bound(provider))
    transaction.replace(stored_key, [{"provider": provider, "sealed": sealed, "set_at": now}])


def sealed_keys(snapshot: Snapshot) -> Mapping[str, bytes]:
    """What ``keep_key`` kept, by provider, sealed."""
    return {row.provider: row.sealed for row in snapshot.connection.execute(snapshot.rows(stored_key))}


def encrypt_anew(transaction: Transaction, keys: DataKeys) -> int:
    """Put all that ``keep_key`` kept under the newest key. Returns how many were changed.

    Raises:
        StoreError: one cannot be opened; none was changed.
    """
    cipher = Cipher(keys)
    kept = transaction.connection.execute(transaction.rows(stored_key)).all()
    changed = [
        {
            "provider": row.provider,
            "sealed": cipher.encrypt(open_key(keys, row.provider, row.sealed).encode(), bound=_bound(row.provider)),
            "set_at": row.set_at,
        }
        for row in kept
        if not cipher.is_current(row.sealed)
    ]
    transaction.replace(stored_key, changed)
    return len(changed)


def open_key(keys: DataKeys, provider: str, sealed: bytes) -> str:
    """Raises StoreError where it was not sealed under one of ``keys`` for this provider."""
    try:
        return Cipher(keys).decrypt(sealed, bound=_bound(provider)).decode()
    except InvalidTag as error:
        raise StoreError(
            f"the stored key of provider '{provider}' cannot be opened with the secrets of this install: "
            f"run `sakimori providers key {provider}` again"
        ) from error


def report(transaction: Transaction, seen: Sequence[Seen], *, now: Nanos) -> None:
    """Say how providers fare, as one process sees it; forgets processes that have been silent for an hour."""
    names = ("provider", "process", "at", "state", "answered", "failed", "last_failure", "last_failure_at")
    transaction.replace(fares, [{name: getattr(one, name) for name in names} for one in seen])
    transaction.connection.execute(transaction.delete(fares).where(fares.c.at < now - _FORGOTTEN))


def reports(snapshot: Snapshot, *, since: Nanos) -> list[Seen]:
    """What processes said last, if it was then or later."""
    found = snapshot.rows(fares).where(fares.c.at >= since).order_by(fares.c.provider, fares.c.process)
    return [
        Seen(
            row.provider,
            row.process,
            row.at,
            row.state,
            row.answered,
            row.failed,
            row.last_failure,
            row.last_failure_at,
        )
        for row in snapshot.connection.execute(found)
    ]


def _bound(provider: str) -> bytes:
    return b"sakimori.provider-key/1\0" + provider.encode()
