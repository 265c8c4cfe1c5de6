"""``sakimori scan`` as its user meets it: through the command line."""

import json
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.records.test_ocsf import problems

from sakimori.cli import cli
from sakimori.core import ExitCode, InputError

_ENCODED = "powershell.exe -WindowStyle hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAKQA="
_RULE = """
title: Encoded PowerShell
id: 7b6f2f0e-6ad4-4dd2-9f6f-2f2b3a4c5d6e
status: test
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: '\\powershell.exe', CommandLine|contains: ' -enc '}
  condition: selection
tags: [attack.execution, attack.t1059.001]
"""


def _process(second: int, command: str, host: str = "ws-01.bank.example") -> str:
    return json.dumps(
        {
            "@timestamp": f"2026-06-16T00:00:{second:02d}.000Z",
            "Hostname": host,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 1,
            "SourceName": "Microsoft-Windows-Sysmon",
            "Image": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
            "CommandLine": command,
            "User": "BANK\\tanaka",
        }
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "encoded.yml").write_text(_RULE)
    return folder


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.ndjson").write_text(_process(1, _ENCODED) + "\n" + _process(2, "powershell.exe Get-Date") + "\n")
    with zipfile.ZipFile(folder / "b.zip", "w") as archive:
        archive.writestr("inner/c.json", _process(3, _ENCODED + " 日本語") + "\n")
    return folder


def _scan(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["scan", *map(str, arguments)])


def _counts(said: str) -> tuple[int, int]:
    """How many events were evaluated and rejected, once they are known to add up."""
    counts = re.search(r"([\d,]+) events read from .* = ([\d,]+) evaluated \+ ([\d,]+) rejected", said)
    assert counts
    read, evaluated, rejected = (int(count.replace(",", "")) for count in counts.groups())
    assert read == evaluated + rejected
    return evaluated, rejected


def test_incidents_come_first_and_every_event_is_accounted_for(home: Path, logs: Path, rules: Path) -> None:
    result = _scan(logs, "--rules", rules)
    assert result.exit_code == ExitCode.OK
    assert result.stdout.index("  in-") < result.stdout.index("Encoded PowerShell", 60) < result.stdout.index("ev-")
    assert "3 events read from 2 sources = 3 evaluated + 0 rejected; 2 findings; 1 incidents" in result.stderr


def test_json_lines_name_evidence_that_can_be_shown_again(home: Path, logs: Path, rules: Path) -> None:
    result = _scan(logs, "--rules", rules, "--format", "jsonl")
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert {finding["source"].rpartition("/")[2] for finding in findings} == {"a.ndjson", "c.json"}
    zipped = next(finding for finding in findings if "!" in finding["source"])
    assert zipped["fields"]["CommandLine"] == _ENCODED + " 日本語"
    assert zipped["techniques"] == ["T1059.001"]
    assert zipped["entities"] == ["host:ws-01.bank.example", "user:tanaka"]
    shown = CliRunner().invoke(cli, ["events", "show", zipped["event_ids"][0], "--raw"])
    assert json.loads(shown.stdout) == json.loads(_process(3, _ENCODED + " 日本語"))


def test_ocsf_lines_are_valid_and_incidents_name_their_findings(home: Path, logs: Path, rules: Path) -> None:
    events = [json.loads(line) for line in _scan(logs, "--rules", rules, "--format", "ocsf").stdout.splitlines()]
    assert [event["class_uid"] for event in events] == [2004, 2004, 2005]
    assert {event["metadata"]["version"] for event in events} == {"1.8.0"}
    assert [
        problem for event in events for problem in problems(event["class_name"].lower().replace(" ", "_"), event)
    ] == []
    told = {found["uid"] for found in events[2]["finding_info_list"]}
    assert told == {event["finding_info"]["uid"] for event in events[:2]}


@pytest.mark.parametrize(("severity", "code"), [("medium", ExitCode.FOUND), ("critical", ExitCode.OK)])
def test_a_pipeline_can_fail_on_a_severity(home: Path, logs: Path, rules: Path, severity: str, code: ExitCode) -> None:
    assert _scan(logs, "--rules", rules, "--fail-on", severity).exit_code == code


def test_the_report_is_written_whole_and_scanning_twice_finds_the_same(home: Path, logs: Path, rules: Path) -> None:
    page = home.parent / "out" / "report.html"
    assert _scan(logs, "--rules", rules, "--format", "html", "--out", page).exit_code == ExitCode.OK
    assert "Encoded PowerShell" in page.read_text()
    assert list(page.parent.iterdir()) == [page]
    _scan(logs, "--rules", rules)
    listed = CliRunner().invoke(cli, ["incidents", "list", "--format", "jsonl"]).stdout.splitlines()
    assert len(listed) == 1
    shown = CliRunner().invoke(cli, ["incidents", "show", json.loads(listed[0])["id"]])
    assert "Encoded PowerShell" in shown.stdout


def test_what_cannot_be_read_is_listed_and_the_rest_is_evaluated(home: Path, logs: Path, rules: Path) -> None:
    with (logs / "a.ndjson").open("ab") as file:
        file.write(b'{"half": \n\xff\xfe broken\n')
    (logs / "truncated.evtx").write_bytes(b"ElfFile\0" + bytes(100))
    result = _scan(logs, "--rules", rules)
    assert result.exit_code == ExitCode.INPUT
    assert "truncated.evtx" in result.stderr
    evaluated, rejected = _counts(result.stderr)
    assert evaluated == 3
    letters = [json.loads(line) for path in (home / "rejected").iterdir() for line in path.read_text().splitlines()]
    assert len(letters) == rejected
    assert all(letter["reason"] and letter["path"] for letter in letters)


@pytest.mark.parametrize("arguments", [["--format", "html"], ["--rules", "EMPTY"]])
def test_what_makes_no_sense_is_said_in_one_sentence(
    home: Path, logs: Path, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    result = _scan(logs, *(str(tmp_path / "empty") if item == "EMPTY" else item for item in arguments))
    assert isinstance(result.exception, InputError)
    assert "\n" not in str(result.exception)


def test_a_missing_file_is_named(home: Path, rules: Path, tmp_path: Path) -> None:
    result = _scan(tmp_path / "nowhere.evtx", "--rules", rules)
    assert result.exit_code == ExitCode.INPUT
    assert "nowhere.evtx" in result.stderr


@pytest.mark.parametrize("content", [{}, {"readme": b"no telemetry"}, {"Security.evtx": bytes(69_632)}])
def test_where_nothing_was_read_nothing_is_said_to_be_found_or_not(
    home: Path, rules: Path, tmp_path: Path, content: dict[str, bytes]
) -> None:
    (tmp_path / "none").mkdir()
    for name, data in content.items():
        (tmp_path / "none" / name).write_bytes(data)
    result = _scan(tmp_path / "none", "--rules", rules)
    assert result.exit_code == ExitCode.INPUT
    assert result.stdout == "nothing was read\n"
    assert "0 events read from 0 sources" in result.stderr
    assert "nothing was read" in _scan(tmp_path / "none", "--rules", rules, "--format", "jsonl").stderr
    page = tmp_path / "page.html"
    _scan(tmp_path / "none", "--rules", rules, "--format", "html", "--out", page)
    assert "Nothing was read" in page.read_text()


def test_quiet_telemetry_is_told_from_none(home: Path, rules: Path, tmp_path: Path) -> None:
    (tmp_path / "quiet").write_text(_process(1, "powershell.exe Get-Date") + "\n")
    result = _scan(tmp_path / "quiet", "--rules", rules)
    assert (result.exit_code, result.stdout) == (ExitCode.OK, "nothing found\n")


def test_a_wiped_log_among_good_ones_is_no_clean_scan(home: Path, logs: Path, rules: Path) -> None:
    (logs / "Security.evtx").write_bytes(b"\x93\x01\0\x05" * 20_000)
    result = _scan(logs, "--rules", rules)
    assert result.exit_code == ExitCode.INPUT
    assert "Security.evtx: binary data of no known format" in result.stderr
    assert "2 findings" in result.stderr


def test_ctrl_c_shows_and_keeps_what_was_evaluated_and_says_that_it_is_a_part(
    home: Path, rules: Path, tmp_path: Path
) -> None:
    """A real process, a real signal, while it is somewhere within a large log."""
    log = tmp_path / "large.ndjson"
    harmless = _process(2, "powershell.exe Get-Date").encode() + b"\n"
    with log.open("wb") as file:
        file.write(_process(1, _ENCODED).encode() + b"\n" + harmless * 20_000 + b"{broken\n")
        for _ in range(8):
            file.write(harmless * 20_000)
    command = [sys.executable, "-m", "sakimori.cli", "scan", str(log), "--rules", str(rules)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(home.glob("rejected/*")):  # the first round is done by then
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Encoded PowerShell" in shown
    assert "interrupted: this is part of the input" in said
    evaluated, rejected = _counts(said)
    assert rejected == 1
    assert 0 < evaluated < 180_001
    (letters,) = home.glob("rejected/*")
    assert len(letters.read_bytes().splitlines()) == 1
    (event_id,) = re.findall(r"ev-[0-9a-f]{24}-0\b", shown)
    log.unlink()
    event = CliRunner().invoke(cli, ["events", "show", event_id, "--raw"])
    assert event.stdout == _process(1, _ENCODED)
    listed = CliRunner().invoke(cli, ["incidents", "list", "--format", "jsonl"]).stdout.splitlines()
    assert [json.loads(line)["id"] for line in listed] == re.findall(r"in-[0-9a-f]{24}", shown)
    assert CliRunner().invoke(cli, ["ledger", "verify"]).exit_code == ExitCode.OK


def test_rules_that_wait_for_values_are_told_and_run_with_them(
    home: Path, logs: Path, rules: Path, tmp_path: Path
) -> None:
    (rules / "encoded.yml").write_text(_RULE.replace("CommandLine|contains: ' -enc '", "User|expand: '%clerks%'"))
    result = _scan(logs, "--rules", rules)
    assert "1 rules do not run for lack of values for %clerks%: give them with --placeholders FILE" in result.stderr
    assert "0 findings" in result.stderr
    (tmp_path / "mine.yml").write_text("clerks: ['*\\\\tanaka']", "utf-8")
    result = _scan(logs, "--rules", rules, "--placeholders", tmp_path / "mine.yml")
    assert "--placeholders" not in result.stderr
    assert "3 findings" in result.stderr


@pytest.mark.parametrize(
    ("options", "found"),
    [(["--min-level", "high"], 2), (["--status", "test"], 2), (["--min-level", "low", "--status", "stable"], 1)],
)
def test_only_rules_of_the_level_and_status_asked_for_run(
    home: Path, logs: Path, rules: Path, options: list[str], found: int
) -> None:
    other = (
        _RULE.replace("' -enc '", "Get-Date").replace("7b6f", "7b70").replace("high", "low").replace("test", "stable")
    )
    (rules / "other.yml").write_text(other)
    assert f"{found} findings" in _scan(logs, "--rules", rules, *options).stderr


def test_a_choice_that_leaves_no_rule_is_refused(home: Path, logs: Path, rules: Path) -> None:
    result = _scan(logs, "--rules", rules, "--min-level", "critical")
    assert isinstance(result.exception, InputError)
    assert "no rule can be used" in str(result.exception)


def test_a_rule_that_does_not_compile_is_named_and_the_others_run(home: Path, logs: Path, rules: Path) -> None:
    (rules / "broken.yml").write_text("title: x\nlogsource: [\n")
    result = _scan(logs, "--rules", rules)
    assert "broken.yml" in result.stderr
    assert "2 findings" in result.stderr
