"""``sakimori usage``: sums of what an institution used, for people and programs."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from click.testing import CliRunner

from sakimori.cli.usage import usage
from sakimori.core import InputError
from sakimori.store import Database
from sakimori.store import usage as store
from sakimori.store.usage import Outcome

BANK = "あおぞら銀行"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(usage, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture
def count(home: Path) -> Callable[..., None]:
    def counting(day: str, outcome: Outcome = Outcome.ANSWERED, **more: Any) -> None:
        database = Database.embedded(home)
        now = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 10**9
        with database.transaction(BANK) as transaction:
            store.count(transaction, now=now, outcome=outcome, **more)
        database.close()

    return counting


def test_sums_are_by_model_and_purpose_and_refusals_by_their_code(count: Callable[..., None]) -> None:
    for provider in ("openai", "azure"):
        spent = {"input_tokens": 1_000, "output_tokens": 20, "yen": Decimal("1.25")}
        count("2026-11-30", model="gpt-5", purpose="triage", provider=provider, **spent)
    count("2026-11-30", Outcome.FAILED, model="gpt-5", purpose="triage", code="provider_timeout", yen=Decimal(1))
    count("2026-11-30", model="gpt-5-mini", purpose="調査", input_tokens=3)
    count("2026-11-29", Outcome.REFUSED, code="budget_exceeded")
    count("2026-12-01", model="gpt-5", purpose="triage")
    told = orjson.loads(run(BANK, "--until", "2026-11-30", "--format", "json"))
    assert (told["institution"], told["from"], told["until"]) == (BANK, "2026-11-01", "2026-11-30")
    assert told["used"] == [
        {
            "model": "gpt-5",
            "purpose": "triage",
            "calls": 3,
            "input_tokens": 2_000,
            "output_tokens": 40,
            "yen": "3.50",
        },
        {"model": "gpt-5-mini", "purpose": "調査", "calls": 1, "input_tokens": 3, "output_tokens": 0, "yen": "0"},
    ]
    assert told["unanswered"] == [
        {"outcome": "failed", "code": "provider_timeout", "model": "gpt-5", "purpose": "triage", "calls": 1},
        {"outcome": "refused", "code": "budget_exceeded", "model": "", "purpose": "", "calls": 1},
    ]
    text = run(BANK, "--from", "2026-11-30", "--until", "2026-11-30")
    assert "2026-11-30 to 2026-11-30, 1 day of UTC" in text
    assert [line.split() for line in text.splitlines() if line.startswith("total")] == [
        ["total", "4", "2,003", "40", "3.50"]
    ]
    assert "budget_exceeded" not in text


def test_who_used_nothing_is_told_so(home: Path) -> None:
    assert "no calls" in run("みどり信用金庫")
    assert orjson.loads(run("--format", "json"))["used"] == []


def test_days_that_make_no_sense_are_refused(home: Path) -> None:
    with pytest.raises(InputError, match="--from 2026-12-02 lies after --until 2026-12-01"):
        run("--from", "2026-12-02", "--until", "2026-12-01")
    with pytest.raises(click.BadParameter, match="'tomorrow' is no date"):
        run("--from", "tomorrow")
