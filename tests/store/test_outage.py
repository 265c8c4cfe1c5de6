"""A PostgreSQL server that is gone for a minute, under writers and a sequencer that go on trying.

The minute is made of seconds by shorter patience; what happens in it is the same: statements that hang, connections
that are refused, a pool with none left, and one that is made anew.
"""

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.ledger.conftest import Keys, entry
from tests.postgres_cluster import Cluster

from sakimori.core import Settings
from sakimori.ledger import Fenced, Ledger, LocalSigner
from sakimori.observe import Readiness, transactions
from sakimori.service.readiness import checks
from sakimori.store import Database, StoreError, postgresql

pytestmark = pytest.mark.services

WRITERS = 24
"""More than the connections of a pool: while the server hangs, some find none."""
TENANTS = tuple("abcdefgh")


@pytest.fixture
def server() -> Iterator[Cluster]:
    """Of its own: nobody else's tests are to wait."""
    made = Cluster()
    yield made
    made.remove()


class World:
    """Writers, each with entries of its own, that note what they were told is kept; and a sequencer."""

    def __init__(self, url: str) -> None:
        self.database = Database.open(url)
        self.ledger = Ledger(LocalSigner(Keys()))
        self.kept: list[set[int]] = [set() for _ in range(WRITERS)]
        self.tried = [0] * WRITERS
        self.said: Counter[str] = Counter()
        self.wrong: list[BaseException] = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(WRITERS)]
        self.threads.append(threading.Thread(target=self.seal))

    def write(self, number: int) -> None:
        tenant = TENANTS[number % len(TENANTS)]
        while not self.stop.is_set():
            self.tried[number] += 1
            which = number * 1_000_000 + self.tried[number]
            if self.attempt(lambda which=which: self.append(tenant, which)):
                self.kept[number].add(which)
            time.sleep(0.01)

    def append(self, tenant: str, which: int) -> None:
        with self.database.transaction(tenant) as transaction:
            self.ledger.append(transaction, entry(which, tenant=tenant))

    def seal(self) -> None:
        while not self.stop.is_set():
            for tenant in TENANTS:
                self.attempt(lambda tenant=tenant: self.ledger.sequence(self.database, tenant))
            time.sleep(0.05)

    def attempt(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except Fenced:
            return False
        except StoreError as error:
            self.said[str(error)] += 1
            return False
        except BaseException as error:  # noqa: BLE001 # shown where the test ends
            self.wrong.append(error)
            return False
        return True

    @property
    def written(self) -> int:
        return sum(map(len, self.kept))

    def told(self, words: str) -> int:
        return sum(count for sentence, count in self.said.items() if words in sentence)

    @contextmanager
    def running(self) -> Generator[None]:
        for thread in self.threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in self.threads:
                thread.join()

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline, (self.said, self.wrong)
            assert not self.wrong
            time.sleep(0.02)

    def nothing_is_lost_and_nothing_twice(self) -> None:
        assert not self.wrong
        assert not [sentence for sentence in self.said if "\n" in sentence]
        found: Counter[str] = Counter()
        for tenant in TENANTS:
            self.ledger.sequence(self.database, tenant)
            with self.database.snapshot(tenant) as snapshot:
                checked = self.ledger.verify(snapshot)
                assert (checked.problem, checked.pending) == (None, 0)
                found.update(line.entry.id for line in self.ledger.lines(snapshot))
        assert set(found.values()) == {1}
        kept = {f"le-{which}" for one in self.kept for which in one}
        assert kept <= set(found), "what a writer was told is kept is there"
        # A commit whose answer was lost may have been kept: one for each writer and outage at most.
        assert len(set(found) - kept) <= 2 * WRITERS
        self.database.close()


class Ready:
    """What /readyz answers."""

    def __init__(self, world: World, home: Path) -> None:
        settings = Settings(home=home, tenant="a", language="en")
        self.checks = {"database": checks(settings, world.database)["database"]}

    def __call__(self) -> bool:
        return asyncio.run(self.ask())

    async def ask(self) -> bool:
        readiness = Readiness(self.checks, patience=2)
        try:
            return (await readiness.ask())["database"] is None
        finally:
            readiness.close()


@pytest.fixture
def world(server: Cluster, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(postgresql, "PATIENCE", 1)
    transactions.time_all()  # as in every service
    return World(server.url(server.new()))


def test_a_server_that_dies_and_comes_back_loses_nothing(server: Cluster, world: World, tmp_path: Path) -> None:
    """Pulled out at once, and for long enough that every connection was lost and new ones are refused."""
    ready = Ready(world, tmp_path)
    with world.running():
        world.until(lambda: world.written > 2 * WRITERS)
        world.until(ready)
        for _ in range(2):
            server.stop()
            before = world.told("does not answer")
            world.until(lambda before=before: world.told("does not answer") > before + 3 * WRITERS)
            assert not ready()
            at = world.written
            server.start()
            world.until(lambda at=at: world.written > at + 2 * WRITERS)
            world.until(ready)
    world.nothing_is_lost_and_nothing_twice()


def _signal(pids: list[int], what: signal.Signals) -> None:
    """To all that are still there: a server's workers come and go."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)


def _children(pid: int) -> list[int]:
    """All of a server's workers, those too that it made a moment ago."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_server_that_hangs_exhausts_the_pool_and_is_used_again(server: Cluster, world: World, tmp_path: Path) -> None:
    """Stopped where it stands: connections are open and nothing answers."""
    ready = Ready(world, tmp_path)
    with world.running():
        world.until(lambda: world.written > 2 * WRITERS)
        held = [int((server.folder / "data" / "postmaster.pid").read_text().split()[0])]
        try:
            _signal(held, signal.SIGSTOP)  # from here on nobody is let in
            held += _children(held[0])
            _signal(held, signal.SIGSTOP)
            world.until(lambda: world.told("are in use: try again") > 3)
            assert not ready()
        finally:
            _signal(held, signal.SIGCONT)
        at = world.written
        world.until(lambda: world.written > at + 2 * WRITERS)
        world.until(ready)
    world.nothing_is_lost_and_nothing_twice()
