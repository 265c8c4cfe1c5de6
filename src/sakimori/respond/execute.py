"""Carrying out plans, taking them back, and settling what a crash left open.

Each contact with the outside world is written down before (STARTED, UNDO_STARTED) and after. Between the two, the step
belongs to this executor for the length of a lease. If it dies there, nobody knows whether the contact took place;
``recover`` then asks the connector what is so.
"""

import asyncio
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

from sakimori.core import Clock, InputError
from sakimori.ledger import Ledger
from sakimori.records import (
    Action,
    ApprovalRequest,
    Decision,
    Effect,
    Execution,
    Plan,
    RequestState,
    Ruling,
    Step,
    StepState,
)
from sakimori.respond.approval import Approvers, Consenting
from sakimori.respond.asking import Requests, consents_that_hold
from sakimori.respond.connectors import Connector, ConnectorRefused, ConnectorUnreachable
from sakimori.respond.grounds import Grounds
from sakimori.respond.logbook import SERVICE, Change, Logbook
from sakimori.respond.plan import PLAYBOOK, TIMEOUT_MS, WAITS, begun
from sakimori.respond.policy import ResponsePolicy
from sakimori.store import Database, Transaction
from sakimori.store.journal import FREE, Lease, Moved, Orphan, Standing, orphans, standing

T = TypeVar("T")

_AT_ONCE = 16
"""Contacts at the same time: a host that does not answer must not hold up the containment of others."""
_OBSERVE_TIMEOUT_S = 10.0
_LEASE_MARGIN_S = 10.0
"""How much longer than its contacts a step is held; covers the writing around them."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    effect: Effect
    detail: str
    duration_ms: float


class Executor:
    """Executes plans of the institutions of one database. Several may run, in several processes."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        *,
        connectors: Iterable[Connector],
        policy: ResponsePolicy,
        clock: Clock,
        holder: str,
        approvers: Consenting | None = None,
    ) -> None:
        """``holder``: a random name, which no other executor has or had; it marks the steps that this one holds."""
        self._database = database
        self._logbook = Logbook(ledger, clock)
        self._requests = Requests(ledger, clock)
        self._connectors = {connector.name: connector for connector in connectors}
        self._policy = policy
        self._clock = clock
        self._holder = holder
        self._approvers: Consenting = approvers or Approvers({})

    async def execute(self, planned: Plan, grounds: Grounds, *, asked_by: str = SERVICE) -> Execution:
        """Do what policy allows and what people consented to; for the rest people are asked, or it is refused.

        Policy is asked again as each step is claimed, about the moment in which it would happen. Executing a plan
        again goes on where it stopped: with steps that waited for consent, and with those that failed. Steps that
        another executor holds are left to it.

        ``asked_by``: the actor on whose wish this is done, who may have to leave consent to others.

        Raises:
            InputError: plan and grounds are about different incidents.
            StoreError: the journal cannot be written; nothing was contacted that is not written down.
        """
        if (planned.tenant, planned.incident_id) != (grounds.tenant, grounds.incident.id):
            raise InputError(f"plan {planned.id} is about incident {planned.incident_id}, not {grounds.incident.id}")
        first = begun(planned, now=self._clock.now())
        execution = await self._store(planned.tenant, lambda transaction: self._logbook.open(transaction, first))
        await self._all(execution, _runs(execution), grounds, asked_by)
        return self.read(planned.tenant, execution.id)

    async def proceed(self, request: ApprovalRequest, grounds: Grounds) -> Execution:
        """Go on with the playbook that waited for people's answer to this request.

        Raises:
            InputError: there is no such execution, or it is about another incident than the grounds.
            StoreError: like ``execute``.
        """
        execution = self.read(request.tenant, request.execution_id)
        if (execution.tenant, execution.incident_id) != (grounds.tenant, grounds.incident.id):
            raise InputError(f"execution {execution.id} is about incident {execution.incident_id}")
        waiting = [run for run in _runs(execution) if any(step.number == request.step for step in run)]
        await self._all(execution, waiting, grounds, request.asked_by)
        return self.read(request.tenant, request.execution_id)

    async def undo(self, tenant: str, execution_id: str, *, actor: str) -> Execution:
        """Take back every step that is in force, newest first. Safe to repeat: what is undone stays undone.

        A step that cannot be taken back stays as it is, says why, and does not keep the others from being undone.

        Raises:
            InputError: there is no such execution, or a connector that it needs is not configured; nothing was undone.
        """
        execution = self.read(tenant, execution_id)
        for step in execution.steps:
            if step.state in _MAY_BE_IN_FORCE and step.action.connector not in self._connectors:
                raise InputError(
                    f"execution {execution_id} cannot be undone: the connector '{step.action.connector}' of step "
                    f"{step.number} is not configured here"
                )
        await self.recover(tenant, execution_id=execution_id)
        for step in reversed(self.read(tenant, execution_id).steps):
            if step.state is StepState.FAILED:
                await self._look_again(execution, step)
        for step in reversed(self.read(tenant, execution_id).steps):
            if step.state is StepState.DONE:
                await self._undo(execution, step, actor)
        return self.read(tenant, execution_id)

    async def recover(self, tenant: str, *, execution_id: str | None = None) -> int:
        """Settle steps that a dead executor left open, by observing. Returns how many are settled now.

        What is in force is done; what is not may be executed again; what cannot be observed stays open. Steps whose
        lease still runs belong to an executor that may be alive: call this when starting, and then again and again.
        """
        with self._database.snapshot(tenant) as snapshot:
            found = orphans(snapshot, now=self._clock.now())
        wanted = [orphan for orphan in found if execution_id in (None, orphan.execution_id)]
        return sum([await self._settle(tenant, orphan) for orphan in wanted])

    def read(self, tenant: str, execution_id: str) -> Execution:
        """An execution as the journal has it.

        Raises:
            InputError: there is none of that id.
        """
        with self._database.snapshot(tenant) as snapshot:
            execution = snapshot.get(Execution, execution_id)
        if execution is None:
            raise InputError(f"there is no execution '{execution_id}': `sakimori runs list` shows which there are")
        return execution

    async def _all(self, execution: Execution, runs: Iterable[Sequence[Step]], grounds: Grounds, asked_by: str) -> None:
        turns = asyncio.Semaphore(_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as tasks:
                for run in runs:
                    tasks.create_task(self._run(execution, run, grounds, asked_by, turns))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _run(
        self, execution: Execution, steps: Sequence[Step], grounds: Grounds, asked_by: str, turns: asyncio.Semaphore
    ) -> None:
        """One playbook on one target: each step only when the one before is done."""
        for step in steps:
            state: StepState | None = step.state
            if state in (StepState.PENDING, StepState.FAILED):
                async with turns:
                    state = await self._do(execution, step, grounds, asked_by)
            if state is not StepState.DONE:
                return

    async def _do(self, execution: Execution, step: Step, grounds: Grounds, asked_by: str) -> StepState | None:
        """Claim a step, do it, settle it. Returns the state it came to; None: somebody else has it."""
        moved = await self._claim(execution, step, grounds, asked_by)
        connector = self._connectors.get(step.action.connector)
        if moved is None or moved.step.state is not StepState.STARTED or connector is None:
            return moved and moved.step.state
        with self._interruptible(execution, moved.step):
            if not moved.started_before and await self._observe(step.action) is Effect.APPLIED:
                # Another hand's work: not ours to take back later, so not ours to claim.
                change = Change(StepState.REFUSED, "It was so already, by another hand.")
            else:
                outcome = await self._contact(connector, step.action, key=f"{execution.id}-{step.number}-do")
                change = Change(_DONE_OR[outcome.effect], outcome.detail, duration_ms=outcome.duration_ms)
            settled = await self._change(execution, moved.step, change, held_by=self._holder)
        return settled and settled.step.state

    async def _claim(self, execution: Execution, step: Step, grounds: Grounds, asked_by: str) -> Moved | None:
        """Take a step in hand, let it wait for people, or refuse it, as policy says in the same transaction."""
        action = step.action

        def claim(transaction: Transaction) -> Moved | None:
            held = standing(transaction, now=self._clock.now())
            decision = self._policy.rule(action, grounds, held)
            if decision.ruling is Ruling.DENY:
                change = Change(StepState.REFUSED, decision.reason, decision=decision)
            elif action.connector not in self._connectors:
                change = Change(StepState.REFUSED, f"The connector '{action.connector}' is not configured here.")
            elif decision.ruling is Ruling.ALLOW:
                change = Change(StepState.STARTED, "Begun.", lease=self._lease(action), decision=decision)
            else:
                change = self._with_people(transaction, execution, step, grounds, held, decision, asked_by)
            # A step that failed and may not be tried again stays failed: undo looks at it once more.
            idle = step.state is StepState.FAILED or (step.state, step.decision) == (change.state, decision)
            if change.state is not StepState.STARTED and idle:
                return None
            moved = self._logbook.write(transaction, execution.id, step, change)
            if moved is not None and change.state is not StepState.PENDING and not change.consents:
                self._requests.withdraw(transaction, execution.id, step, change.detail)
            return moved

        return await self._store(execution.tenant, claim)

    def _with_people(
        self,
        transaction: Transaction,
        execution: Execution,
        step: Step,
        grounds: Grounds,
        held: Standing,
        decision: Decision,
        asked_by: str,
    ) -> Change:
        """Begin the step on consents that hold at this moment; without them ask, and wait."""
        action, now = step.action, self._clock.now()
        request = self._requests.of_step(transaction, execution.id, step)
        if request is None:
            request = self._requests.ask(
                transaction,
                execution,
                step,
                verdict_id=grounds.verdict.id,
                blast_radius=grounds.blast_radius(action),
                decision=decision,
                asked_by=asked_by,
            )
            if request.state is RequestState.DENIED:
                return Change(StepState.REFUSED, f"{request.settled_by} denied exactly this in {request.id}.")
        own = (request.execution_id, request.step) == (execution.id, step.number)
        consents = consents_that_hold(self._approvers, transaction, request, now=now) if own else []
        approvers = {f"person:{given.principal}" for given in consents}
        lacks = self._policy.consent_lacks(action, grounds, held, approvers=approvers, asked_by=request.asked_by)
        if not consents or lacks:
            return Change(StepState.PENDING, WAITS, decision=decision)
        self._requests.begun(transaction, request)
        names = ", ".join(sorted(given.principal for given in consents))
        return Change(
            StepState.STARTED,
            f"Begun with the consent of {names}.",
            lease=self._lease(action),
            decision=decision,
            consents=consents,
            request=request.id,
        )

    async def _look_again(self, execution: Execution, step: Step) -> None:
        """A contact without an answer may have worked after we looked; unless the effect is another execution's."""
        if await self._observe(step.action) is not Effect.APPLIED:
            return
        change = Change(StepState.DONE, "Found in force after it had seemed to fail.")

        def claim(transaction: Transaction) -> None:
            held = standing(transaction, now=self._clock.now()).holding(step.action.command, step.action.target)
            if held is None:
                self._logbook.write(transaction, execution.id, step, change)

        await self._store(execution.tenant, claim)

    async def _undo(self, execution: Execution, step: Step, actor: str) -> None:
        action = replace(step.action, command=step.action.command.inverse)
        change = Change(StepState.UNDO_STARTED, "Is being taken back.", lease=self._lease(action), actor=actor)
        moved = await self._change(execution, step, change)
        if moved is None:
            return
        with self._interruptible(execution, moved.step):
            connector = self._connectors[action.connector]
            outcome = await self._contact(connector, action, key=f"{execution.id}-{step.number}-undo")
            state = _UNDONE_OR[outcome.effect]
            change = Change(state, outcome.detail, actor=actor, duration_ms=outcome.duration_ms)
            await self._change(execution, moved.step, change, held_by=self._holder)

    async def _settle(self, tenant: str, orphan: Orphan) -> bool:
        """Take over an open step and look what is so. Returns whether that settled it."""
        execution = self.read(tenant, orphan.execution_id)
        step = execution.steps[orphan.number]
        taken = Change(orphan.state, "Its outcome is being looked up.", lease=self._lease(step.action))
        moved = await self._change(execution, step, taken, held_by=orphan.holder)
        if moved is None:
            return False
        with self._interruptible(execution, moved.step):
            effect = await self._observe(step.action)
            await self._change(execution, moved.step, _FOUND[orphan.state, effect], held_by=self._holder)
        return effect is not Effect.UNKNOWN

    async def _contact(self, connector: Connector, action: Action, *, key: str) -> _Outcome:
        """Ask for an effect, then look whether it is there: an answer is a claim, an observation is a fact."""
        started = time.perf_counter()
        claimed = Effect.UNKNOWN
        try:
            async with asyncio.timeout(_timeout_s(action)):
                detail = await connector.apply(action, key=key)
            claimed = Effect.APPLIED
        except ConnectorRefused as error:
            claimed, detail = Effect.ABSENT, str(error)
        except ConnectorUnreachable as error:
            detail = str(error)
        except TimeoutError:
            detail = f"The connector '{action.connector}' did not answer within {_timeout_s(action):g} s."
        duration_ms = (time.perf_counter() - started) * 1000
        effect = await self._observe(action)
        if effect is Effect.UNKNOWN:
            return _Outcome(claimed, f"{detail} (the effect could not be looked at)", duration_ms)
        if effect is Effect.ABSENT and claimed is Effect.APPLIED:
            detail = f"The connector '{action.connector}' said it was done, but the effect is not there."
        return _Outcome(effect, detail, duration_ms)

    async def _observe(self, action: Action) -> Effect:
        connector = self._connectors.get(action.connector)
        if connector is None:
            return Effect.UNKNOWN
        try:
            async with asyncio.timeout(_OBSERVE_TIMEOUT_S):
                return await connector.observe(action)
        except TimeoutError:
            return Effect.UNKNOWN

    async def _change(
        self, execution: Execution, step: Step, change: Change, *, held_by: str = FREE.holder
    ) -> Moved | None:
        return await self._store(
            execution.tenant,
            lambda transaction: self._logbook.write(transaction, execution.id, step, change, held_by=held_by),
        )

    async def _store(self, tenant: str, work: Callable[[Transaction], T]) -> T:
        """Run a transaction in a thread: waiting for another process's must not hold up contacts."""

        def run() -> T:
            with self._database.transaction(tenant) as transaction:
                return work(transaction)

        return await asyncio.to_thread(run)

    @contextmanager
    def _interruptible(self, execution: Execution, step: Step) -> Generator[None, None, None]:
        """On Ctrl-C, give the step to whoever recovers it, at once rather than when the lease runs out."""
        try:
            yield
        except asyncio.CancelledError:
            change = Change(step.state, "Interrupted; its outcome is unknown.")
            with self._database.transaction(execution.tenant) as transaction:
                self._logbook.write(transaction, execution.id, step, change, held_by=self._holder)
            raise

    def _lease(self, action: Action) -> Lease:
        seconds = _timeout_s(action) + 2 * _OBSERVE_TIMEOUT_S + _LEASE_MARGIN_S
        return Lease(self._holder, self._clock.now() + round(seconds * 1e9))


def _timeout_s(action: Action) -> float:
    return int(action.parameters[TIMEOUT_MS]) / 1000


def _runs(execution: Execution) -> Iterator[Sequence[Step]]:
    """Steps that follow one another: those of one playbook on one target. Different runs do not wait for each other."""
    for _, steps in groupby(execution.steps, key=lambda step: (step.action.parameters[PLAYBOOK], step.action.target)):
        yield tuple(steps)


_MAY_BE_IN_FORCE = (StepState.STARTED, StepState.DONE, StepState.FAILED, StepState.UNDO_STARTED)
_DONE_OR = {Effect.APPLIED: StepState.DONE, Effect.ABSENT: StepState.FAILED, Effect.UNKNOWN: StepState.STARTED}
_UNDONE_OR = {Effect.APPLIED: StepState.UNDONE, Effect.ABSENT: StepState.DONE, Effect.UNKNOWN: StepState.UNDO_STARTED}
_FOUND = {
    (StepState.STARTED, Effect.APPLIED): Change(StepState.DONE, "Found in force after an interruption."),
    (StepState.STARTED, Effect.ABSENT): Change(StepState.FAILED, "Found not done after an interruption."),
    (StepState.STARTED, Effect.UNKNOWN): Change(StepState.STARTED, "Begun, then interrupted; its outcome is unknown."),
    (StepState.UNDO_STARTED, Effect.APPLIED): Change(StepState.DONE, "Found still in force after an interrupted undo."),
    (StepState.UNDO_STARTED, Effect.ABSENT): Change(StepState.UNDONE, "Found taken back after an interruption."),
    (StepState.UNDO_STARTED, Effect.UNKNOWN): Change(
        StepState.UNDO_STARTED, "Undo was begun, then interrupted; its outcome is unknown."
    ),
}
"""What recovery makes of an open step, by what it was and what is so."""
