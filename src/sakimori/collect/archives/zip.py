"""Zip archives (PKWARE APPNOTE 6.3.10), with zip64 and data descriptors.

Read here rather than with ``zipfile``, which gives nothing of an archive whose list of members is missing or damaged (a
download that broke off) or holds one name in bad UTF-8. Members are read in the order in which they lie, each once, so
that the file is read forward and members cannot overlap, as those of "A better zip bomb" (Fifield, 2019) do.
"""

import bz2
import struct
import zlib
from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from itertools import zip_longest
from typing import BinaryIO, NamedTuple

from sakimori.collect.archives import BLOCK, MAX_LIST, Damaged, Member, Meter, NotRead, Refused, Unreadable
from sakimori.collect.archives.codecs import Decompressor, Inflate, Packed, lzma_in_zip, unpacked, xz, zstandard
from sakimori.collect.archives.names import decoded
from sakimori.collect.outcome import Outcome
from sakimori.collect.times import epoch_time, local_time
from sakimori.core import Nanos

SEEKS = True

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_ENTRY = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCAL_MAGIC, _ENTRY_MAGIC, _END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LOCATOR_MAGIC, _END64_MAGIC, _DESCRIPTOR_MAGIC = b"PK\x06\x07", b"PK\x06\x06", b"PK\x07\x08"
_LISTS = (_ENTRY_MAGIC, _END_MAGIC, _END64_MAGIC)
"""What follows the members."""
_COMMENT = 65_535
_END_MARK = 0x2
_ENCRYPTED, _DESCRIPTOR, _STRONG, _MASKED = 0x1, 0x8, 0x40, 0x2000
_STORED, _LZMA, _AES = 0, 14, 99
_METHODS: dict[int, Callable[[], Decompressor]] = {
    8: Inflate,
    12: bz2.BZ2Decompressor,
    20: zstandard,
    93: zstandard,
    95: xz,
}
_LARGEST = 1 << 60
"""Bytes: no file can be sought further."""
_IN_ZIP64 = 0xFFFFFFFF


class _Entry(NamedTuple):
    name: str
    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    offset: int
    """Of its local header."""
    written: Nanos | None


class _NoList(Exception):
    """The list of members at the archive's end is missing or damaged."""


def recognises(head: bytes) -> bool:
    return head.startswith((_LOCAL_MAGIC, _END_MAGIC)) and len(head) >= _END.size


def members(file: BinaryIO) -> Iterator[Member | NotRead]:
    try:
        entries = _listed(file)
    except _NoList:
        yield from _found(file)
        return
    entries.sort(key=lambda entry: entry.offset)
    for entry, behind in zip_longest(entries, entries[1:]):
        if entry.name.endswith("/") and not entry.size:
            continue
        if behind and entry.offset + _LOCAL.size + entry.packed > behind.offset:
            yield NotRead(
                entry.name, Outcome.FAILED, "it overlaps another member, as in archive bombs: unpack it yourself"
            )
        else:
            yield Member(entry.name, _opened(file, entry), entry.written)


def _listed(file: BinaryIO) -> list[_Entry]:
    """The members as the list at the archive's end gives them."""
    size = file.seek(0, 2)
    start = max(0, size - _COMMENT - _END.size - _LOCATOR.size - _END64.size)
    file.seek(start)
    tail = file.read(size - start)
    at = tail.rfind(_END_MAGIC)
    while at >= 0:
        if len(tail) - at >= _END.size and (found := _list_at(file, tail, at, start)) is not None:
            return found
        at = tail.rfind(_END_MAGIC, 0, at)
    raise _NoList


def _list_at(file: BinaryIO, tail: bytes, at: int, start: int) -> list[_Entry] | None:
    """The list that the end record at this place of ``tail`` tells of; None where there is none."""
    _, _, _, _, count, length, offset, _ = _END.unpack_from(tail, at)
    end = start + at
    locator = at - _LOCATOR.size
    if locator >= 0 and tail.startswith(_LOCATOR_MAGIC, locator):
        record = locator - _END64.size
        if record < 0 or not tail.startswith(_END64_MAGIC, record):
            return None
        *_, count, length, offset = _END64.unpack_from(tail, record)
        end = start + record
    if not count and not length:
        return []
    if length > MAX_LIST or length > end:
        return None
    first = end - length
    """Where the list really is: behind whatever stands before the archive, which ``offset`` may not count."""
    file.seek(first)
    entries = _entries(file.read(length), shift=first - offset)
    return entries if entries is not None and (len(entries) - count) % 65_536 == 0 else None


def _entries(data: bytes, *, shift: int) -> list[_Entry] | None:
    entries: list[_Entry] = []
    at = 0
    while at < len(data):
        if not data.startswith(_ENTRY_MAGIC, at) or len(data) - at < _ENTRY.size:
            return entries if data.startswith(b"PK\x05\x05", at) else None  # a signature over the list
        (_, _, _, flags, method, time, date, checksum, packed, size, name, extra, comment, _, _, _, offset) = (
            _ENTRY.unpack_from(data, at)
        )
        start = at + _ENTRY.size
        at = start + name + extra + comment
        fields = _extra(data[start + name : start + name + extra])
        size, packed, offset = _wide(fields.get(1, b""), size, packed, offset)
        shown = _name(data[start : start + name], fields)
        written = _written(date, time, fields)
        entries.append(_Entry(shown, flags, method, checksum, packed, size, offset + shift, written))
    return entries


def _extra(data: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        fields.setdefault(kind, data[at + 4 : at + 4 + length])
        at += 4 + length
    return fields


def _wide(extra: bytes, *values: int) -> list[int]:
    """Sizes and offset, those that do not fit 32 bits from the zip64 field, where they stand in this order."""
    wide: list[int] = []
    for value in values:
        if value == _IN_ZIP64 and len(extra) >= 8:
            value, extra = int.from_bytes(extra[:8], "little"), extra[8:]
        wide.append(value)
    return wide


def _name(name: bytes, fields: dict[int, bytes]) -> str:
    unicode_path = fields.get(0x7075, b"")  # Info-ZIP: version, checksum of the plain name, name in UTF-8
    if unicode_path[1:5] == zlib.crc32(name).to_bytes(4, "little"):
        name = unicode_path[5:]
    return decoded(name, last="cp437")


def _written(date: int, time: int, fields: dict[int, bytes]) -> Nanos | None:
    """Info-ZIP's time in UTC where there is one, else that of MS-DOS (APPNOTE 4.4.6), whose zone nobody knows and whose
    beginning stands for no time."""
    timestamp = fields.get(0x5455, b"")
    if len(timestamp) >= 5 and timestamp[0] & 1:
        return epoch_time(int.from_bytes(timestamp[1:5], "little", signed=True))
    try:
        day = datetime(1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, 2 * (time & 31))
    except ValueError:
        return None
    return local_time(day) if day > datetime(1980, 1, 1) else None


def _opened(file: BinaryIO, entry: _Entry) -> Callable[[], Generator[bytes]]:
    def blocks() -> Generator[bytes]:
        if not 0 <= entry.offset <= _LARGEST:
            raise Damaged("its header is not there")
        file.seek(entry.offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MAGIC):
            raise Damaged("its header is not there")
        *_, name, extra = _LOCAL.unpack(header)
        file.seek(entry.offset + _LOCAL.size + name + extra)
        sums = _Sums()
        yield from sums.of(_content(Packed(file, entry.packed), entry))
        sums.compare(entry.checksum, entry.size)

    return blocks


class _Sums:
    """Checksum and size of what was unpacked."""

    def __init__(self) -> None:
        self.checksum = self.size = 0

    def of(self, blocks: Iterator[bytes]) -> Generator[bytes]:
        for block in blocks:
            self.checksum = zlib.crc32(block, self.checksum)
            self.size += len(block)
            yield block

    def compare(self, checksum: int, size: int) -> None:
        if (self.checksum, self.size) != (checksum, size):
            raise Damaged("its checksum does not hold")


def _content(packed: Packed, entry: _Entry) -> Generator[bytes]:
    """What the member unpacks to; ``packed`` then stands behind it."""
    if entry.flags & (_ENCRYPTED | _STRONG | _MASKED) or entry.method == _AES:
        raise Refused("it is encrypted: unpack the archive with its password first")
    if entry.method == _STORED:
        left = entry.packed
        while left:
            block = packed.take_some(min(BLOCK, left))
            if not block:
                raise Damaged("it breaks off")
            left -= len(block)
            yield block
    elif entry.method == _LZMA:
        yield from _lzma(packed, entry)
    elif new := _METHODS.get(entry.method):
        yield from unpacked(packed, new, Meter())
    else:
        raise Refused("it is compressed in a way that is not supported: unpack the archive first")


def _lzma(packed: Packed, entry: _Entry) -> Generator[bytes]:
    """LZMA data have an end mark only where the flags say so; without, the size tells."""
    properties = packed.take(int.from_bytes(packed.take(4)[2:], "little"))
    left = entry.size
    if not left and not entry.flags & _END_MARK:
        return
    for block in unpacked(packed, lambda: lzma_in_zip(properties), Meter()):
        yield block
        left -= len(block)
        if left <= 0 and not entry.flags & _END_MARK:
            return


def _found(file: BinaryIO) -> Iterator[Member | NotRead]:
    """The members as they are met from the archive's beginning, by their own headers."""
    yield _failed("the archive's list of members is missing or damaged: members were read as they were found")
    size = file.seek(0, 2)
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(_LOCAL.size)
        if header.startswith(_LISTS):
            return
        if not header.startswith(_LOCAL_MAGIC) or len(header) < _LOCAL.size:
            start, position = position, _next_header(file, position + 1)
            yield _failed(f"bytes {start} to {position} of the archive hold no member that can be read")
            continue
        met = _Met(file, header, position)
        if not met.entry.name.endswith("/"):
            yield Member(met.entry.name, met.blocks, met.entry.written)
        position = met.end(size)


class _Met:
    """A member that was met, and where it ends: that may show only by unpacking it."""

    def __init__(self, file: BinaryIO, header: bytes, position: int) -> None:
        _, _, flags, method, time, date, checksum, packed, size, name, extra = _LOCAL.unpack(header)
        self._file = file
        self._start = position + _LOCAL.size + name + extra
        encoded = file.read(name)
        fields = _extra(file.read(extra))
        self._wide = 1 in fields
        size, packed = _wide(fields.get(1, b""), size, packed)
        written = _written(date, time, fields)
        self.entry = _Entry(_name(encoded, fields), flags, method, checksum, packed, size, position, written)
        self._end: int | None = None
        if not flags & _DESCRIPTOR:
            self._end = self._start + packed

    def blocks(self) -> Generator[bytes]:
        self._file.seek(self._start)
        entry, sums = self.entry, _Sums()
        if self._end is not None:
            yield from sums.of(_content(Packed(self._file, entry.packed), entry))
            sums.compare(entry.checksum, entry.size)
            return
        if entry.method == _STORED:
            raise Refused("its length stands in the list of members, which is missing or damaged")
        packed = Packed(self._file)
        yield from sums.of(_content(packed, entry))
        self._end = self._file.tell() - packed.ahead
        descriptor = packed.take(4 + 20)
        marked = 4 if descriptor.startswith(_DESCRIPTOR_MAGIC) else 0
        length = 20 if self._wide else 12
        self._end += marked + length
        checksum, _, size = struct.unpack("<IQQ" if self._wide else "<III", descriptor[marked:].ljust(24)[:length])
        sums.compare(checksum, size)

    def end(self, size: int) -> int:
        """Where what follows it begins, in an archive of so many bytes; it has been read, if it was to be."""
        if self._end is None and self._file.tell() <= self._start:
            try:
                for _ in self.blocks():
                    pass
            except Unreadable:
                pass
        if self._end is None or self._end > size:
            return _next_header(self._file, min(max(self._start, self._file.tell() - 2 * BLOCK), size))
        return self._end


def _next_header(file: BinaryIO, position: int) -> int:
    """Where the next header of a member or of the list begins, else the end of the file."""
    file.seek(position)
    kept = b""
    while block := file.read(BLOCK):
        window = kept + block
        places = [at for at in map(window.find, (_LOCAL_MAGIC, *_LISTS)) if at >= 0]
        if places:
            return position - len(kept) + min(places)
        kept = window[-3:]
        position += len(block)
    return position


def _failed(reason: str) -> NotRead:
    return NotRead("", Outcome.FAILED, reason)
