"""Raw records that are JSON objects: the event in each, and the cells of its fields."""

import json
from collections.abc import Callable
from typing import Any, NoReturn, cast

import orjson

from sakimori.collect import alerts
from sakimori.collect.alerts import AlertHere
from sakimori.collect.shapes import (
    Fields,
    Shape,
    Shaped,
    ShapeError,
    azure_activity,
    cloudtrail,
    entra,
    evtx_json,
    flat,
    helpdesk,
    journald,
    suricata,
    w3c,
    winlogbeat,
    zeek,
)
from sakimori.records import encode_cell

SHAPES: tuple[Shape, ...] = (
    flat,
    alerts,
    evtx_json,
    winlogbeat,
    helpdesk,
    zeek,
    suricata,
    w3c,
    journald,
    cloudtrail,
    entra,
    azure_activity,
)
"""The first that recognises a record shapes it. Alerts may copy the event they are about, so they come before it."""
_BEYOND_64_BITS = float(2**63)


def event(raw: bytes, shape: Callable[[Fields], Shaped] | None = None) -> Shaped:
    """The event in a raw record; ``shape`` makes it of an object where not all known shapes are to be tried.

    One wrong byte or half a surrogate in a command line must not let an event escape detection, so such text is read
    with U+FFFD in its place rather than rejected.

    Raises:
        ShapeError: it is no JSON object, or no event.
    """
    shape = shape or shaped
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            record = _parse_slowly(raw)
        except ShapeError:
            raise ShapeError(f"broken JSON: {error}") from error
        try:
            kind, time, fields, _ = shape(record)
        except AlertHere as here:
            here.repaired = True
            raise
        product, channel, code = kind
        scrubbed = {_scrubbed(name): _deeply_scrubbed(value) for name, value in fields.items()}
        return Shaped((product, _scrubbed(channel), _scrubbed(code)), time, scrubbed, repaired=True)
    return event_of(record, raw, shape)


def event_of(record: object, raw: bytes, shape: Callable[[Fields], Shaped] | None = None) -> Shaped:
    """``event``, given what orjson makes of the raw record. It may be changed."""
    if record.__class__ is not dict:
        raise ShapeError(f"a JSON {type(record).__name__}, not an object")
    shape = shape or shaped
    found = shape(cast("Fields", record))
    values = found.fields.values()
    if float in map(type, values) and any(map(rounded, values)):
        return shape(_parse_slowly(raw))
    return found


def shape_of(record: Fields) -> Shape | None:
    """None where it has none of the known shapes."""
    for shape in SHAPES:
        if shape.recognises(record):
            return shape
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
    return shape.shaped(record)


def rounded(value: object) -> bool:
    """Whether the fast parser may have rounded a number: it reads whole numbers beyond 64 bits as fractions."""
    return value.__class__ is float and abs(cast("float", value)) >= _BEYOND_64_BITS


def cell(value: Any) -> str:
    """The text of a value's cell (see ``encode_cell``); a value that no cell can hold is said to be one."""
    try:
        return encode_cell(value)
    except (TypeError, RecursionError):  # orjson's word for too deep is a TypeError
        return "(a value that is nested too deeply to be kept)"


def _parse_slowly(raw: bytes) -> Fields:
    """With numbers of any length kept exactly and text repaired, half surrogates excepted.

    NULs around a record fill files that were rotated by copying, or lost their end in a power failure.
    """
    try:
        value: Any = json.loads(raw.strip(b"\0").decode("utf-8", "replace"), strict=False, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ShapeError(f"broken JSON: {error}") from error
    if not isinstance(value, dict):
        raise ShapeError(f"a JSON {type(value).__name__}, not an object")
    return cast("Fields", value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _deeply_scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return _scrubbed(value)
    if isinstance(value, list):
        return [_deeply_scrubbed(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_scrubbed(name): _deeply_scrubbed(item) for name, item in cast("Fields", value).items()}
    return value


def _scrubbed(text: str) -> str:
    """Without half surrogates, which no UTF-8 can hold."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
