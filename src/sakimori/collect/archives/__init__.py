"""Archives: bytes of a container in, its members out. One module per container, all of the same shape (``Container``).

Nothing is ever written to disk: members are read forward, and what has to be read again is unpacked again. Containers
never stop at damage that leaves something behind it: what they cannot read they name, and go on.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from sakimori.collect.outcome import Outcome
from sakimori.core import Nanos

BLOCK = 64 * 1024
"""Bytes that are unpacked at once; as much of what stands before damage may be lost with it."""

MAX_DEPTH = 3
"""How many archives may lie in one another. A compressed tar counts as one."""
MAX_RATIO = 200
"""How many times larger than packed an archive, and each of its members, may be. Logs reach 100."""
ALWAYS_ALLOWED = 256 * 1024 * 1024
"""Bytes that a member may unpack to whatever its ratio."""
ALWAYS_IN_ALL = 4 * ALWAYS_ALLOWED
"""Bytes that an archive on disk may unpack to whatever its ratio, so that one bomb does not cost the other members."""
MAX_TOTAL = 1024**4
"""Bytes that one archive on disk, with all archives in it, may unpack to: 1 TiB."""
MAX_MEMBERS = 200_000
"""Members of one archive on disk, with all archives in it."""
MAX_NAME = 4096
"""Characters of a member's name."""
MAX_LIST = 64 * 1024 * 1024
"""Bytes of a zip's list of members, which is held in memory."""
MAX_WINDOW = 128 * 1024 * 1024
"""Bytes of memory that a decompressor may ask for (``zstd --long=27``; ``xz -9`` needs 65 MiB)."""


class Unreadable(Exception):
    """Why no more bytes of a member can be had: part of a sentence."""


class Damaged(Unreadable):
    """The bytes before it are good, as far as one can tell."""


class Refused(Unreadable):
    """The member is not to be read, or what was read of it not to be used. The message is a whole sentence."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a container. Its bytes can be had once, and only until the next member is asked for."""

    name: str
    """As the container has it, decoded; empty where the container is but one compressed file."""
    blocks: Callable[[], Generator[bytes]]
    """Its bytes, from the first on. Raises ``Damaged`` or ``Refused`` behind what could be read, ``OSError`` where the
    disk fails."""
    written: Nanos | None = None
    """When it was last written, where the container says so."""


@dataclass(frozen=True, slots=True)
class NotRead:
    """A member that is no file, or a stretch of the archive that cannot be read."""

    name: str
    """Empty where it is about the archive itself."""
    outcome: Outcome
    reason: str


class Container(Protocol):
    @property
    def SEEKS(self) -> bool:
        """Whether the file must be seekable to and fro, its end included. Else it is only ever read forward."""
        ...

    def recognises(self, head: bytes, /) -> bool:
        """Whether a file that begins with these bytes (64 KiB of them, or all there are) is such a container."""
        ...

    def members(self, file: BinaryIO, /) -> Iterator[Member | NotRead]:
        """All of its members, in the order in which they lie there; the same each time."""
        ...


class Meter:
    """Watches how much larger something becomes by being unpacked."""

    def __init__(self) -> None:
        self.taken = 0
        """Packed bytes."""
        self.given = 0
        """Unpacked bytes."""

    def check(self) -> None:
        """Raises Refused where the ratio is one of bombs, not of logs."""
        if self.given > ALWAYS_ALLOWED and self.given > MAX_RATIO * self.taken:
            size = (self.given - 1) >> 20
            raise Refused(f"it unpacks to more than {size} MiB, as archive bombs do: unpack it yourself")
