"""A small case with evidence kept in memory."""

from collections.abc import Sequence

from sakimori.core import Nanos, parse_rfc3339
from sakimori.investigate import Case, EvidenceEvent, EvidencePort
from sakimori.records import (
    Entity,
    EntityType,
    EventKind,
    EventRef,
    Evidence,
    Finding,
    Incident,
    Severity,
    finding_id,
)

START = parse_rfc3339("2026-11-20T01:00:00Z")
MINUTE = 60 * 10**9


class KeptEvents:
    """An evidence port over a list of events."""

    def __init__(self, events: Sequence[EvidenceEvent]) -> None:
        self.events = {event.event_id: event for event in events}
        self.asked: list[tuple[Entity, Nanos, Nanos, int]] = []

    def event(self, event_id: str) -> EvidenceEvent | None:
        return self.events.get(event_id)

    def search(self, entity: Entity, *, start: Nanos, end: Nanos, limit: int) -> Sequence[EvidenceEvent]:
        self.asked.append((entity, start, end, limit))
        return [
            event
            for event in self.events.values()
            if start <= event.time < end and any(entity.value in value.lower() for value in event.fields.values())
        ][:limit]


def event(number: int, fields: dict[str, str], *, tenant: str = "bank") -> EvidenceEvent:
    return EvidenceEvent(
        event_id=EventRef(digest="ab" * 12, offset=number).event_id,
        tenant=tenant,
        time=START + number * MINUTE,
        kind=EventKind(product="windows", channel="Microsoft-Windows-Sysmon/Operational", code="1"),
        fields=fields,
    )


LSASS = event(
    1,
    {
        "EventID": "10",
        "Computer": "WS-01.bank.example",
        "SourceImage": "C:\\Temp\\m.exe",
        "TargetImage": "C:\\Windows\\System32\\lsass.exe",
        "SourceUser": "BANK\\sato",
        "Description": "free text that must not leave",
    },
)
SHADOWS = event(
    2,
    {
        "EventID": "1",
        "Computer": "srv-02.bank.example",
        "Image": "C:\\Windows\\System32\\vssadmin.exe",
        "CommandLine": "vssadmin.exe delete shadows /all /quiet",
        "User": "BANK\\adm-ito",
    },
)
LOGON = event(
    3, {"EventID": "4624", "Computer": "srv-03.bank.example", "TargetUserName": "adm-ito", "IpAddress": "10.0.0.9"}
)
ORDINARY = event(4, {"EventID": "1", "Computer": "dc-01.bank.example", "CommandLine": "ipconfig", "User": "BANK\\mori"})
FOREIGN = event(5, {"EventID": "1", "Computer": "ws-01.other.example", "User": "sato"}, tenant="other")


def finding(about: EvidenceEvent, severity: Severity, tactic: str, users: Sequence[str]) -> Finding:
    hosts = [Entity(type=EntityType.HOST, value=about.fields["Computer"].lower())]
    quoted = {name: about.fields[name] for name in list(about.fields)[:3]}
    return Finding(
        id=finding_id("bank", tactic, (about.event_id,)),
        tenant="bank",
        rule_id=tactic,
        title=f"Rule about {tactic}",
        severity=severity,
        first_time=about.time,
        last_time=about.time,
        tactics=(tactic,),
        entities=(*hosts, *(Entity(type=EntityType.USER, value=user) for user in users)),
        evidence=(Evidence(event_id=about.event_id, time=about.time, fields=quoted),),
    )


THEFT = finding(LSASS, Severity.HIGH, "credential-access", ["sato"])
IMPACT = finding(SHADOWS, Severity.HIGH, "impact", ["adm-ito"])
MOVE = finding(LOGON, Severity.MEDIUM, "lateral-movement", ["adm-ito"])


def kept_events() -> KeptEvents:
    return KeptEvents([LSASS, SHADOWS, LOGON, ORDINARY, FOREIGN])


def case_of(*findings: Finding, evidence: EvidencePort | None = None) -> Case:
    """A case whose floor is the highest severity among its findings."""
    incident = Incident(
        id="in-1",
        tenant="bank",
        title="A case",
        title_ja="案件",
        severity=max(each.severity for each in findings),
        score=60.0,
        first_time=findings[0].first_time,
        last_time=findings[-1].last_time,
        finding_ids=tuple(each.id for each in findings),
        entities=tuple(entity for each in findings for entity in each.entities),
        tactics=tuple(tactic for each in findings for tactic in each.tactics),
    )
    return Case(incident, findings, evidence or kept_events())
