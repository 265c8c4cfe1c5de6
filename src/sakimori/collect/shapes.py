"""The shapes of JSON that carry events, and the one form they become: kind, time, fields.

=============  =========================================================  ==========================================
shape          known by                                                   time
=============  =========================================================  ==========================================
evtx-json      ``Event.System``                                           ``TimeCreated`` / ``SystemTime``
Winlogbeat     ``winlog``                                                 ``@timestamp`` (the event's own, in UTC)
flat           ``EventID`` and ``Channel`` (NXLog, OTRF, Log Analytics)   see ``flat_time``
helpdesk       ``log`` = ``helpdesk``                                     ``@timestamp``
=============  =========================================================  ==========================================

Windows' system fields get the names that Sigma rules use (``Provider_Name``, ``Computer``, ``Execution_ProcessID``, …);
event data keep their own.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast
from xml.etree import ElementTree

from sakimori.core import Nanos, parse_rfc3339

Fields = dict[str, Any]
"""Field name to JSON value."""


class ShapeError(ValueError):
    """A record that is no event. The message is the reason, without place."""


class Shaped(NamedTuple):
    kind: tuple[str, str, str]
    """Product, channel, code, as in ``EventKind``."""
    time: Nanos | None
    fields: Fields
    repaired: bool = False
    """Whether the record's text had to be repaired before it could be read."""


def shape_of(record: Fields) -> "Callable[[Fields], Shaped] | None":
    """Which shape a record has; None where it is none of ours."""
    if "EventID" in record and "Channel" in record:
        return _flat
    if "Event" in record:
        return _evtx_json
    if "winlog" in record:
        return _winlogbeat
    if record.get("log") == "helpdesk":
        return _helpdesk
    return None


def shaped(record: Fields) -> Shaped:
    """The event in a record. The record may be changed.

    Raises:
        ShapeError: it has none of the known shapes, or lacks what the shape needs.
    """
    shape = shape_of(record)
    if shape is None:
        members = ", ".join(list(record)[:4]) or "none"
        raise ShapeError(f"no known event shape (its members begin with: {members})")
    return shape(record)


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


def _flat(record: Fields) -> Shaped:
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
    return "windows", _text(record["Channel"]), _text(record["EventID"])


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
        if (time := _time(record.get(name))) is not None:
            return time
    return _sysmon_time(record) if "EventTime" in record else _time(record.get("@timestamp"))


def _sysmon_time(record: Mapping[str, Any]) -> Nanos | None:
    if record.get("SourceName") == "Microsoft-Windows-Sysmon" and (time := _time(record.get("UtcTime"))) is not None:
        return time
    return _nxlog_time(record)


def _nxlog_time(record: Mapping[str, Any]) -> Nanos | None:
    local = record["EventTime"]
    received_locally: Any = record.get("EventReceivedTime")
    received: Any = record.get("@timestamp")
    if (
        local.__class__ is received_locally.__class__ is received.__class__ is str
        and received[-1:] == "Z"
        and len(local) + len(received_locally) <= _LONGEST_TIME
        # To find the zone, the minute of receipt is enough: a log says the same minute many times over.
        and (known := _local_time(local, received_locally, received[:16])) is not None
    ):
        return known
    time, arrived = _time(local), _time(received)
    if time is None or arrived is None or _ZONE.search(local):
        return arrived if time is None else time
    arrived_locally = _time(received_locally)
    return arrived if arrived_locally is None else time + _zone(arrived - arrived_locally)


@lru_cache(8192)
def _local_time(local: str, received_locally: str, received: str) -> Nanos | None:
    times = _time(local), _time(received_locally), _time(received)
    if _ZONE.search(local) or None in times:
        return None
    time, arrived_locally, arrived = cast("tuple[Nanos, Nanos, Nanos]", times)
    return time + _zone(arrived - arrived_locally)


_QUARTER_HOUR = 900 * 1_000_000_000


def _zone(difference: Nanos) -> Nanos:
    return round(difference / _QUARTER_HOUR) * _QUARTER_HOUR


_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)\Z")


_Numbers = dict[str, int]
"""By name, the number that the last field of that name got: counting on from it, not from 2, keeps an event with
thousands of fields of one name from costing the square of that."""


def _event_data_xml(text: str) -> Fields:
    if "<!" in text:
        raise ShapeError("EventData holds an XML declaration, which event data never does")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no document type, so no entities to expand
    except ElementTree.ParseError as error:
        raise ShapeError(f"EventData is broken XML: {error}") from error
    fields: Fields = {}
    last: _Numbers = {}
    unnamed: list[str] = []
    for element in root:
        name = element.get("Name") or element.tag.rpartition("}")[2]
        if name == "Data":
            unnamed.append(element.text or "")
        else:
            _put(fields, last, name, element.text or "")
    if unnamed:
        fields["Data"] = unnamed[0] if len(unnamed) == 1 else unnamed
    return fields


def _evtx_json(record: Fields) -> Shaped:
    event = _object(record["Event"], "Event")
    system = _object(event.get("System"), "Event.System")
    fields: Fields = {}
    time = None
    for name, value in system.items():
        if value.__class__ is not dict:
            if value is not None:
                fields[name] = value
            continue
        text, attributes = _element(cast("Fields", value))
        if text is not None:
            fields[name] = text
        if name == "TimeCreated":
            time = _time(attributes.get("SystemTime"))
        elif name == "Security":
            fields.update(attributes)
        elif name != "EventID":  # its Qualifiers are half of an old-style status code: no rule asks for them
            for attribute, content in attributes.items():
                fields[f"{name}_{attribute}"] = content
    if "EventID" not in fields:
        raise ShapeError("Event.System has no EventID")
    last: _Numbers = {}
    _add_event_data(fields, last, event.get("EventData"))
    user_data = event.get("UserData")
    if user_data.__class__ is dict:
        for content in cast("Fields", user_data).values():
            if content.__class__ is dict:
                _add_event_data(fields, last, content)
    kind = ("windows", _text(fields.get("Channel", "")), _text(fields["EventID"]))
    return Shaped(kind, time, fields)


def _add_event_data(fields: Fields, last: _Numbers, data: Any) -> None:
    """Put named data under their own names; an element's attributes as ``Element_Attribute``."""
    if data.__class__ is not dict:
        if data is not None:
            _put(fields, last, "Data", data)
        return
    for name, value in cast("Fields", data).items():
        if name == "#attributes":
            continue  # the name space, and the name of the schema
        if value.__class__ is dict:
            text, attributes = _element(cast("Fields", value))
            for attribute, content in attributes.items():
                _put(fields, last, f"{name}_{attribute}", content)
            if text is not None or not attributes:
                _put(fields, last, "Data" if name == "#text" else name, value if text is None else text)
        else:
            _put(fields, last, "Data" if name == "#text" else name, value)


def _element(value: Fields) -> tuple[Any, Fields]:
    """Text and attributes of an XML element as the ``evtx`` library writes it."""
    attributes = value.get("#attributes")
    return value.get("#text"), cast("Fields", attributes) if attributes.__class__ is dict else {}


def _put(fields: Fields, last: _Numbers, name: str, value: Any) -> None:
    """Add a field; one that is already there keeps its name, and the newcomer gets the next free number."""
    if name in fields:
        number = last.get(name, 1) + 1
        while (free := f"{name}_{number}") in fields:
            number += 1
        last[name] = number
        name = free
    fields[name] = value


_WINLOG_NAMES = {
    "channel": "Channel",
    "provider_name": "Provider_Name",
    "provider_guid": "Provider_Guid",
    "computer_name": "Computer",
    "record_id": "EventRecordID",
    "task": "Task",
    "opcode": "Opcode",
    "keywords": "Keywords",
    "version": "Version",
    "activity_id": "Correlation_ActivityID",
}
_WINLOG_PATHS = {
    ("winlog", "process", "pid"): "Execution_ProcessID",
    ("winlog", "process", "thread", "id"): "Execution_ThreadID",
    ("winlog", "user", "identifier"): "UserID",
    ("log", "level"): "Level",
    ("message",): "Message",
}


def _winlogbeat(record: Fields) -> Shaped:
    winlog = _object(record["winlog"], "winlog")
    code = winlog.get("event_id")
    if code is None:
        raise ShapeError("winlog has no event_id")
    fields: Fields = {"EventID": code}
    for theirs, ours in _WINLOG_NAMES.items():
        if theirs in winlog:
            fields[ours] = winlog[theirs]
    for path, ours in _WINLOG_PATHS.items():
        value: Any = record
        for step in path:
            value = cast("Fields", value).get(step) if value.__class__ is dict else None
        if value is not None:
            fields[ours] = value
    last: _Numbers = {}
    for part in ("event_data", "user_data"):
        data = winlog.get(part)
        if data.__class__ is dict:
            for name, value in cast("Fields", data).items():
                _put(fields, last, name, value)
    return Shaped(("windows", _text(winlog.get("channel", "")), _text(code)), _time(record.get("@timestamp")), fields)


def _helpdesk(record: Fields) -> Shaped:
    kind = ("helpdesk", "tickets", _text(record.get("type", "")))
    return Shaped(kind, _time(record.get("@timestamp")), record)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if value.__class__ is not dict:
        raise ShapeError(f"{name} is no object")
    return cast("Fields", value)


def _text(value: Any) -> str:
    if value.__class__ is str:
        return value
    if value.__class__ is int:
        return str(value)
    raise ShapeError(f"a name or number was expected for channel and event id, got {type(value).__name__}")


def _time(value: Any) -> Nanos | None:
    """RFC 3339 and its usual variants; None for anything else, and for what 64 bits of nanoseconds cannot hold."""
    return _parsed_time(value) if value.__class__ is str and len(value) <= _LONGEST_TIME else None


_LONGEST_TIME = 64
"""Characters. The cache below keeps what it was asked, and a hostile log may ask for megabytes."""


@lru_cache(8192)  # a log says the same second many times over
def _parsed_time(text: str) -> Nanos | None:
    try:
        time = parse_rfc3339(text)
    except ValueError:
        return None
    return time if -(2**63) <= time < 2**63 else None
