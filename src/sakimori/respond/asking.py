"""Asking people: requests for approval, what becomes of them, and the ledger's word of it in the same transaction.

A request is about one step of one execution and exactly its action. What people answer is kept with it; whether that
suffices, the executor finds out in the transaction that begins the step: then, not before, count
the signature, its age, the person's rights, and policy.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from sakimori.access.rights import Right
from sakimori.core import Clock, InputError, Nanos, rfc3339
from sakimori.ledger import Ledger
from sakimori.records import (
    Action,
    Approval,
    ApprovalRequest,
    BlastRadius,
    Command,
    Decision,
    Execution,
    LedgerEntry,
    RequestState,
    Step,
    StepState,
)
from sakimori.respond.approval import Consenting
from sakimori.respond.logbook import SERVICE, Change, Logbook
from sakimori.store import Snapshot, Transaction

OPEN_FOR: Nanos = 4 * 3_600_000_000_000
"""How long a request can be answered: after that, what people are shown may no longer be so."""
_WORDS: Mapping[Command, tuple[str, str]] = {
    Command.ISOLATE_HOST: ("Isolate the host {target}", "ホスト {target} を隔離する"),
    Command.RELEASE_HOST: ("Release the host {target}", "ホスト {target} の隔離を解除する"),
    Command.DISABLE_ACCOUNT: ("Disable the account {target}", "アカウント {target} を停止する"),
    Command.ENABLE_ACCOUNT: ("Enable the account {target}", "アカウント {target} を有効にする"),
}
_WAITING = (StepState.PENDING, StepState.FAILED)
_CHANGED = "The action is not the one that people were shown any more."


class Requests:
    """Requests of the institution of each transaction. Holds no state of its own."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._logbook = Logbook(ledger, clock)
        self._clock = clock

    def ask(
        self,
        transaction: Transaction,
        execution: Execution,
        step: Step,
        *,
        verdict_id: str,
        blast_radius: BlastRadius,
        decision: Decision,
        asked_by: str,
    ) -> ApprovalRequest:
        """Ask for consent to a step. Where exactly this action is asked about or was denied already, that stands.

        Returns the request that stands: its own, or another step's, until it expires.
        """
        standing = self._standing(transaction, step.action)
        if standing is not None:
            return standing
        now, action = self._clock.now(), step.action
        before = transaction.all(ApprovalRequest, where={"execution_id": execution.id})
        words, words_ja = _WORDS[action.command]
        through = (f" through the connector '{action.connector}'.", f"（コネクター：{action.connector}）。")
        request = ApprovalRequest(
            id=_id(execution, step, turn=len(before)),
            tenant=execution.tenant,
            execution_id=execution.id,
            step=step.number,
            verdict_id=verdict_id,
            action=action,
            action_hash=action.hash,
            blast_radius=blast_radius,
            decision=decision,
            words=words.format(target=action.target.value) + through[0],
            words_ja=words_ja.format(target=action.target.value) + through[1],
            asked_by=asked_by,
            asked_at=now,
            expires_at=now + OPEN_FOR,
            right=Right.APPROVE_ACTION.value,
        )
        transaction.put(request)
        self._tell(transaction, request, "asked", asked_by, {"expires_at": request.expires_at})
        return request

    def ask_again(self, transaction: Transaction, id: str, *, asked_by: str) -> ApprovalRequest:
        """Ask anew about a step that still waits, after its request expired.

        Raises:
            InputError: there is no such request, it can still be answered, or its step does not wait any more.
        """
        old = find_request(transaction, id)
        execution, step = _step_of(transaction, old)
        if step.state not in _WAITING:
            raise InputError(f"step {step.number} of execution {execution.id} does not wait: it is {step.state.value}")
        if (standing := self._standing(transaction, step.action)) is not None:
            raise InputError(f"exactly this is asked in {standing.id}, until {rfc3339(standing.expires_at)}")
        if old.state is RequestState.WAITING:
            self._expire(transaction, old)
        return self.ask(
            transaction,
            execution,
            step,
            verdict_id=old.verdict_id,
            blast_radius=old.blast_radius,
            decision=old.decision,
            asked_by=asked_by,
        )

    def consent(self, transaction: Transaction, id: str, approval: Approval, approvers: Consenting) -> ApprovalRequest:
        """Keep a person's consent.

        Raises:
            InputError: the request cannot be answered any more, its action changed, the consent was given before, or
                it is not the recent signature of somebody who may consent.
        """
        now = self._clock.now()
        request = self._answerable(transaction, id, now)
        for known in transaction.all(ApprovalRequest, where={"action_hash": request.action_hash}):
            if any(_same(given, approval) for given in known.consents):
                raise InputError(f"this consent was given to {known.id} already: sign anew what `approvals show` shows")
        if not approvers.consented(transaction, approval, request.action, now=now):
            raise InputError(
                f"the signature is no consent of '{approval.principal}' to {id}: it must be made within the last hour, "
                "over exactly this action, with a key that is registered for a person who may approve"
            )
        answered = replace(request, consents=(*request.consents, approval))
        transaction.put(answered)
        told = {"signed_at": approval.signed_at, "signature": approval.signature}
        self._tell(transaction, answered, "given", f"person:{approval.principal}", told)
        return answered

    def deny(self, transaction: Transaction, id: str, *, actor: str, reason: str) -> ApprovalRequest:
        """Refuse the step for good. It stands until the request would have expired, also for other plans.

        Raises:
            InputError: the request cannot be answered any more.
        """
        request = self._answerable(transaction, id, self._clock.now())
        execution, step = _step_of(transaction, request)
        denied = self._settle(transaction, request, RequestState.DENIED, actor, reason)
        if step.state is StepState.PENDING:
            change = Change(StepState.REFUSED, f"Denied by {actor}: {reason}", actor=actor)
            self._logbook.write(transaction, execution.id, step, change)
        return denied

    def begun(self, transaction: Transaction, request: ApprovalRequest) -> None:
        """Note that the step was begun on the consents; the step's own ledger entry has them."""
        if request.state is RequestState.WAITING:
            transaction.put(
                replace(request, state=RequestState.BEGUN, settled_by=SERVICE, settled_at=self._clock.now())
            )

    def expire(self, transaction: Transaction) -> None:
        """Note which requests nobody answered in time."""
        for request in transaction.all(ApprovalRequest, where={"state": RequestState.WAITING}):
            if request.expires_at <= self._clock.now():
                self._expire(transaction, request)

    def of_step(self, transaction: Transaction, execution_id: str, step: Step) -> ApprovalRequest | None:
        """The newest request about this step that may still serve; one whose action changed is withdrawn."""
        now = self._clock.now()
        for request in transaction.all(ApprovalRequest, where={"execution_id": execution_id}, newest_first=True):
            serves = request.state in (RequestState.WAITING, RequestState.BEGUN) and now < request.expires_at
            if request.step != step.number or not serves:
                continue
            if request.action_hash == request.action.hash == step.action.hash:
                return request
            self._settle(transaction, request, RequestState.WITHDRAWN, SERVICE, _CHANGED)
        return None

    def withdraw(self, transaction: Transaction, execution_id: str, step: Step, reason: str) -> None:
        """Ask no longer: the step goes on, or does not, without people."""
        request = self.of_step(transaction, execution_id, step)
        if request is not None and request.state is RequestState.WAITING:
            self._settle(transaction, request, RequestState.WITHDRAWN, SERVICE, reason)

    def _answerable(self, transaction: Transaction, id: str, now: Nanos) -> ApprovalRequest:
        request = find_request(transaction, id)
        if request.state is not RequestState.WAITING:
            when = rfc3339(request.settled_at)
            raise InputError(f"{id} cannot be answered any more: it was {request.state.value} at {when}")
        if request.expires_at <= now:
            raise InputError(
                f"{id} expired at {rfc3339(request.expires_at)}: look again, and ask anew with `sakimori approvals "
                f"ask {id}`"
            )
        execution, step = _step_of(transaction, request)
        if not request.action_hash == request.action.hash == step.action.hash:
            raise InputError(f"{id} cannot be answered: the action of execution {execution.id} is another one by now")
        if step.state not in _WAITING:
            raise InputError(f"{id} cannot be answered: step {step.number} of {execution.id} is {step.state.value}")
        return request

    def _standing(self, snapshot: Snapshot, action: Action) -> ApprovalRequest | None:
        """The request that asks about exactly this action, or in which it was denied, until it expires."""
        now = self._clock.now()
        for known in snapshot.all(ApprovalRequest, where={"action_hash": action.hash}, newest_first=True):
            if now < known.expires_at and known.state in (RequestState.WAITING, RequestState.DENIED):
                return known
        return None

    def _expire(self, transaction: Transaction, request: ApprovalRequest) -> None:
        self._settle(transaction, request, RequestState.EXPIRED, SERVICE, "Nobody whose word suffices answered.")

    def _settle(
        self, transaction: Transaction, request: ApprovalRequest, state: RequestState, actor: str, reason: str
    ) -> ApprovalRequest:
        settled = replace(request, state=state, settled_by=actor, settled_at=self._clock.now(), reason=reason)
        transaction.put(settled)
        self._tell(transaction, settled, state.value, actor, {"reason": reason})
        return settled

    def _tell(
        self, transaction: Transaction, request: ApprovalRequest, what: str, actor: str, more: Mapping[str, object]
    ) -> None:
        """Names from outside stay out of the ledger: the action's hash stands for its target."""
        turn = f"{what}-{len(request.consents)}" if what == "given" else what
        entry = LedgerEntry(
            id=f"{request.id}-{turn}",
            tenant=request.tenant,
            time=self._clock.now(),
            actor=actor,
            action=f"approval.{what}",
            subject=request.id,
            detail={
                "execution": request.execution_id,
                "step": request.step,
                "command": request.action.command.value,
                "action_hash": request.action_hash,
                "policies": list(request.decision.policies),
                **more,
            },
        )
        self._ledger.append(transaction, entry)


def find_request(snapshot: Snapshot, id: str) -> ApprovalRequest:
    """A request by its id. Raises InputError where there is none."""
    request = snapshot.get(ApprovalRequest, id)
    if request is None:
        raise InputError(f"there is no request for approval '{id}': `sakimori approvals list --all` shows which are")
    return request


def consents_that_hold(
    approvers: Consenting, snapshot: Snapshot, request: ApprovalRequest, *, now: Nanos
) -> list[Approval]:
    """The consents of a request that hold at this moment."""
    return [given for given in request.consents if approvers.consented(snapshot, given, request.action, now=now)]


def _step_of(snapshot: Snapshot, request: ApprovalRequest) -> tuple[Execution, Step]:
    execution = snapshot.get(Execution, request.execution_id)
    if execution is None or request.step >= len(execution.steps):
        raise InputError(f"{request.id} is about an execution that is not there: restore a backup")
    return execution, execution.steps[request.step]


def _same(given: Approval, approval: Approval) -> bool:
    """A consent is what was signed: who, when, to what. Two signatures of the same words are one consent."""
    return (given.action_hash, given.principal, given.signed_at) == (
        approval.action_hash,
        approval.principal,
        approval.signed_at,
    )


def _id(execution: Execution, step: Step, *, turn: int) -> str:
    text = "\0".join((execution.tenant, execution.id, str(step.number), str(turn)))
    return "ap-" + hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
