"""The live defence meets an action that needs a person, goes on with the next round once somebody consented, once."""

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.service.conftest import DUMP, ENCODED, NOW, line

from sakimori.access import Role, people
from sakimori.access.people import Person
from sakimori.access.rights import Rights
from sakimori.collect import Follower
from sakimori.core import ManualClock
from sakimori.detect import SigmaDetector
from sakimori.investigate import OfflineInvestigator
from sakimori.records import (
    Action,
    ApprovalRequest,
    Command,
    Criticality,
    Effect,
    Entity,
    Execution,
    HostAsset,
    Inventory,
    RequestState,
    StepState,
)
from sakimori.respond import OPEN_FOR, RegisteredApprovers, Requests, ResponsePolicy, load_playbooks, sign_approval
from sakimori.respond.connectors import ConnectorUnreachable
from sakimori.service import Defence, Development, Installation, Means
from sakimori.service.approvals import outlook

_MINUTE = 60 * 10**9
_HOST = "ws-01.bank.example"
_KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)


class _World:
    name = "world"

    def __init__(self) -> None:
        self.isolated: set[str] = set()
        self.asked = 0
        self.away = False

    def reaches(self, command: Command, target: Entity) -> bool:
        return command is Command.ISOLATE_HOST

    async def apply(self, action: Action, *, key: str) -> str:
        self.asked += 1
        if self.away:
            raise ConnectorUnreachable("the switch is away")
        self.isolated.add(action.target.value)
        return "Done."

    async def observe(self, action: Action) -> Effect:
        return Effect.APPLIED if action.target.value in self.isolated else Effect.ABSENT


class _Post:
    """A bank with one vital host, a lead called 花子, and a live defence."""

    def __init__(
        self, install: Installation, clock: ManualClock, detector: SigmaDetector, log: Path, holder: str
    ) -> None:
        host = HostAsset(
            name=_HOST,
            role="workstation",
            criticality=Criticality.VITAL,
            address="192.0.2.1",
            users=("tanaka",),
            services=("payments",),
        )
        self.world = _World()
        means = Means(
            detector=detector,
            offline=OfflineInvestigator(clock),
            model=None,
            inventory=Inventory(tenant="bank", taken_at=NOW, hosts=(host,), accounts=()),
            playbooks=load_playbooks(),
            connectors=(self.world,),
            policy=ResponsePolicy(),
        )
        self.install, self.clock, self.log = install, clock, log
        self.defence = Defence(install, means, holder=holder)
        self._follower = Follower(log, install.tenant, clock=clock)
        key = _KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        with install.database.transaction("bank") as transaction:
            people.put(transaction, Person("bank", "花子", "hanako", frozenset({Role.LEAD}), (key,), 1))

    def hear(self, *lines: bytes, seconds: int = 5) -> Development:
        self.clock.set(self.clock.now() + seconds * 10**9)
        with self.log.open("ab") as file:
            file.writelines(lines)
        return asyncio.run(self.defence.take_in(self._follower.poll()))

    def requests(self) -> list[ApprovalRequest]:
        with self.install.database.snapshot("bank") as snapshot:
            return snapshot.all(ApprovalRequest)

    def isolation(self) -> ApprovalRequest:
        (found,) = [item for item in self.requests() if item.action.command is Command.ISOLATE_HOST]
        return found

    def approve(self, request: ApprovalRequest) -> str:
        """Returns what is still lacking."""
        made = sign_approval(request.action, "花子", _KEY, now=self.clock.now())
        requests = Requests(self.install.ledger, self.clock)
        with self.install.database.transaction("bank") as transaction:
            answered = requests.consent(transaction, request.id, made, RegisteredApprovers(Rights()))
            return outlook(transaction, answered, policy=ResponsePolicy(), now=self.clock.now())

    def state(self, request: ApprovalRequest) -> StepState:
        with self.install.database.snapshot("bank") as snapshot:
            execution = snapshot.get(Execution, request.execution_id)
        assert execution is not None
        return execution.steps[request.step].state


@pytest.fixture
def post(install: Installation, clock: ManualClock, detector: SigmaDetector, tmp_path: Path) -> _Post:
    made = _Post(install, clock, detector, tmp_path / "sysmon.ndjson", "first")
    made.hear(line(1, ENCODED), line(2, DUMP))
    return made


def test_what_a_person_consents_to_is_done_in_the_next_round(post: _Post) -> None:
    request = post.isolation()
    assert request.blast_radius.services == ("payments",)
    assert post.hear().executions == []
    assert post.approve(request) == ""
    (execution,) = post.hear().executions
    assert execution.id == request.execution_id
    assert post.world.isolated == {_HOST}
    assert post.isolation().state is RequestState.BEGUN
    assert post.hear().executions == []
    assert post.world.asked == 1


def test_an_approved_step_that_failed_is_tried_again_a_minute_later_while_the_request_lasts(post: _Post) -> None:
    request = post.isolation()
    post.approve(request)
    post.world.away = True
    post.hear()
    assert post.state(request) is StepState.FAILED
    post.hear()
    assert post.world.asked == 1, "not in every round"
    post.hear(seconds=61)
    assert post.world.asked == 2
    post.world.away = False
    post.hear(seconds=61)
    assert post.state(request) is StepState.DONE
    assert post.world.isolated == {_HOST}


def test_a_failed_step_is_left_when_the_consent_is_old(post: _Post) -> None:
    request = post.isolation()
    post.approve(request)
    post.world.away = True
    post.hear()
    post.hear(seconds=3700)
    assert post.world.asked == 1


def test_what_nobody_answers_expires_and_it_is_said(post: _Post) -> None:
    request = post.isolation()
    post.hear(seconds=OPEN_FOR // 10**9)
    assert post.isolation().state is RequestState.EXPIRED
    assert post.state(request) is StepState.PENDING
    with post.install.database.snapshot("bank") as snapshot:
        told = [item.entry.action for item in post.install.ledger.lines(snapshot)]
    assert "approval.expired" in told


def test_a_successor_goes_on_with_what_was_approved_after_the_first_died(
    post: _Post, detector: SigmaDetector, tmp_path: Path
) -> None:
    """The consent is in the database; the process that asked for it need not live."""
    request = post.isolation()
    post.approve(request)
    post.clock.set(post.clock.now() + _MINUTE)
    successor = _Post(post.install, post.clock, detector, tmp_path / "successor.ndjson", "second")
    successor.hear()
    assert successor.world.isolated == {_HOST}
    assert post.world.isolated == set()
