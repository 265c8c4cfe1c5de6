"""Readers: a source's bytes in, its raw records out. One module per format, all of the same shape (``Reader``).

A raw record is what is shown as evidence: a line as it stands, or JSON where the bytes alone mean nothing (EVTX).
Readers never stop at damage: what they cannot read they name, and go on behind it.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

from sakimori.collect.shapes import Shaped

MAX_RECORD = 16 * 1024 * 1024
"""Bytes. A longer record is rejected, so that memory stays bounded."""


class RawRecord(NamedTuple):
    offset: int
    """Byte in the source where it begins; unique in the source, and enough to find it again."""
    raw: bytes


class Damage(NamedTuple):
    """A stretch of bytes that holds (or held) a record and cannot be read."""

    offset: int
    reason: str
    excerpt: bytes


class Note(NamedTuple):
    """Something to know about the source that cost no record."""

    text: str


class Reader(Protocol):
    @property
    def NAME(self) -> str:
        """The format's name as it stands in ``Source.format``."""
        ...

    def records(self, file: BinaryIO, size: int, /) -> Iterator[RawRecord | Damage | Note]:
        """All records in the first ``size`` bytes of ``file``, in order."""
        ...

    def event(self, raw: bytes, /) -> Shaped:
        """The event in a raw record; ``json_records.event`` where those are JSON.

        Raises:
            ShapeError: there is none.
        """
        ...

    def record_at(self, file: BinaryIO, size: int, offset: int, /) -> bytes:
        """The raw record that ``records`` gave with this offset.

        Raises:
            LookupError: no record begins there.
        """
        ...


@runtime_checkable
class OnePass(Protocol):
    """A reader that has to read from the beginning to tell what lies at an offset, and so looks up many at once."""

    def records_at(self, file: BinaryIO, size: int, offsets: Collection[int], /) -> Iterator[RawRecord]:
        """The raw records that ``records`` gave with these offsets, in order; an offset of none is passed over."""
        ...


def records_at(reader: Reader, file: BinaryIO, size: int, offsets: Collection[int]) -> Iterator[RawRecord]:
    """As ``OnePass.records_at``, for any reader."""
    if isinstance(reader, OnePass):
        yield from reader.records_at(file, size, offsets)
        return
    for offset in sorted(offsets):
        try:
            raw = reader.record_at(file, size, offset)
        except LookupError:
            continue
        yield RawRecord(offset, raw)


def first(found: Iterator[RawRecord]) -> bytes:
    """The raw record that was looked up. Raises LookupError where none was found."""
    for record in found:
        return record.raw
    raise LookupError


def among(items: Iterable[RawRecord | Damage | Note], offsets: Collection[int]) -> Iterator[RawRecord]:
    """The records with these offsets; no more is read than up to the last of them."""
    left = set(offsets)
    for item in items:
        if isinstance(item, RawRecord) and item.offset in left:
            yield item
            left.discard(item.offset)
            if not left:
                return


class ByContent(Reader, Protocol):
    """A reader of a format that gives itself away. JSON lines and documents are told apart by ``collect.formats``."""

    def recognises(self, head: bytes, /) -> bool:
        """Whether a source that begins with these bytes (64 KiB of them, or all there are) is in this format."""
        ...
