"""Readers: a source's bytes in, its raw records out. One module per format, all of the same shape (``Reader``).

A raw record is a JSON object as UTF-8 text, whatever the format; what it means is ``collect.shapes``' business. Readers
never stop at damage: what they cannot read they name, and go on behind it.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

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

    def record_at(self, file: BinaryIO, size: int, offset: int, /) -> bytes:
        """The raw record that ``records`` gave with this offset.

        Raises:
            LookupError: no record begins there.
        """
        ...
