"""Single compressed files: gzip (RFC 1952), bzip2, xz and Zstandard (RFC 8878), of one or many members or frames.

Each is a container of one member without a name. Zeros behind the data are padding, as tapes and disks leave it.
"""

import bz2
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import BinaryIO

from sakimori.collect.archives import BLOCK, Damaged, Member, Meter
from sakimori.collect.archives.codecs import Decompressor, Inflate, Packed, unpacked, xz, zstandard

_HEADER_TEXT = 64 * 1024
"""Bytes that the name or the comment in a gzip header may have."""
_SKIPPABLE = b"\x2a\x4d\x18"
"""Behind a first byte of 0x50 to 0x5f: a Zstandard frame without content (RFC 8878, 3.1.2)."""


class Compressed:
    SEEKS = False

    def __init__(
        self,
        name: str,
        begins: Callable[[bytes], bool],
        frame: Callable[[Packed, Meter], Generator[bytes]],
    ) -> None:
        """``begins``: whether a frame begins with these 12 bytes; ``frame``: what the one that begins here holds."""
        self.name = name
        self._begins = begins
        self._frame = frame

    def recognises(self, head: bytes) -> bool:
        return self._begins(head[:12])

    def members(self, file: BinaryIO) -> Iterator[Member]:
        yield Member("", lambda: self._blocks(file))

    def _blocks(self, file: BinaryIO) -> Generator[bytes]:
        file.seek(0)
        packed, meter = Packed(file), Meter()
        while head := packed.peek(12):
            if self._begins(head):
                yield from self._frame(packed, meter)
            elif head.strip(b"\0"):
                raise Damaged(f"what follows its end is no {self.name} data")
            else:
                packed.take_some(BLOCK if len(head) < 12 else _zeros(packed))


def _zeros(packed: Packed) -> int:
    """How many zeros come next, of those that are looked at."""
    ahead = packed.peek(BLOCK)
    return len(ahead) - len(ahead.lstrip(b"\0"))


def _framed(new: Callable[[], Decompressor]) -> Callable[[Packed, Meter], Generator[bytes]]:
    return lambda packed, meter: unpacked(packed, new, meter)


def _gzip_member(packed: Packed, meter: Meter) -> Generator[bytes]:
    flags = packed.take(10)[3:4] or b"\0"
    if flags[0] & 0x04:
        packed.take(int.from_bytes(packed.take(2), "little"))
    for flag in (0x08, 0x10):
        if flags[0] & flag:
            end = packed.peek(_HEADER_TEXT).find(b"\0") + 1
            if not end:
                raise Damaged("its header has no end")
            packed.take(end)
    if flags[0] & 0x02:
        packed.take(2)
    checksum = size = 0
    for block in unpacked(packed, Inflate, meter):
        checksum = zlib.crc32(block, checksum)
        size += len(block)
        yield block
    trailer = packed.take(8)
    if len(trailer) < 8:
        raise Damaged("it breaks off")
    if trailer != checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little"):
        raise Damaged("its checksum does not hold")


GZIP = Compressed("gzip", lambda head: head.startswith(b"\x1f\x8b\x08") and head[3:4] < b"\x20", _gzip_member)
BZIP2 = Compressed(
    "bzip2",
    lambda head: (
        head.startswith(b"BZh") and head[3:4] in b"123456789" and head[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
    ),
    _framed(bz2.BZ2Decompressor),
)
XZ = Compressed("xz", lambda head: head.startswith(b"\xfd7zXZ\0"), _framed(xz))
ZSTD = Compressed(
    "zstd",
    lambda head: head.startswith(b"\x28\xb5\x2f\xfd") or (b"\x50" <= head[:1] <= b"\x5f" and head[1:4] == _SKIPPABLE),
    _framed(zstandard),
)
COMPRESSED = (GZIP, BZIP2, XZ, ZSTD)
