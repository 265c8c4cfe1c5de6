"""A source that stands open, ready for a reader."""

from dataclasses import dataclass
from typing import BinaryIO

from sakimori.core import Nanos


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that can be read. Valid until the iterator that gave it goes on."""

    path: str
    file: BinaryIO
    """Seekable; but to go far back in a large member of an archive means to unpack it anew."""
    size: int
    digest: str
    disk_start: int
    """Bytes on disk of what came before it in this run."""
    disk_size: int
    """Bytes on disk that it stands for itself."""
    written: Nanos | None = None
    """When it was last written, as its file system or archive says: who makes an archive may write anything."""
    damage: str = ""
    """Why it has no more bytes than these, where an archive is damaged inside it: one sentence."""
    named: bool = False
    """The user gave just this path, rather than a folder or archive that it lies in."""
