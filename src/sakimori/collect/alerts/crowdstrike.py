"""CrowdStrike Falcon detections: the Alerts API v2, and detection summaries of the event stream.

Source: the vendor's models (gofalcon, ``falcon/models/streaming_models/models.go``; falconpy, ``alerts``) and the
recorded alerts that Elastic's integration is tested with (elastic/integrations, ``packages/crowdstrike``,
``data_stream/alert`` and ``data_stream/falcon``); the vendor's own pages are for customers only. Event streams write
``DetectionSummaryEvent`` (severity 1 to 5) or its successor ``EppDetectionSummaryEvent`` (1 to 100).
"""

from itertools import chain

from sakimori.collect.alerts.alert import Alert
from sakimori.collect.alerts.members import (
    Named,
    distinct,
    entities,
    first_time,
    host,
    member,
    needed,
    severity_named,
    text,
    texts,
    title,
)
from sakimori.collect.shapes import Fields
from sakimori.collect.shapes.nested import flattened
from sakimori.records import EntityType, Severity

NAME = "crowdstrike"

_PRODUCT = "CrowdStrike Falcon"
_OLD, _EPP = "detectionsummaryevent", "eppdetectionsummaryevent"
_HARMLESS = "false_positive"
"""The tag of a closed alert: how Falcon keeps what people concluded (``true_positive`` is the other)."""
_ENTITIES: Named = (
    (EntityType.HOST, "source_endpoint_host_name"),
    (EntityType.HOST, "target_endpoint_host_name"),
    (EntityType.USER, "user_name"),
    (EntityType.USER, "user_principal"),
    (EntityType.USER, "source_account_sam_account_name"),
    (EntityType.USER, "target_account_name"),
    (EntityType.IP, "device.local_ip"),
    (EntityType.IP, "source_endpoint_ip_address"),
    (EntityType.IP, "network_accesses.remote_address"),
    (EntityType.FILE, "filepath"),
    (EntityType.HASH, "sha256"),
    (EntityType.HASH, "sha1"),
    (EntityType.HASH, "md5"),
    (EntityType.PROCESS, "filename"),
)
_SHOWN = (
    "composite_id",
    "name",
    "display_name",
    "description",
    "severity",
    "severity_name",
    "status",
    "tags",
    "tactic",
    "tactic_id",
    "technique",
    "technique_id",
    "device.hostname",
    "device.machine_domain",
    "user_name",
    "filename",
    "filepath",
    "cmdline",
    "sha256",
    "pattern_disposition_description",
    "falcon_host_link",
)
_STREAM_ENTITIES: Named = (
    (EntityType.USER, "event.UserName"),
    (EntityType.IP, "event.LocalIP"),
    (EntityType.IP, "event.NetworkAccesses.RemoteAddress"),
    (EntityType.FILE, "event.FilePath"),
    (EntityType.HASH, "event.SHA256String"),
    (EntityType.HASH, "event.SHA1String"),
    (EntityType.HASH, "event.MD5String"),
    (EntityType.PROCESS, "event.FileName"),
)
_STREAM_SHOWN = (
    "metadata.eventType",
    "event.CompositeId",
    "event.DetectId",
    "event.Name",
    "event.DetectName",
    "event.Description",
    "event.DetectDescription",
    "event.Severity",
    "event.SeverityName",
    "event.Tactic",
    "event.Technique",
    "event.Hostname",
    "event.ComputerName",
    "event.UserName",
    "event.FileName",
    "event.FilePath",
    "event.CommandLine",
    "event.SHA256String",
    "event.PatternDispositionDescription",
    "event.FalconHostLink",
)


def recognises(record: Fields) -> bool:
    return ("composite_id" in record and "severity" in record) or _stream(record) != ""


def alert(record: Fields) -> Alert:
    stream = _stream(record)
    return _summary(record, highest=5 if stream == _OLD else 100) if stream else _alert(record)


def _alert(record: Fields) -> Alert:
    fields = flattened(record)
    start = first_time(fields, "start_time", "timestamp", "context_timestamp", "created_timestamp")
    return Alert(
        product=_PRODUCT,
        id=needed(fields, "composite_id"),
        rule=needed(fields, "pattern_id", "name", "display_name"),
        title=title(fields, "display_name", "name", "description"),
        severity=_severity(text(fields, "severity_name"), text(fields, "severity"), highest=100),
        benign=text(fields, "status") == "closed" and _HARMLESS in texts(fields, "tags"),
        first=start,
        last=first_time(fields, "end_time") or start,
        tactics=texts(fields, "tactic_id", "tactic"),
        techniques=texts(fields, "technique_id"),
        entities=distinct(
            chain(
                [
                    host(
                        text(fields, "device.hostname"), text(fields, "device.machine_domain", "device.hostinfo.domain")
                    )
                ],
                entities(fields, _ENTITIES),
            )
        ),
        shown={name: fields.get(name) for name in _SHOWN},
    )


def _summary(record: Fields, *, highest: int) -> Alert:
    fields = flattened(record)
    time = first_time(fields, "metadata.eventCreationTime")
    return Alert(
        product=_PRODUCT,
        id=needed(fields, "event.CompositeId", "event.DetectId"),
        rule=needed(fields, "event.PatternId", "event.Name", "event.DetectName"),
        title=title(fields, "event.Name", "event.DetectName", "event.Description", "event.DetectDescription"),
        severity=_severity(text(fields, "event.SeverityName"), text(fields, "event.Severity"), highest=highest),
        benign=False,
        first=time,
        last=time,
        tactics=texts(fields, "event.Tactic", "event.MitreAttack.Tactic"),
        techniques=(),  # these events name techniques without their ids
        entities=distinct(
            chain(
                [
                    host(
                        text(fields, "event.Hostname", "event.ComputerName"),
                        text(fields, "event.MachineDomain", "event.LogonDomain"),
                    )
                ],
                entities(fields, _STREAM_ENTITIES),
            )
        ),
        shown={name: fields.get(name) for name in _STREAM_SHOWN},
    )


def _stream(record: Fields) -> str:
    """The kind of detection summary; empty where it is none. Its spelling varies (``EPPDetectionSummaryEvent``)."""
    kind = member(record, "metadata").get("eventType")
    kind = kind.lower() if isinstance(kind, str) and "event" in record else ""
    return kind if kind in (_OLD, _EPP) else ""


def _severity(name: str, number: str, *, highest: int) -> Severity:
    """By name where there is one; else by fifths: of 100, up to 19 is informational and from 80 critical."""
    if name or not (number.isascii() and number.isdecimal() and len(number) < 4):
        return severity_named(name)
    return Severity(min(max(int(number), 1), 5) if highest == 5 else min(int(number) // 20 + 1, 5))
