"""Tar archives: POSIX ustar and pax (IEEE 1003.1-2017, pax, "ustar Interchange Format"), GNU and the Unix v7 format.

Read here rather than with ``tarfile``, which takes a header that it cannot read for the end of the archive and holds
extended headers of whatever size in memory. What follows a damaged header is found by its own header's checksum.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from sakimori.collect.archives import BLOCK, Damaged, Member, NotRead, Refused, sparse
from sakimori.collect.archives.names import decoded
from sakimori.collect.outcome import Outcome
from sakimori.collect.times import epoch_time
from sakimori.core import Nanos

SEEKS = False

_RECORD = 512
_MAX_EXTENDED = 1024 * 1024
"""Bytes of an extended header (a long name, pax records)."""
_LARGEST = 1 << 60
"""Bytes of a member: what is more is no size, and no file can be sought so far."""
_EXTENDED = (b"L", b"K", b"x", b"X", b"g")
_NO_DATA = {
    b"1": "a hard link to another member",
    b"2": "a symbolic link, which is not followed",
    b"3": "a device",
    b"4": "a device",
    b"5": "",
    b"6": "a pipe",
}
_NO_FILES = {
    b"D": "a list of a folder's files (GNU tar)",
    b"M": "the rest of a file that begins in another volume: join the volumes first",
    b"V": "a volume's label (GNU tar)",
}


class _Header(NamedTuple):
    kind: bytes
    name: bytes
    size: int
    written: Nanos | None
    block: bytes


@dataclass(slots=True)
class _Extended:
    """What extended headers say of the member that follows them."""

    name: bytes = b""
    size: int | None = None
    sparse: dict[str, str] = field(default_factory=dict[str, str])
    stretches: list[str] = field(default_factory=list[str])
    """Of a sparse file, version 0.0: offset, length, offset, …"""


def recognises(head: bytes) -> bool:
    block = head[:_RECORD]
    return len(block) == _RECORD and any(block) and (block[257:262] == b"ustar" or _header(block) is not None)


def members(file: BinaryIO) -> Iterator[Member | NotRead]:
    position, ended, extended = 0, False, _Extended()
    while True:
        try:
            block = _at(file, position, _RECORD)
            if len(block) < _RECORD:
                if block.strip(b"\0") or not ended:
                    yield _failed("the archive ends without its end mark: it may be cut off")
                return
            position += _RECORD
            if not any(block):
                ended = True
                continue
            header = _header(block)
            if header is None:
                start, position = position - _RECORD, _next_header(file, position)
                yield _failed(f"bytes {start} to {position} of the archive hold no member that can be read")
                ended, extended = True, _Extended()
                continue
            ended = False
            size = 0 if header.kind in _NO_DATA else header.size
            if header.kind in _EXTENDED:
                try:
                    _extend(extended, header.kind, _extended_data(file, position, size))
                except Damaged as error:
                    yield _failed(f"the extended header at byte {position} of the archive is damaged: {error}")
                position += _padded(size)
                continue
            stretches: list[int] = []
            if header.kind == b"S":
                stretches, position = _old_stretches(file, header.block, position)
            if extended.size is not None and header.kind not in _NO_DATA:
                size = extended.size
        except Refused as error:
            yield _failed(str(error))
            return
        except Damaged as error:
            yield _failed(f"the archive is damaged ({error}): what follows byte {position} of it was not read")
            return
        yield from _member(file, header, extended, position, size, stretches)
        position += _padded(size)
        extended = _Extended()


def _member(
    file: BinaryIO, header: _Header, extended: _Extended, start: int, size: int, stretches: list[int]
) -> Iterator[Member | NotRead]:
    name = decoded(extended.sparse.get("GNU.sparse.name", "").encode() or extended.name or header.name)
    kind = header.kind
    if kind == b"5" or (kind == b"\0" and name.endswith("/")):
        return
    if reason := _NO_DATA.get(kind) or _NO_FILES.get(kind):
        yield NotRead(name, Outcome.FAILED if kind == b"M" else Outcome.SKIPPED, reason)
    elif kind == b"S":
        real = sparse.number(header.block[483:495]) or 0
        yield Member(name, lambda: sparse.expanded(_reader(file, start, size), stretches, real), header.written)
    elif extended.sparse:
        yield Member(name, lambda: _pax_sparse(_reader(file, start, size), extended), header.written)
    else:
        yield Member(name, lambda: _plain(_reader(file, start, size), size), header.written)


def _plain(read: Callable[[int], bytes], size: int) -> Generator[bytes]:
    while size:
        block = read(BLOCK)
        if not block:
            raise Damaged("it breaks off")
        size -= len(block)
        yield block


def _pax_sparse(read: Callable[[int], bytes], extended: _Extended) -> Generator[bytes]:
    known = extended.sparse
    (size,) = sparse.decimals([known.get("GNU.sparse.realsize") or known.get("GNU.sparse.size") or "0"])
    if known.get("GNU.sparse.major") == "1":
        stretches = sparse.leading_map(read)
    else:
        listed = known.get("GNU.sparse.map")
        stretches = sparse.decimals(listed.split(",") if listed else extended.stretches)
    yield from sparse.expanded(read, stretches, size)


def _reader(file: BinaryIO, start: int, size: int) -> Callable[[int], bytes]:
    """Reads on in the ``size`` bytes from ``start``; gives fewer bytes than asked for only at their end."""
    left = size
    file.seek(start)

    def read(count: int) -> bytes:
        nonlocal left
        data = file.read(min(count, left))
        left -= len(data)
        return data

    return read


def _at(file: BinaryIO, position: int, size: int) -> bytes:
    file.seek(position)
    return file.read(size)


def _header(block: bytes) -> _Header | None:
    """None where its checksum does not hold: the sum of its bytes, those of the checksum taken for spaces."""
    checksum, size = sparse.number(block[148:156]), sparse.number(block[124:136])
    unsigned = sum(block) - sum(block[148:156]) + 8 * 0x20
    if size is None or size > _LARGEST or checksum is None or checksum not in (unsigned, unsigned - 256 * _high(block)):
        return None
    name = block[:100].split(b"\0")[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].split(b"\0")[0]):
        name = prefix + b"/" + name
    written = sparse.number(block[136:148])
    return _Header(block[156:157], name, size, epoch_time(written) if written else None, block)


def _high(block: bytes) -> int:
    """How many bytes are negative to those old programs that sum them with their sign."""
    return sum(byte > 127 for byte in block[:148] + block[156:])


def _next_header(file: BinaryIO, position: int) -> int:
    """Where the next record that is a header begins, else the end of the file."""
    while len(block := _at(file, position, _RECORD)) == _RECORD:
        if any(block) and _header(block):
            return position
        position += _RECORD
    return position


def _extended_data(file: BinaryIO, position: int, size: int) -> bytes:
    if size > _MAX_EXTENDED:
        raise Damaged(f"it is larger than {_MAX_EXTENDED >> 20} MiB")
    data = _at(file, position, size)
    if len(data) < size:
        raise Damaged("it breaks off")
    return data


def _extend(extended: _Extended, kind: bytes, data: bytes) -> None:
    """Raises Damaged where pax records are not of the form ``length key=value\\n``."""
    if kind == b"L":
        extended.name = data.split(b"\0")[0]
    if kind not in (b"x", b"X"):
        return  # a long link, or records for all members, which name no member
    position = 0
    while position < len(data) and data[position]:
        space = data.find(b" ", position, position + 20)
        digits = data[position:space] if space > 0 else b""
        end = position + int(digits) if digits.isdigit() else position
        if end <= space or data[end - 1 : end] != b"\n":
            raise Damaged("its records have no form")
        key, _, value = data[space + 1 : end - 1].partition(b"=")
        position = end
        if key == b"path":
            extended.name = value.split(b"\0")[0]
        elif key == b"size":
            (extended.size,) = sparse.decimals([value.decode("latin-1")])
        elif key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            extended.stretches.append(value.decode("latin-1"))
        if key.startswith(b"GNU.sparse."):
            extended.sparse[key.decode("latin-1")] = value.decode("utf-8", "replace")


def _old_stretches(file: BinaryIO, block: bytes, position: int) -> tuple[list[int], int]:
    """The map of a sparse file in the old GNU format, and where its data begin."""
    stretches = sparse.in_header(block, start=386, count=4)
    more = block[482]
    while more:
        block = _at(file, position, _RECORD)
        if len(block) < _RECORD or len(stretches) > 2 * sparse.MAX_STRETCHES:
            raise Damaged("a map of holes breaks off")
        stretches += sparse.in_header(block, start=0, count=21)
        more = block[504]
        position += _RECORD
    return stretches, position


def _padded(size: int) -> int:
    return -(-size // _RECORD) * _RECORD


def _failed(reason: str) -> NotRead:
    return NotRead("", Outcome.FAILED, reason)
