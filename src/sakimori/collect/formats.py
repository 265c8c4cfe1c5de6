"""Which reader understands some bytes: told by their content, never by the file's name."""

import io
import re
from collections.abc import Sequence
from typing import Any, cast

import orjson

from sakimori.collect.json_records import shape_of
from sakimori.collect.mapping import LogMapping, MappedJson
from sakimori.collect.readers import (
    ByContent,
    RawRecord,
    Reader,
    auditd,
    cef,
    csv_rows,
    document,
    evtx,
    leef,
    lines,
    ndjson,
    w3c,
    windows_xml,
    zeek_tsv,
)
from sakimori.collect.readers.syslog import Syslog
from sakimori.collect.shapes import Fields
from sakimori.collect.utf16 import CODECS, Utf16, as_utf8, codec_of
from sakimori.core import Nanos

BY_CONTENT: tuple[ByContent, ...] = (
    evtx,
    windows_xml,
    zeek_tsv,
    w3c,
    cef,
    leef,
    auditd,
)
"""Asked in this order whether a source is theirs; then syslog is."""
READERS: tuple[Reader, ...] = (*BY_CONTENT, Syslog(), ndjson, document)
HEAD = 64 * 1024
"""Bytes that are looked at."""

_FOREIGN = (
    (b"\xd4\xc3\xb2\xa1", "a packet capture"),
    (b"\xa1\xb2\xc3\xd4", "a packet capture"),
    (b"\x4d\x3c\xb2\xa1", "a packet capture"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture"),
    (b"\x00\x05\x16\x07", "macOS folder noise (AppleDouble)"),
    (b"LfLe", "an event log of Windows before Vista (EVT): convert it with wevtutil"),
    (b"%PDF", "a PDF document"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it first"),
    (b"MSCF\x00\x00\x00\x00", "a Windows cabinet: unpack it first"),
    (b"\x04\x22\x4d\x18", "LZ4-compressed: unpack it first"),
    (b"\x1f\x9d", "compressed by Unix compress: unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
)
_LINES = (".ndjson", ".jsonl")
_UTF_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")


class Unknown(Exception):
    """No reader takes it. The message says what it seems to be, or what to do."""


class Unreadable(Unknown):
    """It looks like telemetry, but cannot be read as it stands."""


def reader_named(name: str) -> Reader:
    """Raises KeyError where no reader has that name."""
    plain, _, codec = name.rpartition("+")
    if codec in CODECS:
        return Utf16(reader_named(plain), codec)
    return {reader.NAME: reader for reader in READERS}.get(name) or csv_rows.reader_named(name)


def reader_for(head: bytes, mappings: Sequence[LogMapping] = (), *, written: Nanos | None = None) -> Reader:
    """The reader for a source that begins with these bytes (``HEAD`` of them, or all there are).

    What the user's own mappings recognise is theirs before all else. ``written``: when the source last was.

    Raises:
        Unknown: none; ``Unreadable`` where the user surely meant it to be read.
    """
    for mapping in mappings:
        if mapping.csv and (
            table := csv_rows.reader_of(head, encoding=mapping.encoding, needed=mapping.needed, event=mapping.event)
        ):
            return table
    if head.startswith(_UTF_32):
        raise Unreadable("it is UTF-32 text: convert it to UTF-8")
    if codec := codec_of(head):
        try:
            return Utf16(reader_for(as_utf8(head, codec), mappings, written=written), codec)
        except Unknown as unknown:
            raise type(unknown)(f"UTF-16: {unknown}") from None
    for reader in (*BY_CONTENT, Syslog(written)):
        if reader.recognises(head):
            return reader
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise Unknown(what)
    text = head.removeprefix(lines.BOM).strip()
    if not text.strip(b"\0"):
        raise Unknown("nothing in it" if not head else "nothing but white space or zeros in its beginning")
    mapped = [mapping for mapping in mappings if not mapping.csv]
    if text.startswith(b"["):
        reader = document
    elif document.enveloped(text) and not _any_mapped(text, mapped):
        reader = _envelope_reader(text, mapped)
    else:
        reader = _json_reader(text, mapped)
    if mapped and (reader is document or _any_mapped(text, mapped)):
        return MappedJson(reader, mapped)
    return reader


def called_telemetry(path: str, head: bytes) -> bool:
    """Whether a source that no reader takes is called as only telemetry is: then it was wiped, damaged or mistaken.

    No event log is empty, while a file of lines is until something is logged; ``._`` begins macOS' own files.
    """
    name = re.sub(r"\.(gz|bz2|xz|zst)$", "", re.split("[/!]", path)[-1].lower())
    return not name.startswith("._") and (name.endswith(".evtx") or (bool(head) and name.endswith(_LINES)))


def _envelope_reader(text: bytes, mapped: Sequence[LogMapping]) -> Reader:
    first = next(iter(document.records(io.BytesIO(text), len(text))), None)
    try:
        record: Any = orjson.loads(first.raw) if isinstance(first, RawRecord) else None
    except orjson.JSONDecodeError:
        return document
    if isinstance(record, dict):
        found = cast("Fields", record)
        if shape_of(found) is None and not any(mapping.recognises(found) for mapping in mapped):
            members = ", ".join(list(found)[:4])
            raise Unknown(f"JSON records of no known event shape (members begin with: {members})")
    return document


def _json_reader(text: bytes, mapped: Sequence[LogMapping]) -> Reader:
    members: list[str] | None = None
    for line in text.splitlines():
        if not line.startswith(b"{"):
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if shape_of(record) is not None or any(mapping.recognises(record) for mapping in mapped):
            return ndjson
        members = members or list(record)[:4]
    if members:
        raise Unknown(f"JSON lines, but of no known event shape (members begin with: {', '.join(members)})")
    if text.startswith(b"{"):
        first = text.partition(b"\n")[0].rstrip()
        return document if first in (b"{", b"{}") or _indented(text) else ndjson
    raise Unknown("binary data of no known format" if b"\0" in text else "text in no known format")


def _any_mapped(text: bytes, mapped: Sequence[LogMapping]) -> bool:
    """Whether one of these lines is a record of a mapping."""
    for line in text.splitlines():
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if record.__class__ is dict and any(mapping.recognises(record) for mapping in mapped):
            return True
    return False


def _indented(text: bytes) -> bool:
    """Whether the second line continues an object rather than beginning one."""
    second = text.partition(b"\n")[2].lstrip(b"\r\n")
    return second.startswith((b" ", b"\t", b'"', b"}"))
