"""Splunk Enterprise Security notables (findings, in version 8): what a search over ```notable``` exports.

Source: "Notable Event framework in Splunk ES", https://dev.splunk.com/view/enterprise-security/SP-CAAAFBA
(``event_id``, ``rule_name``, ``rule_title``, ``security_domain``, ``severity``, ``urgency``, ``status``); "How urgency
is assigned to notable events" and "Notable Event API reference" (help.splunk.com), ``disposition`` with it;
``risk_object`` and ``annotations.mitre_attack`` of risk-based alerting. A row is bare or the ``result`` of an export or
of an alert's webhook; many values are one text with a line each, or an array. ``src`` and ``dest`` are a host's name or
address.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from sakimori.collect.alerts.alert import Alert
from sakimori.collect.alerts.members import (
    Named,
    distinct,
    entities,
    entity,
    first_time,
    letters,
    member,
    needed,
    severity_named,
    text,
    texts,
    title,
)
from sakimori.collect.shapes import Fields
from sakimori.collect.shapes.nested import flattened
from sakimori.records import Entity, EntityType

NAME = "splunk"

_ENTITIES: Named = (
    (EntityType.HOST, "dest"),
    (EntityType.HOST, "src"),
    (EntityType.HOST, "dvc"),
    (EntityType.HOST, "orig_host"),
    (EntityType.USER, "user"),
    (EntityType.USER, "src_user"),
    (EntityType.USER, "dest_user"),
    (EntityType.IP, "src_ip"),
    (EntityType.IP, "dest_ip"),
    (EntityType.URL, "url"),
    (EntityType.FILE, "file_path"),
    (EntityType.HASH, "file_hash"),
    (EntityType.PROCESS, "process_name"),
)
_RISK_OBJECTS = {"system": EntityType.HOST, "user": EntityType.USER}
"""By ``risk_object_type``."""
_HARMLESS = {"disposition:2", "disposition:3", "disposition:4"}
"""As shipped: benign positive; false positive by incorrect logic; false positive by inaccurate data."""
_HARMLESS_LABELS = ("benignpositive", "falsepositive")
_TACTICS = ("annotations.mitre_attack.mitre_tactic_id", "annotations.mitre_attack.mitre_tactic", "mitre_tactic")
_TECHNIQUES = (
    "annotations.mitre_attack.mitre_technique_id",
    "annotations.mitre_attack",
    "annotations._all",
    "mitre_technique_id",
)
_SHOWN = (
    "event_id",
    "rule_name",
    "rule_title",
    "rule_description",
    "search_name",
    "security_domain",
    "urgency",
    "severity",
    "status_label",
    "disposition_label",
    "disposition",
    "owner",
    "src",
    "dest",
    "user",
    "risk_object",
    "risk_object_type",
    "risk_score",
    "orig_source",
)


def recognises(record: Fields) -> bool:
    body = _body(record)
    return "security_domain" in body and ("rule_name" in body or "rule_title" in body or "search_name" in body)


def alert(record: Fields) -> Alert:
    fields = {name: _lines(value) for name, value in flattened(_body(record)).items()}
    return Alert(
        product="Splunk Enterprise Security",
        id=needed(fields, "event_id", "rule_id"),
        rule=needed(fields, "search_name", "rule_name", "rule_title"),
        title=title(fields, "rule_title", "rule_name", "search_name"),
        severity=severity_named(text(fields, "urgency"), text(fields, "severity")),
        benign=_is_harmless(fields),
        first=first_time(fields, "_time"),
        last=first_time(fields, "_time"),
        tactics=texts(fields, *_TACTICS),
        techniques=texts(fields, *_TECHNIQUES),
        entities=distinct(chain(entities(fields, _ENTITIES), _risk_objects(fields))),
        shown={name: fields.get(name) for name in _SHOWN},
    )


def _body(record: Fields) -> Fields:
    return member(record, "result") or record


def _lines(value: Any) -> Any:
    """Several values of a field, where an export writes them as lines of one text."""
    return value.split("\n") if isinstance(value, str) and "\n" in value else value


def _is_harmless(fields: Fields) -> bool:
    label = letters(text(fields, "disposition_label"))
    return text(fields, "disposition") in _HARMLESS or label.startswith(_HARMLESS_LABELS)


def _risk_objects(fields: Fields) -> Iterator[Entity | None]:
    kinds = list(texts(fields, "risk_object_type"))
    for index, said in enumerate(texts(fields, "risk_object", "normalized_risk_object")):
        kind = _RISK_OBJECTS.get(kinds[index if index < len(kinds) else 0]) if kinds else None
        if kind:
            yield entity(kind, said)
