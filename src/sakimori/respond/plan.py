"""From an investigator's proposals to a plan: what would be done, what it would hit, and what policy says of it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sakimori.core import Clock, Nanos
from sakimori.records import (
    Action,
    Command,
    Entity,
    Execution,
    Plan,
    PlannedAction,
    Ruling,
    Step,
    StepState,
)
from sakimori.respond.connectors import Connector
from sakimori.respond.grounds import Grounds
from sakimori.respond.playbook import Playbook, target_type
from sakimori.respond.policy import NOT_ANSWERED, NOT_CONNECTED, ResponsePolicy, decision
from sakimori.store.journal import Contact, Standing

PLAYBOOK, STEP, TIMEOUT_MS = "playbook", "step", "timeout_ms"
"""Members of an action's parameters: CACAO playbook and step id, and how long one contact may take."""
WAITS = "Waits for a person's approval."


def plan(
    grounds: Grounds,
    *,
    playbooks: Sequence[Playbook],
    connectors: Iterable[Connector],
    policy: ResponsePolicy,
    standing: Standing,
    clock: Clock,
) -> Plan:
    """Turn a verdict's proposals into ruled actions, in the order in which they were proposed.

    Proposals that cannot be followed stay in the plan as denied, with the reason. A ceiling counts what this plan
    itself would begin. The same verdict planned again has the same plan id, so that it is carried out once.

    ``standing``: what responses hold in force (``store.journal.standing``).
    """
    now = clock.now()
    connectors = tuple(connectors)
    planned: list[PlannedAction] = []
    used: list[str] = []
    # A proposal made twice is one wish.
    for proposal in dict.fromkeys((item.command, item.target) for item in grounds.verdict.proposals):
        for item in _answer(proposal, grounds, playbooks, connectors, policy, standing, now):
            planned.append(item)
            if item.decision.ruling is not Ruling.DENY:
                standing = _with_planned(standing, item, now)
                used.append(item.action.parameters[PLAYBOOK])
    text = "\0".join((grounds.tenant, grounds.verdict.id, *(item.action.hash for item in planned)))
    return Plan(
        id="pl-" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest(),
        tenant=grounds.tenant,
        incident_id=grounds.incident.id,
        playbook_ids=tuple(dict.fromkeys(used)),
        actions=tuple(planned),
        made_at=now,
    )


def preview(planned: Plan, *, now: Nanos) -> Execution:
    """The execution that the plan would become: a dry run, which contacts nothing and is kept nowhere."""
    return _execution(planned, now=now, dry_run=True)


def begun(planned: Plan, *, now: Nanos) -> Execution:
    """The execution that the plan becomes: what is denied is refused, the rest is to be done."""
    return _execution(planned, now=now, dry_run=False)


def _execution(planned: Plan, *, now: Nanos, dry_run: bool) -> Execution:
    steps = tuple(
        Step(
            number=number,
            playbook_step=item.action.parameters[STEP],
            action=item.action,
            decision=item.decision,
            state=StepState.REFUSED if item.decision.ruling is Ruling.DENY else StepState.PENDING,
            detail=_OUTLOOK[item.decision.ruling] if item.decision.ruling is not Ruling.DENY else item.decision.reason,
            updated_at=now,
        )
        for number, item in enumerate(planned.actions)
    )
    return Execution(
        id="ex-" + planned.id.removeprefix("pl-"),
        tenant=planned.tenant,
        plan_id=planned.id,
        incident_id=planned.incident_id,
        dry_run=dry_run,
        started_at=now,
        steps=steps,
    )


_OUTLOOK = {
    Ruling.ALLOW: "Allowed; not done yet.",
    Ruling.NEEDS_APPROVAL: WAITS,
}


def _answer(
    proposal: tuple[Command, Entity],
    grounds: Grounds,
    playbooks: Sequence[Playbook],
    connectors: Sequence[Connector],
    policy: ResponsePolicy,
    standing: Standing,
    now: Nanos,
) -> Iterator[PlannedAction]:
    """The actions of the playbook that answers a proposal; one denied action where none does."""
    command, target = proposal
    playbook = next((item for item in playbooks if item.answers is command and item.valid_at(now)), None)
    if playbook is None or target.type is not target_type(command):
        action = _action(grounds, command, target, connector="", parameters={PLAYBOOK: "", STEP: "", TIMEOUT_MS: "0"})
        yield PlannedAction(
            action=action, blast_radius=grounds.blast_radius(action), decision=decision(Ruling.DENY, NOT_ANSWERED)
        )
        return
    for step in playbook.steps:
        connector = next((item.name for item in connectors if item.reaches(step.command, target)), "")
        parameters = {PLAYBOOK: playbook.id, STEP: step.id, TIMEOUT_MS: str(round(step.timeout_s * 1000))}
        action = _action(grounds, step.command, target, connector=connector, parameters=parameters)
        ruled = policy.rule(action, grounds, standing)
        if not connector and ruled.ruling is not Ruling.DENY:
            ruled = decision(Ruling.DENY, NOT_CONNECTED)
        yield PlannedAction(action=action, blast_radius=grounds.blast_radius(action), decision=ruled)


def _action(
    grounds: Grounds, command: Command, target: Entity, *, connector: str, parameters: dict[str, str]
) -> Action:
    return Action(
        tenant=grounds.tenant,
        command=command,
        target=target,
        connector=connector,
        incident_id=grounds.incident.id,
        parameters=parameters,
    )


def _with_planned(standing: Standing, item: PlannedAction, now: Nanos) -> Standing:
    """As if the action had begun, so that later ones of the plan meet the ceilings."""
    contact = Contact(
        execution_id="",
        number=0,
        command=item.action.command,
        target=str(item.action.target),
        automatic=item.decision.ruling is Ruling.ALLOW,
        started_at=now,
        in_force=True,
    )
    return replace(standing, contacts=(*standing.contacts, contact))
