"""Elastic Security alerts: documents of ``.alerts-security.alerts-*``, bare or as hits of a search.

Source: "Alert schema", https://www.elastic.co/guide/en/security/current/alert-schema.html (its members below
``kibana.alert``, nested or with dots in their names), and the Elastic Common Schema for what is copied from the source
event. A hit holds the document as ``_source``, or as ``fields``, where each member is an array. The reason of closing,
``kibana.alert.workflow_reason``, came with 9.2 (elastic/kibana pull request 226590).
"""

from collections.abc import Mapping
from itertools import chain
from typing import Any, cast

from sakimori.collect.alerts.alert import Alert
from sakimori.collect.alerts.members import (
    Named,
    distinct,
    entities,
    first_time,
    host,
    letters,
    member,
    needed,
    severity_named,
    text,
    texts,
    title,
)
from sakimori.collect.shapes import Fields, ShapeError
from sakimori.collect.shapes.nested import flattened
from sakimori.records import EntityType

NAME = "elastic"

_ENTITIES: Named = (
    (EntityType.USER, "user.name"),
    (EntityType.USER, "user.target.name"),
    (EntityType.USER, "source.user.name"),
    (EntityType.USER, "destination.user.name"),
    (EntityType.IP, "source.ip"),
    (EntityType.IP, "destination.ip"),
    (EntityType.IP, "client.ip"),
    (EntityType.DOMAIN, "dns.question.name"),
    (EntityType.DOMAIN, "url.domain"),
    (EntityType.URL, "url.full"),
    (EntityType.FILE, "file.path"),
    (EntityType.HASH, "file.hash.sha256"),
    (EntityType.HASH, "file.hash.sha1"),
    (EntityType.HASH, "file.hash.md5"),
    (EntityType.HASH, "process.hash.sha256"),
    (EntityType.HASH, "process.hash.sha1"),
    (EntityType.HASH, "process.hash.md5"),
    (EntityType.PROCESS, "process.executable"),
    (EntityType.MAIL, "email.from.address"),
    (EntityType.MAIL, "email.to.address"),
)
_HARMLESS = {"falsepositive", "benignpositive"}
_SHOWN = (
    "kibana.alert.uuid",
    "kibana.alert.rule.name",
    "kibana.alert.rule.rule_id",
    "kibana.alert.reason",
    "kibana.alert.severity",
    "kibana.alert.risk_score",
    "kibana.alert.workflow_status",
    "kibana.alert.workflow_reason",
    "kibana.alert.workflow_tags",
    "kibana.alert.original_time",
    "kibana.alert.building_block_type",
    "host.name",
    "user.name",
    "user.domain",
    "source.ip",
    "destination.ip",
    "process.executable",
    "process.command_line",
    "process.parent.executable",
    "file.path",
)
_THREAT = ("kibana.alert.rule.threat", "kibana.alert.rule.parameters.threat")


def recognises(record: Fields) -> bool:
    body = _body(record)
    return (
        "kibana.alert.uuid" in body
        or "kibana.alert.rule.uuid" in body
        or "kibana.alert.rule.name" in body
        or (body.get("kibana").__class__ is dict and "alert" in member(body, "kibana"))
    )


def alert(record: Fields) -> Alert:
    fields = flattened(_body(record))
    if not (identifier := text(fields, "kibana.alert.uuid") or text(record, "_id")):
        raise ShapeError("an Elastic alert without kibana.alert.uuid and _id")
    return Alert(
        product="Elastic Security",
        id=identifier,
        rule=needed(fields, "kibana.alert.rule.rule_id", "kibana.alert.rule.uuid"),
        title=title(fields, "kibana.alert.rule.name", "kibana.alert.reason"),
        severity=severity_named(text(fields, "kibana.alert.severity"), text(fields, "kibana.alert.rule.severity")),
        benign=_is_harmless(fields),
        first=first_time(
            fields,
            "kibana.alert.suppression.start",
            "kibana.alert.original_time",
            "kibana.alert.threshold_result.from",
            "@timestamp",
        ),
        last=first_time(fields, "kibana.alert.suppression.end", "kibana.alert.original_time", "@timestamp"),
        tactics=texts(fields, *(f"{threat}.tactic.{name}" for threat in _THREAT for name in ("id", "name"))),
        techniques=texts(
            fields,
            *(f"{threat}.technique.{name}" for threat in _THREAT for name in ("subtechnique.id", "id")),
        ),
        entities=distinct(
            chain(
                [host(text(fields, "winlog.computer_name", "host.name", "host.hostname"), text(fields, "host.domain"))],
                entities(fields, _ENTITIES),
            )
        ),
        shown={name: _shown(fields, name) for name in _SHOWN},
        count=_count(fields),
    )


def _body(record: Fields) -> Fields:
    return member(record, "_source") or (member(record, "fields") if "_index" in record else {}) or record


def _is_harmless(fields: Mapping[str, Any]) -> bool:
    """Only closed: a tag alone may be somebody's note. Before 9.2 tags were where people said why."""
    if text(fields, "kibana.alert.workflow_status") != "closed":
        return False
    reasons = texts(fields, "kibana.alert.workflow_reason", "kibana.alert.workflow_tags")
    return any(letters(reason) in _HARMLESS for reason in reasons)


def _shown(fields: Mapping[str, Any], name: str) -> Any:
    """In ``fields`` of a hit, one value is an array of one."""
    value = fields.get(name)
    items = cast("list[Any]", value) if value.__class__ is list else []
    return items[0] if len(items) == 1 else value


def _count(fields: Mapping[str, Any]) -> int:
    """An alert that others were suppressed into stands for them, too."""
    more = text(fields, "kibana.alert.suppression.docs_count")
    return int(more) + 1 if more.isascii() and more.isdecimal() and len(more) < 10 else 1
