"""Windows event log files (EVTX).

Format: Joachim Metz, "Windows XML Event Log (EVTX) format" (libevtx); [MS-EVEN6] 2.2.12 for BinXml. A file is a header
of 4096 bytes and chunks of 65536; a chunk is a header of 512 bytes and records; a record begins with ``**\\0\\0``, its
size, id and write time, and ends with its size again.

The ``evtx`` crate decodes BinXml but offers no offsets, stops a chunk at the first damaged record header, and follows
the chunk header's string table in circles for ever when that is damaged. So this module walks chunks and record headers
itself, and hands the crate one chunk at a time under a header of our own, with empty string and template tables
(records refer to both by offset, so nothing is lost) and with damaged stretches bridged by a made-up record whose
result is thrown away.

Offset: the byte in the file where the record's header begins. Raw record: the crate's JSON rendering, because the bytes
of a record alone mean nothing (its names and templates lie elsewhere in the chunk).
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from evtx import PyEvtxParser

from sakimori.collect.json_records import event
from sakimori.collect.readers import Damage, Note, RawRecord

__all__ = ["NAME", "event", "recognises", "record_at", "records"]

NAME = "evtx"

FILE_HEADER = 4096
CHUNK = 65_536
_RECORDS = 512
"""Where records begin in a chunk."""
_FILE_MAGIC = b"ElfFile\0"
_CHUNK_MAGIC = b"ElfChnk\0"
_RECORD_MAGIC = b"**\0\0"
_RECORD_HEADER = struct.Struct("<4sIQQ")
_SMALLEST = _RECORD_HEADER.size + 4
_CHUNK_HEADER = struct.Struct("<8sQQQQIIII")
_NO_ID = 2**64 - 1
"""As the chunk's last record id: the crate stops at the record that bears the last id, wherever it lies."""
_ONE_CHUNK_FILE = (
    struct.pack("<8sQQQIHHHH", _FILE_MAGIC, 0, 0, 1, 128, 1, 3, FILE_HEADER, 1).ljust(FILE_HEADER, b"\0")
)  # fmt: skip


class _Stretch(NamedTuple):
    """A record, or a gap up to the next thing that is one."""

    position: int
    """In the chunk."""
    size: int
    record_id: int
    gap: bool


def recognises(head: bytes) -> bool:
    return head.startswith(_FILE_MAGIC) or head[FILE_HEADER : FILE_HEADER + 8] == _CHUNK_MAGIC


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    file.seek(0)
    header = file.read(min(FILE_HEADER, size))
    if size < FILE_HEADER:
        yield Damage(0, f"the file ends within its header: {size} of {FILE_HEADER} bytes are here", header)
        return
    found = 0
    for start in range(FILE_HEADER, size, CHUNK):
        chunk = file.read(min(CHUNK, size - start))
        if not chunk.strip(b"\0"):
            continue  # allocated ahead by Windows, never written
        found += 1
        yield from _chunk(chunk, start)
    expected = _chunk_count(header)
    if found < expected:
        reason = f"the file ends early: its header counts {expected} chunks, {found} are here"
        yield Damage(size, reason, b"")


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    start = offset - (offset - FILE_HEADER) % CHUNK
    if FILE_HEADER <= start < size:
        file.seek(start)
        for item in _chunk(file.read(min(CHUNK, size - start)), start):
            if isinstance(item, RawRecord) and item.offset == offset:
                return item.raw
    raise LookupError


def _chunk_count(header: bytes) -> int:
    """How many chunks the file header promises; 0 where the header itself is damaged."""
    if len(header) < 128 or zlib.crc32(header[:120]) != int.from_bytes(header[124:128], "little"):
        return 0
    return int.from_bytes(header[42:44], "little")


def _chunk(chunk: bytes, start: int) -> Iterator[RawRecord | Damage | Note]:
    stretches, lost = _walk(chunk)
    if stretches:
        decoder = PyEvtxParser(io.BytesIO(_ONE_CHUNK_FILE + _bridged(chunk, stretches)), 1).records_json()
        for stretch in stretches:
            position, size, record_id, gap = stretch
            try:
                decoded = next(decoder, None)
            except RuntimeError as error:  # the only thing the crate raises for a bad record
                decoded, problem = None, f"record cannot be decoded: {error}"
            else:
                problem = "the decoder stopped before it"
            if gap:
                problem = "damaged record header"
            elif decoded is not None and decoded["event_record_id"] == record_id:
                yield RawRecord(start + position, decoded["data"].encode())
                continue
            yield Damage(start + position, problem, chunk[position : position + size])
    if lost:
        yield Damage(start + len(chunk) if stretches else start, lost, b"")
    elif chunk.startswith(_CHUNK_MAGIC) and not _checksum_holds(chunk):
        yield Note(f"the chunk at byte {start} fails its checksum: records were read as they stand")


def _walk(chunk: bytes) -> tuple[list[_Stretch], str]:
    """The stretches of a chunk, in order, and what its header says is missing behind them (empty: nothing)."""
    header = chunk[:_RECORDS].ljust(_RECORDS, b"\0")
    magic, _, _, _, last_id, _, _, end, _ = _CHUNK_HEADER.unpack_from(header)
    trusted = magic == _CHUNK_MAGIC and _RECORDS <= end <= CHUNK
    limit = min(end, len(chunk)) if trusted else len(chunk)
    stretches: list[_Stretch] = []
    position = _RECORDS
    while position < limit:
        size, record_id = _record(chunk, position)
        if size:
            stretches.append(_Stretch(position, size, record_id, gap=False))
            position += size
            continue
        if not trusted and not chunk[position:].strip(b"\0"):
            break
        behind = _next_record(chunk, position, limit)
        stretches.append(_Stretch(position, behind - position, 0, gap=True))
        position = behind
    if not trusted and all(stretch.gap for stretch in stretches):
        return [], "no event log chunk here: its header is damaged and it holds no readable record"
    if trusted and end > len(chunk):
        seen = max((stretch.record_id for stretch in stretches), default=None)
        return (
            stretches,
            f"the file ends inside a chunk: records up to id {last_id} were there, the last one read is {seen}",
        )
    return stretches, ""


def _record(chunk: bytes, position: int) -> tuple[int, int]:
    """Size and id of the record whose header is here; size 0 where there is none."""
    if position + _SMALLEST > len(chunk):
        return 0, 0
    magic, size, record_id, _ = _RECORD_HEADER.unpack_from(chunk, position)
    if magic != _RECORD_MAGIC or size < _SMALLEST or position + size > len(chunk):
        return 0, 0
    if int.from_bytes(chunk[position + size - 4 : position + size], "little") != size:
        return 0, 0
    return size, record_id


def _next_record(chunk: bytes, position: int, limit: int) -> int:
    """The next record header that leaves room for a bridge, else the end."""
    candidate = chunk.find(_RECORD_MAGIC, position + _SMALLEST, limit)
    while candidate >= 0:
        if _record(chunk, candidate)[0]:
            return candidate
        candidate = chunk.find(_RECORD_MAGIC, candidate + 1, limit)
    return limit


def _bridged(chunk: bytes, stretches: list[_Stretch]) -> bytes:
    """The chunk under a header of our own, with every gap made to look like a record that the decoder can step over."""
    whole = bytearray(chunk)
    if stretches[-1].gap:
        stretches = stretches[:-1]  # nothing lies behind it that the decoder would have to reach
    for position, size, _, gap in stretches:
        if gap:
            _RECORD_HEADER.pack_into(whole, position, _RECORD_MAGIC, size, 0, 0)
    end = stretches[-1].position + stretches[-1].size if stretches else _RECORDS
    header = _CHUNK_HEADER.pack(_CHUNK_MAGIC, 0, _NO_ID, 0, _NO_ID, 128, 0, end, 0)
    whole[:_RECORDS] = header.ljust(_RECORDS, b"\0")
    return bytes(whole).ljust(CHUNK, b"\0")


def _checksum_holds(chunk: bytes) -> bool:
    end, checksum = struct.unpack_from("<II", chunk, 48)
    return zlib.crc32(chunk[_RECORDS:end]) == checksum
