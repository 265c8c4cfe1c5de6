"""AWS CloudTrail records, as they are delivered, or wrapped by EventBridge, CloudWatch Logs or ``lookup-events``.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
Known by ``eventVersion`` and ``awsRegion``. Nested members are fields joined with dots; ``requestParameters`` and
``responseElements`` are also kept whole, since rules search in their text.
"""

from typing import Any, cast

import orjson

from sakimori.collect.shapes import Fields, Shaped, ShapeError, text_of
from sakimori.collect.shapes.nested import flattened
from sakimori.collect.times import time_of

_WHOLE = ("requestParameters", "responseElements")
_TEXT_MEMBERS = ("CloudTrailEvent", "message")
"""Members of ``lookup-events`` and of CloudWatch Logs that hold the record as text."""
_TEXT_BEGINNING = '{"eventVersion":'


def recognises(record: Fields) -> bool:
    return _is_record(record) or _is_record(record.get("detail")) or _text_in(record) is not None


def shaped(record: Fields) -> Shaped:
    record = _unwrapped(record)
    fields = flattened(record)
    for name in _WHOLE:
        if record.get(name).__class__ is dict:
            fields[name] = record[name]
    kind = ("aws", "cloudtrail", text_of(record.get("eventSource", "")))
    return Shaped(kind, time_of(record.get("eventTime")), fields)


def _is_record(value: Any) -> bool:
    return value.__class__ is dict and "eventVersion" in value and "awsRegion" in value


def _text_in(record: Fields) -> str | None:
    for name in _TEXT_MEMBERS:
        text: Any = record.get(name)
        if text.__class__ is str and text[:64].replace(" ", "").startswith(_TEXT_BEGINNING):
            return text
    return None


def _unwrapped(record: Fields) -> Fields:
    if _is_record(record):
        return record
    if _is_record(record.get("detail")):
        return cast("Fields", record["detail"])
    try:
        inner = orjson.loads(_text_in(record) or "")
    except orjson.JSONDecodeError as error:
        raise ShapeError(f"the CloudTrail record in it is broken JSON: {error}") from error
    if not _is_record(inner):
        raise ShapeError("the CloudTrail record in it has no awsRegion")
    return cast("Fields", inner)
