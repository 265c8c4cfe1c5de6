"""``sakimori events export``, and the hunt in what it wrote."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from sakimori.cli.events import events
from sakimori.cli.scan import scan
from sakimori.core import ExitCode, InputError

ENCODED = "powershell.exe -WindowStyle hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAKQA="


def _line(day: int, command: str) -> bytes:
    event = {
        "@timestamp": f"2026-06-{day}T00:00:00.000Z",
        "Hostname": "ws-01.bank.example",
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "SourceName": "Microsoft-Windows-Sysmon",
        "Image": "C:\\Windows\\System32\\powershell.exe",
        "CommandLine": command,
        "User": "BANK\\tanaka",
    }
    return orjson.dumps(event) + b"\n"


def _run(command: object, *arguments: object) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))  # type: ignore[arg-type]


def _findings(*arguments: object) -> dict[str, object]:
    result = _run(scan, *arguments, "--format", "jsonl", "--workers", 1)
    assert result.exit_code == ExitCode.OK, result.stderr
    findings = [orjson.loads(line) for line in result.stdout.splitlines()]
    return {finding["id"]: {**finding, "incident_id": None} for finding in findings}


@pytest.fixture
def log(home: Path, tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(_line(16, ENCODED) + _line(16, "powershell.exe Get-Date") + _line(17, ENCODED))
    return path


def test_a_hunt_in_the_export_finds_what_a_scan_of_the_file_does(log: Path, tmp_path: Path) -> None:
    found = _findings(log)
    assert found
    result = _run(events, "export", log, "--out", tmp_path / "lake")
    assert result.exit_code == ExitCode.OK, result.stderr
    assert "3 events read from 1 sources = 3 exported + 0 rejected" in result.stderr
    log.unlink()
    assert _findings(tmp_path / "lake") == found


def test_events_are_shown_from_the_export_when_their_file_is_gone(log: Path, tmp_path: Path) -> None:
    _run(events, "export", log, "--out", tmp_path / "lake")
    (finding, *_) = _findings(tmp_path / "lake").values()
    assert isinstance(finding, dict)
    log.unlink()
    shown = _run(events, "show", finding["event_ids"][0], "--raw")  # type: ignore[index]
    assert shown.stdout_bytes in (_line(16, ENCODED).rstrip(), _line(17, ENCODED).rstrip())


def test_a_hunt_may_be_for_a_time_only(log: Path, tmp_path: Path) -> None:
    _run(events, "export", log, "--out", tmp_path / "lake")
    for place in (log, tmp_path / "lake"):
        result = _run(scan, place, "--since", "2026-06-17", "--until", "2026-06-18T00:00:00Z", "--workers", 1)
        assert "1 events read from 1 sources = 1 evaluated + 0 rejected" in result.stderr
        assert "2 events lie outside the asked time and were not looked at" in result.stderr
    wrong = _run(scan, log, "--since", "yesterday")
    assert isinstance(wrong.exception, InputError)
    assert str(wrong.exception) == "--since: 'yesterday' is no time: write it like 2026-06-16T09:30:00+09:00"


def test_exporting_again_says_that_nothing_was_added(log: Path, tmp_path: Path) -> None:
    _run(events, "export", log, "--out", tmp_path / "lake")
    again = _run(events, "export", log, "--out", tmp_path / "lake")
    assert again.exit_code == ExitCode.OK
    assert "1 sources are in the export already, and add nothing" in again.stderr
