"""``sakimori incidents``: what was found, for people and for programs."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sakimori.cli.incidents import incidents
from sakimori.core import InputError
from sakimori.records import (
    Citation,
    Claim,
    Disposition,
    Document,
    Entity,
    EntityType,
    Finding,
    Incident,
    Route,
    Severity,
    Verdict,
)
from sakimori.store import Database

_EVIL = "pc\x1b[31m\x1b]0;owned\x07\u202e[bold]\nin-forged"
_SHOWN = "pc\\u001b[31m\\u001b]0;owned\\u0007\\u202e[bold]\\u000ain-forged"


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(incidents, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


def keep(home: Path, *documents: Document) -> None:
    with closing(Database.embedded(home)) as database, database.transaction("local") as transaction:
        transaction.put(*documents)


def incident(id: str, severity: Severity, *, title: str = "Ransomware", merged_into: str | None = None) -> Incident:
    return Incident(
        id=id,
        tenant="local",
        title=title,
        title_ja="身代金要求",
        severity=severity,
        score=float(severity),
        first_time=0,
        last_time=10**9,
        finding_ids=("fn-1", "fn-gone"),
        entities=(),
        tactics=("impact",),
        merged_into=merged_into,
    )


def finding() -> Finding:
    return Finding(
        id="fn-1",
        tenant="local",
        rule_id="r-1",
        title=f"Rule {_EVIL}",
        severity=Severity.HIGH,
        first_time=0,
        last_time=0,
        entities=(Entity(type=EntityType.HOST, value=_EVIL),),
    )


def verdict(id: str, made_at: int, *, model: str | None, summary: str) -> Verdict:
    cited = Citation(event_id="ev-" + "0" * 24 + "-7", field="CommandLine", value="x")
    return Verdict(
        id=id,
        tenant="local",
        incident_id="in-high",
        investigator="offline",
        model=model,
        disposition=Disposition.MALICIOUS,
        severity=Severity.CRITICAL,
        route=Route.RESPOND,
        summary=summary,
        summary_ja="要約",
        claims=(Claim(statement=f"{_EVIL} was encrypted", statement_ja="暗号化", citations=(cited,)),),
        dropped=(),
        proposals=(),
        reasons=(),
        made_at=made_at,
    )


def test_a_new_install_says_where_incidents_come_from(home: Path) -> None:
    assert run("list").stdout == "no incidents: `sakimori scan PATH` looks for some\n"
    assert run("list", "--format", "jsonl").stdout == ""
    with pytest.raises(InputError, match="there is no incident in-none: `sakimori incidents list` shows"):
        run("show", "in-none")


def test_the_most_severe_comes_first_and_merged_ones_are_not_listed(home: Path) -> None:
    keep(
        home,
        incident("in-low", Severity.LOW),
        incident("in-high", Severity.HIGH),
        incident("in-old", Severity.CRITICAL, merged_into="in-high"),
    )
    assert [line.split()[0] for line in run("list").stdout.splitlines()] == ["in-high", "in-low"]
    lines = [json.loads(line) for line in run("list", "--format", "jsonl").stdout.splitlines()]
    assert [(line["id"], line["title_ja"]) for line in lines] == [("in-high", "身代金要求"), ("in-low", "身代金要求")]


def test_an_incident_is_shown_with_its_findings_and_newest_verdict(home: Path) -> None:
    newest = verdict("v-2", 2, model="m-1", summary="The newest.")
    keep(home, incident("in-high", Severity.HIGH), finding(), newest, verdict("v-1", 1, model=None, summary="Early."))
    shown = run("show", "in-high").stdout
    assert shown.index("Ransomware") < shown.index("Rule ") < shown.index("malicious → respond  (by the model m-1)")
    assert "The newest." in shown
    assert "Early." not in shown
    assert "[ev-000000000000000000000000-7 CommandLine]" in shown
    documents = [json.loads(line) for line in run("show", "in-high", "--format", "jsonl").stdout.splitlines()]
    assert [document["id"] for document in documents] == ["in-high", "fn-1", "v-1", "v-2"]
    assert len({document["schema"] for document in documents}) == 3


def test_an_offline_verdict_says_that_no_model_was_used(home: Path) -> None:
    keep(home, incident("in-high", Severity.HIGH), verdict("v", 1, model=None, summary="s"))
    assert "(by the offline investigator: no model was used)" in run("show", "in-high").stdout


def test_one_that_was_merged_leads_to_the_one_that_it_became(home: Path) -> None:
    keep(
        home,
        incident("in-new", Severity.HIGH, title="The whole story"),
        incident("in-mid", Severity.HIGH, merged_into="in-new"),
        incident("in-old", Severity.HIGH, merged_into="in-mid"),
    )
    assert "The whole story" in run("show", "in-old").stdout


def test_what_an_attacker_wrote_neither_paints_the_terminal_nor_forges_a_line(home: Path) -> None:
    evil = incident("in-high", Severity.HIGH, title=f"Ransomware on {_EVIL}")
    keep(home, evil, finding(), verdict("v", 1, model=_EVIL, summary=_EVIL))
    listed, shown = run("list").stdout, run("show", "in-high").stdout
    assert f"Ransomware on {_SHOWN}" in listed
    assert f"{_SHOWN} was encrypted" in shown
    for output in (listed, shown):
        assert all(char.isprintable() for char in output.replace("\n", ""))
        assert not any(line.strip().startswith("in-forged") for line in output.splitlines())


def test_another_institution_s_incidents_are_out_of_reach(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(home, incident("in-high", Severity.HIGH))
    monkeypatch.setenv("SAKIMORI_TENANT", "another")
    assert run("list", "--format", "jsonl").stdout == ""
    with pytest.raises(InputError, match="there is no incident"):
        run("show", "in-high")
