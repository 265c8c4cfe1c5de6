"""Other products' alerts, as the user of ``sakimori scan`` meets them: joined with our own findings."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner, Result
from tests.collect.alerts.samples import ALL, GRAPH, HOST, changed
from tests.service.conftest import DUMP, line

from sakimori.cli import cli
from sakimori.core import ExitCode
from sakimori.service import own_rules

_RULE = own_rules() / "proc_creation_lsass_dump_comsvcs.yml"


@pytest.fixture
def folder(tmp_path: Path, home: Path) -> Path:
    """With one event on the host of the sample alerts that a rule of ours finds."""
    path = tmp_path / "in"
    path.mkdir()
    (path / "events.ndjson").write_bytes(line(3, DUMP, host=HOST))
    return path


def _sakimori(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)


def _scan(*arguments: object) -> Result:
    return _sakimori("scan", *arguments, "--rules", _RULE)


def _findings(said: str) -> list[dict[str, Any]]:
    return [json.loads(finding) for finding in said.splitlines() if finding.startswith("{")]


@pytest.mark.parametrize("product", ALL)
def test_an_exported_alert_joins_the_incident_of_our_own_finding(product: str, folder: Path) -> None:
    (folder / "export.json").write_text(json.dumps(ALL[product]))
    result = _scan(folder, "--format", "jsonl")
    assert result.exit_code == ExitCode.OK
    theirs, ours = sorted(_findings(result.stdout), key=lambda finding: not finding["product"])
    assert theirs["product"]
    assert not ours["product"]
    assert theirs["incident"] == ours["incident"] is not None
    assert theirs["source"] == str(folder / "export.json")
    assert "2 events read from 2 sources = 2 evaluated + 0 rejected" in result.stderr
    shown = _sakimori("events", "show", "--raw", theirs["event_ids"][0])
    assert json.loads(shown.stdout) == ALL[product]
    listed = _sakimori("incidents", "show", ours["incident"])
    assert f"alert of {theirs['product']}: " in listed.stdout


def test_the_report_says_whose_claim_it_is_in_both_languages(folder: Path, tmp_path: Path) -> None:
    (folder / "export.json").write_text(json.dumps(GRAPH))
    assert _scan(folder, "--format", "html", "--out", tmp_path / "report.html").exit_code == ExitCode.OK
    page = (tmp_path / "report.html").read_text()
    assert "alert of Microsoft Defender for Endpoint" in page
    assert "Microsoft Defender for Endpoint のアラート" in page


def test_an_alert_that_was_closed_as_false_is_still_told_and_the_severer_word_stands(folder: Path) -> None:
    closed = changed(GRAPH, status="resolved", classification="falsePositive")
    (folder / "a.json").write_text(json.dumps(closed))
    (first,) = (finding for finding in _findings(_scan(folder, "--format", "jsonl").stdout) if finding["product"])
    assert first["severity"] == "informational"
    assert first["fields"]["graph.classification"] == "falsePositive"
    (folder / "b.json").write_text(json.dumps(GRAPH))
    (folder / "c.json").write_text(json.dumps(closed))
    for _ in range(2):
        (now,) = (finding for finding in _findings(_scan(folder, "--format", "jsonl").stdout) if finding["product"])
        assert (now["id"], now["severity"]) == (first["id"], "high")


def test_hostile_alerts_are_rejected_with_a_reason_or_bounded(folder: Path) -> None:
    alerts = [
        changed(GRAPH, id=["nested", {"deep": 1}]),
        changed(GRAPH, id="b", title="\u001b[31mred\u202e" + "x" * 10_000_000),
        changed(GRAPH, id="c", severity=7, evidence="none", mitreTechniques={"T1003": 1}, title=5),
        changed(GRAPH, id=None),
    ]
    (folder / "alerts.ndjson").write_text("\n".join(map(json.dumps, alerts)))
    result = _scan(folder)
    assert result.exit_code == ExitCode.INPUT
    assert "5 events read from 2 sources = 4 evaluated + 1 rejected" in result.stderr
    assert "record at" in result.stderr
    assert "an alert without id" in result.stderr
    assert "\u001b[31m" not in result.output
    assert "\u202e" not in result.output


def test_a_webhook_is_received_under_a_key_and_its_alert_found(home: Path, folder: Path) -> None:
    key = _sakimori("keys", "issue", "edr", "--scope", "alerts").stdout.strip()
    command = [sys.executable, "-c", "from sakimori.cli import main; main()", "alerts", "receive", "--port", "0"]
    environment = {**os.environ, "SAKIMORI_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().split()[2].rstrip(";")
            request = Request(  # noqa: S310 - our own address
                address, json.dumps(GRAPH).encode(), {"Authorization": f"Bearer {key}"}, method="POST"
            )
            with urlopen(request) as response:  # noqa: S310
                assert (response.status, json.load(response)) == (202, {"kept": 1})
            request.add_header("Authorization", f"Bearer {key[:-1]}x")
            with pytest.raises(HTTPError, match="401"):
                urlopen(request)  # noqa: S310
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    found = _findings(_scan(home / "alerts", folder, "--format", "jsonl").stdout)
    assert {finding["product"] for finding in found} == {"", "Microsoft Defender for Endpoint"}
    assert len({finding["incident"] for finding in found}) == 1
