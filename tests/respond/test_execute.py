"""Executing, undoing and recovering, against a small world that remembers what was done to it."""

import asyncio
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sakimori.access.secrets import Secrets
from sakimori.core import InputError, ManualClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import (
    Action,
    Approval,
    ApprovalRequest,
    Command,
    Disposition,
    Effect,
    Entity,
    Execution,
    LedgerEntry,
    Plan,
    RequestState,
    Ruling,
    StepState,
)
from sakimori.respond import (
    Approvers,
    Executor,
    Grounds,
    Requests,
    ResponsePolicy,
    load_playbooks,
    plan,
    preview,
    sign_approval,
)
from sakimori.respond.connectors import ConnectorRefused, ConnectorUnreachable
from sakimori.store import Database, Transaction
from sakimori.store.journal import standing

NOW = 1_800_000_000_000_000_000
MINUTE = 60_000_000_000
ISOLATE, DISABLE = Command.ISOLATE_HOST, Command.DISABLE_ACCOUNT
MakeGrounds = Callable[..., Grounds]
POLICY = ResponsePolicy()
PLAYBOOKS = load_playbooks()
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ANN = Approvers({"ann": KEY.public_key()})


@dataclass
class World:
    """Hosts and accounts that can be contained, and what was asked in which order."""

    name: str = "world"
    contained: set[str] = field(default_factory=set[str])
    asked: list[tuple[Command, str, str]] = field(default_factory=list[tuple[Command, str, str]])
    failing: dict[str, Exception] = field(default_factory=dict[str, Exception])
    """Targets whose contact raises this, before anything happens."""
    unanswered: set[str] = field(default_factory=set[str])
    """Targets that do as told, but whose answer is lost."""
    blind: bool = False
    lying: bool = False
    hanging: set[str] = field(default_factory=set[str])

    def reaches(self, command: Command, target: Entity) -> bool:
        return True

    async def apply(self, action: Action, *, key: str) -> str:
        target = str(action.target)
        self.asked.append((action.command, target, key))
        if action.target.value in self.hanging:
            await asyncio.sleep(3600)
        if error := self.failing.get(action.target.value):
            raise error
        if not self.lying:
            if action.command in (ISOLATE, DISABLE):
                self.contained.add(target)
            else:
                self.contained.discard(target)
        if action.target.value in self.unanswered:
            raise ConnectorUnreachable("the line went dead")
        return "Done."

    async def observe(self, action: Action) -> Effect:
        if self.blind:
            return Effect.UNKNOWN
        contained = str(action.target) in self.contained
        wanted = action.command in (ISOLATE, DISABLE)
        return Effect.APPLIED if contained == wanted else Effect.ABSENT


@dataclass
class Bench:
    database: Database
    ledger: Ledger
    clock: ManualClock
    world: World

    def executor(self, holder: str = "one", approvers: Approvers | None = None) -> Executor:
        return Executor(
            self.database,
            self.ledger,
            connectors=[self.world],
            policy=POLICY,
            clock=self.clock,
            holder=holder,
            approvers=approvers,
        )

    def plan(self, grounds: Grounds) -> Plan:
        with self.database.snapshot(grounds.tenant) as snapshot:
            held = standing(snapshot, now=self.clock.now())
        return plan(
            grounds, playbooks=PLAYBOOKS, connectors=[self.world], policy=POLICY, standing=held, clock=self.clock
        )

    def run(self, grounds: Grounds) -> Execution:
        return asyncio.run(self.executor().execute(self.plan(grounds), grounds))

    def kept(self) -> Execution:
        """The one execution there is, as the journal has it."""
        with self.database.snapshot("bank") as snapshot:
            (execution,) = snapshot.all(Execution)
        return execution

    def requests(self) -> list[ApprovalRequest]:
        with self.database.snapshot("bank") as snapshot:
            return sorted(snapshot.all(ApprovalRequest), key=lambda request: request.step)

    def consent(self, request: ApprovalRequest) -> Approval:
        """What ann gives."""
        made = sign_approval(request.action, "ann", KEY, now=self.clock.now())
        with self.database.transaction("bank") as transaction:
            Requests(self.ledger, self.clock).consent(transaction, request.id, made, ANN)
        return made

    def undo(self, execution: Execution) -> Execution:
        return asyncio.run(self.executor().undo(execution.tenant, execution.id, actor="person:ann"))

    def entries(self, tenant: str = "bank") -> list[LedgerEntry]:
        with self.database.snapshot(tenant) as snapshot:
            return [line.entry for line in self.ledger.lines(snapshot)]


@contextmanager
def opened(home: Path) -> Generator[Bench]:
    database = Database.embedded(home)
    try:
        yield Bench(database, Ledger(LocalSigner(Secrets.embedded(home))), ManualClock(NOW), World())
    finally:
        database.close()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh database, made once and copied."""
    home = tmp_path_factory.mktemp("home")
    Database.embedded(home).close()
    return home


@pytest.fixture
def bench(migrated: Path, tmp_path: Path) -> Iterator[Bench]:
    with opened(shutil.copytree(migrated, tmp_path / "home")) as made:
        yield made


def states(execution: Execution) -> list[StepState]:
    return [step.state for step in execution.steps]


def ws(*numbers: int) -> list[tuple[Command, str]]:
    return [(ISOLATE, f"ws-{number}.bank.example") for number in numbers]


def test_what_is_allowed_is_done_and_the_rest_waits_or_is_refused(bench: Bench, make_grounds: MakeGrounds) -> None:
    grounds = make_grounds([*ws(1), (ISOLATE, "dc.bank.example"), (DISABLE, "太郎"), (ISOLATE, "no.example")])
    execution = bench.run(grounds)
    assert states(execution) == [StepState.DONE, StepState.PENDING, StepState.DONE, StepState.REFUSED]
    assert bench.world.contained == {"host:ws-1.bank.example", "user:太郎"}
    assert execution.steps[1].detail == "Waits for a person's approval."
    assert execution.steps[3].detail == "The inventory does not have exactly one asset of that name."
    with bench.database.snapshot("bank") as snapshot:
        assert snapshot.get(Execution, execution.id) == execution


def test_a_dry_run_contacts_nothing_and_is_kept_nowhere(bench: Bench, make_grounds: MakeGrounds) -> None:
    shown = preview(bench.plan(make_grounds(ws(1))), now=NOW)
    assert shown.dry_run
    assert states(shown) == [StepState.PENDING]
    assert bench.world.asked == []
    assert bench.entries() == []


def test_executing_twice_does_things_once(bench: Bench, make_grounds: MakeGrounds) -> None:
    grounds = make_grounds(ws(1, 2))
    first = bench.run(grounds)
    assert bench.run(grounds) == first
    assert len(bench.world.asked) == 2


def test_two_executors_at_once_share_the_steps(bench: Bench, make_grounds: MakeGrounds) -> None:
    grounds = make_grounds(ws(*range(8)))
    made = bench.plan(grounds)

    async def both() -> None:
        await asyncio.gather(*(bench.executor(name).execute(made, grounds) for name in ("one", "two", "three")))

    asyncio.run(both())
    assert sorted(target for _, target, _ in bench.world.asked) == sorted(bench.world.contained)
    assert len(bench.world.asked) == 8


def test_undo_goes_newest_first_and_is_safe_to_repeat(bench: Bench, make_grounds: MakeGrounds) -> None:
    execution = bench.run(make_grounds([*ws(1, 2), (DISABLE, "user-3")]))
    bench.world.asked.clear()
    assert states(bench.undo(execution)) == [StepState.UNDONE] * 3
    assert [target for _, target, _ in bench.world.asked] == [
        "user:user-3",
        "host:ws-2.bank.example",
        "host:ws-1.bank.example",
    ]
    assert bench.world.contained == set()
    again = bench.undo(execution)
    assert states(again) == [StepState.UNDONE] * 3
    assert len(bench.world.asked) == 3


def test_one_step_that_cannot_be_undone_does_not_keep_the_others(bench: Bench, make_grounds: MakeGrounds) -> None:
    execution = bench.run(make_grounds(ws(1, 2)))
    bench.world.failing["ws-2.bank.example"] = ConnectorRefused("the switch says no")
    undone = bench.undo(execution)
    assert states(undone) == [StepState.UNDONE, StepState.DONE]
    assert undone.steps[1].detail == "the switch says no"
    bench.world.failing.clear()
    assert states(bench.undo(execution)) == [StepState.UNDONE, StepState.UNDONE]


def test_a_refusal_fails_the_step_and_executing_again_tries_again(bench: Bench, make_grounds: MakeGrounds) -> None:
    grounds = make_grounds(ws(1, 2))
    bench.world.failing["ws-1.bank.example"] = ConnectorRefused("no such switch port")
    execution = bench.run(grounds)
    assert states(execution) == [StepState.FAILED, StepState.DONE]
    assert execution.steps[0].detail == "no such switch port"
    bench.world.failing.clear()
    assert states(bench.run(grounds)) == [StepState.DONE, StepState.DONE]


def test_a_lost_answer_is_settled_by_looking(bench: Bench, make_grounds: MakeGrounds) -> None:
    bench.world.unanswered.add("ws-1.bank.example")
    assert states(bench.run(make_grounds(ws(1)))) == [StepState.DONE]


def test_an_answer_that_is_not_true_fails_the_step(bench: Bench, make_grounds: MakeGrounds) -> None:
    bench.world.lying = True
    execution = bench.run(make_grounds(ws(1)))
    assert states(execution) == [StepState.FAILED]
    assert "the effect is not there" in execution.steps[0].detail


def test_what_cannot_be_known_stays_open_until_it_can(bench: Bench, make_grounds: MakeGrounds) -> None:
    bench.world.unanswered.add("ws-1.bank.example")
    bench.world.blind = True
    execution = bench.run(make_grounds(ws(1)))
    assert states(execution) == [StepState.STARTED]
    assert asyncio.run(bench.executor("two").recover("bank")) == 0
    bench.world.blind = False
    assert asyncio.run(bench.executor("two").recover("bank")) == 1
    assert states(bench.executor().read("bank", execution.id)) == [StepState.DONE]


def test_a_late_effect_of_a_failed_step_is_undone_too(bench: Bench, make_grounds: MakeGrounds) -> None:
    bench.world.failing["ws-1.bank.example"] = ConnectorUnreachable("no answer")
    execution = bench.run(make_grounds(ws(1)))
    assert states(execution) == [StepState.FAILED]
    bench.world.failing.clear()
    bench.world.contained.add("host:ws-1.bank.example")
    assert states(bench.undo(execution)) == [StepState.UNDONE]
    assert bench.world.contained == set()


def test_undo_of_a_failed_step_leaves_another_executions_effect_alone(bench: Bench, make_grounds: MakeGrounds) -> None:
    bench.world.failing["ws-1.bank.example"] = ConnectorRefused("busy")
    failed = bench.run(make_grounds(ws(1)))
    bench.world.failing.clear()
    done = bench.run(make_grounds(ws(1), verdict_id="vd-2"))
    assert (states(failed), states(done)) == ([StepState.FAILED], [StepState.DONE])
    assert states(bench.undo(failed)) == [StepState.FAILED]
    assert bench.world.contained == {"host:ws-1.bank.example"}
    assert states(bench.undo(done)) == [StepState.UNDONE]


def test_a_host_that_hangs_does_not_hold_up_the_others(bench: Bench, make_grounds: MakeGrounds) -> None:
    """An attacker who can stall his own host must not delay the containment of others."""
    bench.world.hanging.add("ws-1.bank.example")
    grounds = make_grounds(ws(1, 2, 3))
    made = bench.plan(grounds)

    async def interrupted() -> None:
        task = asyncio.create_task(bench.executor().execute(made, grounds))
        for _ in range(3000):
            await asyncio.sleep(0.01)
            if len(bench.world.contained) == 2 and states(bench.kept()).count(StepState.DONE) == 2:
                break
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(interrupted())
    execution = bench.kept()
    assert states(execution) == [StepState.STARTED, StepState.DONE, StepState.DONE]
    assert asyncio.run(bench.executor("two").recover("bank")) == 1, "Ctrl-C gives the step back at once"
    assert states(bench.executor().read("bank", execution.id))[0] is StepState.FAILED


def test_what_another_hand_did_is_not_taken_over(bench: Bench, make_grounds: MakeGrounds) -> None:
    bench.world.contained.add("host:ws-1.bank.example")
    execution = bench.run(make_grounds(ws(1)))
    assert states(execution) == [StepState.REFUSED]
    bench.undo(execution)
    assert bench.world.contained == {"host:ws-1.bank.example"}


def test_two_incidents_do_not_isolate_the_same_host_twice(bench: Bench, make_grounds: MakeGrounds) -> None:
    first = make_grounds(ws(1))
    second = make_grounds(ws(1), verdict_id="vd-2")
    planned_before = bench.plan(second)
    bench.run(first)
    late = asyncio.run(bench.executor().execute(planned_before, second))
    assert states(late) == [StepState.REFUSED]
    assert late.steps[0].decision.policies == ("already-in-force",)


def test_the_ceiling_holds_when_plans_were_made_before_it_was_reached(bench: Bench, make_grounds: MakeGrounds) -> None:
    """Two plans of six hosts each are fine alone; together they may isolate ten."""
    one, two = make_grounds(ws(*range(6))), make_grounds(ws(*range(6, 12)), verdict_id="vd-2")
    plans = [bench.plan(one), bench.plan(two)]

    async def both() -> tuple[Execution, Execution]:
        return await asyncio.gather(
            bench.executor("one").execute(plans[0], one), bench.executor("two").execute(plans[1], two)
        )

    done = [state for execution in asyncio.run(both()) for state in states(execution)]
    assert done.count(StepState.DONE) == 10
    assert done.count(StepState.PENDING) == 2
    assert len(bench.world.contained) == 10


def test_policy_is_asked_again_when_the_grounds_have_changed(bench: Bench, make_grounds: MakeGrounds) -> None:
    made = bench.plan(make_grounds(ws(1)))
    now_benign = make_grounds(ws(1), disposition=Disposition.BENIGN)
    execution = asyncio.run(bench.executor().execute(made, now_benign))
    assert states(execution) == [StepState.REFUSED]
    assert bench.world.asked == []


def test_a_plan_for_another_incident_or_institution_is_refused(bench: Bench, make_grounds: MakeGrounds) -> None:
    made = bench.plan(make_grounds(ws(1)))
    with pytest.raises(InputError, match="is about incident"):
        asyncio.run(bench.executor().execute(made, make_grounds(ws(1), tenant="other")))


def test_an_execution_of_another_institution_is_not_found(bench: Bench, make_grounds: MakeGrounds) -> None:
    execution = bench.run(make_grounds(ws(1)))
    with pytest.raises(InputError, match="there is no execution"):
        asyncio.run(bench.executor().undo("other", execution.id, actor="person:eve"))
    assert asyncio.run(bench.executor().recover("other")) == 0


def test_undo_without_the_connector_undoes_nothing_and_says_so(bench: Bench, make_grounds: MakeGrounds) -> None:
    execution = bench.run(make_grounds(ws(1)))
    bare = Executor(bench.database, bench.ledger, connectors=[], policy=POLICY, clock=bench.clock, holder="x")
    with pytest.raises(InputError, match="connector 'world' of step 0 is not configured"):
        asyncio.run(bare.undo("bank", execution.id, actor="person:ann"))
    assert len(bench.world.contained) == 1


def test_a_persons_consent_lets_exactly_that_action_happen(bench: Bench, make_grounds: MakeGrounds) -> None:
    grounds = make_grounds([(ISOLATE, "dc.bank.example"), (ISOLATE, "pay.bank.example")])
    bench.run(grounds)
    request, _ = bench.requests()
    consent = bench.consent(request)
    execution = asyncio.run(bench.executor(approvers=ANN).proceed(request, grounds))
    assert states(execution) == [StepState.DONE, StepState.PENDING]
    assert execution.steps[0].decision.ruling is Ruling.NEEDS_APPROVAL
    begun = next(entry for entry in bench.entries() if entry.detail.get("state") == "started")
    assert begun.detail["request"] == request.id
    assert [given["signature"] for given in begun.detail["approvals"]] == [consent.signature]
    with bench.database.snapshot("bank") as snapshot:
        assert standing(snapshot, now=NOW).automatic_in_force(ISOLATE) == 0, "approved actions fill no ceiling"


def test_consent_does_not_open_what_policy_denies_by_then(bench: Bench, make_grounds: MakeGrounds) -> None:
    bench.run(make_grounds([(ISOLATE, "dc.bank.example")]))
    (request,) = bench.requests()
    bench.consent(request)
    benign = make_grounds([(ISOLATE, "dc.bank.example")], disposition=Disposition.BENIGN)
    execution = asyncio.run(bench.executor(approvers=ANN).proceed(request, benign))
    assert states(execution) == [StepState.REFUSED]
    assert bench.world.asked == []
    (settled,) = bench.requests()
    assert (settled.state, settled.reason) == (RequestState.WITHDRAWN, execution.steps[0].detail)


def test_every_change_is_in_the_ledger_without_any_name_from_outside(bench: Bench, make_grounds: MakeGrounds) -> None:
    execution = bench.run(make_grounds([(DISABLE, "太郎"), *ws(1)]))
    bench.undo(execution)
    entries = bench.entries()
    told = [entry.detail["state"] for entry in entries if entry.id.startswith(f"{execution.id}-0-")]
    assert told == ["pending", "started", "done", "undo_started", "undone"]
    assert {entry.actor for entry in entries} == {"service:respond", "person:ann"}
    assert not any("太郎" in str(entry.detail) or "ws-1" in str(entry.detail) for entry in entries)


@pytest.mark.parametrize("point", ["before", "after"])
def test_a_full_disk_around_a_contact_leaves_the_journal_true(
    bench: Bench, make_grounds: MakeGrounds, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """The ledger entry stands or falls with the step: if it cannot be written, the step does not change either."""
    append, calls = bench.ledger.append, 0
    failing_call = {"before": 2, "after": 3}[point]

    def full(transaction: Transaction, *entries: LedgerEntry) -> None:
        nonlocal calls
        calls += 1
        if calls == failing_call:
            raise OSError("disk full")
        append(transaction, *entries)

    monkeypatch.setattr(bench.ledger, "append", full)
    grounds = make_grounds(ws(1))
    with pytest.raises(OSError, match="disk full"):
        bench.run(grounds)
    execution = bench.kept()
    if point == "before":
        assert states(execution) == [StepState.PENDING]
        assert bench.world.asked == []
        return
    assert states(execution) == [StepState.STARTED]
    bench.clock.set(NOW + 2 * MINUTE)
    assert asyncio.run(bench.executor("two").recover("bank")) == 1
    assert states(bench.executor().read("bank", execution.id)) == [StepState.DONE]
