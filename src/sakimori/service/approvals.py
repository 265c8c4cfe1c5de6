"""What people consented to goes on: by the live defence in its next round, or by ``sakimori approvals run``."""

from collections.abc import Collection

from sakimori.core import Nanos
from sakimori.records import (
    ApprovalRequest,
    Execution,
    Incident,
    Inventory,
    RequestState,
    Ruling,
    StepState,
    Verdict,
)
from sakimori.respond import Consenting, Executor, Grounds, Requests, ResponsePolicy, consents_that_hold
from sakimori.service.installation import Installation
from sakimori.store import Snapshot
from sakimori.store.journal import standing

_MOST_BEGUN = 100
"""Of approved steps that were begun, so many are looked at for failures: most are done, and all are kept."""


def ready(
    snapshot: Snapshot, approvers: Consenting, *, connectors: Collection[str], now: Nanos, failed_before: Nanos
) -> list[ApprovalRequest]:
    """Requests with a consent that holds, whose step waits, or failed before a time: an approved step is tried again.

    Those that need a connector which is not here are left to whoever has it.
    """
    waiting = snapshot.all(ApprovalRequest, where={"state": RequestState.WAITING})
    begun = snapshot.all(ApprovalRequest, where={"state": RequestState.BEGUN}, newest_first=True, limit=_MOST_BEGUN)
    answered = [
        request
        for request in (*waiting, *begun)
        if request.consents and now < request.expires_at and request.action.connector in connectors
    ]
    return [
        request
        for request in answered
        if _can_begin(snapshot, request, failed_before) and consents_that_hold(approvers, snapshot, request, now=now)
    ]


async def go_on(
    install: Installation,
    executor: Executor,
    approvers: Consenting,
    *,
    connectors: Collection[str],
    failed_before: Nanos,
) -> list[Execution]:
    """Carry out what people consented to, and note which requests nobody answered in time.

    Raises:
        StoreError: the install cannot be used.
    """
    now = install.clock.now()
    with install.database.snapshot(install.tenant) as snapshot:
        stale = [
            request
            for request in snapshot.all(ApprovalRequest, where={"state": RequestState.WAITING})
            if request.expires_at <= now
        ]
        requests = ready(snapshot, approvers, connectors=connectors, now=now, failed_before=failed_before)
        grounds = {request.id: grounds_of(snapshot, request) for request in requests}
    if stale:
        with install.database.transaction(install.tenant) as transaction:
            Requests(install.ledger, install.clock).expire(transaction)
    return [
        await executor.proceed(request, known) for request in requests if (known := grounds[request.id]) is not None
    ]


def grounds_of(snapshot: Snapshot, request: ApprovalRequest) -> Grounds | None:
    """What the request rests on, as it is kept now; None where that is not there (any more)."""
    verdict = snapshot.get(Verdict, request.verdict_id)
    incident = verdict and snapshot.get(Incident, verdict.incident_id)
    inventory = snapshot.get(Inventory, "current")
    if verdict is None or incident is None or inventory is None or incident.id != request.action.incident_id:
        return None
    return Grounds(verdict=verdict, incident=incident, inventory=inventory)


def outlook(snapshot: Snapshot, request: ApprovalRequest, *, policy: ResponsePolicy, now: Nanos) -> str:
    """Why the request's consents would not let the step begin at this moment, in English; empty: they would."""
    known = grounds_of(snapshot, request)
    if known is None:
        return "The verdict, incident or inventory that it rests on is not kept here."
    held = standing(snapshot, now=now)
    ruled = policy.rule(request.action, known, held)
    if ruled.ruling is not Ruling.NEEDS_APPROVAL:
        return ruled.reason if ruled.ruling is Ruling.DENY else ""
    approvers = {f"person:{given.principal}" for given in request.consents}
    lacks = policy.consent_lacks(request.action, known, held, approvers=approvers, asked_by=request.asked_by)
    return lacks.reason if lacks else ""


def _can_begin(snapshot: Snapshot, request: ApprovalRequest, failed_before: Nanos) -> bool:
    execution = snapshot.get(Execution, request.execution_id)
    if execution is None or request.step >= len(execution.steps):
        return False
    if execution.incident_id != request.action.incident_id:
        return False
    step = execution.steps[request.step]
    return step.state is StepState.PENDING or (step.state is StepState.FAILED and step.updated_at < failed_before)
