"""Requests for approval: people are asked once, about exactly one action, and their consent is used once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sakimori.access import Role, people
from sakimori.access.people import Person
from sakimori.access.rights import Rights
from sakimori.access.secrets import Secrets
from sakimori.core import InputError, ManualClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import (
    Action,
    Approval,
    ApprovalRequest,
    Command,
    Effect,
    Entity,
    Execution,
    LedgerEntry,
    RequestState,
    StepState,
)
from sakimori.respond import (
    OPEN_FOR,
    Executor,
    Grounds,
    RegisteredApprovers,
    Requests,
    ResponsePolicy,
    load_playbooks,
    plan,
    sign_approval,
)
from sakimori.store import Database
from sakimori.store.journal import standing

NOW = 1_800_000_000_000_000_000
MINUTE = 60 * 10**9
DC = "dc.bank.example"
MakeGrounds = Callable[..., Grounds]
POLICY = ResponsePolicy()
PLAYBOOKS = load_playbooks()
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode() * 8) for name in ("anna", "bert", "佐x")}


class Killed(BaseException):
    """Nothing of ours runs after this."""


class World:
    name = "world"

    def __init__(self) -> None:
        self.contained: set[str] = set()
        self.asked: list[str] = []
        self.dies = False

    def reaches(self, command: Command, target: Entity) -> bool:
        return True

    async def apply(self, action: Action, *, key: str) -> str:
        if self.dies:
            raise Killed
        self.asked.append(key)
        self.contained.add(str(action.target))
        return "Done."

    async def observe(self, action: Action) -> Effect:
        return Effect.APPLIED if str(action.target) in self.contained else Effect.ABSENT


class Desk:
    """An institution with three leads whose keys are registered, and executors that ask them."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.ledger = Ledger(LocalSigner(Secrets.embedded(home)))
        self.clock = ManualClock(NOW)
        self.world = World()
        self.approvers = RegisteredApprovers(Rights())
        self.desk = Requests(self.ledger, self.clock)
        for name in KEYS:
            self.register(name)

    def register(self, name: str, *roles: Role, removed_at: int | None = None) -> None:
        key = KEYS[name].public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        person = Person("bank", name, name, frozenset(roles or {Role.LEAD}), (key,), 1, removed_at)
        with self.database.transaction("bank") as transaction:
            people.put(transaction, person)

    def executor(self, holder: str = "one") -> Executor:
        return Executor(
            self.database,
            self.ledger,
            connectors=[self.world],
            policy=POLICY,
            clock=self.clock,
            holder=holder,
            approvers=self.approvers,
        )

    def meet(self, grounds: Grounds, *, asked_by: str = "service:respond") -> Execution:
        """Plan and execute what the verdict proposes."""
        with self.database.snapshot("bank") as snapshot:
            held = standing(snapshot, now=self.clock.now())
        made = plan(
            grounds, playbooks=PLAYBOOKS, connectors=[self.world], policy=POLICY, standing=held, clock=self.clock
        )
        return asyncio.run(self.executor().execute(made, grounds, asked_by=asked_by))

    def go_on(self, request: ApprovalRequest, grounds: Grounds, holder: str = "one") -> StepState:
        execution = asyncio.run(self.executor(holder).proceed(request, grounds))
        return execution.steps[request.step].state

    def requests(self) -> list[ApprovalRequest]:
        with self.database.snapshot("bank") as snapshot:
            return snapshot.all(ApprovalRequest)

    def request(self) -> ApprovalRequest:
        (found,) = self.requests()
        return found

    def consent(self, request: ApprovalRequest, name: str = "anna", *, signed_at: int | None = None) -> Approval:
        made = sign_approval(request.action, name, KEYS[name], now=signed_at or self.clock.now())
        self.give(request.id, made)
        return made

    def give(self, id: str, approval: Approval) -> None:
        with self.database.transaction("bank") as transaction:
            self.desk.consent(transaction, id, approval, self.approvers)

    def deny(self, request: ApprovalRequest) -> None:
        with self.database.transaction("bank") as transaction:
            self.desk.deny(transaction, request.id, actor="person:bert", reason="maintenance")

    def told(self) -> list[LedgerEntry]:
        with self.database.snapshot("bank") as snapshot:
            return [line.entry for line in self.ledger.lines(snapshot)]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


@pytest.fixture
def grounds(make_grounds: MakeGrounds) -> Grounds:
    return make_grounds([(Command.ISOLATE_HOST, DC)])


def test_who_is_asked_sees_what_would_be_done_and_why(desk: Desk, grounds: Grounds) -> None:
    execution = desk.meet(grounds)
    request = desk.request()
    assert request.words == f"Isolate the host {DC} through the connector 'world'."
    assert request.words_ja == f"ホスト {DC} を隔離する（コネクター：world）。"
    assert (request.execution_id, request.step, request.verdict_id) == (execution.id, 0, grounds.verdict.id)
    assert request.action == execution.steps[0].action
    assert request.action_hash == request.action.hash
    assert request.blast_radius.people == 2
    assert request.decision.policies == ("domain-controllers-need-a-person",)
    assert request.decision.reason_ja
    assert (request.asked_at, request.expires_at, request.right) == (NOW, NOW + OPEN_FOR, "approve_action")
    (entry,) = [entry for entry in desk.told() if entry.action == "approval.asked"]
    assert (entry.subject, entry.detail["action_hash"]) == (request.id, request.action_hash)
    assert DC not in str(entry.detail)


def test_the_same_wish_is_asked_about_once(desk: Desk, make_grounds: MakeGrounds) -> None:
    """New evidence makes new verdicts and plans; people are not asked for the same again while they think."""
    for number in range(4):
        desk.meet(make_grounds([(Command.ISOLATE_HOST, DC)], verdict_id=f"vd-{number}"))
    assert len(desk.requests()) == 1


def test_consent_serves_one_step_once(desk: Desk, grounds: Grounds, make_grounds: MakeGrounds) -> None:
    desk.meet(grounds)
    request = desk.request()
    assert desk.go_on(request, grounds) is StepState.PENDING
    consent = desk.consent(request)
    assert desk.go_on(request, grounds) is StepState.DONE
    assert desk.request().state is RequestState.BEGUN
    assert desk.go_on(request, grounds) is StepState.DONE
    assert len(desk.world.asked) == 1
    with pytest.raises(InputError, match="cannot be answered any more: it was begun"):
        desk.give(request.id, consent)
    # Taken back, and wished again within the hour: the old consent is good for nothing.
    asyncio.run(desk.executor().undo("bank", request.execution_id, actor="person:bert"))
    desk.world.contained.clear()
    desk.clock.set(NOW + MINUTE)
    again = make_grounds([(Command.ISOLATE_HOST, DC)], verdict_id="vd-again")
    desk.meet(again)
    (new,) = [item for item in desk.requests() if item.state is RequestState.WAITING]
    assert new.action_hash == request.action_hash
    with pytest.raises(InputError, match=f"was given to {request.id} already"):
        desk.give(new.id, consent)
    assert desk.go_on(new, again) is StepState.PENDING


def test_a_consent_written_past_the_desk_is_none(desk: Desk, grounds: Grounds) -> None:
    """Who can write rows can not make consent: it is verified when the step begins."""
    desk.meet(grounds)
    request = desk.request()
    forged = replace(sign_approval(request.action, "anna", KEYS["bert"], now=NOW))
    with desk.database.transaction("bank") as transaction:
        transaction.put(replace(request, consents=(forged,)))
    assert desk.go_on(request, grounds) is StepState.PENDING
    with pytest.raises(InputError, match="no consent of 'anna'"):
        desk.give(request.id, replace(forged, signed_at=NOW + 1))


def test_two_approvers_at_once_both_count_and_the_step_happens_once(desk: Desk, grounds: Grounds) -> None:
    desk.meet(grounds)
    request = desk.request()
    start = Barrier(2)

    def approve(name: str) -> None:
        start.wait()
        desk.consent(request, name)
        desk.go_on(request, grounds, holder=name)

    too_late: list[str] = []

    def tolerant(name: str) -> None:
        try:
            approve(name)
        except InputError as error:
            too_late.append(str(error))

    threads = [Thread(target=tolerant, args=(name,)) for name in ("anna", "bert")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.world.asked) == 1
    settled = desk.request()
    assert settled.state is RequestState.BEGUN
    assert len(settled.consents) + len(too_late) == 2
    assert all("cannot be answered any more: it was begun" in sentence for sentence in too_late)
    assert len({entry.id for entry in desk.told()}) == len(desk.told())


@pytest.mark.parametrize("late", ["answer", "execution"])
def test_what_expired_is_not_done(desk: Desk, grounds: Grounds, late: str) -> None:
    desk.meet(grounds)
    request = desk.request()
    if late == "answer":
        desk.clock.set(request.expires_at)
        with pytest.raises(InputError, match=f"expired at .* ask anew with `sakimori approvals ask {request.id}`"):
            desk.consent(request)
    else:
        desk.clock.set(NOW + 30 * MINUTE)
        desk.consent(request)
        desk.clock.set(NOW + 91 * MINUTE)  # the request still runs; what anna saw an hour ago may not be so any more
    assert desk.go_on(request, grounds) is StepState.PENDING
    assert desk.world.asked == []


def test_what_expired_is_asked_anew_and_who_asks_does_not_approve_alone(desk: Desk, grounds: Grounds) -> None:
    desk.meet(grounds)
    old = desk.request()
    with pytest.raises(InputError, match=f"exactly this is asked in {old.id}"), desk.database.transaction("bank") as t:
        desk.desk.ask_again(t, old.id, asked_by="person:anna")
    desk.clock.set(old.expires_at)
    with desk.database.transaction("bank") as transaction:
        new = desk.desk.ask_again(transaction, old.id, asked_by="person:anna")
    assert [item.state for item in desk.requests()] == [RequestState.EXPIRED, RequestState.WAITING]
    desk.consent(new, "anna")
    assert desk.go_on(new, grounds) is StepState.PENDING
    desk.consent(new, "bert")
    assert desk.go_on(new, grounds) is StepState.DONE


def test_who_started_a_response_does_not_approve_it_alone(desk: Desk, grounds: Grounds) -> None:
    desk.meet(grounds, asked_by="person:佐x")
    request = desk.request()
    desk.consent(request, "佐x")
    assert desk.go_on(request, grounds) is StepState.PENDING
    desk.consent(request, "anna")
    assert desk.go_on(request, grounds) is StepState.DONE


def test_an_approver_who_was_removed_meanwhile_does_not_count(desk: Desk, grounds: Grounds) -> None:
    desk.meet(grounds)
    request = desk.request()
    desk.consent(request, "anna")
    desk.register("anna", removed_at=NOW)
    assert desk.go_on(request, grounds) is StepState.PENDING
    desk.register("anna", Role.ANALYST)
    assert desk.go_on(request, grounds) is StepState.PENDING
    assert desk.world.asked == []
    desk.consent(request, "bert")
    assert desk.go_on(request, grounds) is StepState.DONE
    begun = next(entry for entry in desk.told() if entry.detail.get("state") == "started")
    assert [given["principal"] for given in begun.detail["approvals"]] == ["bert"]


@pytest.mark.parametrize("changed", ["step", "request"])
def test_an_action_that_was_changed_meanwhile_is_not_done_on_the_old_consent(
    desk: Desk, grounds: Grounds, changed: str
) -> None:
    execution = desk.meet(grounds)
    request = desk.request()
    desk.consent(request)
    other = replace(request.action, target=Entity(type=request.action.target.type, value="pay.bank.example"))
    step = replace(execution.steps[0], action=other)
    with desk.database.transaction("bank") as transaction:
        if changed == "step":
            transaction.put(replace(execution, steps=(step,)))
        else:
            transaction.put(replace(desk.request(), action=other, action_hash=other.hash))
    assert desk.go_on(request, grounds) is StepState.PENDING
    assert desk.world.asked == []
    withdrawn, anew = sorted(desk.requests(), key=lambda item: item.state is RequestState.WAITING)
    assert withdrawn.state is RequestState.WITHDRAWN
    assert "not the one that people were shown" in withdrawn.reason
    assert anew.action_hash == (other if changed == "step" else request.action).hash
    assert anew.consents == ()


def test_denial_stands_with_its_reason_also_for_later_plans(
    desk: Desk, grounds: Grounds, make_grounds: MakeGrounds
) -> None:
    execution = desk.meet(grounds)
    request = desk.request()
    desk.deny(request)
    step = desk.executor().read("bank", execution.id).steps[0]
    assert (step.state, step.detail) == (StepState.REFUSED, "Denied by person:bert: maintenance")
    later = desk.meet(make_grounds([(Command.ISOLATE_HOST, DC)], verdict_id="vd-2"))
    assert (later.steps[0].state, later.steps[0].detail) == (
        StepState.REFUSED,
        f"person:bert denied exactly this in {request.id}.",
    )
    assert desk.request().reason == "maintenance"
    with pytest.raises(InputError, match="it was denied"):
        desk.consent(request)
    (entry,) = [entry for entry in desk.told() if entry.action == "approval.denied"]
    assert (entry.actor, entry.detail["reason"]) == ("person:bert", "maintenance")
    desk.clock.set(request.expires_at)
    desk.meet(make_grounds([(Command.ISOLATE_HOST, DC)], verdict_id="vd-3"))
    assert len(desk.requests()) == 2


def test_denial_and_consent_at_once_come_one_after_the_other(desk: Desk, grounds: Grounds) -> None:
    desk.meet(grounds)
    request = desk.request()
    desk.consent(request)
    desk.deny(request)
    assert desk.go_on(request, grounds) is StepState.REFUSED
    assert desk.world.asked == []


def test_a_process_killed_between_approval_and_effect_leaves_it_to_be_done_exactly_once(
    desk: Desk, grounds: Grounds
) -> None:
    desk.meet(grounds)
    request = desk.request()
    desk.consent(request)
    desk.world.dies = True
    with pytest.raises((Killed, BaseExceptionGroup)):
        desk.go_on(request, grounds, holder="victim")
    assert desk.world.asked == []
    desk.world.dies = False
    heir = desk.executor("heir")
    assert desk.go_on(request, grounds, "heir") is StepState.STARTED, "while the lease runs, the step is its holder's"
    desk.clock.set(NOW + 5 * MINUTE)
    assert asyncio.run(heir.recover("bank")) == 1
    assert desk.go_on(request, grounds, "heir") is StepState.DONE
    assert desk.go_on(request, grounds, "heir") is StepState.DONE
    assert desk.world.asked == [f"{request.execution_id}-0-do"]


def test_every_turn_of_a_request_is_in_the_ledger_which_verifies(desk: Desk, grounds: Grounds) -> None:
    desk.meet(grounds)
    desk.consent(desk.request())
    desk.go_on(desk.request(), grounds)
    told = [entry.action for entry in desk.told() if entry.action.startswith("approval.")]
    assert told == ["approval.asked", "approval.given"]
    desk.ledger.sequence(desk.database, "bank")
    with desk.database.snapshot("bank") as snapshot:
        assert desk.ledger.verify(snapshot).ok


def test_institutions_do_not_see_each_others_requests(desk: Desk, grounds: Grounds) -> None:
    desk.meet(grounds)
    request = desk.request()
    with desk.database.snapshot("other") as snapshot:
        assert snapshot.all(ApprovalRequest) == []
    consent = sign_approval(request.action, "anna", KEYS["anna"], now=NOW)
    with pytest.raises(InputError, match="there is no request"), desk.database.transaction("other") as transaction:
        desk.desk.consent(transaction, request.id, consent, desk.approvers)
