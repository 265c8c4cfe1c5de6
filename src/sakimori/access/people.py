"""People of an institution: how its identity provider knows them, their roles, and the keys they sign consent with.

A person who was removed keeps the row, so that what they did can still be told; they are let in nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import BigInteger, Column, Index, Named, Row, Select, Table, Text, bindparam

from sakimori.access import epoch
from sakimori.access.principal import Principal, Role
from sakimori.core import InputError, Nanos
from sakimori.store import Snapshot, Transaction
from sakimori.store.kept import run
from sakimori.store.schema import TenantColumns, metadata


class PersonColumns(TenantColumns):
    name: Named[str] = Column(Text, primary_key=True)
    identity: Named[str] = Column(Text)
    roles: Named[str] = Column(Text)
    """JSON array."""
    signing_keys: Named[str] = Column(Text)
    """JSON array of OpenSSH public keys."""
    created_at: Named[int] = Column(BigInteger)
    removed_at: Named[int | None] = Column(BigInteger)


person = Table("person", metadata, PersonColumns)
Index(None, person.c.tenant, person.c.identity)


@dataclass(frozen=True, slots=True)
class Person:
    tenant: str
    name: str
    """By which the institution, policies and the ledger know them; any script."""
    identity: str
    """The value of the claim by which the identity provider names them; one person each."""
    roles: frozenset[Role]
    signing_keys: tuple[str, ...]
    """OpenSSH public keys (``ssh-ed25519 AAAA…``), without comments."""
    created_at: Nanos
    removed_at: Nanos | None = None

    def principal(self, roles: frozenset[Role] | None = None) -> Principal:
        """This person, acting in their roles, or in some of them."""
        return Principal(
            tenant=self.tenant,
            id=self.name,
            kind="person",
            scopes=frozenset(),
            roles=self.roles if roles is None else self.roles & roles,
            signs=bool(self.signing_keys),
            active=self.removed_at is None,
        )


def put(transaction: Transaction, wanted: Person) -> None:
    """Add a person, or replace what was known of them.

    Raises:
        InputError: somebody else, who was not removed, has the identity already.
    """
    holder = of_identity(transaction, wanted.identity)
    if holder is not None and holder.name != wanted.name:
        raise InputError(
            f"identity '{wanted.identity}' of '{wanted.name}' belongs to '{holder.name}' of institution "
            f"'{transaction.tenant}' already: one identity, one person"
        )
    row = {
        "name": wanted.name,
        "identity": wanted.identity,
        "roles": orjson.dumps(sorted(wanted.roles)).decode(),
        "signing_keys": orjson.dumps(wanted.signing_keys).decode(),
        "created_at": wanted.created_at,
        "removed_at": wanted.removed_at,
    }
    transaction.replace(person, [row])
    epoch.changed(transaction)


def remove(transaction: Transaction, name: str, *, now: Nanos) -> Person:
    """Let a person in nowhere from now on, whatever sessions they have. Removing twice keeps the first time.

    Raises:
        InputError: the institution has no such person.
    """
    present = transaction.update(person).where(person.c.name == name, person.c.removed_at.is_(None))
    transaction.connection.execute(present.values(removed_at=now))
    epoch.changed(transaction)
    found = get(transaction, name)
    if found is None:
        raise InputError(f"institution '{transaction.tenant}' has no person '{name}': see `sakimori programme show`")
    return found


def get(snapshot: Snapshot, name: str) -> Person | None:
    """Who has this name, removed or not."""
    row = snapshot.connection.execute(snapshot.rows(person).where(person.c.name == name)).one_or_none()
    return None if row is None else _from_row(row)


def of_identity(snapshot: Snapshot, identity: str) -> Person | None:
    """Who is named so by the identity provider, and was not removed."""
    row = run(snapshot, _of_identity, {"identity": identity}).one_or_none()
    return None if row is None else _from_row(row)


def everyone(snapshot: Snapshot) -> Sequence[Person]:
    """All people of the institution by name, those who were removed included."""
    return [_from_row(row) for row in run(snapshot, _everyone, {})]


def _of_identity(view: Transaction) -> "Select[tuple[object, ...]]":
    return view.rows(person).where(person.c.identity == bindparam("identity"), person.c.removed_at.is_(None))


def _everyone(view: Transaction) -> "Select[tuple[object, ...]]":
    return view.rows(person).order_by(person.c.name)


def _from_row(row: Row[*tuple[object, ...]]) -> Person:
    return Person(
        tenant=row.tenant,
        name=row.name,
        identity=row.identity,
        roles=frozenset(Role(role) for role in orjson.loads(row.roles)),
        signing_keys=tuple(orjson.loads(row.signing_keys)),
        created_at=row.created_at,
        removed_at=row.removed_at,
    )
