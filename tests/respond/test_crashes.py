"""Death at any moment: what was done outside is never forgotten, and what was not is never claimed."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sakimori.access.secrets import Secrets
from sakimori.core import InputError, ManualClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import Action, Command, Effect, Entity, Execution, StepState
from sakimori.respond import Executor, Grounds, ResponsePolicy, load_playbooks, plan
from sakimori.store import Database, Snapshot, Transaction
from sakimori.store.journal import Standing, journal

NOW = 1_800_000_000_000_000_000
MINUTE = 60_000_000_000
MakeGrounds = Callable[..., Grounds]
POLICY = ResponsePolicy()
PLAYBOOKS = load_playbooks()


class Killed(BaseException):
    """Nothing of ours runs after this."""


class Life:
    """Counts the moments at which a process may die, and dies at one of them."""

    def __init__(self, moments: int | None) -> None:
        self._left = moments

    def passes(self) -> None:
        if self._left is None:
            return
        if self._left == 0:
            raise Killed
        self._left -= 1


class MortalDatabase(Database):
    """A database whose process may die before and after each commit."""

    def __init__(self, inner: Database, life: Life) -> None:
        self._inner = inner
        self._life = life

    @contextmanager
    def transaction(self, tenant: str, *, at_once: bool = False) -> Generator[Transaction, None, None]:
        self._life.passes()
        with self._inner.transaction(tenant, at_once=at_once) as transaction:
            yield transaction
            self._life.passes()
        self._life.passes()

    @contextmanager
    def snapshot(self, tenant: str) -> Generator[Snapshot, None, None]:
        self._life.passes()
        with self._inner.snapshot(tenant) as snapshot:
            yield snapshot


class World:
    name = "world"

    def __init__(self, database: Database) -> None:
        self.contained: set[str] = set()
        self.keys: dict[str, tuple[Command, str]] = {}
        self.life = Life(None)
        self._database = database

    def reaches(self, command: Command, target: Entity) -> bool:
        return True

    async def apply(self, action: Action, *, key: str) -> str:
        self.life.passes()
        with self._database.snapshot("bank") as snapshot:
            (execution,) = snapshot.all(Execution)
        step = next(step for step in execution.steps if step.action.target == action.target)
        assert step.state in (StepState.STARTED, StepState.UNDO_STARTED), "contact without having written it down"
        assert self.keys.setdefault(key, (action.command, str(action.target))) == (action.command, str(action.target))
        if action.command in (Command.ISOLATE_HOST, Command.DISABLE_ACCOUNT):
            self.contained.add(str(action.target))
        else:
            self.contained.discard(str(action.target))
        self.life.passes()
        return "Done."

    async def observe(self, action: Action) -> Effect:
        self.life.passes()
        wanted = action.command in (Command.ISOLATE_HOST, Command.DISABLE_ACCOUNT)
        return Effect.APPLIED if (str(action.target) in self.contained) == wanted else Effect.ABSENT


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    Database.embedded(home).close()
    Secrets.embedded(home).provision("bank", "ledger-signing")
    return home


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["execute", "undo", "recover"]), st.none() | st.integers(0, 14), st.booleans()),
    min_size=1,
    max_size=6,
)


@given(first=st.integers(0, 30), operations=OPERATIONS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_journal_survives_death_between_any_two_writes(
    migrated: Path, make_grounds: MakeGrounds, first: int, operations: list[tuple[str, int | None, bool]]
) -> None:
    """Executors live and die in any order; whoever comes last can always settle and take back everything."""
    grounds = make_grounds([(Command.ISOLATE_HOST, "ws-1.bank.example"), (Command.DISABLE_ACCOUNT, "太郎")])
    with tempfile.TemporaryDirectory() as folder:
        home = shutil.copytree(migrated, Path(folder) / "home")
        database = Database.embedded(home)
        ledger = Ledger(LocalSigner(Secrets.embedded(home)))
        world, clock = World(database), ManualClock(NOW)
        made = plan(grounds, playbooks=PLAYBOOKS, connectors=[world], policy=POLICY, standing=Standing(), clock=clock)
        execution_id = made.id.replace("pl-", "ex-")

        def act(what: str, number: int, moments: int | None) -> None:
            world.life = Life(moments)
            executor = Executor(
                MortalDatabase(database, world.life),
                ledger,
                connectors=[world],
                policy=POLICY,
                clock=clock,
                holder=f"executor-{number}",
            )
            if what == "execute":
                asyncio.run(executor.execute(made, grounds))
            elif what == "undo":
                asyncio.run(executor.undo("bank", execution_id, actor="person:ann"))
            else:
                asyncio.run(executor.recover("bank"))

        def check() -> set[StepState]:
            with database.snapshot("bank") as snapshot:
                steps = [step for execution in snapshot.all(Execution) for step in execution.steps]
                rows = snapshot.connection.execute(snapshot.rows(journal).order_by(journal.c.number)).all()
                entries = sum(1 for _ in ledger.lines(snapshot))
            assert [row.state for row in rows] == [step.state for step in steps]
            assert entries == sum(row.revision + 1 for row in rows), "each change is in the ledger, once"
            known = {str(step.action.target): step.state for step in steps}
            for target, state in known.items():
                if target in world.contained:
                    assert state not in (StepState.PENDING, StepState.REFUSED, StepState.UNDONE)
                else:
                    assert state is not StepState.DONE
            assert world.contained <= known.keys()
            return set(known.values())

        for number, (what, moments, waits) in enumerate([("execute", first, False), *operations]):
            with suppress(Killed, BaseExceptionGroup, InputError):
                act(what, number, moments)
            check()
            if waits:
                clock.set(clock.now() + 2 * MINUTE)
        clock.set(clock.now() + 2 * MINUTE)
        with suppress(InputError):
            act("undo", 98, None)
        assert check() <= {StepState.UNDONE, StepState.FAILED, StepState.PENDING}
        assert world.contained == set()
        database.close()


_VICTIM = """
import asyncio, json, os, sys
from pathlib import Path
from sakimori.access.secrets import Secrets
from sakimori.core import SystemClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import Effect, Incident, Inventory, Plan, Verdict
from sakimori.respond import Executor, Grounds, ResponsePolicy
from sakimori.store import Database

home, world, point = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

class World:
    name = "world"
    def reaches(self, command, target):
        return True
    def pause(self, at):
        if at == point:
            print(at, flush=True)
            sys.stdin.read()
    async def apply(self, action, *, key):
        self.pause("before")
        (world / action.target.value).touch()
        self.pause("after")
        return "Done."
    async def observe(self, action):
        return Effect.APPLIED if (world / action.target.value).exists() else Effect.ABSENT

database = Database.embedded(home)
with database.snapshot("bank") as snapshot:
    (plan,), (verdict,), (incident,) = snapshot.all(Plan), snapshot.all(Verdict), snapshot.all(Incident)
    grounds = Grounds(verdict, incident, snapshot.get(Inventory, "current"))
executor = Executor(
    database, Ledger(LocalSigner(Secrets.embedded(home))), connectors=[World()], policy=ResponsePolicy(),
    clock=SystemClock(), holder=str(os.getpid()),
)
asyncio.run(executor.execute(plan, grounds))
"""


class Folder:
    """A world that outlives processes: a file per contained target."""

    name = "world"

    def __init__(self, path: Path) -> None:
        self._path = path

    def reaches(self, command: Command, target: Entity) -> bool:
        return True

    async def apply(self, action: Action, *, key: str) -> str:
        path = self._path / action.target.value
        if action.command is Command.ISOLATE_HOST:
            path.touch()
        else:
            path.unlink(missing_ok=True)
        return "Done."

    async def observe(self, action: Action) -> Effect:
        there = (self._path / action.target.value).exists()
        return Effect.APPLIED if there == (action.command is Command.ISOLATE_HOST) else Effect.ABSENT


@pytest.mark.parametrize(("point", "found"), [("before", StepState.FAILED), ("after", StepState.DONE)])
def test_kill_9_during_a_contact_is_settled_by_looking(
    migrated: Path, tmp_path: Path, make_grounds: MakeGrounds, point: str, found: StepState
) -> None:
    home = shutil.copytree(migrated, tmp_path / "home")
    place = tmp_path / "world"
    place.mkdir()
    world = Folder(place)
    grounds = make_grounds([(Command.ISOLATE_HOST, "ws-1.bank.example")])
    database = Database.embedded(home)
    clock = ManualClock(NOW)
    made = plan(grounds, playbooks=PLAYBOOKS, connectors=[world], policy=POLICY, standing=Standing(), clock=clock)
    with database.transaction("bank") as transaction:
        transaction.put(made, grounds.verdict, grounds.incident, grounds.inventory)

    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(home), str(place), point],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline().strip() == point
    os.kill(victim.pid, signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    victim.stdout.close()
    assert victim.stdin is not None
    victim.stdin.close()

    ledger = Ledger(LocalSigner(Secrets.embedded(home)))
    executor = Executor(database, ledger, connectors=[world], policy=POLICY, clock=clock, holder="heir")
    with database.snapshot("bank") as snapshot:
        (execution,) = snapshot.all(Execution)
    assert [step.state for step in execution.steps] == [StepState.STARTED]
    clock.set(execution.steps[0].updated_at)
    assert asyncio.run(executor.recover("bank")) == 0, "while the lease runs, the step is its holder's"
    clock.set(execution.steps[0].updated_at + 2 * MINUTE)
    assert asyncio.run(executor.recover("bank")) == 1
    assert executor.read("bank", execution.id).steps[0].state is found
    finished = asyncio.run(executor.execute(made, grounds))
    assert finished.steps[0].state is StepState.DONE
    undone = asyncio.run(executor.undo("bank", execution.id, actor="person:ann"))
    assert undone.steps[0].state is StepState.UNDONE
    assert list(place.iterdir()) == []
    with database.transaction("bank") as transaction:
        ledger.seal(transaction)
    with database.snapshot("bank") as snapshot:
        assert ledger.verify(snapshot).ok
    database.close()
