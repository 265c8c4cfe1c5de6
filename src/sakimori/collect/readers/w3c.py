"""W3C Extended Log File Format, as IIS and proxies (Blue Coat) write it: one record per line under ``#Fields``.

Format: https://www.w3.org/TR/WD-logfile.html. Directives may stand anew anywhere. An absent value is ``-`` and stays
so: rules for web servers ask for it.

Offset: the byte where the line begins. Raw record: a JSON object of the fields' names and values, since a line alone
means nothing.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO

import orjson

from sakimori.collect.json_records import event
from sakimori.collect.readers import Damage, Note, RawRecord, among, first, lines

__all__ = ["NAME", "event", "recognises", "record_at", "records", "records_at"]

NAME = "w3c"
_FIELDS = b"#Fields:"
_LONGEST_HEADER = 64 * 1024
_VALUE = re.compile(r'"([^"]*)"(?=\s|\Z)|(\S+)')


def recognises(head: bytes) -> bool:
    text = head.removeprefix(lines.BOM).lstrip()
    return text.startswith(b"#") and any(line.startswith(_FIELDS) for line in text.splitlines()[:20])


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    for names, item in _under_names(file, size):
        yield _record(names, item) if isinstance(item, RawRecord) else item


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    return first(records_at(file, size, (offset,)))


def records_at(file: BinaryIO, size: int, offsets: Collection[int]) -> Iterator[RawRecord]:
    """Reads from the beginning: directives may stand anywhere."""
    wanted = (
        _record(names, item)
        for names, item in _under_names(file, size)
        if isinstance(item, RawRecord) and item.offset in offsets
    )
    return among(wanted, offsets)


def _under_names(file: BinaryIO, size: int) -> Iterator[tuple[Sequence[str], RawRecord | Damage | Note]]:
    """Lines that are no directives, with the names of their fields."""
    names: Sequence[str] = ()
    for item in lines.records(file, size):
        if not isinstance(item, RawRecord):
            yield names, item
        elif item.raw.startswith(b"#"):
            names = _names(item.raw) or names
        else:
            yield names, item


def _names(line: bytes) -> Sequence[str]:
    if not line.startswith(_FIELDS):
        return ()
    return tuple(line[len(_FIELDS) : _LONGEST_HEADER].decode("utf-8", "replace").split())


def _record(names: Sequence[str], item: RawRecord) -> RawRecord | Damage:
    if not names:
        return Damage(item.offset, "a record without a line #Fields above it", item.raw)
    text = item.raw.decode("utf-8", "replace")
    values = [match[2] if match[1] is None else match[1] for match in _VALUE.finditer(text)]
    if len(values) != len(names):
        reason = f"the line has {len(values)} values where #Fields names {len(names)}"
        return Damage(item.offset, reason, item.raw)
    return RawRecord(item.offset, orjson.dumps(dict(zip(names, values, strict=True))))
