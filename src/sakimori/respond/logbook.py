"""Writing down what happens to a step: in the journal and in the ledger, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sakimori.core import Clock
from sakimori.ledger import Ledger
from sakimori.records import Approval, Decision, Execution, LedgerEntry, Step, StepState
from sakimori.respond.plan import PLAYBOOK
from sakimori.store import Transaction
from sakimori.store.journal import FREE, Lease, Moved, begin, move

SERVICE = "service:respond"
"""The actor of what happens without a person."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a step becomes, and on whose authority."""

    state: StepState
    detail: str
    lease: Lease = FREE
    """Who may settle it next; FREE with an unsettled state: whoever comes to recover it."""
    actor: str = SERVICE
    decision: Decision | None = None
    """Policy's newest word, where it was asked again."""
    consents: Sequence[Approval] = ()
    """What was needed and given."""
    request: str = ""
    """The request that people answered."""
    duration_ms: float | None = None


class Logbook:
    """Writes steps down. Holds no state of its own."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def open(self, transaction: Transaction, execution: Execution) -> Execution:
        """Keep a new execution; one that is there already stays as it is. Returns what is kept."""
        kept = begin(transaction, execution)
        if kept is execution:
            for step in execution.steps:
                self._tell(transaction, execution.id, step, 0, Change(step.state, step.detail))
        return kept

    def write(
        self, transaction: Transaction, execution_id: str, step: Step, change: Change, *, held_by: str = FREE.holder
    ) -> Moved | None:
        """Make the change, if the step still is in ``step.state`` and in these hands; None: it is not."""
        moved = move(
            transaction,
            execution_id,
            step.number,
            expected=step.state,
            held_by=held_by,
            to=change.state,
            lease=change.lease,
            now=self._clock.now(),
            detail=change.detail,
            decision=change.decision,
            duration_ms=change.duration_ms,
        )
        if moved is None:
            return None
        self._tell(transaction, execution_id, moved.step, moved.revision, change)
        return moved

    def _tell(self, transaction: Transaction, execution_id: str, step: Step, revision: int, change: Change) -> None:
        """Names and texts from outside stay out of the ledger: the action's hash stands for its target."""
        action = step.action
        detail: dict[str, Any] = {
            "state": step.state.value,
            "command": action.command.value,
            "action_hash": action.hash,
            "connector": action.connector,
            "playbook": action.parameters[PLAYBOOK],
            "ruling": step.decision.ruling.value,
            "policies": list(step.decision.policies),
        }
        if change.consents:
            detail["request"] = change.request
            detail["approvals"] = [
                {"principal": given.principal, "signed_at": given.signed_at, "signature": given.signature}
                for given in change.consents
            ]
        entry = LedgerEntry(
            id=f"{execution_id}-{step.number}-{revision}",
            tenant=action.tenant,
            time=step.updated_at,
            actor=change.actor,
            action="response.step",
            subject=execution_id,
            detail=detail,
        )
        self._ledger.append(transaction, entry)
