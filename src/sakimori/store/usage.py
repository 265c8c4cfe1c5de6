"""What institutions use: calls, tokens and money by day, model, purpose, provider and outcome. Sums only, no call.

Counted in the transaction that settles or refuses a call, so that it agrees with the budgets and the ledger.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, Named, Select, Table, Text, bindparam, func

from sakimori.core import Nanos
from sakimori.store.kept import run
from sakimori.store.prepared import Prepared, upsert
from sakimori.store.schema import TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction

_PER_YEN = 1_000_000


class Outcome(StrEnum):
    ANSWERED = "answered"
    FAILED = "failed"
    """It was sent and has no whole answer: the provider, the network or the client broke it off."""
    REFUSED = "refused"
    """It was not sent; ``code`` says why."""


class UsageColumns(TenantColumns):
    day: Named[str] = Column(Text, primary_key=True)
    """Of UTC, in ISO 8601."""
    model: Named[str] = Column(Text, primary_key=True)
    purpose: Named[str] = Column(Text, primary_key=True)
    provider: Named[str] = Column(Text, primary_key=True)
    outcome: Named[str] = Column(Text, primary_key=True)
    code: Named[str] = Column(Text, primary_key=True)
    calls: Named[int] = Column(BigInteger)
    input_tokens: Named[int] = Column(BigInteger)
    output_tokens: Named[int] = Column(BigInteger)
    microyen: Named[int] = Column(BigInteger)


usage = Table("usage_day", metadata, UsageColumns)
_KEY = ("tenant", "day", "model", "purpose", "provider", "outcome", "code")
_COUNTS = ("calls", "input_tokens", "output_tokens", "microyen")


@lru_cache(1024)
def _counting(dialect: Dialect) -> Prepared:
    statement = upsert(dialect, usage)
    added = {name: usage.c[name] + statement.excluded[name] for name in _COUNTS}
    return Prepared(statement.on_conflict_do_update(index_elements=_KEY, set_=added), dialect, _KEY + _COUNTS)


@dataclass(frozen=True, slots=True)
class Used:
    """A sum over calls that have these in common; which days it is about is what was asked for."""

    model: str
    purpose: str
    provider: str
    outcome: Outcome
    code: str
    calls: int
    input_tokens: int
    output_tokens: int
    yen: Decimal


def count(
    transaction: Transaction,
    *,
    now: Nanos,
    outcome: Outcome,
    model: str = "",
    purpose: str = "",
    provider: str = "",
    code: str = "",
    input_tokens: int = 0,
    output_tokens: int = 0,
    yen: Decimal = Decimal(0),
    calls: int = 1,
) -> None:
    """Count one call.

    Args:
        model: one that a grant names; empty where the client named another, so that no client can make rows at will.
            The same holds for ``purpose``.
        provider: which answered, or was the last to be tried; empty where none was.
        code: of the refusal, or of what went wrong; empty where it was answered.
        calls: -1 takes back what was counted, with negative amounts.
    """
    row = {
        "tenant": transaction.tenant,
        "day": f"{datetime.fromtimestamp(now // 1_000_000_000, UTC):%Y-%m-%d}",
        "model": model,
        "purpose": purpose,
        "provider": provider,
        "outcome": outcome,
        "code": code,
        "calls": calls,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "microyen": int(yen * _PER_YEN),
    }
    _counting(transaction.connection.dialect).run(transaction.connection, row)


def between(snapshot: Snapshot, first: date, last: date) -> list[Used]:
    """Sums over the days of UTC from ``first`` to ``last``, both included."""
    rows = run(snapshot, _sums, {"first_day": first.isoformat(), "last_day": last.isoformat()})
    return [
        Used(
            model=row.model,
            purpose=row.purpose,
            provider=row.provider,
            outcome=Outcome(row.outcome),
            code=row.code,
            calls=int(row.calls),
            input_tokens=int(row.input_tokens),
            output_tokens=int(row.output_tokens),
            yen=Decimal(int(row.microyen)) / _PER_YEN,
        )
        for row in rows
    ]


def calls_by_provider(snapshot: Snapshot, first: date, last: date) -> dict[str, int]:
    """Calls that left for a provider, by its name, over the days of UTC from ``first`` to ``last``."""
    rows = run(snapshot, _calls_by_provider, {"first_day": first.isoformat(), "last_day": last.isoformat()})
    return {row.provider: int(row.calls) for row in rows}


def _calls_by_provider(snapshot: Snapshot) -> Select[str, int]:
    days = usage.c.day.between(bindparam("first_day"), bindparam("last_day"))
    left = snapshot.rows(usage).where(days, usage.c.provider != "")
    calls = func.sum(usage.c.calls).label("calls")
    return left.with_only_columns(usage.c.provider, calls).group_by(usage.c.provider)


def _sums(snapshot: Snapshot) -> Select[Any]:
    by = (usage.c.model, usage.c.purpose, usage.c.provider, usage.c.outcome, usage.c.code)
    days = usage.c.day.between(bindparam("first_day"), bindparam("last_day"))
    sums = (func.sum(usage.c[name]).label(name) for name in _COUNTS)
    return snapshot.rows(usage).where(days).with_only_columns(*by, *sums).group_by(*by).order_by(*by)
