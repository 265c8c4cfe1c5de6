"""Two live defences of one institution: one defends, the other stands by, and nothing of either is lost."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.service.conftest import DUMP, ENCODED, HARMLESS, NOW, line

from sakimori.access.secrets import Secrets
from sakimori.collect import Follower
from sakimori.core import ManualClock, Settings
from sakimori.detect import SigmaDetector
from sakimori.investigate import Case, Investigator, OfflineInvestigator
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import Finding, Inventory, Verdict
from sakimori.respond import ResponsePolicy, load_playbooks
from sakimori.service import Defence, Development, Installation, Means, own_rules
from sakimori.service.watch import LEASE
from sakimori.store import Database
from sakimori.store.lease import HeldElsewhere, defence_lease

_SECOND = 10**9
_RULES = ("proc_creation_powershell_encoded_hidden.yml", "proc_creation_lsass_dump_comsvcs.yml")


class _Post:
    """A process that defends, and follows the one log of the bank."""

    def __init__(self, bank: "_Bank", name: str, model: Investigator | None = None) -> None:
        detector = SigmaDetector.load([own_rules() / rule for rule in _RULES], cache_dir=bank.folder / "cache")
        means = Means(
            detector=detector,
            offline=OfflineInvestigator(bank.clock),
            model=model,
            inventory=Inventory(tenant="bank", taken_at=NOW, hosts=(), accounts=()),
            playbooks=load_playbooks(),
            connectors=(),
            policy=ResponsePolicy(),
        )
        self.defence = Defence(bank.install, means, holder=name, place=f"process {name}")
        self._log = bank.log
        self._follower: Follower | None = None

    def round(self) -> Development:
        if self._follower is None:
            self._follower = self.defence.follow(self._log)
        return asyncio.run(self.defence.take_in(self._follower.poll()))


class _Bank:
    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.log = folder / "sysmon.ndjson"
        self.log.touch()
        self.clock = ManualClock(NOW)
        secrets = Secrets.embedded(folder / "home")
        settings = Settings(home=folder / "home", tenant="bank", language="en")
        self.install = Installation(settings, self.clock, database, secrets, Ledger(LocalSigner(secrets)))

    def write(self, *lines: bytes) -> None:
        with self.log.open("ab") as file:
            file.writelines(lines)

    def wait(self, seconds: int) -> None:
        self.clock.set(self.clock.now() + seconds * _SECOND)

    def lease_lasts(self) -> int:
        with self.install.database.snapshot("bank") as snapshot:
            row = snapshot.connection.execute(snapshot.rows(defence_lease)).one()
        return row.until - self.clock.now()

    def kept(self) -> set[str]:
        with self.install.database.snapshot("bank") as snapshot:
            return {finding.id for finding in snapshot.all(Finding)}


@pytest.fixture
def bank(tmp_path: Path, database: Database) -> _Bank:
    return _Bank(tmp_path, database)


def test_the_second_stands_by_and_takes_over_when_the_first_is_gone(bank: _Bank) -> None:
    first, second = _Post(bank, "one"), _Post(bank, "two")
    bank.write(line(1, ENCODED))
    assert len(first.round().findings) == 1
    bank.write(line(2, DUMP))
    with pytest.raises(HeldElsewhere, match=r"^process one defends 'bank' until 2027-01-15T08:01:00\."):
        second.round()
    bank.wait(LEASE // _SECOND)  # the first was killed: it says nothing more
    (found,) = second.round().findings
    assert found.id in bank.kept()
    assert len(bank.kept()) == 2
    assert len(second.defence.incidents) == 1, "the story goes on where the first left it"


def test_one_that_was_held_up_for_longer_than_its_lease_overwrites_nothing(bank: _Bank) -> None:
    first, second = _Post(bank, "one"), _Post(bank, "two")
    first.round()
    bank.wait(LEASE // _SECOND)
    bank.write(line(1, ENCODED))
    second.round()
    kept = bank.kept()
    bank.write(line(2, DUMP))
    with pytest.raises(HeldElsewhere, match="process two defends 'bank'"):
        first.round()
    assert bank.kept() == kept
    assert len(second.round().findings) == 1


def test_a_first_that_keeps_working_keeps_its_turn(bank: _Bank) -> None:
    first, second = _Post(bank, "one"), _Post(bank, "two")
    for _ in range(8):
        first.round()
        bank.wait(LEASE // _SECOND // 2)
        with pytest.raises(HeldElsewhere):
            second.round()


def test_one_that_stops_in_good_order_makes_nobody_wait(bank: _Bank) -> None:
    first, second = _Post(bank, "one"), _Post(bank, "two")
    first.round()
    first.defence.close()
    second.round()
    with pytest.raises(HeldElsewhere):
        first.round()


class _Slow:
    """A model that takes three leases to answer."""

    def __init__(self, bank: _Bank) -> None:
        self._bank = bank
        self.rival: _Post | None = None
        self.tried = 0

    async def investigate(self, case: Case) -> Verdict:
        for _ in range(9):
            self._bank.wait(LEASE // _SECOND // 3)
            for _ in range(3000):
                if self._bank.lease_lasts() >= LEASE * 2 // 3:
                    break
                await asyncio.sleep(0.01)
            assert self.rival is not None
            with pytest.raises(HeldElsewhere):
                await asyncio.to_thread(self.rival.round)
            self.tried += 1
        return await OfflineInvestigator(self._bank.clock).investigate(case)


def test_while_a_model_is_awaited_the_turn_is_kept(bank: _Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sakimori.service.watch._RENEW_EVERY_S", 0.02)
    model = _Slow(bank)
    first = _Post(bank, "one", model)
    model.rival = _Post(bank, "two")
    bank.write(line(1, ENCODED), line(2, DUMP))
    assert len(first.round().verdicts) == 2
    assert model.tried == 9


_VICTIM = """
import sys
from sakimori.core import Settings, SystemClock
from sakimori.service import installation
from sakimori.service.watch import Watch

with installation(Settings.from_environment(), SystemClock()) as install:
    Watch(install, holder="victim", place="the victim").hold()
    print("holds", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def victim(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the turn of a SQLite install, at the machine's own time."""
    home = tmp_path / "home"
    environment = {**os.environ, "SAKIMORI_HOME": str(home), "SAKIMORI_TENANT": "bank", "SAKIMORI_DATABASE": ""}
    with subprocess.Popen(
        [sys.executable, "-c", _VICTIM],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        yield process
        process.kill()


def test_kill_9_leaves_a_lease_that_ends(tmp_path: Path, victim: "subprocess.Popen[str]") -> None:
    victim.kill()
    victim.wait()
    database = Database.embedded(tmp_path / "home")
    bank = _Bank(tmp_path, database)
    post = _Post(bank, "heir")
    bank.write(line(1, HARMLESS), line(2, ENCODED))
    bank.clock.set(0)
    with pytest.raises(HeldElsewhere, match="the victim defends 'bank' until") as raised:
        post.round()
    bank.clock.set(raised.value.until)
    assert len(post.round().findings) == 1
    database.close()
