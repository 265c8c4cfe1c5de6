"""Budgets: reserved before a call from an upper bound, settled after it, swept up if its process died.

One row per grant and period (a minute, a day, a month of UTC) holds what is booked there: reservations at their upper
bound, settled calls at what they used. All periods are booked, limited or not, so that a limit that is set later knows
what was used before. Rows change in the same transaction as the reservation, and transactions that write take turns, so
that under any interleaving of processes, and wherever one dies, a row is the sum over its reservations and never above
a limit. A call counts in the periods in which it was reserved, however long it takes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from secrets import token_hex
from typing import Any

from sqlalchemy import Row

from sakimori.core import Nanos
from sakimori.records import Grant, Reservation, ReservationState, Window
from sakimori.store import budget_rows, usage
from sakimori.store.budget_rows import UNSETTLED, book, from_row, in_microyen, in_yen, reservation, reserved, under_way
from sakimori.store.kept import run
from sakimori.store.limits import BudgetExceeded, refusal
from sakimori.store.periods import periods
from sakimori.store.transaction import Snapshot, Transaction

__all__ = [
    "PRESUMED",
    "Amount",
    "Booked",
    "BudgetExceeded",
    "Settlement",
    "are_over",
    "expire",
    "extend",
    "mark_sent",
    "reservations",
    "reserve",
    "settle",
    "under_way",
    "used",
]

PRESUMED = "presumed_billed"
"""Why a call has no answer, in the usage: its process died after it was sent."""
OnPresumed = Callable[[Reservation], object]
"""Told, within the transaction, of each call that counts as billed from now on, since its process died."""


@dataclass(frozen=True, slots=True)
class Amount:
    tokens: int
    yen: Decimal


@dataclass(frozen=True, slots=True)
class Booked:
    """What counts against a limit."""

    requests: int
    tokens: int
    yen: Decimal


@dataclass(frozen=True, slots=True)
class Settlement:
    reservation: Reservation
    overrun: bool
    """More was used than was held: the bound was wrong, or the reservation had expired and been given back."""


def reserve(
    transaction: Transaction,
    grant: Grant,
    *,
    model: str,
    upper: Amount,
    now: Nanos,
    lifetime: timedelta,
    sent: bool = False,
    id: str | None = None,
    on_presumed: OnPresumed | None = None,
) -> Reservation:
    """Hold an upper bound of a call that is about to be made; it is durable once the transaction is committed.

    Args:
        sent: the call leaves as soon as this is committed, and may have been billed if nobody settles it.
        id: the call's; None: one is made.

    Raises:
        BudgetExceeded: a limit of the grant, or its concurrency, does not leave that much.
    """
    microyen = in_microyen(upper.yen)
    refused = refusal(transaction, grant, at=now, now=now, requests=1, tokens=upper.tokens, microyen=microyen)
    if refused and expire(transaction, now=now, on_presumed=on_presumed):
        refused = refusal(transaction, grant, at=now, now=now, requests=1, tokens=upper.tokens, microyen=microyen)
    if refused:
        raise refused
    made = Reservation(
        id=id or f"rv-{token_hex(12)}",
        tenant=transaction.tenant,
        grant_id=grant.id,
        model=model,
        tokens=upper.tokens,
        yen=in_yen(microyen),
        state=ReservationState.SENT if sent else ReservationState.HELD,
        made_at=now,
        expires_at=now + _nanos(lifetime),
    )
    row = {
        "id": made.id,
        "grant_id": made.grant_id,
        "model": made.model,
        "tokens": made.tokens,
        "microyen": microyen,
        "state": made.state,
        "made_at": made.made_at,
        "expires_at": made.expires_at,
    }
    transaction.insert(reservation, [row])
    if book(transaction, grant.id, now, requests=1, tokens=upper.tokens, microyen=microyen) < len(Window):
        budget_rows.begin_periods(transaction, grant.id, now, requests=1, tokens=upper.tokens, microyen=microyen)
        expire(transaction, now=now, on_presumed=on_presumed)
    return made


def mark_sent(transaction: Transaction, reservation_id: str) -> None:
    """Say that the call is about to leave. Of one that nobody settles, the upper bound then stays booked."""
    run(transaction, budget_rows.marking, {"of_id": reservation_id})


def extend(
    transaction: Transaction,
    grant: Grant,
    reservation_id: str,
    *,
    more: Amount,
    now: Nanos,
    lifetime: timedelta,
    on_presumed: OnPresumed | None = None,
) -> Reservation:
    """Hold ``more`` for a call that is tried again although its last attempt may have been billed.

    It counts where the call counts, as no further request, and the reservation holds for another ``lifetime``.

    Raises:
        BudgetExceeded: a limit does not leave that much, or the reservation has expired; nothing is changed.
        KeyError: the institution has no such reservation (a mistake of the caller).
    """
    found = reserved(transaction, reservation_id)
    if found.state not in UNSETTLED:
        raise BudgetExceeded(f"the reservation of a call under grant '{grant.id}' is over: make a new one", free_at=now)
    microyen = in_microyen(more.yen)
    wanted = {"requests": 0, "tokens": more.tokens, "microyen": microyen}
    refused = refusal(transaction, grant, at=found.made_at, now=now, **wanted)
    if refused and expire(transaction, now=now, on_presumed=on_presumed):
        found = reserved(transaction, reservation_id)
        refused = refusal(transaction, grant, at=found.made_at, now=now, **wanted)
    if refused or found.state not in UNSETTLED:
        raise refused or BudgetExceeded(f"the reservation under grant '{grant.id}' has expired", free_at=now)
    expires_at = now + _nanos(lifetime)
    values = {"more_tokens": more.tokens, "more_microyen": microyen, "until": expires_at}
    run(transaction, budget_rows.extending, {"of_id": reservation_id, **values})
    book(transaction, found.grant_id, found.made_at, **wanted)
    held = from_row(found)
    return replace(held, tokens=held.tokens + more.tokens, yen=held.yen + in_yen(microyen), expires_at=expires_at)


def settle(transaction: Transaction, reservation_id: str, used: Amount) -> Settlement:
    """Turn a reservation into what was really used. Settling twice changes nothing (the first use stands).

    One that was given back is booked all the same, as an overrun, and one that was presumed billed is corrected: what
    was used was used.

    Raises:
        KeyError: the institution has no such reservation (a mistake of the caller).
    """
    found = reserved(transaction, reservation_id)
    if found.state == ReservationState.SETTLED:
        return Settlement(from_row(found), overrun=False)
    microyen = in_microyen(used.yen)
    held_tokens, held_microyen = _counted(found)
    values = {"of_id": reservation_id, "used_tokens": used.tokens, "used_microyen": microyen}
    run(transaction, budget_rows.settling, values)
    book(
        transaction,
        found.grant_id,
        found.made_at,
        requests=1 if found.state == ReservationState.EXPIRED else 0,
        tokens=used.tokens - held_tokens,
        microyen=microyen - held_microyen,
    )
    if found.state == ReservationState.PRESUMED:
        _count_presumed(transaction, found, -1)
    settled = replace(from_row(found), tokens=used.tokens, yen=in_yen(microyen), state=ReservationState.SETTLED)
    return Settlement(settled, overrun=used.tokens > held_tokens or microyen > held_microyen)


def expire(transaction: Transaction, *, now: Nanos, on_presumed: OnPresumed | None = None) -> int:
    """Sweep up calls whose time is over, since their process died. Returns how many there were.

    What never left is given back; what may have reached the provider stays booked at its upper bound, and counts as
    used. ``reserve`` does this each minute, and before it refuses anything; gateways do it for everybody, now and then.
    """
    found = run(transaction, budget_rows.over, {"now": now}).rows
    for row in found:
        given_back = row.state == ReservationState.HELD
        state = ReservationState.EXPIRED if given_back else ReservationState.PRESUMED
        run(transaction, budget_rows.ending, {"of_id": row.id, "ended": state})
        if given_back:
            book(transaction, row.grant_id, row.made_at, requests=-1, tokens=-row.tokens, microyen=-row.microyen)
        else:
            _count_presumed(transaction, row, 1)
            if on_presumed is not None:
                on_presumed(from_row(row))
    return len(found)


def are_over(snapshot: Snapshot, *, now: Nanos) -> bool:
    """Whether there are calls that nobody settled in their time: ``expire`` has something to do."""
    return any(True for _ in run(snapshot, budget_rows.over, {"now": now}))


def used(snapshot: Snapshot, grant_id: str, window: Window, *, now: Nanos) -> Booked:
    """What is booked in the window of ``now``, reservations at their upper bound."""
    row = budget_rows.of_periods(snapshot, grant_id, now).get(periods(now)[window].key)
    return Booked(0, 0, Decimal(0)) if row is None else Booked(row.requests, row.tokens, in_yen(row.microyen))


def reservations(snapshot: Snapshot, grant_id: str) -> list[Reservation]:
    """All reservations under a grant, oldest first."""
    ordered = snapshot.rows(reservation).where(reservation.c.grant_id == grant_id)
    ordered = ordered.order_by(reservation.c.made_at, reservation.c.id)
    return [from_row(row) for row in snapshot.connection.execute(ordered)]


def _count_presumed(transaction: Transaction, row: Row[Any], calls: int) -> None:
    """Count a call that nobody settled, or (-1) no longer, since somebody did."""
    usage.count(
        transaction,
        now=row.expires_at,
        outcome=usage.Outcome.FAILED,
        model=row.model,
        code=PRESUMED,
        yen=calls * in_yen(row.microyen),
        calls=calls,
    )


def _counted(row: Row[Any]) -> tuple[int, int]:
    """What of a reservation is booked at this time: tokens and microyen."""
    return (0, 0) if row.state == ReservationState.EXPIRED else (row.tokens, row.microyen)


def _nanos(duration: timedelta) -> Nanos:
    return duration // timedelta(microseconds=1) * 1000
