"""Text in UTF-16 (RFC 2781), as PowerShell and Event Viewer write it: given to the readers of text as UTF-8.

Offsets stay bytes of the source; raw records, and so their hashes, are the text as UTF-8. Half a surrogate pair becomes
bytes that are no UTF-8, which readers repair as any other wrong byte.
"""

import io
from bisect import bisect_right
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, cast

from sakimori.collect.readers import Damage, Note, RawRecord, Reader, among, first

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CODECS = ("utf-16-le", "utf-16-be")
"""By the order of the bytes in a code unit."""

_BLOCK = 256 * 1024
_READ_AHEAD = 1024 * 1024
_SAMPLE = 512
_CONTINUING = bytes(range(0x80, 0xC0))
_FOUR_BYTES = bytes(range(0xF0, 0xF8))
_PRINTED = frozenset((*b"\t\r\n", *range(0x20, 0x7F)))


def codec_of(head: bytes) -> str | None:
    """The codec of a source that begins like this: told by its mark, or by the zeros beside its first letters."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return None  # UTF-32
    if head.startswith(b"\xff\xfe"):
        return "utf-16-le"
    if head.startswith(b"\xfe\xff"):
        return "utf-16-be"
    sample = head[:_SAMPLE]
    low, high = sample[::2], sample[1::2]
    if _letters_beside_zeros(low, high):
        return "utf-16-le"
    return "utf-16-be" if _letters_beside_zeros(high, low) else None


def _letters_beside_zeros(letters: bytes, zeros: bytes) -> bool:
    """Four Latin letters or signs at first, and such in a quarter of the rest; text holds no U+0000."""
    return (
        len(letters) >= 4
        and zeros[:4] == bytes(4)
        and _PRINTED.issuperset(letters[:4])
        and zeros.count(0) * 4 >= len(zeros)
        and not any(a == b == 0 for a, b in zip(letters, zeros, strict=False))
    )


def as_utf8(data: bytes, codec: str) -> bytes:
    """The text in whole code units; half of one at the end becomes U+FFFD."""
    text = data[: len(data) & ~1].decode(codec, "surrogatepass").encode("utf-8", "surrogatepass")
    return text + "\ufffd".encode() if len(data) % 2 else text


class Utf16:
    """A reader of text, for text in UTF-16."""

    def __init__(self, reader: Reader, codec: str) -> None:
        self.NAME = f"{reader.NAME}+{codec}"
        self.event = reader.event
        self._reader = reader
        self._codec = codec

    def records(self, file: BinaryIO, size: int, /) -> Iterator[RawRecord | Damage | Note]:
        view = _Utf8View(file, size, self._codec)
        text = cast("BinaryIO", io.BufferedReader(view, _READ_AHEAD))
        for item in self._reader.records(text, view.most):
            yield item if isinstance(item, Note) else item._replace(offset=view.in_source(item.offset))

    def record_at(self, file: BinaryIO, size: int, offset: int, /) -> bytes:
        return first(self.records_at(file, size, (offset,)))

    def records_at(self, file: BinaryIO, size: int, offsets: Collection[int], /) -> Iterator[RawRecord]:
        """Reads from the beginning: where a character lies in UTF-8 depends on all that are before it."""
        return among(self.records(file, size), offsets)


class _Utf8View(io.RawIOBase):
    """UTF-16 bytes as a file of UTF-8, with the places of one in the other."""

    def __init__(self, file: BinaryIO, size: int, codec: str) -> None:
        super().__init__()
        self._file = file
        self._size = size
        self._codec: str = codec
        self._at = 0
        self._text_starts = [0]
        self._source_starts = [0]
        """Where blocks begin, as far as they were read."""
        self._block = lru_cache(maxsize=2)(self._decoded)  # one that is read, one of which places are asked
        self._last = (0, 0)
        """The place that was asked last, in the text and in the source: the next one often lies just behind."""

    @property
    def most(self) -> int:
        """Bytes that the text has at most."""
        return (self._size + 1) // 2 * 3

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end is known only when all was read")
        self._at = max(0, offset + (self._at if whence == io.SEEK_CUR else 0))
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer).cast("B")
        number = self._number_at(self._at)
        start = self._at - self._text_starts[number]
        piece = self._block(number)[start : start + len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def in_source(self, place: int) -> int:
        """Where in the source the character lies that begins at this place of the text."""
        number = self._number_at(place)
        text_start, source_start = self._text_starts[number], self._source_starts[number]
        if text_start <= self._last[0] <= place:
            text_start, source_start = self._last
        first = self._text_starts[number]
        passed = self._block(number)[text_start - first : place - first]
        self._last = place, min(self._size, source_start + 2 * _code_units(passed))
        return self._last[1]

    def _number_at(self, place: int) -> int:
        """The block in which a place of the text lies; the last one, which is empty, for all behind the end."""
        while place >= self._text_starts[-1] and self._block(len(self._text_starts) - 1):
            pass
        return bisect_right(self._text_starts, place) - 1

    def _decoded(self, number: int) -> bytes:
        start = self._source_starts[number]
        self._file.seek(start)
        data = self._file.read(min(_BLOCK, self._size - start))
        if len(data) == _BLOCK and 0xD8 <= data[-1 if self._codec == "utf-16-le" else -2] < 0xDC:
            data = data[:-2]  # half a pair, whose other half is in the next block
        text = as_utf8(data, self._codec)
        if text and number == len(self._text_starts) - 1:
            self._text_starts.append(self._text_starts[number] + len(text))
            self._source_starts.append(start + len(data))
        return text


def _code_units(text: bytes) -> int:
    """Of UTF-16, in UTF-8."""
    characters = text.translate(None, _CONTINUING)
    return 2 * len(characters) - len(characters.translate(None, _FOUR_BYTES))
