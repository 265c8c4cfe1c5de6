"""What an incident says: its findings in order, its floor of severity, its score, its entities, its title."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from sakimori.incidents.links import SIGNIFICANT
from sakimori.incidents.titles import titles
from sakimori.records import Entity, EntityType, Finding, Incident, IncidentStatus, Severity

T = TypeVar("T")

_PROGRESS = (
    ("credential-access", "lateral-movement"),
    ("lateral-movement", "exfiltration"),
    ("lateral-movement", "impact"),
    ("initial-access", "credential-access", "impact"),
    ("execution", "credential-access", "impact"),
)
"""Tactics that, seen in this order, say that an intruder gets on."""
_BAND = {
    Severity.INFORMATIONAL: 0.0,
    Severity.LOW: 20.0,
    Severity.MEDIUM: 40.0,
    Severity.HIGH: 60.0,
    Severity.CRITICAL: 80.0,
}
"""The score's lower end for each severity; how far the story reaches fills up the 20 points above it."""


def told(incident: Incident, findings: Sequence[Finding]) -> Incident:
    """``incident`` with ``findings`` (in order of time, some perhaps in it already) told in it. Severity and score
    never fall."""
    held = {finding.id for finding in findings}
    earlier = tuple(id for id in incident.finding_ids if id not in held)
    significant = [finding for finding in findings if finding.severity >= SIGNIFICANT]
    before = incident.tactics if earlier else ()
    tactics = _distinct((*before, *(tactic for finding in significant for tactic in finding.tactics)))
    severity = max(incident.severity, _floor(before, findings))
    entities = _entities(incident, findings)
    grown = replace(
        incident,
        finding_ids=(*earlier, *(finding.id for finding in findings)),
        first_time=min((incident.first_time, *(finding.first_time for finding in findings))),
        last_time=max((incident.last_time, *(finding.last_time for finding in findings))),
        tactics=tactics,
        techniques=_distinct((*incident.techniques, *(id for finding in findings for id in finding.techniques))),
        severity=severity,
        entities=entities,
        score=max(incident.score, _score(severity, findings, tactics, entities)),
    )
    english, japanese = titles(grown, significant)
    return replace(grown, title=english, title_ja=japanese)


def absorbed(survivor: Incident, others: Sequence[Incident]) -> Incident:
    """``survivor`` with what ``others`` held; a person who works on one of them works on it."""
    every = (survivor, *others)
    worked_on = any(incident.status is IncidentStatus.IN_PROGRESS for incident in every)
    return replace(
        survivor,
        status=IncidentStatus.IN_PROGRESS if worked_on else survivor.status,
        finding_ids=_distinct(id for incident in every for id in incident.finding_ids),
        entities=_distinct(entity for incident in every for entity in incident.entities),
        tactics=_distinct(tactic for incident in every for tactic in incident.tactics),
        techniques=_distinct(technique for incident in every for technique in incident.techniques),
        severity=max(incident.severity for incident in every),
        score=max(incident.score for incident in every),
        first_time=min(incident.first_time for incident in every),
        last_time=max(incident.last_time for incident in every),
    )


def _floor(before: Sequence[str], findings: Sequence[Finding]) -> Severity:
    """The highest severity among ``findings``; a story that gets on, ``before`` included, raises it by one."""
    highest = max((finding.severity for finding in findings), default=Severity.INFORMATIONAL)
    if highest >= SIGNIFICANT and any(_gets_on(steps, before, findings) for steps in _PROGRESS):
        return Severity(min(highest + 1, Severity.CRITICAL))
    return highest


def _gets_on(steps: Sequence[str], before: Sequence[str], findings: Sequence[Finding]) -> bool:
    """Whether ``steps`` appear in order, each by another rule: many rules name several tactics at once."""
    acts = [(tactic, (tactic,)) for tactic in before]
    acts += [(finding.rule_id, finding.tactics) for finding in findings if finding.severity >= SIGNIFICANT]
    used: set[str] = set()
    done = 0
    for rule, tactics in acts:
        if done < len(steps) and steps[done] in tactics and rule not in used:
            used.add(rule)
            done += 1
    return done == len(steps)


def _score(
    severity: Severity, findings: Sequence[Finding], tactics: Sequence[str], entities: Sequence[Entity]
) -> float:
    rules = len({finding.rule_id for finding in findings})
    hosts = sum(entity.type is EntityType.HOST for entity in entities)
    reach = max(0, rules - 1) + max(0, len(tactics) - 1) + max(0, hosts - 1)
    return round(_BAND[severity] + 20 * (1 - 2 ** (-reach / 4)), 1)


def _entities(incident: Incident, findings: Sequence[Finding]) -> tuple[Entity, ...]:
    """Every host and user, and what else at least two findings share; most shared first."""
    mentions = Counter(entity for finding in findings for entity in dict.fromkeys(finding.entities))
    kept = {
        entity: count
        for entity, count in mentions.items()
        if count > 1 or entity.type in (EntityType.HOST, EntityType.USER) or entity in incident.entities
    }
    for entity in incident.entities:
        kept.setdefault(entity, 0)
    return tuple(sorted(kept, key=lambda entity: (-kept[entity], entity.type, entity.value)))


def _distinct(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
