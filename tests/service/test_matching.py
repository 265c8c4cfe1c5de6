"""Several processes see what one would have seen, and the death of one costs its file alone."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.service.conftest import DUMP, ENCODED, HARMLESS, NOW, line

from sakimori.collect import Outcome, Progress, SourceRead
from sakimori.core import ManualClock
from sakimori.service import Installation, RuleSet, ScanResult, Team, export_paths, own_rules, scan_paths
from sakimori.service.matching import Reading, match_in_parallel

_BURST = """
title: Burst
name: burst
logsource: {product: windows, category: process_creation}
detection: {all: {CommandLine|contains: enc}, condition: all}
level: low
---
title: Many
correlation:
    type: event_count
    rules: [burst]
    group-by: [Computer]
    timespan: 1h
    condition: {gte: 6}
level: high
"""


@pytest.fixture
def rules(tmp_path: Path) -> RuleSet:
    (tmp_path / "burst.yml").write_text(_BURST)
    dump = own_rules() / "proc_creation_lsass_dump_comsvcs.yml"
    return RuleSet(paths=(dump, tmp_path / "burst.yml"), cache_dir=tmp_path / "cache")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Ten files, of which no two processes need the same time, and things that are none."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for number in range(10):
        middle = line(30 + number, HARMLESS) * (2000 if number % 3 == 0 else 1)
        text = line(number, ENCODED) + b"{broken\n" + middle + line(number + 20, DUMP if number == 5 else ENCODED)
        (folder / f"{number}.ndjson").write_bytes(text)
    (folder / "empty").write_bytes(b"")
    (folder / "link").symlink_to(folder / "0.ndjson")
    return folder


def _told(result: ScanResult) -> tuple[object, ...]:
    reading = result.reading
    return (
        result.findings,
        [incident.finding_ids for incident in result.incidents],
        (reading.evaluated, reading.rejected, reading.failed, reading.skipped, reading.notes, reading.sources),
        result.dead_letters.read_bytes(),
    )


def test_a_team_finds_what_one_process_finds_in_the_same_order(
    install: Installation, rules: RuleSet, logs: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    alone = scan_paths(install, [logs, missing], rules.load())
    told = _told(alone)
    assert {"Many", "Process Memory Dumped Through Comsvcs.dll"} == {finding.title for finding in alone.findings}
    together = scan_paths(install, [logs, missing], rules.load(), team=Team(rules, 3))
    assert _told(together) == told


def test_a_team_hunts_in_an_export_as_one_process_does(
    install: Installation, rules: RuleSet, logs: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    export_paths(install, [logs], lake)
    alone = scan_paths(install, [lake], rules.load())
    together = scan_paths(install, [lake], rules.load(), team=Team(rules, 3))
    assert {"Many", "Process Memory Dumped Through Comsvcs.dll"} == {finding.title for finding in alone.findings}
    assert {finding.id: finding for finding in together.findings} == {finding.id: finding for finding in alone.findings}
    counts = [
        (reading.evaluated, reading.rejected, reading.failed, reading.source_count, {*reading.sources})
        for reading in (alone.reading, together.reading)
    ]
    assert counts[0] == counts[1]


def test_progress_reaches_the_end_and_never_goes_back(rules: RuleSet, logs: Path) -> None:
    steps: list[Progress] = []
    list(match_in_parallel([logs], Reading("bank", ManualClock(NOW), ()), Team(rules, 2), steps.append))
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].total == sum(file.stat().st_size for file in logs.glob("*.ndjson"))


def test_a_worker_that_dies_costs_its_file_and_no_other(
    rules: RuleSet, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items: Iterator[object] = match_in_parallel(
        [logs], Reading("bank", ManualClock(NOW), ()), Team(rules, 1), lambda _: None
    )
    accounts: list[SourceRead] = []
    for item in items:
        if isinstance(item, SourceRead):
            accounts.append(item)
            if len(accounts) == 3:
                _kill_children()
    failed = [account for account in accounts if "ended before its time (signal 9)" in account.reason]
    assert len(failed) == 1
    assert failed[0].outcome is Outcome.FAILED
    assert len({account.path for account in accounts}) == 12


def _kill_children() -> None:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    for child in children:
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(int(child), signal.SIGKILL)


def test_ctrl_c_keeps_what_came_and_leaves_no_process_behind(install: Installation, rules: RuleSet, logs: Path) -> None:
    def interrupt(_: Progress, __: ScanResult) -> None:
        signal.raise_signal(signal.SIGINT)

    result = scan_paths(install, [logs], rules.load(), team=Team(rules, 2), on_progress=interrupt)
    assert not result.complete
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    assert not [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
