"""JSON documents: pretty-printed objects, one after another, or one array of objects.

Offset: the byte where the object begins. Raw record: the object's own bytes, white space and all.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

from sakimori.collect.json_records import event
from sakimori.collect.readers import MAX_RECORD, Damage, Note, RawRecord
from sakimori.collect.readers.lines import BOM

__all__ = ["NAME", "event", "record_at", "records"]

NAME = "json"
MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes. A document is held in memory whole; larger ones should be one event per line."""

_SPACE = " \t\r\n"
_decode = json.JSONDecoder().raw_decode


class _Text(str):
    """Does not count its lines: each JSONDecodeError counts all those before it, and a file may hold millions."""

    __slots__ = ()

    def count(self, *_: object) -> int:
        return 0


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    if size > MAX_DOCUMENT:
        reason = f"the JSON document is larger than {MAX_DOCUMENT >> 20} MiB: write one event per line instead"
        yield Damage(0, reason, b"")
        return
    file.seek(0)
    data = file.read(size)
    # Latin-1 maps bytes to characters one to one, so that places in the text are places in the file; JSON's own syntax
    # is ASCII, so boundaries are right, and the objects' text is decoded later from their bytes.
    text = _Text(data.decode("latin-1"))
    position = _skip(text, len(BOM) if data.startswith(BOM) else 0, _SPACE)
    if text.startswith("[", position):
        position = _skip(text, position + 1, _SPACE)
    while position < len(text) and text[position] != "]":
        end = _end_of_value(text, position)
        if end is None:
            behind = _next_start(text, position)
            yield Damage(position, "broken JSON", data[position:behind])
            position = behind
        elif end - position > MAX_RECORD:
            yield Damage(position, f"the object is larger than {MAX_RECORD >> 20} MiB", data[position:end])
            position = _skip(text, end, _SPACE + ",")
        else:
            yield RawRecord(position, data[position:end])
            position = _skip(text, end, _SPACE + ",")


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    for item in records(file, size):
        if isinstance(item, RawRecord) and item.offset == offset:
            return item.raw
    raise LookupError


def _end_of_value(text: str, position: int) -> int | None:
    try:
        return _decode(text, position)[1]
    except (ValueError, RecursionError):
        return None


def _next_start(text: str, position: int) -> int:
    """Behind broken JSON: the next line that begins an object at the margin, else the end."""
    found = text.find("\n{", position)
    return len(text) if found < 0 else found + 1


def _skip(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] in characters:
        position += 1
    return position
