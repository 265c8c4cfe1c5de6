"""The institutions of a programme: a register that the institution which runs the programme keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Named, Table, Text

from sakimori.core import InputError, Nanos, plain
from sakimori.store import Snapshot, Transaction
from sakimori.store.schema import TenantColumns, metadata


class MemberColumns(TenantColumns):
    tenant: Named[str] = Column(Text, primary_key=True)
    """Who runs the programme."""
    name: Named[str] = Column(Text, primary_key=True)
    """The institution that belongs to it."""
    added_at: Named[int] = Column(BigInteger)
    removed_at: Named[int | None] = Column(BigInteger)


member = Table("programme_member", metadata, MemberColumns)


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    added_at: Nanos
    removed_at: Nanos | None


def add(transaction: Transaction, names: Sequence[str], *, now: Nanos) -> None:
    """Admit institutions to the programme, or admit them again; those that belong to it stay as they are."""
    present = {known.name for known in every(transaction) if known.removed_at is None}
    rows = [{"name": name, "added_at": now, "removed_at": None} for name in names if name not in present]
    transaction.replace(member, rows)


def remove(transaction: Transaction, name: str, *, now: Nanos) -> None:
    """Say that an institution belongs to the programme no longer. Removing twice keeps the first time.

    Raises:
        InputError: it never did.
    """
    require(transaction, name)
    present = transaction.update(member).where(member.c.name == name, member.c.removed_at.is_(None))
    transaction.connection.execute(present.values(removed_at=now))


def require(snapshot: Snapshot, name: str) -> None:
    """Raises InputError where an institution does not belong to the programme, and never did."""
    named = snapshot.rows(member).where(member.c.name == name)
    if snapshot.connection.execute(named).one_or_none() is None:
        raise InputError(
            f"the programme of '{snapshot.tenant}' has no institution '{plain(name)}': see `sakimori programme show`"
        )


def every(snapshot: Snapshot) -> list[Member]:
    """All institutions by name, those that were removed included."""
    rows = snapshot.connection.execute(snapshot.rows(member).order_by(member.c.name))
    return [Member(row.name, row.added_at, row.removed_at) for row in rows]
