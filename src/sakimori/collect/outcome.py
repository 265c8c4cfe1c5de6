"""What reading says besides events: records that could not be used, and the account of each source."""

from dataclasses import dataclass
from enum import StrEnum

from sakimori.records import EventBatch, Finding, Source

EXCERPT = 200
"""Bytes of a rejected record that are kept with the reason."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One record, or one unreadable stretch, that no detector saw."""

    source: Source
    offset: int
    """Where it begins in the source, in bytes."""
    reason: str
    excerpt: bytes
    """Its first bytes (at most ``EXCERPT``): hostile, never to be printed as they stand."""


@dataclass(frozen=True, slots=True)
class AlertRead:
    """One record that is another product's alert, as the finding that it is. It counts as evaluated."""

    source: Source
    finding: Finding
    untimed: bool = False
    """It carries the time of reading."""
    repaired: bool = False
    """Its text held what no UTF-8 can hold."""


class Outcome(StrEnum):
    READ = "read"
    SKIPPED = "skipped"
    """No telemetry that a reader knows (a packet capture, a read-me, a symbolic link): nothing went wrong."""
    FAILED = "failed"
    """The user meant it to be read and it could not be: missing, forbidden, encrypted, too large; or, given by name or
    called like telemetry, it is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """The account of one source, given when it ends. Always ``read == evaluated + rejected``."""

    path: str
    outcome: Outcome
    reason: str = ""
    """Why it was skipped or failed: one sentence without the path."""
    source: Source | None = None
    """None where it was not read."""
    evaluated: int = 0
    rejected: int = 0
    untimed: int = 0
    """Evaluated events without a usable time: they carry the time of reading."""
    repaired: int = 0
    """Evaluated events whose text held invalid UTF-8 or half surrogates, replaced by U+FFFD."""
    outside: int = 0
    """Events outside the period that was asked for: not looked at, and not counted as read."""
    notes: tuple[str, ...] = ()
    """What else a careful reader should know of the source: failed checksums, a damaged archive member."""

    @property
    def read(self) -> int:
        return self.evaluated + self.rejected


Item = EventBatch | AlertRead | Rejected | SourceRead


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run over files is, in bytes on disk (archives count as they lie there, compressed)."""

    path: str
    done: int
    total: int
