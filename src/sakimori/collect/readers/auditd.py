"""Logs of auditd: the records of one event brought together (see ``collect.audit_event`` for what becomes of them).

Offset: the byte where the event's first record begins, PATHs apart, which have offsets of their own. Raw record: the
records' lines as they stand. Of an event that a rotated file cut in two, each half is an event with what it has.
"""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from sakimori.collect.audit_event import event
from sakimori.collect.audit_record import HEADER
from sakimori.collect.readers import Damage, Note, RawRecord, lines

__all__ = ["NAME", "event", "recognises", "record_at", "records"]

NAME = "auditd"
SPAN = 256 * 1024
"""Bytes from an event's first record to its last. auditd writes an event's records within milliseconds, though those of
other events may lie between; a record that comes later begins an event of its own."""
LONGEST = 16 * 1024
"""Bytes of a line that is brought together with others: twice what the kernel writes (8,970)."""
MOST_PATHS = 64
"""Paths of one event that are told who did it; those beyond stand alone. Both bound what a hostile file can cost."""

_Key = tuple[bytes, ...] | int
"""What the records of one event have in common: node, time and serial number. A line that stands alone: its offset."""
_A_LINE = re.compile(rb"^" + HEADER.pattern, re.MULTILINE)


def recognises(head: bytes) -> bool:
    return _A_LINE.search(head.removeprefix(lines.BOM)) is not None


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    """In order of the events' first records; each line is part of one event, what is no audit record stands alone."""
    waiting: dict[_Key, list[RawRecord]] = {}  # in order of the first record
    for item in lines.records(file, size):
        while waiting:
            first = next(iter(waiting))
            if isinstance(item, RawRecord) and item.offset - waiting[first][0].offset <= SPAN:
                break
            yield from _events(waiting.pop(first))
        if isinstance(item, RawRecord):
            waiting.setdefault(_key(item), []).append(item)
        else:
            yield item
    for found in waiting.values():
        yield from _events(found)


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    line = RawRecord(offset, lines.record_at(file, size, offset))
    key = _key(line)
    start = offset
    while start and (before := next(_lines_of(key, file, size, max(0, start - SPAN), start), None)):
        start = before.offset
    event: list[RawRecord] = []
    for item in _lines_of(key, file, size, start, offset + SPAN + 1):
        if event and item.offset - event[0].offset > SPAN:
            if item.offset > offset:
                break
            event = []
        event.append(item)
    for found in _events(event or [line]):
        if found.offset == offset:
            return found.raw
    raise LookupError


def _key(item: RawRecord) -> _Key:
    header = HEADER.match(item.raw) if len(item.raw) <= LONGEST else None
    return (header[1] or b"", header[3], header[4], header[5]) if header else item.offset


def _lines_of(key: _Key, file: BinaryIO, size: int, start: int, end: int) -> Iterator[RawRecord]:
    """The lines with this key that begin from ``start`` to before ``end``."""
    start = 0 if start <= len(lines.BOM) else start  # no record fits before it
    file.seek(start)
    data = file.read(min(size, end + LONGEST + 2) - start)
    at = 0
    if start:
        file.seek(start - 1)
        at = 0 if file.read(1) == b"\n" else data.find(b"\n") + 1 or len(data)
    elif data.startswith(lines.BOM):
        at = len(lines.BOM)
    while at < len(data) and start + at < end:
        stop = data.find(b"\n", at)
        stop = len(data) if stop < 0 else stop
        item = RawRecord(start + at, data[at:stop].rstrip(b"\r"))
        if _key(item) == key:
            yield item
        at = stop + 1


def _events(group: Sequence[RawRecord]) -> Iterator[RawRecord]:
    """The events in lines of one key: all but PATHs and repeated types together, then those one by one."""
    together: dict[bytes, list[RawRecord]] = {}
    alone: list[tuple[bytes, RawRecord]] = []
    for item in group:
        header = HEADER.match(item.raw)
        kind = header[2] if header else b""
        if kind == b"PATH" or (kind in together and kind != b"EXECVE"):
            alone.append((kind, item))
        else:
            together.setdefault(kind, []).append(item)
    joined = sorted(item for items in together.values() for item in items)
    if joined:
        yield RawRecord(joined[0].offset, b"\n".join(item.raw for item in joined))
    context = [items[0].raw for kind in (b"SYSCALL", b"CWD") if (items := together.get(kind))]
    told = 0
    for kind, item in alone:
        if kind == b"PATH" and told < MOST_PATHS:
            told += 1
            yield RawRecord(item.offset, b"\n".join((item.raw, *context)))
        else:
            yield item
