"""Live correlations: time passes while nothing comes, and a process may die between any two rounds."""

import asyncio
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.service.conftest import HARMLESS, line

from sakimori.core import ManualClock, Settings
from sakimori.core.clock import parse_rfc3339
from sakimori.detect import SigmaDetector
from sakimori.investigate import OfflineInvestigator
from sakimori.records import EventRef, Finding, Incident, Inventory
from sakimori.respond import ResponsePolicy, load_playbooks
from sakimori.service import LATENESS, Defence, Installation, Means, installation
from sakimori.store import StoreError, evidence

_MINUTE = 60 * 10**9
_START = parse_rfc3339("2026-06-16T00:00:00Z")
_TRY = "net.exe use \\\\dc01\\ipc$ guess"
_BURST = """\
title: Guessing
id: 00000000-0000-4000-8000-000000000001
logsource: {product: windows, category: process_creation}
detection:
  selection: {CommandLine|contains: ' guess'}
  condition: selection
level: low
---
title: Many guesses
id: 00000000-0000-4000-8000-000000000002
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000001]
  group-by: [User]
  timespan: 30m
  condition: {gte: 4}
level: high
---
title: Few guesses
id: 00000000-0000-4000-8000-000000000003
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000001]
  group-by: [User]
  timespan: 30m
  condition: {lt: 3}
level: medium
"""
_MANY = "00000000-0000-4000-8000-000000000002"
_FEW = "00000000-0000-4000-8000-000000000003"


class _Bank:
    """An install and a log, and one process after the other that defends it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(_START)
        self.log = folder / "sysmon.ndjson"
        self.rules = folder / "rules.yml"
        self.rules.write_text(_BURST, "utf-8")
        self._settings = Settings(home=folder / "home", tenant="bank", language="en")
        self._open = ExitStack()
        self.found: list[Finding] = []
        self.start()

    def start(self) -> None:
        """A new process; whatever the one before had in memory is lost."""
        self._open.close()
        self.install: Installation = self._open.enter_context(installation(self._settings, self.clock))
        means = Means(
            detector=SigmaDetector.load([self.rules], lateness=LATENESS),
            offline=OfflineInvestigator(self.clock),
            model=None,
            inventory=Inventory(tenant="bank", taken_at=_START, hosts=(), accounts=()),
            playbooks=load_playbooks(),
            connectors=(),
            policy=ResponsePolicy(),
        )
        self.defence = Defence(self.install, means, holder="holder")
        self.follower = self.defence.follow(self.log)

    def write(self, minutes: Iterable[int], *, command: str = _TRY) -> None:
        with self.log.open("ab") as file:
            file.writelines(line(minute, command) for minute in minutes)

    def round(self, minute: int) -> list[str]:
        """What is read and answered at that minute: the ids of the rules."""
        self.clock.set(_START + minute * _MINUTE)
        found = asyncio.run(self.defence.take_in(self.follower.poll())).findings
        self.found += found
        return [finding.rule_id for finding in found if finding.rule_id in (_MANY, _FEW)]

    def of(self, rule: str) -> list[Finding]:
        """What is kept."""
        with self.install.database.snapshot("bank") as snapshot:
            return [finding for finding in snapshot.all(Finding) if finding.rule_id == rule]


@pytest.fixture
def bank(tmp_path: Path) -> _Bank:
    return _Bank(tmp_path)


def test_few_of_something_is_answered_in_time_without_another_event(bank: _Bank) -> None:
    bank.write([0, 1])
    assert bank.round(1) == []
    answered = next(minute for minute in range(2, 120) if bank.round(minute))
    assert answered == 30 + LATENESS // _MINUTE + 1, "the window, the stated lateness, and the next round"
    (finding,) = bank.of(_FEW)
    assert finding.count == 2


def test_many_are_not_few_however_late_they_come_within_the_statement(bank: _Bank) -> None:
    bank.write([0, 20])
    bank.round(20)
    bank.write([5, 21])
    bank.round(34)
    assert [bank.round(minute) for minute in range(35, 120)] == [[]] * 85
    assert bank.of(_FEW) == []
    assert len(bank.of(_MANY)) == 1


@pytest.mark.parametrize("down", [1, 600])
def test_a_burst_around_a_restart_is_found_once_with_all_its_events(bank: _Bank, down: int) -> None:
    """The second half was written while nobody ran, for a minute or for hours."""
    bank.write([0, 1])
    assert bank.round(1) == []
    bank.write([2, 3])
    bank.start()
    assert bank.round(3 + down) == [_MANY]
    bank.start()
    assert bank.round(4 + down) == []
    (finding,) = bank.of(_MANY)
    assert [entry.time for entry in finding.evidence] == [_START + minute * _MINUTE for minute in range(4)]
    with bank.install.database.snapshot("bank") as snapshot:
        kept = [evidence.get_raw(snapshot, id) for id in finding.event_ids]
        incidents = snapshot.all(Incident)
    assert kept == [line(minute, _TRY).rstrip() for minute in range(4)], (
        "evidence from before the restart is copied too"
    )
    assert len(incidents) == 1


_PROCESS = """\
import sys
from pathlib import Path
from tests.service.test_progress import _Bank
bank = _Bank(Path(sys.argv[1]))
for minute in sys.stdin:
    print(*bank.round(int(minute)), flush=True)
"""


def test_a_burst_around_a_kill_is_found_once_with_all_its_events(bank: _Bank, tmp_path: Path) -> None:
    """Nothing is shut down: the process is gone the moment its round is done."""
    found: list[str] = []
    for first in (0, 2):
        command = [sys.executable, "-c", _PROCESS, str(tmp_path)]
        root = Path(__file__).parents[2]
        with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin
            assert process.stdout
            for minute in (first, first + 1):
                bank.write([minute])
                process.stdin.write(f"{minute}\n")
                process.stdin.flush()
                found += process.stdout.readline().split()
            process.kill()
    assert found == [_MANY]
    bank.start()
    assert bank.round(4) == []
    (finding,) = bank.of(_MANY)
    assert [entry.time for entry in finding.evidence] == [_START + minute * _MINUTE for minute in range(4)]


def test_a_restart_after_every_round_changes_nothing(bank: _Bank, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = _Bank(tmp_path / "other")
    script = {2: [0, 1], 3: [2], 4: [], 5: [3, 4], 40: [40], 41: [], 42: [41], 201: [200], 204: [201, 202, 203, 190]}
    for each in (bank, other):
        for minute, events in script.items():
            each.write(events)
            each.round(minute)
            if each is other:
                each.start()
    for rule in (_MANY, _FEW):
        assert bank.of(rule)
        assert [(item.id, item.count) for item in bank.of(rule)] == [(item.id, item.count) for item in other.of(rule)]


def test_a_round_that_could_not_be_kept_is_read_again_by_the_next_process(
    bank: _Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.write([0, 1, 2])
    bank.round(2)
    bank.write([3])
    with monkeypatch.context() as patched:
        patched.setattr("sakimori.service.progress.put_read", _full)
        with pytest.raises(StoreError, match="the disk is full"):
            bank.round(3)
    assert bank.of(_MANY) == []
    bank.write([4])
    bank.start()
    assert bank.round(4) == [_MANY]
    (finding,) = bank.of(_MANY)
    assert len({EventRef.parse(id) for id in finding.event_ids}) == finding.count == 4


def _full(*_: object) -> None:
    raise StoreError("the disk is full")


def test_windows_of_rules_that_were_changed_are_dropped_and_it_is_said(bank: _Bank) -> None:
    bank.write([0, 1, 2])
    bank.round(2)
    bank.rules.write_text(_BURST.replace("30m", "40m", 1).replace("000000000003", "000000000004"), "utf-8")
    bank.start()
    bank.write([3])
    assert bank.round(3) == []
    notes = bank.defence.reading.notes
    assert notes == [
        "open windows were dropped: correlation 'Many guesses' was changed since",
        f"open windows were dropped: there is no correlation {_FEW} any more",
    ]
    with bank.install.database.snapshot("bank") as snapshot:
        (entry,) = [
            item.entry
            for item in bank.install.ledger.lines(snapshot)
            if item.entry and item.entry.action == "detection.state_dropped"
        ]
    assert entry.detail == {"reasons": notes}
    bank.start()
    bank.round(4)
    assert bank.defence.reading.notes == []


@pytest.mark.parametrize("replaced", [b"", line(0, HARMLESS), line(7, _TRY)])
def test_a_log_that_was_replaced_meanwhile_is_read_from_its_beginning(bank: _Bank, replaced: bytes) -> None:
    bank.write([0, 1])
    bank.round(1)
    size = bank.log.stat().st_size
    bank.log.write_bytes(replaced)
    bank.start()
    assert bank.defence.reading.notes == [
        f"{bank.log} was replaced since byte {size:,} of it was read: what followed there was not read"
    ]
    bank.round(8)
    assert bank.defence.reading.evaluated == bool(replaced)


def test_what_has_passed_leaves_no_state_behind(bank: _Bank) -> None:
    bank.write([0, 1])
    bank.round(1)
    for minute in (2, 60, 120, 180):
        bank.round(minute)
    with bank.install.database.snapshot("bank") as snapshot:
        assert snapshot.connection.exec_driver_sql("SELECT count(*) FROM detector_state").scalar() == 0
