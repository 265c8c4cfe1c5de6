"""What holds for every command: run as a program of its own."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sakimori.core import ExitCode

_EVIL = "pc\x1b[31m\x1b]0;owned\x07\u202e"
_RULE = """
title: Encoded PowerShell
id: 7b6f2f0e-6ad4-4dd2-9f6f-2f2b3a4c5d6e
status: test
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection: {CommandLine|contains: ' -enc '}
  condition: selection
"""


@pytest.fixture
def sakimori(tmp_path: Path) -> "Sakimori":
    return Sakimori(tmp_path)


class Sakimori:
    """A fresh user with the usual umask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "new" / "home"

    def __call__(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "sakimori.cli", *arguments],
            cwd=self.folder,
            env={**os.environ, "SAKIMORI_HOME": str(self.home), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            umask=0o022,
            check=False,
        )

    def scan(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A scan of logs and rules by someone who means the reader of its output ill."""
        logs, rules = self.folder / "logs", self.folder / "rules"
        logs.mkdir()
        rules.mkdir()
        event = {
            "@timestamp": "2026-06-16T00:00:01.000Z",
            "Hostname": _EVIL,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 1,
            "SourceName": "Microsoft-Windows-Sysmon",
            "Image": "C:\\powershell.exe",
            "CommandLine": f"powershell -enc {_EVIL}",
        }
        with zipfile.ZipFile(logs / "a.zip", "w") as archive:
            archive.writestr("a.json", json.dumps(event) + "\n")
            archive.writestr(f"{_EVIL}.evtx", b"ElfFile\0" + bytes(100))
        (rules / "good.yml").write_text(_RULE)
        (rules / "b\x1b[2Jad.yml").write_text("title: x\nlogsource: [\n")
        return self("scan", "logs", "--rules", "rules", *arguments)


def steering(text: str) -> set[str]:
    return {char for char in text if not char.isprintable()} - {"\n", "\u3000"}


def test_what_attackers_wrote_into_logs_names_and_rules_stays_text(sakimori: Sakimori) -> None:
    done = sakimori.scan()
    assert "Encoded PowerShell" in done.stdout
    assert "pc\\u001b[31m" in done.stdout
    assert "rule not used: " in done.stderr
    assert "b\\u001b[2Jad.yml" in done.stderr
    assert "pc\\u001b[31m\\u001b]0;owned\\u0007\\u202e.evtx" in done.stderr
    assert (steering(done.stdout), steering(done.stderr)) == (set(), set())


def test_reports_carry_no_such_characters_either_and_are_for_their_owner(sakimori: Sakimori) -> None:
    sakimori.scan("--format", "html", "--out", "out/report.html")
    report = sakimori.folder / "out" / "report.html"
    assert "pc\\u001b[31m" in report.read_text()
    assert steering(report.read_text()) == set()
    assert report.stat().st_mode & 0o777 == 0o600


def test_whatever_is_kept_is_closed_to_others(sakimori: Sakimori) -> None:
    sakimori.scan()
    kept = [sakimori.home, *sakimori.home.rglob("*")]
    assert {path.name for path in kept} >= {"sakimori.db", "cache", "secrets", "rejected"}
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_an_institution_that_is_a_path_is_refused_and_writes_nothing(sakimori: Sakimori) -> None:
    done = sakimori("incidents", "list", SAKIMORI_TENANT="../../\x1b[31m")
    assert done.returncode == ExitCode.INPUT
    assert done.stderr.startswith("sakimori: SAKIMORI_TENANT: '../../\\u001b[31m' cannot name an institution")
    assert done.stderr.count("\n") == 1
    assert list(sakimori.folder.iterdir()) == []


def test_a_complaint_is_one_line_that_shows_itself(sakimori: Sakimori) -> None:
    done = sakimori("incidents", "show", "in-\x1b[2J\nsakimori: all is well")
    assert done.returncode == ExitCode.INPUT
    assert done.stderr.count("\n") == 1
    assert steering(done.stderr) == set()
