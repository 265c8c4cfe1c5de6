"""Windows events as Winlogbeat and the Elastic Agent write them. Known by ``winlog``.

``@timestamp`` is the event's own time, in UTC.
"""

from typing import Any, cast

from sakimori.collect.shapes import Fields, Numbers, Shaped, ShapeError, object_in, put, text_of
from sakimori.collect.times import time_of


def recognises(record: Fields) -> bool:
    return "winlog" in record


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


def shaped(record: Fields) -> Shaped:
    winlog = object_in(record["winlog"], "winlog")
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
    last: Numbers = {}
    for part in ("event_data", "user_data"):
        data = winlog.get(part)
        if data.__class__ is dict:
            for name, value in cast("Fields", data).items():
                put(fields, last, name, value)
    return Shaped(
        ("windows", text_of(winlog.get("channel", "")), text_of(code)), time_of(record.get("@timestamp")), fields
    )
