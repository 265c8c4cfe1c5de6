"""The rows behind ``budgets``, and the statements on them: reservations, and what is booked in each period."""

from decimal import ROUND_CEILING, Decimal
from typing import Any

from sqlalchemy import BigInteger, Column, Delete, Index, Named, Row, Select, Table, Text, Update, bindparam, func, or_

from sakimori.core import Nanos
from sakimori.records import Reservation, ReservationState, Window
from sakimori.store.kept import run
from sakimori.store.periods import NANOS_PER_MINUTE, periods
from sakimori.store.schema import TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction

_PER_YEN = 1_000_000
"""Money is counted in whole millionths of a yen, so that sums are exact."""
_MINUTES_KEPT = 60
_LENGTH_OF_MINUTE = len("2026-12-01T09:30Z")
UNSETTLED = (ReservationState.HELD, ReservationState.SENT)


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


def reserved(transaction: Transaction, reservation_id: str) -> Row[Any]:
    """A reservation. Raises KeyError where the institution has none of this name."""
    found = run(transaction, _reservation, {"of_id": reservation_id}).one_or_none()
    if found is None:
        raise KeyError(reservation_id)
    return found


def of_periods(snapshot: Snapshot, grant_id: str, at: Nanos) -> dict[str, Row[Any]]:
    """What is booked in the periods of ``at``, by their keys."""
    return {row.period: row for row in run(snapshot, _of_periods, _named(grant_id, at))}


def _named(grant_id: str, at: Nanos) -> dict[str, str]:
    return {"of_grant": grant_id, **{f"of_{window}": period.key for window, period in periods(at).items()}}


def book(transaction: Transaction, grant_id: str, at: Nanos, *, requests: int, tokens: int, microyen: int) -> int:
    """Add to the periods of ``at``. Returns how many of them there are."""
    more = {"more_requests": requests, "more_tokens": tokens, "more_microyen": microyen}
    return run(transaction, _booking, {**_named(grant_id, at), **more}).rowcount


def begin_periods(
    transaction: Transaction, grant_id: str, at: Nanos, *, requests: int, tokens: int, microyen: int
) -> None:
    """Make the rows of periods that have begun, with what a first call books there, and drop minutes long past."""
    row = {"grant_id": grant_id, "requests": requests, "tokens": tokens, "microyen": microyen}
    transaction.insert_missing(booked, [{**row, "period": period.key} for period in periods(at).values()])
    earliest = periods(max(0, at - _MINUTES_KEPT * NANOS_PER_MINUTE))[Window.MINUTE].key
    run(transaction, _dropping, {"of_grant": grant_id, "earliest": earliest})


def under_way(snapshot: Snapshot, grant_id: str, *, now: Nanos) -> int:
    """Calls that hold a reservation which has not expired."""
    return run(snapshot, _running, {"of_grant": grant_id, "now": now}).scalar_one()


def from_row(row: Row[Any]) -> Reservation:
    return Reservation(
        id=row.id,
        tenant=row.tenant,
        grant_id=row.grant_id,
        model=row.model,
        tokens=row.tokens,
        yen=in_yen(row.microyen),
        state=ReservationState(row.state),
        made_at=row.made_at,
        expires_at=row.expires_at,
    )


def in_microyen(yen: Decimal) -> int:
    """Rounded up: a fraction of a millionth never goes missing from a bound."""
    return int((yen * _PER_YEN).to_integral_value(ROUND_CEILING))


def in_yen(microyen: int) -> Decimal:
    return Decimal(microyen) / _PER_YEN


# Statements, for ``kept``.

_unsettled = or_(*(reservation.c.state == state for state in UNSETTLED))
"""Not ``in_``: a list is part of a statement's text, which would be made anew each time."""


def _reservation(snapshot: Snapshot) -> Select[Any]:
    return snapshot.rows(reservation).where(reservation.c.id == bindparam("of_id"))


def _of_reservation(transaction: Transaction) -> Update:
    return transaction.update(reservation).where(reservation.c.id == bindparam("of_id"))


def marking(transaction: Transaction) -> Update:
    held = _of_reservation(transaction).where(reservation.c.state == ReservationState.HELD)
    return held.values(state=ReservationState.SENT)


def extending(transaction: Transaction) -> Update:
    return _of_reservation(transaction).values(
        tokens=reservation.c.tokens + bindparam("more_tokens"),
        microyen=reservation.c.microyen + bindparam("more_microyen"),
        expires_at=bindparam("until"),
    )


def settling(transaction: Transaction) -> Update:
    return _of_reservation(transaction).values(
        state=ReservationState.SETTLED, tokens=bindparam("used_tokens"), microyen=bindparam("used_microyen")
    )


def ending(transaction: Transaction) -> Update:
    return _of_reservation(transaction).values(state=bindparam("ended"))


def over(snapshot: Snapshot) -> Select[Any]:
    return snapshot.rows(reservation).where(_unsettled, reservation.c.expires_at <= bindparam("now"))


def _running(snapshot: Snapshot) -> Select[Any]:
    return (
        snapshot.rows(reservation)
        .with_only_columns(func.count())
        .where(
            _unsettled,
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
