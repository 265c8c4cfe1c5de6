"""Responses: typed commands to connectors, what they would touch, what they did, and how they are taken back."""

import hashlib
from enum import StrEnum
from typing import ClassVar

from sakimori.core import Nanos
from sakimori.records.codec import as_plain, canonical_json, record
from sakimori.records.finding import Entity


class Command(StrEnum):
    """What a connector can be asked to do. Each has an inverse."""

    ISOLATE_HOST = "isolate_host"
    RELEASE_HOST = "release_host"
    DISABLE_ACCOUNT = "disable_account"
    ENABLE_ACCOUNT = "enable_account"

    @property
    def inverse(self) -> "Command":
        return _INVERSE[self]


_INVERSE = {
    Command.ISOLATE_HOST: Command.RELEASE_HOST,
    Command.RELEASE_HOST: Command.ISOLATE_HOST,
    Command.DISABLE_ACCOUNT: Command.ENABLE_ACCOUNT,
    Command.ENABLE_ACCOUNT: Command.DISABLE_ACCOUNT,
}


@record
class Action:
    """A typed command to a connector. Consent is given to exactly this: its hash."""

    tenant: str
    command: Command
    target: Entity
    connector: str
    incident_id: str
    parameters: dict[str, str]

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON form, hex."""
        return hashlib.sha256(canonical_json(as_plain(self))).hexdigest()


@record
class BlastRadius:
    """What else an action would hit, as the inventory has it."""

    hosts: tuple[str, ...]
    accounts: tuple[str, ...]
    services: tuple[str, ...]
    """Business services that lose something."""
    people: int
    """Staff who lose their workplace or account while it lasts."""


class Effect(StrEnum):
    """The state of an action's effect in the outside world, as its connector observes it."""

    APPLIED = "applied"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Ruling(StrEnum):
    ALLOW = "allow"
    NEEDS_APPROVAL = "needs_approval"
    DENY = "deny"


@record
class Decision:
    """What policy said of one action."""

    ruling: Ruling
    policies: tuple[str, ...]
    """Names of the policies that decided."""
    reason: str
    """One sentence for people, in English."""
    reason_ja: str


@record
class PlannedAction:
    action: Action
    blast_radius: BlastRadius
    decision: Decision


@record
class Plan:
    SCHEMA: ClassVar[str] = "sakimori.plan/1"

    id: str
    tenant: str
    incident_id: str
    playbook_ids: tuple[str, ...]
    """CACAO playbook ids whose steps the actions come from."""
    actions: tuple[PlannedAction, ...]
    made_at: Nanos


@record
class Approval:
    """A person's signed consent to exactly one action."""

    action_hash: str
    principal: str
    signed_at: Nanos
    signature: str
    """Base64 over the action hash and the time."""


class StepState(StrEnum):
    """Written to the journal before and after each contact with the outside world."""

    PENDING = "pending"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    UNDO_STARTED = "undo_started"
    UNDONE = "undone"


@record
class Step:
    """One step of an execution, as the journal knows it."""

    number: int
    playbook_step: str
    """CACAO workflow step id."""
    action: Action
    decision: Decision
    state: StepState
    detail: str
    """What the connector answered, or why it was refused: one sentence."""
    updated_at: Nanos
    duration_ms: float = 0.0
    """Time the connector took, for the step's last contact."""


@record
class Execution:
    """One execution of a plan."""

    SCHEMA: ClassVar[str] = "sakimori.execution/1"

    id: str
    tenant: str
    plan_id: str
    incident_id: str
    dry_run: bool
    started_at: Nanos
    steps: tuple[Step, ...]


class RequestState(StrEnum):
    """What became of a request for approval. One that expired waits until somebody looks: compare ``expires_at``."""

    WAITING = "waiting"
    BEGUN = "begun"
    """Enough people consented, and the step was begun on it: it serves no other step."""
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Policy, or what is so outside, no longer lets the step happen."""


@record
class ApprovalRequest:
    """One step of an execution that waits for people's consent to exactly its action."""

    SCHEMA: ClassVar[str] = "sakimori.approval-request/1"

    id: str
    tenant: str
    execution_id: str
    step: int
    """Its number in the execution."""
    verdict_id: str
    """The verdict that asked for a response: policy is asked again about it when the step begins."""
    action: Action
    action_hash: str
    """As it was shown: a request whose action has another hash was altered, and is good for nothing."""
    blast_radius: BlastRadius
    decision: Decision
    """Why people are asked."""
    words: str
    """What would be done, in one English sentence."""
    words_ja: str
    asked_by: str
    """The actor, as the ledger names it: ``service:respond`` or ``person:佐藤 花子``."""
    asked_at: Nanos
    expires_at: Nanos
    right: str
    """Whoever has this right may consent."""
    state: RequestState = RequestState.WAITING
    consents: tuple[Approval, ...] = ()
    settled_by: str = ""
    settled_at: Nanos = 0
    reason: str = ""
    """Why it was denied or withdrawn."""

    def waits(self, now: Nanos) -> bool:
        return self.state is RequestState.WAITING and now < self.expires_at
