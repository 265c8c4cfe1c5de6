"""Usage: sums that agree with what was counted, per institution, by day of UTC."""

from datetime import UTC, date, datetime
from decimal import Decimal

from sakimori.store import Database, usage
from sakimori.store.usage import Outcome

LATE = int(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 10**9
LAST, FIRST = date(2026, 12, 31), date(2027, 1, 1)


def count(
    database: Database, *, now: int = LATE, purpose: str = "triage", input_tokens: int = 0, output_tokens: int = 0
) -> None:
    with database.transaction("銀行") as transaction:
        usage.count(
            transaction,
            now=now,
            outcome=Outcome.ANSWERED,
            model="gpt-5",
            purpose=purpose,
            provider="openai",
            yen=Decimal("0.25"),
            input_tokens=input_tokens,
            output_tokens=output_tokens,
        )


def test_calls_add_up_by_what_they_have_in_common(database: Database) -> None:
    for _ in range(3):
        count(database, input_tokens=10, output_tokens=2)
    count(database, purpose="調査", input_tokens=1)
    with database.transaction("銀行") as transaction:
        for code in ("budget_exceeded", "budget_exceeded", "not_granted"):
            usage.count(transaction, now=LATE, outcome=Outcome.REFUSED, code=code)
    with database.snapshot("銀行") as snapshot:
        found = usage.between(snapshot, LAST, LAST)
    assert [(used.outcome, used.code, used.purpose, used.calls) for used in found] == [
        ("refused", "budget_exceeded", "", 2),
        ("refused", "not_granted", "", 1),
        ("answered", "", "triage", 3),
        ("answered", "", "調査", 1),
    ]
    triage = found[2]
    assert (triage.input_tokens, triage.output_tokens, triage.yen) == (30, 6, Decimal("0.75"))


def test_a_day_is_one_of_utc_and_a_period_sums_its_days(database: Database) -> None:
    count(database, input_tokens=1)
    count(database, now=LATE + 10**9, input_tokens=2)

    def tokens(first: date, last: date) -> list[int]:
        with database.snapshot("銀行") as snapshot:
            return [used.input_tokens for used in usage.between(snapshot, first, last)]

    assert tokens(LAST, LAST) == [1]
    assert tokens(FIRST, FIRST) == [2]
    assert tokens(LAST, FIRST) == [3]
    assert tokens(FIRST, LAST) == []


def test_institutions_are_counted_apart(database: Database) -> None:
    count(database)
    with database.snapshot("other") as snapshot:
        assert usage.between(snapshot, LAST, LAST) == []


def test_what_is_rolled_back_was_not_used(database: Database) -> None:
    try:
        with database.transaction("銀行") as transaction:
            usage.count(transaction, now=LATE, outcome=Outcome.FAILED, code="provider_timeout")
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with database.snapshot("銀行") as snapshot:
        assert usage.between(snapshot, LAST, LAST) == []


def test_calls_are_summed_by_the_provider_they_left_for(database: Database) -> None:
    for now in (LATE, LATE, LATE + 2 * 10**9):
        count(database, now=now)
    with database.transaction("銀行") as transaction:
        usage.count(transaction, now=LATE, outcome=Outcome.REFUSED, code="not_granted")  # it left for nobody
        usage.count(transaction, now=LATE, outcome=Outcome.FAILED, provider="tokyo", code="provider_timeout")
    with database.snapshots(["aozora", "銀行"]) as each:
        found = [usage.calls_by_provider(snapshot, LAST, FIRST) for snapshot in each]
    assert found == [{}, {"openai": 3, "tokyo": 1}]
    with database.snapshot("銀行") as snapshot:
        assert usage.calls_by_provider(snapshot, FIRST, FIRST) == {"openai": 1}
