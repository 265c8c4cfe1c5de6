"""Readers: a source's bytes in, its raw records out. One module per format, all of the same shape (``Reader``).

A raw record is what is shown as evidence: a line as it stands, or JSON where the bytes alone mean nothing (EVTX).
Readers never stop at damage: what they cannot read they name, and go on behind it.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

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


class ByContent(Reader, Protocol):
    """A reader of a format that gives itself away. JSON lines and documents are told apart by ``collect.formats``."""

    def recognises(self, head: bytes, /) -> bool:
        """Whether a source that begins with these bytes (64 KiB of them, or all there are) is in this format."""
        ...
