"""Decompression: packed bytes in, unpacked bytes out, in blocks; for compressed files and for members of zips."""

import lzma
import sys
import zlib
from collections.abc import Callable, Generator
from typing import BinaryIO, Protocol

from sakimori.collect.archives import BLOCK, MAX_WINDOW, Damaged, Meter, Refused

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    import backports.zstd as zstd

_FIRST_FEED = 512
"""Bytes that a decompressor is given first; twice as many each time after. A file may hold millions of small frames."""
_ERRORS = (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, zstd.ZstdError)


class Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


class Packed:
    """Packed bytes of a file, from where it stands, at most ``size`` of them."""

    def __init__(self, file: BinaryIO, size: int | None = None) -> None:
        self._file = file
        self._left = size
        self._buffer = b""
        self._position = 0

    def peek(self, size: int) -> bytes:
        """The next bytes, without taking them; fewer only at the end."""
        while len(self._buffer) - self._position < size:
            count = BLOCK if self._left is None else min(BLOCK, self._left)
            more = self._file.read(count)
            if not more:
                break
            if self._left is not None:
                self._left -= len(more)
            self._buffer = self._buffer[self._position :] + more
            self._position = 0
        return self._buffer[self._position : self._position + size]

    def take(self, size: int) -> bytes:
        """The next bytes; fewer only at the end."""
        taken = self.peek(size)
        self._position += len(taken)
        return taken

    def take_some(self, most: int) -> bytes:
        """At least one of the next bytes, at most ``most``; none at the end."""
        if self._position == len(self._buffer):
            self.peek(1)
        taken = self._buffer[self._position : self._position + most]
        self._position += len(taken)
        return taken

    def give_back(self, size: int) -> None:
        """Undo the last of what ``take_some`` took, by so many bytes."""
        self._position -= size

    @property
    def ahead(self) -> int:
        """Bytes that were read from the file and not taken."""
        return len(self._buffer) - self._position


class Inflate:
    """Raw DEFLATE (RFC 1951), in the manner of the other decompressors."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        block = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = len(block) < max_length
        return block


def xz() -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_WINDOW)


def zstandard() -> Decompressor:
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW.bit_length() - 1}
    return zstd.ZstdDecompressor(options=options)


def lzma_in_zip(properties: bytes) -> Decompressor:
    """The LZMA of zips; ``properties``: lc, lp and pb in one byte, the dictionary's size (APPNOTE 5.8.8)."""
    if len(properties) != 5 or properties[0] >= 225:
        raise Damaged("its LZMA properties make no sense")
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    size = int.from_bytes(properties[1:], "little")
    if size > MAX_WINDOW:
        raise Refused(f"its decompression needs {size >> 20} MiB of memory: unpack the archive first")
    try:
        return lzma.LZMADecompressor(
            lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": size}]
        )
    except (lzma.LZMAError, ValueError) as error:
        raise Damaged("its LZMA properties make no sense") from error


def unpacked(packed: Packed, new: Callable[[], Decompressor], meter: Meter) -> Generator[bytes]:
    """One compressed frame, from where ``packed`` stands; it then stands behind the frame.

    Raises:
        Damaged: behind what could be unpacked.
        Refused: it is a bomb.
    """
    decompressor, feed = new(), _FIRST_FEED
    while not decompressor.eof:
        data = b""
        if decompressor.needs_input:
            data = packed.take_some(feed)
            feed = min(2 * feed, BLOCK)
            meter.taken += len(data)
            if not data:
                raise Damaged("it breaks off")
        try:
            block = decompressor.decompress(data, BLOCK)
        except _ERRORS as error:
            raise Damaged(_lower(str(error))) from error
        meter.given += len(block)
        meter.check()
        if block:
            yield block
    packed.give_back(len(decompressor.unused_data))


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:].rstrip(".") if words else "invalid data"
