"""``sakimori grants``: from asking for models to what is left of a limit."""

from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from click.testing import CliRunner, Result

from sakimori.access.secrets import Secrets
from sakimori.cli.grants import grants
from sakimori.core import InputError
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import Grant, LedgerEntry
from sakimori.store import Database

ASK = ("request", "調査 2026", "--model", "gpt-5", "--model", "gpt-5-mini", "--purpose", "investigation")
LIMITS = ("--limit", "requests=60/minute", "--limit", "tokens=2_000_000/day", "--limit", "yen=900000.5/month")


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(grants, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


def shown(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(run("show", *arguments, "--format", "json").stdout)["grants"]
    return found


def entries(home: Path) -> list[LedgerEntry]:
    database = Database.embedded(home)
    ledger = Ledger(LocalSigner(Secrets.embedded(home)))
    with database.snapshot("local") as snapshot:
        assert ledger.verify(snapshot).ok
        found = [line.entry for line in ledger.lines(snapshot)]
    database.close()
    return found


def test_a_grant_is_asked_for_agreed_to_and_provisioned_and_the_ledger_says_who(home: Path) -> None:
    assert "Requested: grant '調査 2026'" in run(*ASK, *LIMITS, "--stored-in", "JP", "--retention-days", "0").stdout
    assert "is approved" in run("approve", "調査 2026").stdout
    assert "the first call that is answered makes it ready" in run("provision", "調査 2026").stdout
    (grant,) = shown()
    assert grant["state"] == "provisioned"
    assert grant["models"] == ["gpt-5", "gpt-5-mini"]
    assert grant["limits"] == [
        {"window": "minute", "tokens": None, "requests": 60, "yen": None},
        {"window": "day", "tokens": 2_000_000, "requests": None, "yen": None},
        {"window": "month", "tokens": None, "requests": None, "yen": "900000.5"},
    ]
    assert grant["requires"] == {"stored_in": ["JP"], "processed_in": [], "retention_days": 0}
    assert grant["used"]["day"] == {"requests": 0, "tokens": 0, "yen": "0"}
    written = entries(home)
    assert [entry.action for entry in written] == ["grant.requested", "grant.approved", "grant.provisioned"]
    assert {entry.subject for entry in written} == {"grant:調査 2026"}
    assert written[0].detail["limits"][0] == {"window": "minute", "requests": 60}


def test_one_command_agrees_to_what_is_provisioned_already(home: Path) -> None:
    run(*ASK, *LIMITS)
    run("approve", "調査 2026", "--provisioned")
    assert shown("調査 2026")[0]["state"] == "provisioned"
    assert [entry.action for entry in entries(home)][1:] == ["grant.approved", "grant.provisioned"]


def test_terms_are_written_as_the_docs_and_the_grants_file_have_them(home: Path) -> None:
    terms = ("--data", "structured", "--data", "free_text", "--cyber", "daybreak_blue", "--hosted-tool", "web_search")
    run(*ASK, *LIMITS, *terms, "--hosted-tool", "mcp", "--media", "image")
    (grant,) = shown()
    assert (grant["data_classes"], grant["cyber"]) == (["structured", "free_text"], "daybreak_blue")
    assert (grant["hosted_tools"], grant["media"]) == (["web_search", "mcp"], ["image"])
    with pytest.raises(click.BadParameter, match="'standard', 'daybreak_blue', 'daybreak_red'"):
        run(*ASK, *LIMITS, "--cyber", "BLUE")


def test_people_see_limits_and_what_of_them_is_used(home: Path) -> None:
    run(*ASK, *LIMITS, "--concurrency", "8")
    text = run("show", "調査 2026").stdout
    assert "0 of 60" in text
    assert "0 of 2,000,000" in text
    assert "0 of 900,000.5" in text
    assert "0 of 8" in text
    assert "調査 2026  requested" in " ".join(run("show").stdout.split(" ")).replace("   ", "  ")


def test_a_revoked_grant_stays_in_sight_and_is_not_asked_for_again(home: Path) -> None:
    run(*ASK, *LIMITS)
    run("revoke", "調査 2026", "--reason", "contract ended")
    assert shown()[0]["state"] == "revoked"
    with pytest.raises(InputError, match="is revoked, not requested"):
        run("approve", "調査 2026")
    with pytest.raises(InputError, match="there is a grant '調査 2026' already, which is revoked"):
        run(*ASK, *LIMITS)


@pytest.mark.parametrize(
    "step", [("approve", "x"), ("provision", "x"), ("show", "x"), ("revoke", "x", "--reason", "r")]
)
def test_what_is_not_there_is_said(home: Path, step: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="has no grant 'x'"):
        run(*step)


def test_no_step_is_left_out(home: Path) -> None:
    run(*ASK, *LIMITS)
    with pytest.raises(InputError, match="is requested, not approved"):
        run("provision", "調査 2026")
    run("approve", "調査 2026")
    with pytest.raises(InputError, match="is approved, not requested"):
        run("approve", "調査 2026")


@pytest.mark.parametrize(
    "limit",
    [
        "",
        "tokens",
        "tokens=5",
        "tokens=5/week",
        "tokens=0/day",
        "tokens=1.5/day",
        "tokens=-1/day",
        "tokens=5/day/day",
        "requests=１０/day",
        "money=1/day",
        "yen=nan/day",
        "yen=1e99/day",
        "yen=Infinity/month",
    ],
)
def test_a_limit_that_means_nothing_is_refused(home: Path, limit: str) -> None:
    with pytest.raises(click.BadParameter, match=r"expected a number above 0|is no limit"):
        run(*ASK, "--limit", limit)
    assert not (home / "sakimori.db").exists() or shown() == []


def test_a_limit_that_stands_there_twice_is_refused(home: Path) -> None:
    with pytest.raises(InputError, match="tokens per day stands there twice"):
        run(*ASK, "--limit", "tokens=5/day", "--limit", "tokens=6/day")


def test_a_country_is_a_code_and_a_name_can_be_read(home: Path) -> None:
    with pytest.raises(click.BadParameter, match="two capital letters"):
        run(*ASK, *LIMITS, "--stored-in", "Japan")
    with pytest.raises(InputError, match="is no name"):
        run("request", "a\u202eb", *ASK[2:], *LIMITS)


def test_grants_of_another_institution_are_its_own(home: Path) -> None:
    run(*ASK, *LIMITS)
    assert shown("--institution", "みどり信用金庫") == []
    database = Database.embedded(home)
    with database.snapshot("local") as snapshot:
        assert [grant.id for grant in snapshot.all(Grant)] == ["調査 2026"]
    database.close()
