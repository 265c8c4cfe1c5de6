"""The message that an investigation sends to a model: allow-listed typed fields as one JSON document."""

from typing import Any

import orjson

from sakimori.core import rfc3339
from sakimori.investigate.case import Case, EvidenceEvent, Exhibits
from sakimori.investigate.fields import entity_text, shown, shown_text
from sakimori.investigate.telling import most_telling
from sakimori.records import Finding

_MOST_FINDINGS = 30
_MOST_EVENTS = 2
"""Per finding."""
_MOST_ENTITIES = 60


def prompt(case: Case) -> str:
    """Exactly what a model is sent about ``case`` (before the gateway's boundary replaces what must not leave).

    JSON in which every value that came from outside is a string of an allow-listed, typed field. Where not all
    findings fit, the most telling are kept.
    """
    incident, exhibits = case.incident, Exhibits(case)
    plain: dict[str, Any] = {
        "incident": {
            "id": incident.id,
            "severity": incident.severity.label,
            "first_time": rfc3339(incident.first_time),
            "last_time": rfc3339(incident.last_time),
            "tactics": [shown_text("identifier", tactic) for tactic in incident.tactics],
            "techniques": [shown_text("identifier", technique) for technique in incident.techniques],
            "entities": [entity_text(entity) for entity in incident.entities[:_MOST_ENTITIES]],
            "findings_in_all": len(case.findings),
        },
        "findings": [_finding(finding, exhibits) for finding in most_telling(case.findings, _MOST_FINDINGS)],
    }
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode()


def event_message(event: EvidenceEvent) -> dict[str, Any]:
    """One event as a model sees it."""
    return {"event_id": event.event_id, "time": rfc3339(event.time), "fields": shown(event.fields)}


def _finding(finding: Finding, exhibits: Exhibits) -> dict[str, Any]:
    events = [exhibits.event(event_id) for event_id in dict.fromkeys(finding.event_ids)][:_MOST_EVENTS]
    return {
        "rule": shown_text("name", finding.title),
        "severity": finding.severity.label,
        "tactics": [shown_text("identifier", tactic) for tactic in finding.tactics],
        "events_in_all": finding.count,
        "events": [event_message(event) for event in events if event],
    }
