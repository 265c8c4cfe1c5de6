"""OCSF findings: Detection Finding (class 2004) and its forerunner Security Finding (2001), schema 1.x.

Source: https://schema.ocsf.io/1.8.0/classes/detection_finding, https://schema.ocsf.io/1.8.0/classes/security_finding
and the objects they use. Times are milliseconds since the epoch, or RFC 3339 in members that end in ``_dt``.
"""

from collections.abc import Iterator
from itertools import chain

from sakimori.collect.alerts.alert import Alert
from sakimori.collect.alerts.members import (
    Named,
    distinct,
    entities,
    entity,
    first_time,
    host,
    member,
    needed,
    objects,
    text,
    texts,
    title,
)
from sakimori.collect.shapes import Fields
from sakimori.collect.shapes.nested import flattened
from sakimori.records import Entity, EntityType, Severity

NAME = "ocsf"

_DETECTION, _SECURITY = 2004, 2001
_ENTITIES: Named = (
    (EntityType.HOST, "resources.hostname"),
    (EntityType.USER, "actor.user.name"),
    (EntityType.USER, "actor.process.user.name"),
    (EntityType.USER, "process.user.name"),
    (EntityType.USER, "evidences.actor.user.name"),
    (EntityType.USER, "evidences.user.name"),
    (EntityType.USER, "evidences.process.user.name"),
    (EntityType.IP, "device.ip"),
    (EntityType.IP, "evidences.device.ip"),
    (EntityType.IP, "evidences.src_endpoint.ip"),
    (EntityType.IP, "evidences.dst_endpoint.ip"),
    (EntityType.DOMAIN, "evidences.query.hostname"),
    (EntityType.DOMAIN, "evidences.url.hostname"),
    (EntityType.URL, "evidences.url.url_string"),
    (EntityType.FILE, "evidences.file.path"),
    (EntityType.FILE, "malware.path"),
    (EntityType.HASH, "evidences.file.hashes.value"),
    (EntityType.HASH, "evidences.process.file.hashes.value"),
    (EntityType.HASH, "process.file.hashes.value"),
    (EntityType.PROCESS, "evidences.process.name"),
    (EntityType.PROCESS, "process.name"),
    (EntityType.MAIL, "evidences.email.from"),
    (EntityType.MAIL, "evidences.email.to"),
)
_OBSERVABLES = {
    "1": EntityType.HOST,
    "2": EntityType.IP,
    "4": EntityType.USER,
    "5": EntityType.MAIL,
    "6": EntityType.URL,
    "7": EntityType.FILE,
    "8": EntityType.HASH,
    "9": EntityType.PROCESS,
    "45": EntityType.FILE,
}
"""By ``observables[].type_id``."""
_SEVERITIES = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 5}
"""``severity_id``; 6 is Fatal."""
_HARMLESS_VERDICTS = {"1", "3", "5", "6"}
"""``verdict_id``: false positive, disregard, benign, test."""
_HARMLESS_STATES = {"3", "6"}
"""``status_id`` of class 2004, ``state_id`` of 2001: suppressed (as benign or false), deleted (as made in error)."""
_SHOWN = (
    "class_uid",
    "metadata.product.name",
    "metadata.product.vendor_name",
    "finding_info.uid",
    "finding.uid",
    "finding_info.title",
    "finding.title",
    "finding_info.desc",
    "finding.desc",
    "message",
    "severity",
    "severity_id",
    "status",
    "state",
    "verdict",
    "device.hostname",
    "device.ip",
    "actor.user.name",
    "evidences.process.cmd_line",
    "process.cmd_line",
)


def recognises(record: Fields) -> bool:
    return record.get("class_uid") in (_DETECTION, _SECURITY) and ("finding_info" in record or "finding" in record)


def alert(record: Fields) -> Alert:
    fields = flattened(record)
    info = "finding_info" if "finding_info" in record else "finding"
    severity = _SEVERITIES.get(text(fields, "severity_id"), int(Severity.MEDIUM))
    state = text(fields, "status_id" if record.get("class_uid") == _DETECTION else "state_id")
    name = title(fields, f"{info}.title", "message")
    product = _product(fields)
    rule = text(fields, f"{info}.analytic.uid", "analytic.uid", f"{info}.analytic.name", "analytic.name")
    return Alert(
        product=product,
        id=f"{product}:{needed(fields, f'{info}.uid')}",
        rule=f"{product}:{rule or name or needed(fields, f'{info}.types')}",
        title=name,
        severity=Severity(severity),
        benign=text(fields, "verdict_id") in _HARMLESS_VERDICTS or state in _HARMLESS_STATES,
        first=first_time(
            fields, "start_time", "start_time_dt", f"{info}.first_seen_time", f"{info}.first_seen_time_dt", *_TIME
        ),
        last=first_time(
            fields, "end_time", "end_time_dt", f"{info}.last_seen_time", f"{info}.last_seen_time_dt", *_TIME
        ),
        tactics=texts(fields, *(f"{place}.{name}" for place in (f"{info}.attacks", "attacks") for name in _TACTICS)),
        techniques=texts(
            fields, *(f"{place}.{name}" for place in (f"{info}.attacks", "attacks") for name in _TECHNIQUES)
        ),
        entities=distinct(
            chain(
                _hosts(record),
                entities(fields, _ENTITIES),
                (_observable(item) for item in objects(record.get("observables"))),
            )
        ),
        shown={name: fields.get(name) for name in _SHOWN},
        count=_count(fields),
    )


_TIME = ("time", "time_dt")
_TACTICS = ("tactic.uid", "tactic.name", "tactics.uid", "tactics.name")
_TECHNIQUES = ("sub_technique.uid", "technique.uid")


def _product(fields: Fields) -> str:
    name = title(fields, "metadata.product.name")[:100]
    vendor = title(fields, "metadata.product.vendor_name")[:100]
    if name and vendor and vendor.lower() not in name.lower():
        return f"{vendor} {name}"
    return name or vendor or "an unnamed product"


def _hosts(record: Fields) -> Iterator[Entity | None]:
    evidences = objects(record.get("evidences"))
    for holder in (record, *evidences):
        device = member(holder, "device")
        yield host(text(device, "hostname", "name"), text(device, "domain"))


def _observable(observable: Fields) -> Entity | None:
    kind = _OBSERVABLES.get(text(observable, "type_id"))
    return entity(kind, text(observable, "value")) if kind else None


def _count(fields: Fields) -> int:
    count = fields.get("count")
    return count if isinstance(count, int) else 1
