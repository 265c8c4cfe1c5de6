"""Limits: whether what is booked under a grant leaves room for a call, and which limit says no."""

from sakimori.core import ExitCode, Nanos, SakimoriError, rfc3339
from sakimori.records import Grant, GrantState, Limit
from sakimori.store.budget_rows import in_microyen, in_yen, of_periods, under_way
from sakimori.store.periods import Period, periods
from sakimori.store.transaction import Transaction

_NANOS_PER_SECOND = 1_000_000_000


class BudgetExceeded(SakimoriError):
    """The call could use more than a limit of the grant leaves."""

    exit_code = ExitCode.DENIED

    def __init__(self, message: str, *, free_at: Nanos) -> None:
        super().__init__(message)
        self.free_at = free_at
        """When the limit frees at the latest: the next period begins, or a call that is under way may have ended."""


def refusal(
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
    current, rows = periods(at), of_periods(transaction, grant.id, at)
    refusals: list[BudgetExceeded] = []
    for limit in grant.limits:
        period = current[limit.window]
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
    most = (limit.requests, limit.tokens, None if limit.yen is None else in_microyen(limit.yen))
    named = zip(("requests", "tokens", "yen"), asked, taken, most, strict=True)
    # What asks for nothing is not held up by a limit that is full.
    return [(what, more, has, top) for what, more, has, top in named if top is not None and more > 0]


def _exceeded(
    grant: Grant, limit: Limit, period: Period, what: str, *, asked: int, left: int, most: int
) -> BudgetExceeded:
    def shown(amount: int) -> str:
        if what == "yen":
            return f"{in_yen(amount):.2f} yen"
        return f"{amount} {what.removesuffix('s') if amount == 1 else what}"

    allowed = f"grant '{grant.id}' allows {shown(most)} per {limit.window}"
    has_left = f"{allowed} and has {shown(left)} left until {rfc3339(period.end)}"
    if asked > most:
        sentence = f"{allowed} and the call could use {shown(asked)}: lower its output limit"
    elif what == "requests":
        sentence = f"{has_left}: wait"
    else:
        sentence = f"{has_left}, of which the call could use {shown(asked)}: lower its output limit or wait"
    return BudgetExceeded(sentence, free_at=period.end)
