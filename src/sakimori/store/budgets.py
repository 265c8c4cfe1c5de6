"""Budgets: reserved before a call from an upper bound, settled after it, swept up if its process died.

One row per grant and period (a minute, a day, a month of UTC) holds what is booked there: reservations at their upper
bound, settled calls at what they used. All periods are booked, limited or not, so that a limit that is set later knows
what was used before. Rows change in the same transaction as the reservation, and transactions that write take turns, so
that under any interleaving of processes, and wherever one dies, a row is the sum over its reservations and never above
a limit. A call counts in the periods in which it was reserved, however long it takes.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from secrets import token_hex
from typing import Any

from sqlalchemy import BigInteger, Column, Delete, Index, Named, Row, Select, Table, Text, Update, bindparam, func

from sakimori.core import ExitCode, Nanos, SakimoriError, rfc3339
from sakimori.records import Grant, GrantState, Limit, Reservation, ReservationState, Window
from sakimori.store import usage
from sakimori.store.kept import run
from sakimori.store.schema import TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction

_PER_YEN = 1_000_000
"""Money is counted in whole millionths of a yen, so that sums are exact."""
_NANOS_PER_SECOND = 1_000_000_000
_NANOS_PER_MINUTE = 60 * _NANOS_PER_SECOND
_MINUTES_KEPT = 60
_LENGTH_OF_MINUTE = len("2026-12-01T09:30Z")
_UNSETTLED = (ReservationState.HELD, ReservationState.SENT)
PRESUMED = "presumed_billed"
"""Why a call has no answer, in the usage: its process died after it was sent."""


class ReservationColumns(TenantColumns):
    id: Named[str] = Column(Text, primary_key=True)
    grant_id: Named[str] = Column(Text)
    model: Named[str] = Column(Text)
    tokens: Named[int] = Column(BigInteger)
    """Upper bound until it is settled; what was used then."""
    microyen: Named[int] = Column(BigInteger)
    state: Named[str] = Column(Text)
    made_at: Named[int] = Column(BigInteger)
    expires_at: Named[int] = Column(BigInteger)


reservation = Table("budget_reservation", metadata, ReservationColumns)
Index(None, reservation.c.tenant, reservation.c.state, reservation.c.expires_at)
Index(None, reservation.c.tenant, reservation.c.grant_id, reservation.c.made_at)


class WindowColumns(TenantColumns):
    grant_id: Named[str] = Column(Text, primary_key=True)
    period: Named[str] = Column(Text, primary_key=True)
    """In ISO 8601: ``2026-12-01T09:30Z`` (an hour of these is kept), ``2026-12-01``, ``2026-12``."""
    requests: Named[int] = Column(BigInteger)
    tokens: Named[int] = Column(BigInteger)
    microyen: Named[int] = Column(BigInteger)


booked = Table("budget_window", metadata, WindowColumns)


class BudgetExceeded(SakimoriError):
    """The call could use more than a limit of the grant leaves."""

    exit_code = ExitCode.DENIED

    def __init__(self, message: str, *, free_at: Nanos) -> None:
        super().__init__(message)
        self.free_at = free_at
        """When the limit frees at the latest: the next period begins, or a call that is under way may have ended."""


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
) -> Reservation:
    """Hold an upper bound of a call that is about to be made; it is durable once the transaction is committed.

    Args:
        sent: the call leaves as soon as this is committed, and may have been billed if nobody settles it.

    Raises:
        BudgetExceeded: a limit of the grant, or its concurrency, does not leave that much.
    """
    microyen = _microyen(upper.yen)
    refused = _refusal(transaction, grant, at=now, now=now, requests=1, tokens=upper.tokens, microyen=microyen)
    if refused and expire(transaction, now=now):
        refused = _refusal(transaction, grant, at=now, now=now, requests=1, tokens=upper.tokens, microyen=microyen)
    if refused:
        raise refused
    made = Reservation(
        id=f"rv-{token_hex(12)}",
        tenant=transaction.tenant,
        grant_id=grant.id,
        model=model,
        tokens=upper.tokens,
        yen=_yen(microyen),
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
    if _book(transaction, grant.id, now, requests=1, tokens=upper.tokens, microyen=microyen) < len(Window):
        _begin_periods(transaction, grant.id, now, requests=1, tokens=upper.tokens, microyen=microyen)
        expire(transaction, now=now)
    return made


def mark_sent(transaction: Transaction, reservation_id: str) -> None:
    """Say that the call is about to leave. Of one that nobody settles, the upper bound then stays booked."""
    run(transaction, _marking, {"of_id": reservation_id})


def extend(
    transaction: Transaction,
    grant: Grant,
    reservation_id: str,
    *,
    more: Amount,
    now: Nanos,
    lifetime: timedelta,
) -> Reservation:
    """Hold ``more`` for a call that is tried again although its last attempt may have been billed.

    It counts where the call counts, as no further request, and the reservation holds for another ``lifetime``.

    Raises:
        BudgetExceeded: a limit does not leave that much, or the reservation has expired; nothing is changed.
        KeyError: the institution has no such reservation (a mistake of the caller).
    """
    found = _found(transaction, reservation_id)
    if found.state not in _UNSETTLED:
        raise BudgetExceeded(f"the reservation of a call under grant '{grant.id}' is over: make a new one", free_at=now)
    microyen = _microyen(more.yen)
    wanted = {"requests": 0, "tokens": more.tokens, "microyen": microyen}
    refused = _refusal(transaction, grant, at=found.made_at, now=now, **wanted)
    if refused and expire(transaction, now=now):
        found = _found(transaction, reservation_id)
        refused = _refusal(transaction, grant, at=found.made_at, now=now, **wanted)
    if refused or found.state not in _UNSETTLED:
        raise refused or BudgetExceeded(f"the reservation under grant '{grant.id}' has expired", free_at=now)
    expires_at = now + _nanos(lifetime)
    values = {"more_tokens": more.tokens, "more_microyen": microyen, "until": expires_at}
    run(transaction, _extending, {"of_id": reservation_id, **values})
    _book(transaction, found.grant_id, found.made_at, **wanted)
    held = _from_row(found)
    return replace(held, tokens=held.tokens + more.tokens, yen=held.yen + _yen(microyen), expires_at=expires_at)


def settle(transaction: Transaction, reservation_id: str, used: Amount) -> Settlement:
    """Turn a reservation into what was really used. Settling twice changes nothing (the first use stands).

    One that was given back is booked all the same, as an overrun, and one that was presumed billed is corrected: what
    was used was used.

    Raises:
        KeyError: the institution has no such reservation (a mistake of the caller).
    """
    found = _found(transaction, reservation_id)
    if found.state == ReservationState.SETTLED:
        return Settlement(_from_row(found), overrun=False)
    microyen = _microyen(used.yen)
    held_tokens, held_microyen = _counted(found)
    values = {"of_id": reservation_id, "used_tokens": used.tokens, "used_microyen": microyen}
    run(transaction, _settling, values)
    _book(
        transaction,
        found.grant_id,
        found.made_at,
        requests=1 if found.state == ReservationState.EXPIRED else 0,
        tokens=used.tokens - held_tokens,
        microyen=microyen - held_microyen,
    )
    if found.state == ReservationState.PRESUMED:
        _count_presumed(transaction, found, -1)
    settled = replace(_from_row(found), tokens=used.tokens, yen=_yen(microyen), state=ReservationState.SETTLED)
    return Settlement(settled, overrun=used.tokens > held_tokens or microyen > held_microyen)


def expire(transaction: Transaction, *, now: Nanos) -> int:
    """Sweep up calls whose time is over, since their process died. Returns how many there were.

    What never left is given back; what may have reached the provider stays booked at its upper bound, and counts as
    used. ``reserve`` does this each minute, and before it refuses anything.
    """
    found = run(transaction, _over, {"now": now}).all()
    for row in found:
        given_back = row.state == ReservationState.HELD
        state = ReservationState.EXPIRED if given_back else ReservationState.PRESUMED
        run(transaction, _ending, {"of_id": row.id, "ended": state})
        if given_back:
            _book(transaction, row.grant_id, row.made_at, requests=-1, tokens=-row.tokens, microyen=-row.microyen)
        else:
            _count_presumed(transaction, row, 1)
    return len(found)


def used(snapshot: Snapshot, grant_id: str, window: Window, *, now: Nanos) -> Booked:
    """What is booked in the window of ``now``, reservations at their upper bound."""
    row = _rows(snapshot, grant_id, now).get(_periods(now)[window].key)
    return Booked(0, 0, Decimal(0)) if row is None else Booked(row.requests, row.tokens, _yen(row.microyen))


def under_way(snapshot: Snapshot, grant_id: str, *, now: Nanos) -> int:
    """Calls that hold a reservation which has not expired."""
    return run(snapshot, _running, {"of_grant": grant_id, "now": now}).scalar_one()


def reservations(snapshot: Snapshot, grant_id: str) -> list[Reservation]:
    """All reservations under a grant, oldest first."""
    ordered = snapshot.rows(reservation).where(reservation.c.grant_id == grant_id)
    ordered = ordered.order_by(reservation.c.made_at, reservation.c.id)
    return [_from_row(row) for row in snapshot.connection.execute(ordered)]


@dataclass(frozen=True, slots=True)
class Period:
    key: str
    end: Nanos


def _periods(at: Nanos) -> dict[Window, Period]:
    """The periods of UTC in which a moment lies."""
    return _periods_of_minute(at // _NANOS_PER_MINUTE)


@lru_cache(maxsize=256)
def _periods_of_minute(minute: int) -> dict[Window, Period]:
    moment = datetime.fromtimestamp(minute * 60, UTC)
    midnight = moment.replace(hour=0, minute=0)
    month = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return {
        Window.MINUTE: Period(f"{moment:%Y-%m-%dT%H:%M}Z", (minute + 1) * _NANOS_PER_MINUTE),
        Window.DAY: Period(f"{moment:%Y-%m-%d}", _since_epoch(midnight + timedelta(days=1))),
        Window.MONTH: Period(f"{moment:%Y-%m}", _since_epoch(month)),
    }


def _since_epoch(moment: datetime) -> Nanos:
    return int(moment.timestamp()) * _NANOS_PER_SECOND


def _refusal(
    transaction: Transaction, grant: Grant, *, at: Nanos, now: Nanos, requests: int, tokens: int, microyen: int
) -> BudgetExceeded | None:
    """Why a grant does not allow this much more; of several limits, the one that frees last."""
    proving = grant.state is GrantState.PROVISIONED
    concurrency = 1 if proving else grant.concurrency
    if requests and concurrency is not None and under_way(transaction, grant.id, now=now) >= concurrency:
        limit = "one call at a time until one was answered" if proving else f"{concurrency} calls at a time"
        sentence = f"grant '{grant.id}' allows {limit}: try again when one has ended"
        return BudgetExceeded(sentence, free_at=now + _NANOS_PER_SECOND)
    if not grant.limits:
        return None
    periods, rows = _periods(at), _rows(transaction, grant.id, at)
    refusals: list[BudgetExceeded] = []
    for limit in grant.limits:
        period = periods[limit.window]
        row = rows.get(period.key)
        has = (row.requests, row.tokens, row.microyen) if row else (0, 0, 0)
        for what, asked, taken, most in _measures(limit, (requests, tokens, microyen), has):
            if taken + asked > most:
                refusals.append(
                    _exceeded(grant, limit, period, what, asked=asked, left=max(0, most - taken), most=most)
                )
    return max(refusals, key=lambda refusal: refusal.free_at, default=None)


def _measures(
    limit: Limit, asked: tuple[int, int, int], taken: tuple[int, int, int]
) -> list[tuple[str, int, int, int]]:
    """What the limit is about: its name, what is asked, what is taken and the most there may be."""
    most = (limit.requests, limit.tokens, None if limit.yen is None else _microyen(limit.yen))
    named = zip(("requests", "tokens", "yen"), asked, taken, most, strict=True)
    # What asks for nothing is not held up by a limit that is full.
    return [(what, more, has, top) for what, more, has, top in named if top is not None and more > 0]


def _exceeded(
    grant: Grant, limit: Limit, period: Period, what: str, *, asked: int, left: int, most: int
) -> BudgetExceeded:
    def shown(amount: int) -> str:
        if what == "yen":
            return f"{_yen(amount):.2f} yen"
        return f"{amount} {what.removesuffix('s') if amount == 1 else what}"

    allowed = f"grant '{grant.id}' allows {shown(most)} per {limit.window}"
    if asked > most:
        sentence = f"{allowed} and the call could use {shown(asked)}: lower its output limit"
    else:
        sentence = (
            f"{allowed} and has {shown(left)} left until {rfc3339(period.end)}, of which the call could use "
            f"{shown(asked)}: lower its output limit or wait"
        )
    return BudgetExceeded(sentence, free_at=period.end)


def _count_presumed(transaction: Transaction, row: Row[Any], calls: int) -> None:
    """Count a call that nobody settled, or (-1) no longer, since somebody did."""
    usage.count(
        transaction,
        now=row.expires_at,
        outcome=usage.Outcome.FAILED,
        model=row.model,
        code=PRESUMED,
        yen=calls * _yen(row.microyen),
        calls=calls,
    )


def _counted(row: Row[Any]) -> tuple[int, int]:
    """What of a reservation is booked at this time: tokens and microyen."""
    return (0, 0) if row.state == ReservationState.EXPIRED else (row.tokens, row.microyen)


def _found(transaction: Transaction, reservation_id: str) -> Row[Any]:
    found = run(transaction, _reservation, {"of_id": reservation_id}).one_or_none()
    if found is None:
        raise KeyError(reservation_id)
    return found


def _rows(snapshot: Snapshot, grant_id: str, at: Nanos) -> dict[str, Row[Any]]:
    return {row.period: row for row in run(snapshot, _of_periods, _named(grant_id, at))}


def _named(grant_id: str, at: Nanos) -> dict[str, str]:
    return {"of_grant": grant_id, **{f"of_{window}": period.key for window, period in _periods(at).items()}}


def _book(transaction: Transaction, grant_id: str, at: Nanos, *, requests: int, tokens: int, microyen: int) -> int:
    """Add to the periods of ``at``. Returns how many of them there are."""
    more = {"more_requests": requests, "more_tokens": tokens, "more_microyen": microyen}
    return run(transaction, _booking, {**_named(grant_id, at), **more}).rowcount


def _begin_periods(
    transaction: Transaction, grant_id: str, at: Nanos, *, requests: int, tokens: int, microyen: int
) -> None:
    """Make the rows of periods that have begun, with what a first call books there, and drop minutes long past."""
    row = {"grant_id": grant_id, "requests": requests, "tokens": tokens, "microyen": microyen}
    transaction.insert_missing(booked, [{**row, "period": period.key} for period in _periods(at).values()])
    earliest = _periods(max(0, at - _MINUTES_KEPT * _NANOS_PER_MINUTE))[Window.MINUTE].key
    run(transaction, _dropping, {"of_grant": grant_id, "earliest": earliest})


# Statements, for ``kept``.


def _reservation(snapshot: Snapshot) -> Select[Any]:
    return snapshot.rows(reservation).where(reservation.c.id == bindparam("of_id"))


def _of_reservation(transaction: Transaction) -> Update:
    return transaction.update(reservation).where(reservation.c.id == bindparam("of_id"))


def _marking(transaction: Transaction) -> Update:
    held = _of_reservation(transaction).where(reservation.c.state == ReservationState.HELD)
    return held.values(state=ReservationState.SENT)


def _extending(transaction: Transaction) -> Update:
    return _of_reservation(transaction).values(
        tokens=reservation.c.tokens + bindparam("more_tokens"),
        microyen=reservation.c.microyen + bindparam("more_microyen"),
        expires_at=bindparam("until"),
    )


def _settling(transaction: Transaction) -> Update:
    return _of_reservation(transaction).values(
        state=ReservationState.SETTLED, tokens=bindparam("used_tokens"), microyen=bindparam("used_microyen")
    )


def _ending(transaction: Transaction) -> Update:
    return _of_reservation(transaction).values(state=bindparam("ended"))


def _over(snapshot: Snapshot) -> Select[Any]:
    return snapshot.rows(reservation).where(
        reservation.c.state.in_(_UNSETTLED), reservation.c.expires_at <= bindparam("now")
    )


def _running(snapshot: Snapshot) -> Select[Any]:
    return (
        snapshot.rows(reservation)
        .with_only_columns(func.count())
        .where(
            reservation.c.state.in_(_UNSETTLED),
            reservation.c.expires_at > bindparam("now"),
            reservation.c.grant_id == bindparam("of_grant"),
        )
    )


_now = (
    booked.c.grant_id == bindparam("of_grant"),
    booked.c.period.in_([bindparam(f"of_{window}") for window in Window]),
)


def _of_periods(snapshot: Snapshot) -> Select[Any]:
    return snapshot.rows(booked).where(*_now)


def _booking(transaction: Transaction) -> Update:
    return (
        transaction.update(booked)
        .where(*_now)
        .values(
            requests=booked.c.requests + bindparam("more_requests"),
            tokens=booked.c.tokens + bindparam("more_tokens"),
            microyen=booked.c.microyen + bindparam("more_microyen"),
        )
    )


def _dropping(transaction: Transaction) -> Delete:
    return transaction.delete(booked).where(
        booked.c.grant_id == bindparam("of_grant"),
        booked.c.period < bindparam("earliest"),
        func.length(booked.c.period) == _LENGTH_OF_MINUTE,
    )


def _from_row(row: Row[Any]) -> Reservation:
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
