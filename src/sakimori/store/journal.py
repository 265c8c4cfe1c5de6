"""The journal of responses: the state of every step, written before and after each contact with the outside world.

The rows are the truth about states; the ``Execution`` document is rewritten from each change in the same transaction,
so that readers see steps as they are. A change names the state and the holder it expects to find: of two processes only
one gets a step, and one that lost its lease cannot overwrite what another has settled.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Named, Table, Text, or_

from sakimori.core import Nanos
from sakimori.records import Command, Decision, Entity, Execution, Ruling, Step, StepState
from sakimori.store.schema import AnyText, TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction

_HOUR_NS = 3_600_000_000_000
_UNSETTLED = (StepState.STARTED, StepState.UNDO_STARTED)
_IN_FORCE = (StepState.STARTED, StepState.DONE, StepState.UNDO_STARTED)

TRANSITIONS = {
    StepState.PENDING: {StepState.PENDING, StepState.STARTED, StepState.REFUSED},
    StepState.STARTED: {StepState.STARTED, StepState.DONE, StepState.FAILED, StepState.REFUSED},
    StepState.FAILED: {StepState.STARTED, StepState.DONE},
    StepState.REFUSED: set[StepState](),
    StepState.DONE: {StepState.UNDO_STARTED},
    StepState.UNDO_STARTED: {StepState.UNDO_STARTED, StepState.UNDONE, StepState.DONE},
    StepState.UNDONE: set[StepState](),
}
"""What may follow what. A state that follows itself changes its holder, detail or decision."""


class JournalColumns(TenantColumns):
    execution_id: Named[str] = Column(Text, primary_key=True)
    number: Named[int] = Column(Integer, primary_key=True)
    state: Named[str] = Column(Text)
    command: Named[str] = Column(Text)
    target: Named[str] = Column(AnyText)
    automatic: Named[bool] = Column(Boolean)
    """Policy allowed it without a person."""
    started_at: Named[int] = Column(BigInteger)
    """When it was last claimed; 0: never."""
    holder: Named[str] = Column(Text)
    """Who is in contact with the connector; empty: nobody."""
    held_until: Named[int] = Column(BigInteger)
    revision: Named[int] = Column(Integer)


journal = Table("response_journal", metadata, JournalColumns)
Index(None, journal.c.tenant, journal.c.state)
Index(None, journal.c.tenant, journal.c.started_at)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may settle a step, and until when nobody else may take it over."""

    holder: str
    until: Nanos


FREE = Lease("", 0)


@dataclass(frozen=True, slots=True)
class Moved:
    """A change that was made."""

    step: Step
    revision: int
    """Counts the changes of this step from 1: with execution and number it names the change."""
    started_before: bool
    """Whether the step had ever been claimed before this change."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A step that was started and never settled, whose lease has run out."""

    execution_id: str
    number: int
    state: StepState
    holder: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A step that reached out, or is about to."""

    execution_id: str
    number: int
    command: Command
    target: str
    automatic: bool
    started_at: Nanos
    in_force: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What responses hold in force, and what they began within the last hour. Unsettled steps count as in force."""

    contacts: tuple[Contact, ...] = ()
    now: Nanos = 0

    def automatic_last_hour(self, command: Command) -> int:
        since = self.now - _HOUR_NS
        return sum(1 for item in self._automatic(command) if item.started_at > since)

    def automatic_in_force(self, command: Command) -> int:
        return sum(1 for item in self._automatic(command) if item.in_force)

    def holding(self, command: Command, target: Entity) -> Contact | None:
        """The contact that already has this effect in force."""
        wanted = (command, str(target))
        return next((item for item in self.contacts if item.in_force and (item.command, item.target) == wanted), None)

    def _automatic(self, command: Command) -> Iterable[Contact]:
        return (item for item in self.contacts if item.automatic and item.command is command)


def begin(transaction: Transaction, execution: Execution) -> Execution:
    """Keep a new execution and its steps; one that is there already stays as it is. Returns what is kept."""
    if kept := transaction.get(Execution, execution.id):
        return kept
    transaction.put(execution)
    transaction.insert(
        journal,
        [
            {
                "execution_id": execution.id,
                "number": step.number,
                "state": step.state,
                "command": step.action.command,
                "target": str(step.action.target),
                "automatic": step.decision.ruling is Ruling.ALLOW,
                "started_at": 0,
                "holder": FREE.holder,
                "held_until": FREE.until,
                "revision": 0,
            }
            for step in execution.steps
        ],
    )
    return execution


def move(
    transaction: Transaction,
    execution_id: str,
    number: int,
    *,
    expected: StepState,
    held_by: str = FREE.holder,
    to: StepState,
    lease: Lease = FREE,
    now: Nanos,
    detail: str,
    decision: Decision | None = None,
    duration_ms: float | None = None,
) -> Moved | None:
    """Change one step's state, if it is still in the expected state and hands; None: somebody else changed it.

    Raises:
        ValueError: the change is not one of ``TRANSITIONS`` (a mistake of the caller).
    """
    if to not in TRANSITIONS[expected]:
        raise ValueError(f"a step that is {expected} cannot become {to}")
    this = (journal.c.execution_id == execution_id, journal.c.number == number)
    row = transaction.connection.execute(transaction.rows(journal).where(*this)).one()
    if (row.state, row.holder) != (expected, held_by):
        return None
    changed = transaction.connection.execute(
        transaction.update(journal)
        .where(*this, journal.c.revision == row.revision)
        .values(
            state=to,
            holder=lease.holder,
            held_until=lease.until,
            revision=row.revision + 1,
            started_at=now if to is StepState.STARTED and expected is not to else row.started_at,
            automatic=row.automatic if decision is None else decision.ruling is Ruling.ALLOW,
        )
    )
    if changed.rowcount == 0:
        return None
    execution = transaction.get(Execution, execution_id)
    assert execution is not None  # begin() wrote both
    step = execution.steps[number]
    step = replace(
        step,
        state=to,
        detail=detail,
        updated_at=now,
        decision=decision or step.decision,
        duration_ms=step.duration_ms if duration_ms is None else duration_ms,
    )
    steps = (*execution.steps[:number], step, *execution.steps[number + 1 :])
    transaction.put(replace(execution, steps=steps))
    return Moved(step, row.revision + 1, row.started_at > 0)


def orphans(snapshot: Snapshot, *, now: Nanos) -> list[Orphan]:
    """Steps whose outcome nobody settled and whose lease has run out, oldest first."""
    table = journal.c
    found = snapshot.connection.execute(
        snapshot.rows(journal)
        .where(table.state.in_(_UNSETTLED), table.held_until <= now)
        .order_by(table.started_at, table.execution_id, table.number)
        .with_only_columns(table.execution_id, table.number, table.state, table.holder)
    )
    return [Orphan(execution_id, number, StepState(state), holder) for execution_id, number, state, holder in found]


def standing(snapshot: Snapshot, *, now: Nanos) -> Standing:
    """What is in force, and what was begun within the hour before ``now``."""
    table = journal.c
    found = snapshot.connection.execute(
        snapshot.rows(journal)
        .where(or_(table.state.in_(_IN_FORCE), table.started_at > max(0, now - _HOUR_NS)))
        .order_by(table.started_at)
        .with_only_columns(
            table.execution_id,
            table.number,
            table.command,
            table.target,
            table.automatic,
            table.started_at,
            table.state,
        )
    )
    return Standing(
        tuple(
            Contact(
                execution_id,
                number,
                Command(command),
                target,
                automatic,
                started_at or 0,
                StepState(state) in _IN_FORCE,
            )
            for execution_id, number, command, target, automatic, started_at, state in found
        ),
        now,
    )
