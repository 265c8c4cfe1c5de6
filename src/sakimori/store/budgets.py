"""Budgets: reserved before a call from an upper bound, settled after it, expired if its process died.

One row per grant and window holds what is booked there: reservations at their upper bound, settled calls at what they
used. It changes in the same transaction as the reservation, and transactions that write take turns, so that under any
interleaving of processes, and wherever one dies, the row is the sum over its reservations and never above the budget.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from secrets import token_hex
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Named, Row, Select, Table, Text, Update, bindparam

from sakimori.core import ExitCode, Nanos, SakimoriError, rfc3339
from sakimori.records import Budget, Grant, Reservation, ReservationState
from sakimori.store.kept import run
from sakimori.store.schema import TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction

_PER_YEN = 1_000_000
"""Money is counted in whole millionths of a yen, so that sums are exact."""


class ReservationColumns(TenantColumns):
    id: Named[str] = Column(Text, primary_key=True)
    grant_id: Named[str] = Column(Text)
    model: Named[str] = Column(Text)
    window_start: Named[int] = Column(BigInteger)
    tokens: Named[int] = Column(BigInteger)
    """Upper bound while held; what was used once settled."""
    microyen: Named[int] = Column(BigInteger)
    state: Named[str] = Column(Text)
    made_at: Named[int] = Column(BigInteger)
    expires_at: Named[int] = Column(BigInteger)


reservation = Table("budget_reservation", metadata, ReservationColumns)
Index(None, reservation.c.tenant, reservation.c.state, reservation.c.expires_at)
Index(None, reservation.c.tenant, reservation.c.grant_id, reservation.c.made_at)


class BookedColumns(TenantColumns):
    grant_id: Named[str] = Column(Text, primary_key=True)
    window_start: Named[int] = Column(BigInteger, primary_key=True)
    tokens: Named[int] = Column(BigInteger)
    microyen: Named[int] = Column(BigInteger)


booked = Table("budget_booked", metadata, BookedColumns)


class BudgetExceeded(SakimoriError):
    """The call could cost more than the grant has left in this window."""

    exit_code = ExitCode.DENIED

    def __init__(self, message: str, *, free_at: Nanos) -> None:
        super().__init__(message)
        self.free_at = free_at
        """When the next window begins."""


@dataclass(frozen=True, slots=True)
class Amount:
    tokens: int
    yen: Decimal


@dataclass(frozen=True, slots=True)
class Settlement:
    reservation: Reservation
    overrun: bool
    """More was used than was held: the bound was wrong, or the reservation had expired and been given back."""


def reserve(
    transaction: Transaction, grant: Grant, *, model: str, upper: Amount, now: Nanos, lifetime: timedelta
) -> Reservation:
    """Hold an upper bound of a call that is about to be made; it is durable once the transaction is committed.

    Raises:
        BudgetExceeded: the grant has not that much left in this window.
    """
    expire(transaction, now=now)
    start = window_start(grant.budget, now)
    microyen = _microyen(upper.yen)
    tokens_booked, microyen_booked = _booked(transaction, grant.id, start)
    budget = grant.budget
    if tokens_booked + upper.tokens > budget.tokens or microyen_booked + microyen > _microyen(budget.yen):
        end = start + _nanos(budget.window)
        raise BudgetExceeded(
            f"the call could use {upper.tokens} tokens and {upper.yen:.2f} yen, but grant '{grant.id}' has "
            f"{max(0, budget.tokens - tokens_booked)} tokens and "
            f"{max(Decimal(0), budget.yen - _yen(microyen_booked)):.2f} yen left until {rfc3339(end)}: "
            "lower the call's output limit or wait",
            free_at=end,
        )
    made = Reservation(
        id=f"rv-{token_hex(12)}",
        tenant=transaction.tenant,
        grant_id=grant.id,
        model=model,
        tokens=upper.tokens,
        yen=_yen(microyen),
        state=ReservationState.HELD,
        made_at=now,
        expires_at=now + _nanos(lifetime),
    )
    row = {
        "id": made.id,
        "grant_id": made.grant_id,
        "model": made.model,
        "window_start": start,
        "tokens": made.tokens,
        "microyen": microyen,
        "state": made.state,
        "made_at": made.made_at,
        "expires_at": made.expires_at,
    }
    transaction.insert(reservation, [row])
    _book(transaction, grant.id, start, tokens=upper.tokens, microyen=microyen)
    return made


def settle(transaction: Transaction, reservation_id: str, used: Amount) -> Settlement:
    """Turn a reservation into what was really used. Settling twice changes nothing (the first use stands).

    One that had expired is booked all the same, as an overrun: what was used was used.

    Raises:
        KeyError: the institution has no such reservation (a mistake of the caller).
    """
    found = run(transaction, _reservation, {"of_id": reservation_id}).one_or_none()
    if found is None:
        raise KeyError(reservation_id)
    if found.state == ReservationState.SETTLED:
        return Settlement(_from_row(found), overrun=False)
    was_held = found.state == ReservationState.HELD
    microyen = _microyen(used.yen)
    held_tokens, held_microyen = (found.tokens, found.microyen) if was_held else (0, 0)
    values = {"of_id": reservation_id, "used_tokens": used.tokens, "used_microyen": microyen}
    run(transaction, _settling, values)
    _book(
        transaction,
        found.grant_id,
        found.window_start,
        tokens=used.tokens - held_tokens,
        microyen=microyen - held_microyen,
    )
    settled = replace(_from_row(found), tokens=used.tokens, yen=_yen(microyen), state=ReservationState.SETTLED)
    return Settlement(settled, overrun=used.tokens > held_tokens or microyen > held_microyen)


def expire(transaction: Transaction, *, now: Nanos) -> int:
    """Give back what calls hold whose time is over: their process died. Returns how many there were."""
    found = run(transaction, _over, {"now": now}).all()
    if found:
        run(transaction, _expiring, {"now": now})
    for row in found:
        _book(transaction, row.grant_id, row.window_start, tokens=-row.tokens, microyen=-row.microyen)
    return len(found)


def used(snapshot: Snapshot, grant: Grant, *, now: Nanos) -> Amount:
    """What is booked in the window of ``now``, reservations at their upper bound."""
    tokens, microyen = _booked(snapshot, grant.id, window_start(grant.budget, now))
    return Amount(tokens, _yen(microyen))


def reservations(snapshot: Snapshot, grant_id: str) -> list[Reservation]:
    """All reservations under a grant, oldest first."""
    ordered = snapshot.rows(reservation).where(reservation.c.grant_id == grant_id)
    ordered = ordered.order_by(reservation.c.made_at, reservation.c.id)
    return [_from_row(row) for row in snapshot.connection.execute(ordered)]


def window_start(budget: Budget, now: Nanos) -> Nanos:
    """Windows follow each other from the epoch, UTC."""
    length = _nanos(budget.window)
    return now // length * length


def _booked(snapshot: Snapshot, grant_id: str, start: Nanos) -> tuple[int, int]:
    of_window = {"of_grant": grant_id, "of_window": start}
    row = run(snapshot, _window, of_window).one_or_none()
    return (0, 0) if row is None else (row.tokens, row.microyen)


def _book(transaction: Transaction, grant_id: str, start: Nanos, *, tokens: int, microyen: int) -> None:
    more = {"of_grant": grant_id, "of_window": start, "more_tokens": tokens, "more_microyen": microyen}
    if run(transaction, _booking, more).rowcount == 0:
        row = {"grant_id": grant_id, "window_start": start, "tokens": tokens, "microyen": microyen}
        transaction.insert(booked, [row])


# Statements, for ``kept``.

_of_window = (booked.c.grant_id == bindparam("of_grant"), booked.c.window_start == bindparam("of_window"))
_is_over = (reservation.c.state == ReservationState.HELD, reservation.c.expires_at <= bindparam("now"))


def _reservation(snapshot: Snapshot) -> Select[Any]:
    return snapshot.rows(reservation).where(reservation.c.id == bindparam("of_id"))


def _settling(transaction: Transaction) -> Update:
    return (
        transaction.update(reservation)
        .where(reservation.c.id == bindparam("of_id"))
        .values(state=ReservationState.SETTLED, tokens=bindparam("used_tokens"), microyen=bindparam("used_microyen"))
    )


def _over(snapshot: Snapshot) -> Select[Any]:
    return snapshot.rows(reservation).where(*_is_over)


def _expiring(transaction: Transaction) -> Update:
    return transaction.update(reservation).where(*_is_over).values(state=ReservationState.EXPIRED)


def _window(snapshot: Snapshot) -> Select[Any]:
    return snapshot.rows(booked).where(*_of_window)


def _booking(transaction: Transaction) -> Update:
    tokens, microyen = booked.c.tokens + bindparam("more_tokens"), booked.c.microyen + bindparam("more_microyen")
    return transaction.update(booked).where(*_of_window).values(tokens=tokens, microyen=microyen)


def _from_row(row: Row[*tuple[object, ...]]) -> Reservation:
    return Reservation(
        id=row.id,
        tenant=row.tenant,
        grant_id=row.grant_id,
        model=row.model,
        tokens=row.tokens,
        yen=_yen(row.microyen),
        state=ReservationState(row.state),
        made_at=row.made_at,
        expires_at=row.expires_at,
    )


def _microyen(yen: Decimal) -> int:
    """Rounded up: a fraction of a millionth never goes missing from a bound."""
    return int((yen * _PER_YEN).to_integral_value(ROUND_CEILING))


def _yen(microyen: int) -> Decimal:
    return Decimal(microyen) / _PER_YEN


def _nanos(duration: timedelta) -> Nanos:
    return duration // timedelta(microseconds=1) * 1000
