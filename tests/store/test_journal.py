"""The journal's rows: who holds a step, and what counts as in force."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sakimori.records import Action, Command, Decision, Entity, EntityType, Execution, Ruling, Step, StepState
from sakimori.store import Database
from sakimori.store.journal import TRANSITIONS, Lease, begin, move, orphans, standing

NOW = 1_800_000_000_000_000_000
HOUR = 3_600_000_000_000
MINE, YOURS = Lease("me", NOW + 10), Lease("you", NOW + 10)
PENDING, STARTED, DONE = StepState.PENDING, StepState.STARTED, StepState.DONE


def execution(id: str = "ex-1", *, tenant: str = "bank", targets: int = 1, ruling: Ruling = Ruling.ALLOW) -> Execution:
    steps = tuple(
        Step(
            number=number,
            playbook_step="action--1",
            action=Action(
                tenant=tenant,
                command=Command.ISOLATE_HOST,
                target=Entity(type=EntityType.HOST, value=f"h{number}"),
                connector="world",
                incident_id="in-1",
                parameters={},
            ),
            decision=Decision(ruling=ruling, policies=(), reason="", reason_ja=""),
            state=PENDING,
            detail="",
            updated_at=NOW,
        )
        for number in range(targets)
    )
    return Execution(
        id=id, tenant=tenant, plan_id="pl-1", incident_id="in-1", dry_run=False, started_at=NOW, steps=steps
    )


@pytest.fixture(autouse=True)
def begun(database: Database) -> None:
    with database.transaction("bank") as transaction:
        begin(transaction, execution())


def test_beginning_again_keeps_what_is_there(database: Database) -> None:
    with database.transaction("bank") as transaction:
        move(transaction, "ex-1", 0, expected=PENDING, to=STARTED, lease=MINE, now=NOW, detail="")
        kept = begin(transaction, execution())
    assert kept.steps[0].state is STARTED


def test_of_two_that_claim_a_step_one_gets_it(database: Database) -> None:
    with database.transaction("bank") as transaction:
        first = move(transaction, "ex-1", 0, expected=PENDING, to=STARTED, lease=MINE, now=NOW, detail="")
        second = move(transaction, "ex-1", 0, expected=PENDING, to=STARTED, lease=YOURS, now=NOW, detail="")
    assert first is not None
    assert (first.revision, first.started_before) == (1, False)
    assert second is None


def test_who_lost_the_lease_cannot_overwrite_what_another_settled(database: Database) -> None:
    with database.transaction("bank") as transaction:
        move(transaction, "ex-1", 0, expected=PENDING, to=STARTED, lease=MINE, now=NOW, detail="")
        taken = move(
            transaction, "ex-1", 0, expected=STARTED, held_by="me", to=STARTED, lease=YOURS, now=NOW, detail=""
        )
        late = move(transaction, "ex-1", 0, expected=STARTED, held_by="me", to=DONE, now=NOW, detail="")
        settled = move(transaction, "ex-1", 0, expected=STARTED, held_by="you", to=DONE, now=NOW, detail="Yes.")
    assert taken is not None
    assert late is None
    assert settled is not None
    assert settled.step.detail == "Yes."


def test_another_institution_has_other_steps(database: Database) -> None:
    with database.transaction("other") as transaction:
        begin(transaction, execution(tenant="other"))
        assert move(transaction, "ex-1", 0, expected=PENDING, to=STARTED, lease=MINE, now=NOW, detail="")
        assert len(standing(transaction, now=NOW).contacts) == 1
    with database.snapshot("bank") as snapshot:
        assert standing(snapshot, now=NOW).contacts == ()
        kept = snapshot.get(Execution, "ex-1")
        assert kept is not None
        assert kept.steps[0].state is PENDING


def test_orphans_are_steps_whose_lease_has_run_out(database: Database) -> None:
    with database.transaction("bank") as transaction:
        move(transaction, "ex-1", 0, expected=PENDING, to=STARTED, lease=MINE, now=NOW, detail="")
        assert orphans(transaction, now=NOW + 9) == []
        (orphan,) = orphans(transaction, now=NOW + 10)
    assert (orphan.execution_id, orphan.number, orphan.state, orphan.holder) == ("ex-1", 0, STARTED, "me")


def test_taking_over_a_step_does_not_begin_it_anew(database: Database) -> None:
    with database.transaction("bank") as transaction:
        move(transaction, "ex-1", 0, expected=PENDING, to=STARTED, lease=MINE, now=NOW, detail="")
        move(transaction, "ex-1", 0, expected=STARTED, held_by="me", to=STARTED, lease=YOURS, now=NOW + HOUR, detail="")
        assert standing(transaction, now=NOW + HOUR).automatic_last_hour(Command.ISOLATE_HOST) == 0


@given(st.lists(st.sampled_from(StepState), max_size=8), st.sampled_from([Ruling.ALLOW, Ruling.NEEDS_APPROVAL]))
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_listed_changes_are_made_and_what_may_be_in_force_counts(
    database: Database, wishes: list[StepState], ruling: Ruling
) -> None:
    state, begun = PENDING, False
    with database.transaction("bank") as transaction:
        made = replace(execution(ruling=ruling), id=f"px-{len(transaction.all(Execution))}")
        begin(transaction, made)
        before = standing(transaction, now=NOW)
        for wish in wishes:
            if wish not in TRANSITIONS[state]:
                with pytest.raises(ValueError, match="cannot become"):
                    move(transaction, made.id, 0, expected=state, to=wish, now=NOW, detail="")
                continue
            assert move(transaction, made.id, 0, expected=state, to=wish, now=NOW, detail="")
            state, begun = wish, begun or wish is STARTED
        after = standing(transaction, now=NOW)
        kept = transaction.get(Execution, made.id)
    assert kept is not None
    assert kept.steps[0].state is state
    own = [contact for contact in after.contacts if contact.execution_id == made.id]
    assert len(own) == begun
    assert all(contact.in_force == (state in (STARTED, DONE, StepState.UNDO_STARTED)) for contact in own)
    automatic = begun and ruling is Ruling.ALLOW
    assert (
        after.automatic_last_hour(Command.ISOLATE_HOST) - before.automatic_last_hour(Command.ISOLATE_HOST) == automatic
    )
