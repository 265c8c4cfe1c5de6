"""Answers of search APIs: JSON objects, one after another, in which other products' alerts lie in an array.

Elasticsearch's ``{"hits": {"hits": […]}}``, CrowdStrike's ``{"resources": […]}``, Splunk's ``{"results": […]}``,
Microsoft Graph's ``{"value": […]}``; what else such an answer holds is no record. Offset: the byte where the alert's
own object begins. Raw record: the object's own bytes.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

from sakimori.collect import alerts
from sakimori.collect.json_records import event
from sakimori.collect.readers import MAX_RECORD, Damage, Note, RawRecord
from sakimori.collect.readers.lines import BOM
from sakimori.collect.shapes import Fields

__all__ = ["NAME", "event", "recognises", "record_at", "records"]

NAME = "answer"
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes. An answer is held in memory whole; a larger one should be written with one alert a line."""

_PLACES: tuple[tuple[str, ...], ...] = (("hits", "hits"), ("resources",), ("results",), ("value",))
_SPACE = " \t\r\n"
_decode = json.JSONDecoder().raw_decode


class _Text(str):
    """Does not count its lines: each JSONDecodeError counts all those before it, and a file may hold millions."""

    __slots__ = ()

    def count(self, *_: object) -> int:
        return 0


def recognises(head: bytes) -> bool:
    """Only where the first record is an alert that is known: the names of such members are everybody's."""
    text = _text(head)
    array = _array(text, _begin(text))
    if array is None or not text.startswith("{", array.begin):
        return False
    first = _value(text, array.begin)
    return first is not None and isinstance(first[0], dict) and alerts.recognises(cast("Fields", first[0]))


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    if size > MAX_ANSWER:
        yield Damage(0, f"the answer is larger than {MAX_ANSWER >> 20} MiB: write one alert per line instead", b"")
        return
    file.seek(0)
    data = file.read(size)
    text = _text(data)
    position = _begin(text)
    while position < len(text):
        array = _array(text, position)
        if array is None:
            yield Damage(position, "no answer with alerts, or broken JSON: nothing behind it was read", data[position:])
            return
        position = array.begin
        while position < len(text) and text[position] != "]":
            found = _value(text, position)
            if found is None:
                yield Damage(position, "broken JSON: nothing behind it was read", data[position:])
                return
            end = found[1]
            if end - position > MAX_RECORD:
                yield Damage(position, f"the alert is larger than {MAX_RECORD >> 20} MiB", data[position:end])
            else:
                yield RawRecord(position, data[position:end])
            position = _skip(text, end, _SPACE + ",")
        behind = _end(text, position + 1, array.depth)
        if behind is None:
            yield Note("the answer breaks off behind its last alert")
            return
        position = behind


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    for item in records(file, size):
        if isinstance(item, RawRecord) and item.offset == offset:
            return item.raw
    raise LookupError


def _text(data: bytes) -> _Text:
    """Latin-1 maps bytes to characters one to one, so that places in the text are places in the file."""
    return _Text(data.decode("latin-1"))


class _Array(NamedTuple):
    begin: int
    """Where its first element lies, or its end."""
    depth: int
    """Objects that it lies in."""


def _begin(text: str) -> int:
    return _skip(text, len(BOM) if text.startswith(BOM.decode("latin-1")) else 0, _SPACE)


def _array(text: str, position: int) -> _Array | None:
    """The array of records in the object at ``position``; None where there is none."""
    for names in _PLACES:
        place: int | None = position
        for name in names:
            place = None if place is None else _member(text, place, name)
        if place is not None and text.startswith("[", place):
            return _Array(_skip(text, place + 1, _SPACE), len(names))
    return None


def _member(text: str, position: int, name: str) -> int | None:
    """Where the value of a member of the object at ``position`` lies."""
    if not text.startswith("{", position):
        return None
    for key, place in _members(text, position + 1):
        if key == name:
            return place
    return None


def _members(text: str, position: int) -> Iterator[tuple[str | None, int]]:
    """Names of the members from here on, and where their values lie; last, None and where the object ends.

    Stops early where the JSON is broken.
    """
    position = _skip(text, position, _SPACE + ",")
    while text.startswith('"', position):
        key = _value(text, position)
        colon = _skip(text, key[1], _SPACE) if key else -1
        if key is None or not text.startswith(":", colon):
            return
        place = _skip(text, colon + 1, _SPACE)
        yield str(key[0]), place
        value = _value(text, place)
        if value is None:
            return
        position = _skip(text, value[1], _SPACE + ",")
    if text.startswith("}", position):
        yield None, position


def _end(text: str, position: int, depth: int) -> int | None:
    """Behind the ``depth`` objects around an array that ended before ``position``; None where they do not end."""
    for _ in range(depth):
        end = next((place for name, place in _members(text, position) if name is None), None)
        if end is None:
            return None
        position = end + 1
    return _skip(text, position, _SPACE)


def _value(text: str, position: int) -> tuple[Any, int] | None:
    """The value there and where it ends; None where there is none."""
    try:
        return _decode(text, position)
    except (ValueError, RecursionError):
        return None


def _skip(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] in characters:
        position += 1
    return position
