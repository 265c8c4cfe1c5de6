"""Windows events as flat objects: NXLog and OTRF, Log Analytics, Get-WinEvent. Known by ``EventID`` and ``Channel``."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, cast
from xml.etree import ElementTree

from sakimori.collect.shapes import Fields, Numbers, Shaped, ShapeError, put, text_of
from sakimori.collect.times import LONGEST_TIME, time_of
from sakimori.core import Nanos


def recognises(record: Fields) -> bool:
    return "EventID" in record and "Channel" in record


# Flat: NXLog's names, and what Log Analytics and Get-WinEvent exports call the same things.
_SYSTEM_NAMES = {
    "Hostname": "Computer",
    "SourceName": "Provider_Name",
    "EventSourceName": "Provider_Name",
    "ProviderGuid": "Provider_Guid",
    "RecordNumber": "EventRecordID",
    "ExecutionProcessID": "Execution_ProcessID",
    "ThreadID": "Execution_ThreadID",
    "OpcodeValue": "Opcode",
    "ActivityID": "Correlation_ActivityID",
}


def shaped(record: Fields) -> Shaped:
    time = flat_time(record)
    _rename(record)
    keywords = record.get("Keywords")
    if isinstance(keywords, int) and not isinstance(keywords, bool):
        record["Keywords"] = flat_number("Keywords", keywords)
    data = record.get("EventData")
    if isinstance(data, str) and data.lstrip().startswith("<"):
        del record["EventData"]
        record.update(_event_data_xml(data) | record)  # event data must not pass for the channel or the host
    return Shaped(flat_kind(record), time, record)


def flat_members(names: Iterable[str]) -> Mapping[str, str] | None:
    """Field → the member of a flat record that it is, for all flat records with members of just these names.

    None where that depends on more than the names, or where such a record is not flat: then see ``shaped``.
    """
    members = {name: name for name in names}
    if "EventID" not in members or "Channel" not in members or "EventData" in members:
        return None
    _rename(members)
    return members


def flat_kind(record: Mapping[str, Any]) -> tuple[str, str, str]:
    """Raises ShapeError where channel or event id are neither text nor number."""
    return "windows", text_of(record["Channel"]), text_of(record["EventID"])


def flat_number(field: str, number: int) -> str:
    """A whole number of a flat record as text: NXLog writes the 64-bit mask of keywords signed, Windows hexadecimal."""
    return f"{number & 0xFFFF_FFFF_FFFF_FFFF:#x}" if field == "Keywords" else str(number)


def _rename(record: dict[str, Any]) -> None:
    for theirs, ours in _SYSTEM_NAMES.items():
        if theirs in record and (theirs == "OpcodeValue" or ours not in record):
            record[ours] = record.pop(theirs)


FlatClock = Callable[[Mapping[str, Any]], Nanos | None]


def flat_clock(names: Collection[str]) -> FlatClock:
    """``flat_time`` for records with members of just these names."""
    if "EventTime" not in names or not set(_OWN_TIMES).isdisjoint(names):
        return flat_time
    return _sysmon_time if "UtcTime" in names else _nxlog_time


_OWN_TIMES = ("TimeCreated", "TimeGenerated")


def flat_time(record: Mapping[str, Any]) -> Nanos | None:
    """When it happened, from what a flat record has, best first.

    ``TimeCreated`` and ``TimeGenerated`` are the event's own time. NXLog writes its own as ``EventTime``, local without
    a zone, and ``@timestamp`` says when Logstash received it, which lags by seconds to minutes (0.1 to 109 s in OTRF's
    datasets); but NXLog stamps ``EventReceivedTime`` in the same local zone at nearly the moment of ``@timestamp``, and
    so the two give the zone away. Sysmon's ``UtcTime`` is its own time to the millisecond.

    Zones are taken at their word: some of OTRF's PowerShell exports wrote local times with a ``Z`` (5 to 19 hours off),
    but the same for all channels, so their story stays in order.
    """
    for name in _OWN_TIMES:
        if (time := time_of(record.get(name))) is not None:
            return time
    return _sysmon_time(record) if "EventTime" in record else time_of(record.get("@timestamp"))


def _sysmon_time(record: Mapping[str, Any]) -> Nanos | None:
    if record.get("SourceName") == "Microsoft-Windows-Sysmon" and (time := time_of(record.get("UtcTime"))) is not None:
        return time
    return _nxlog_time(record)


def _nxlog_time(record: Mapping[str, Any]) -> Nanos | None:
    local = record["EventTime"]
    received_locally: Any = record.get("EventReceivedTime")
    received: Any = record.get("@timestamp")
    if (
        local.__class__ is received_locally.__class__ is received.__class__ is str
        and received[-1:] == "Z"
        and len(local) + len(received_locally) <= LONGEST_TIME
        # To find the zone, the minute of receipt is enough: a log says the same minute many times over.
        and (known := _local_time(local, received_locally, received[:16])) is not None
    ):
        return known
    time, arrived = time_of(local), time_of(received)
    if time is None or arrived is None or _ZONE.search(local):
        return arrived if time is None else time
    arrived_locally = time_of(received_locally)
    return arrived if arrived_locally is None else time + _zone(arrived - arrived_locally)


@lru_cache(8192)
def _local_time(local: str, received_locally: str, received: str) -> Nanos | None:
    times = time_of(local), time_of(received_locally), time_of(received)
    if _ZONE.search(local) or None in times:
        return None
    time, arrived_locally, arrived = cast("tuple[Nanos, Nanos, Nanos]", times)
    return time + _zone(arrived - arrived_locally)


_QUARTER_HOUR = 900 * 1_000_000_000


def _zone(difference: Nanos) -> Nanos:
    return round(difference / _QUARTER_HOUR) * _QUARTER_HOUR


_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)\Z")


def _event_data_xml(text: str) -> Fields:
    if "<!" in text:
        raise ShapeError("EventData holds an XML declaration, which event data never does")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no document type, so no entities to expand
    except ElementTree.ParseError as error:
        raise ShapeError(f"EventData is broken XML: {error}") from error
    fields: Fields = {}
    last: Numbers = {}
    unnamed: list[str] = []
    for element in root:
        name = element.get("Name") or element.tag.rpartition("}")[2]
        if name == "Data":
            unnamed.append(element.text or "")
        else:
            put(fields, last, name, element.text or "")
    if unnamed:
        fields["Data"] = unnamed[0] if len(unnamed) == 1 else unnamed
    return fields
