"""Findings and incidents as OCSF 1.8.0 events: Detection Finding (2004) and Incident Finding (2005).

Source: https://schema.ocsf.io/1.8.0. OCSF times are milliseconds since the epoch.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sakimori.core import Nanos
from sakimori.records.attack import TACTICS
from sakimori.records.finding import Entity, EntityType, Evidence, Finding, Severity
from sakimori.records.incident import Incident, IncidentStatus
from sakimori.records.verdict import Disposition, Verdict

VERSION = "1.8.0"

_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_SEVERITY = {
    Severity.INFORMATIONAL: "Informational",
    Severity.LOW: "Low",
    Severity.MEDIUM: "Medium",
    Severity.HIGH: "High",
    Severity.CRITICAL: "Critical",
}
_STATUS = {
    IncidentStatus.NEW: (1, "New"),
    IncidentStatus.IN_PROGRESS: (2, "In Progress"),
    IncidentStatus.RESOLVED: (4, "Resolved"),
}
_VERDICT = {
    Disposition.MALICIOUS: (2, "True Positive"),
    Disposition.SUSPICIOUS: (4, "Suspicious"),
    Disposition.BENIGN: (5, "Benign"),
    Disposition.UNDETERMINED: (7, "Insufficient Data"),
}
_OBSERVABLE = {
    EntityType.HOST: (1, "Hostname"),
    EntityType.USER: (4, "User Name"),
    EntityType.IP: (2, "IP Address"),
    EntityType.DOMAIN: (1, "Hostname"),
    EntityType.URL: (6, "URL String"),
    EntityType.FILE: (7, "File Name"),
    EntityType.HASH: (8, "Hash"),
    EntityType.PROCESS: (9, "Process Name"),
    EntityType.MAIL: (5, "Email Address"),
}


def detection_finding(finding: Finding) -> dict[str, Any]:
    """A Detection Finding event (class 2004): the claim, what it is about, and the events it rests on."""
    return {
        **_head(class_uid=2004, class_name="Detection Finding", activity=_CREATE, severity=finding.severity),
        "metadata": _metadata(finding.tenant, finding.id),
        "time": _millis(finding.last_time),
        "start_time": _millis(finding.first_time),
        "end_time": _millis(finding.last_time),
        "status_id": 1,
        "status": "New",
        "count": finding.count,
        "message": finding.title,
        "is_alert": finding.severity >= Severity.MEDIUM,
        "finding_info": _finding_info(finding),
        "observables": _observables(finding.entities),
        "evidences": [_evidence(item) for item in finding.evidence],
    }


def incident_finding(incident: Incident, findings: Sequence[Finding], verdict: Verdict | None) -> dict[str, Any]:
    """An Incident Finding event (class 2005): the story, its findings, and the verdict where there is one."""
    status_id, status = _STATUS[incident.status]
    activity = {IncidentStatus.NEW: _CREATE, IncidentStatus.IN_PROGRESS: _UPDATE, IncidentStatus.RESOLVED: _CLOSE}
    severity = max(incident.severity, verdict.severity) if verdict else incident.severity
    event = {
        **_head(class_uid=2005, class_name="Incident Finding", activity=activity[incident.status], severity=severity),
        "metadata": _metadata(incident.tenant, incident.id),
        "time": _millis(incident.last_time),
        "start_time": _millis(incident.first_time),
        "end_time": _millis(incident.last_time),
        "status_id": status_id,
        "status": status,
        "message": incident.title,
        "attacks": _attacks(incident.tactics, incident.techniques),
        "observables": _observables(incident.entities),
        "finding_info_list": [_finding_info(finding) for finding in findings],
        "assignee_group": {"name": "security operations", "uid": incident.tenant},
        "unmapped": _present(
            score=incident.score, title_ja=incident.title_ja, merged_into=incident.merged_into, follows=incident.follows
        ),
    }
    if verdict:
        verdict_id, word = _VERDICT[verdict.disposition]
        event |= {
            "verdict_id": verdict_id,
            "verdict": word,
            "desc": verdict.summary,
            "is_suspected_breach": verdict.disposition is Disposition.MALICIOUS,
        }
    return event


def _head(*, class_uid: int, class_name: str, activity: tuple[int, str], severity: Severity) -> dict[str, Any]:
    activity_id, activity_name = activity
    return {
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": class_uid,
        "class_name": class_name,
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": class_uid * 100 + activity_id,
        "type_name": f"{class_name}: {activity_name}",
        "severity_id": int(severity),
        "severity": _SEVERITY[severity],
    }


def _metadata(tenant: str, uid: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "product": {"name": "Sakimori", "vendor_name": "Sakimori"},
        "tenant_uid": tenant,
        "uid": uid,
    }


def _finding_info(finding: Finding) -> dict[str, Any]:
    return {
        "uid": finding.id,
        "title": finding.title,
        "first_seen_time": _millis(finding.first_time),
        "last_seen_time": _millis(finding.last_time),
        "analytic": {"uid": finding.rule_id, "name": finding.title, "type_id": 1, "type": "Rule"},
        "attacks": _attacks(finding.tactics, finding.techniques),
        "related_events": [{"uid": item.event_id} for item in finding.evidence],
        "related_events_count": finding.count,
        **({"data_sources": [finding.source]} if finding.source else {}),
        **({"product": {"name": finding.product}} if finding.product else {}),
    }


def _attacks(tactics: Iterable[str], techniques: Iterable[str]) -> list[dict[str, Any]]:
    attacks: list[dict[str, Any]] = [{"tactic": _tactic(name)} for name in tactics]
    for technique in techniques:
        parent, _, sub = technique.partition(".")
        attacks.append({"technique": {"uid": parent}, **({"sub_technique": {"uid": technique}} if sub else {})})
    return attacks


def _tactic(name: str) -> dict[str, str]:
    """The two that ATT&CK 19 made of Defense Evasion are exported by name alone."""
    uid, caption = TACTICS.get(name, ("", name))
    return {"uid": uid, "name": caption} if uid else {"name": caption}


def _observables(entities: Iterable[Entity]) -> list[dict[str, Any]]:
    return [
        {"name": str(entity.type), "type_id": _OBSERVABLE[entity.type][0], "type": _OBSERVABLE[entity.type][1]}
        | {"value": entity.value}
        for entity in entities
    ]


def _evidence(item: Evidence) -> dict[str, Any]:
    return {"uid": item.event_id, "data": {"time": _millis(item.time), "fields": item.fields}}


def _millis(time: Nanos) -> int:
    return time // 1_000_000


def _present(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value not in (None, "")}
