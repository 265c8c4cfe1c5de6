"""Whose turn it is to defend an institution live: one holder at a time, for as long as it keeps saying so.

Each taking over raises the fence. Whoever saves what the defence knows checks in the same transaction that the fence
still is its own, so that one that was paused for longer than its lease overwrites nothing of its successor's.
"""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Named, Table, Text, Update

from sakimori.core import Nanos, plain, rfc3339
from sakimori.store.errors import StoreError
from sakimori.store.schema import AnyText, TenantColumns, metadata
from sakimori.store.transaction import Transaction


class LeaseColumns(TenantColumns):
    fence: Named[int] = Column(BigInteger)
    """Counts the takings over."""
    holder: Named[str] = Column(Text)
    """A random name, which no other process has or had."""
    place: Named[str] = Column(AnyText)
    """Where the holder runs, for people."""
    until: Named[int] = Column(BigInteger)


defence_lease = Table("defence_lease", metadata, LeaseColumns)


class HeldElsewhere(StoreError):
    """Another process defends the institution; ``until`` is when its lease ends, unless it renews it."""

    def __init__(self, sentence: str, until: Nanos) -> None:
        super().__init__(sentence)
        self.until = until


@dataclass(frozen=True, slots=True)
class DefenceLease:
    """The turn of one process."""

    holder: str
    fence: int
    until: Nanos


def take(transaction: Transaction, *, holder: str, place: str, now: Nanos, until: Nanos) -> DefenceLease:
    """Take the turn where nobody has it or its lease has ended; or renew it, where it is this holder's.

    Raises:
        HeldElsewhere: another holder's lease runs.
    """
    row = transaction.connection.execute(transaction.rows(defence_lease)).one_or_none()
    if row is not None and row.holder != holder and now < row.until:
        raise _held(transaction.tenant, row.place, row.until)
    fence = 1 if row is None else row.fence + (row.holder != holder)
    transaction.replace(defence_lease, [{"fence": fence, "holder": holder, "place": place, "until": until}])
    return DefenceLease(holder, fence, until)


def renew(transaction: Transaction, lease: DefenceLease, *, until: Nanos) -> DefenceLease:
    """Keep the turn: call it in every transaction that rests on having it. Lateness alone loses nothing.

    Raises:
        HeldElsewhere: another process took over meanwhile; nothing of this transaction may be kept.
        StoreError: nor where the database was set back to before this turn.
    """
    if transaction.connection.execute(_own(transaction, lease).values(until=until)).rowcount == 0:
        row = transaction.connection.execute(transaction.rows(defence_lease)).one_or_none()
        if row is None or row.fence < lease.fence:
            raise StoreError(f"the database of '{transaction.tenant}' was set back meanwhile: start the defence anew")
        raise _held(transaction.tenant, row.place, row.until)
    return DefenceLease(lease.holder, lease.fence, until)


def give_up(transaction: Transaction, lease: DefenceLease) -> None:
    """End the turn at once, so that the next process need not wait."""
    transaction.connection.execute(_own(transaction, lease).values(until=0))


def _own(transaction: Transaction, lease: DefenceLease) -> Update:
    mine = (defence_lease.c.holder == lease.holder, defence_lease.c.fence == lease.fence)
    return transaction.update(defence_lease).where(*mine)


def _held(tenant: str, place: str, until: Nanos) -> HeldElsewhere:
    return HeldElsewhere(
        f"{plain(place)} defends '{tenant}' until {rfc3339(until)}: stop it first, or wait until its lease ends",
        until,
    )
