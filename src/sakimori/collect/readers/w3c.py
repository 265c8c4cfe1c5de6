"""W3C Extended Log File Format, as IIS and proxies (Blue Coat) write it: one record per line under ``#Fields``.

Format: https://www.w3.org/TR/WD-logfile.html. Directives may stand anew anywhere. An absent value is ``-`` and stays
so: rules for web servers ask for it.

Offset: the byte where the line begins. Raw record: a JSON object of the fields' names and values, since a line alone
means nothing.
"""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import orjson

from sakimori.collect.json_records import event
from sakimori.collect.readers import Damage, Note, RawRecord, lines

__all__ = ["NAME", "event", "recognises", "record_at", "records"]

NAME = "w3c"
_FIELDS = b"#Fields:"
_LONGEST_HEADER = 64 * 1024
_VALUE = re.compile(r'"([^"]*)"(?=\s|\Z)|(\S+)')


def recognises(head: bytes) -> bool:
    text = head.removeprefix(lines.BOM).lstrip()
    return text.startswith(b"#") and any(line.startswith(_FIELDS) for line in text.splitlines()[:20])


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    names: Sequence[str] = ()
    for item in lines.records(file, size):
        if not isinstance(item, RawRecord):
            yield item
        elif item.raw.startswith(b"#"):
            names = _names(item.raw) or names
        else:
            yield _record(names, item)


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    line = lines.record_at(file, size, offset)
    found = _record(_names_before(file, offset), RawRecord(offset, line))
    if line.startswith(b"#") or isinstance(found, Damage):
        raise LookupError
    return found.raw


def _names(line: bytes) -> Sequence[str]:
    if not line.startswith(_FIELDS):
        return ()
    return tuple(line[len(_FIELDS) : _LONGEST_HEADER].decode("utf-8", "replace").split())


def _names_before(file: BinaryIO, offset: int) -> Sequence[str]:
    """Those of the last ``#Fields`` above an offset."""
    for place in lines.above(file, offset, _FIELDS):
        file.seek(place)
        if names := _names(file.readline(_LONGEST_HEADER).rstrip(b"\r\n")):
            return names
    return ()


def _record(names: Sequence[str], item: RawRecord) -> RawRecord | Damage:
    if not names:
        return Damage(item.offset, "a record without a line #Fields above it", item.raw)
    text = item.raw.decode("utf-8", "replace")
    values = [match[2] if match[1] is None else match[1] for match in _VALUE.finditer(text)]
    if len(values) != len(names):
        reason = f"the line has {len(values)} values where #Fields names {len(names)}"
        return Damage(item.offset, reason, item.raw)
    return RawRecord(item.offset, orjson.dumps(dict(zip(names, values, strict=True))))
