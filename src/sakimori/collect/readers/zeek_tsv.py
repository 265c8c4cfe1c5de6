"""Zeek's tabular logs: a header in lines that begin with ``#``, then one line per record.

Format: the Zeek manual, "Zeek Log Formats" (``#separator``, ``#set_separator``, ``#empty_field``, ``#unset_field``,
``#path``, ``#fields``, ``#types``). Several logs may stand one after another, each with its header.

Offset: the byte where the line begins. Raw record: the JSON that Zeek itself would have written of it, with ``_path``,
since a line alone means nothing; unset fields are left out, sets and vectors are arrays.
"""

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, BinaryIO

import orjson

from sakimori.collect.json_records import event
from sakimori.collect.readers import Damage, Note, RawRecord, among, first, lines

__all__ = ["NAME", "event", "recognises", "record_at", "records", "records_at"]

NAME = "zeek_tsv"
_SEPARATOR = b"#separator "
_FIELDS = b"#fields"
_LONGEST_HEADER = 64 * 1024
"""Bytes of a header, and of a line in it: Zeek's own have some hundred."""


def recognises(head: bytes) -> bool:
    return head.removeprefix(lines.BOM).lstrip(b"\r\n").startswith(_SEPARATOR) and b"\n" + _FIELDS in head


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    for header, item in _under_headers(file, size):
        yield _record(header, item) if isinstance(item, RawRecord) else item


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    return first(records_at(file, size, (offset,)))


def records_at(file: BinaryIO, size: int, offsets: Collection[int]) -> Iterator[RawRecord]:
    """Reads from the beginning: a header may stand anywhere."""
    wanted = (
        _record(header, item)
        for header, item in _under_headers(file, size)
        if isinstance(item, RawRecord) and item.offset in offsets
    )
    return among(wanted, offsets)


def _under_headers(file: BinaryIO, size: int) -> Iterator[tuple["_Header", RawRecord | Damage | Note]]:
    """Lines with the header that counts for them, which are no part of one."""
    header, run = _NONE, _run()
    for item in lines.records(file, size):
        if not isinstance(item, RawRecord):
            yield header, item
        elif item.raw.startswith(b"#"):
            run.append(item.raw)
        else:
            if run:
                header, run = _header_of(run) or header, _run()
            yield header, item


class _Header:
    """What the lines after it mean, or why they cannot be read."""

    def __init__(self, *, problem: str = "") -> None:
        self.problem = problem
        self.separator = "\t"
        self.set_separator = ","
        self.empty = "(empty)"
        self.unset = "-"
        self.path = ""
        self.fields: list[str] = []
        self.values: list[Callable[[str], Any]] = []


_NONE = _Header(problem="a Zeek record without a header above it (no line #fields)")


def _run() -> deque[bytes]:
    """Lines that begin with ``#`` and follow each other: the last of them, a header has eight."""
    return deque(maxlen=32)


def _header_of(run: Iterable[bytes]) -> _Header | None:
    """The header in lines that begin with ``#`` and follow each other; None where they name no fields (``#close``)."""
    header, types, named = _Header(), list[str](), False
    for raw in run:
        line = _text(raw[:_LONGEST_HEADER])
        if raw.startswith(_SEPARATOR):  # what stands before is the end of another log
            header, types, named = _Header(), [], False
            header.separator = _unescaped_all(line.partition(" ")[2]) or "\t"
            continue
        name, *values = line.split(header.separator)
        value = values[0] if values else ""
        match name:
            case "#set_separator":
                header.set_separator = _unescaped_all(value) or ","
            case "#empty_field":
                header.empty = value
            case "#unset_field":
                header.unset = value
            case "#path":
                header.path = value
            case "#fields":
                header.fields, named = values, True
            case "#types":
                types = values
            case _:
                pass  # when the log was opened and closed
    if not named:
        return None
    if len(types) != len(header.fields):
        header.problem = f"the Zeek header names {len(header.fields)} fields but {len(types)} types"
    elif len(set(header.fields)) != len(header.fields):
        header.problem = "the Zeek header names a field twice"
    header.values = [_reading(header, kind) for kind in types]
    return header


def _record(header: _Header, item: RawRecord) -> RawRecord | Damage:
    if header.problem:
        return Damage(item.offset, header.problem, item.raw)
    cells = _text(item.raw).split(header.separator)
    if len(cells) != len(header.fields):
        reason = f"the line has {len(cells)} values where the Zeek header names {len(header.fields)} fields"
        return Damage(item.offset, reason, item.raw)
    unset = header.unset
    record: dict[str, Any] = {"_path": header.path} if header.path else {}
    for name, value, cell in zip(header.fields, header.values, cells, strict=True):
        if cell != unset:
            record[name] = value(cell)
    return RawRecord(item.offset, orjson.dumps(record))


_NUMBERS = {"count", "int", "port", "double", "time", "interval"}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z")
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,9}\Z")


def _reading(header: _Header, kind: str) -> Callable[[str], Any]:
    """What makes a value of a cell of this type."""
    inner = re.match(r"(?:set|vector|table)\[(.*)\]\Z", kind)
    if inner:
        element = _reading(header, inner[1])
        separator, empty, unset = header.set_separator, header.empty, header.unset

        def several(cell: str) -> list[Any]:
            return [] if cell == empty else [None if part == unset else element(part) for part in cell.split(separator)]

        return several
    if kind in _NUMBERS:
        return _number
    if kind == "bool":
        return lambda cell: {"T": True, "F": False}.get(cell, cell)
    empty = header.empty
    return lambda cell: "" if cell == empty else _unescaped(cell)


def _number(cell: str) -> Any:
    if _WHOLE.match(cell):
        return int(cell)
    return float(cell) if _FRACTION.match(cell) else cell


def _text(raw: bytes) -> str:
    """Bytes that are no UTF-8 are escaped as Zeek escapes them."""
    return raw.decode("utf-8", "backslashreplace")


_BYTES = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
_ESCAPES = re.compile(r"\\\\|" + _BYTES.pattern)


def _unescaped(text: str) -> str:
    r"""``\x2d`` as ``-``, ``\\`` as ``\``; control characters stay escaped, as they do in Zeek's JSON."""
    return _ESCAPES.sub(_printable, text) if "\\" in text else text


def _printable(match: re.Match[str]) -> str:
    if match[0] == "\\\\":
        return "\\"
    try:
        text = bytes.fromhex(match[0].replace("\\x", "")).decode()
    except UnicodeDecodeError:
        return match[0]
    return text if text.isprintable() else match[0]


def _unescaped_all(text: str) -> str:
    """A separator, which is a control character most of the time."""
    return _BYTES.sub(lambda match: bytes.fromhex(match[0].replace("\\x", "")).decode("latin-1"), text)
