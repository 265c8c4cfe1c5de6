"""Counting what was read, so that read = evaluated + rejected can be shown, and keeping what was not evaluated."""

import base64
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import orjson

from sakimori.collect import AlertRead, Item, Outcome, Rejected, SourceRead
from sakimori.records import EventBatch, Source
from sakimori.service.matching import Matched

_KEPT_NOTES = 1000


@dataclass(slots=True)
class ReadingCount:
    evaluated: int = 0
    rejected: int = 0
    untimed: int = 0
    """Evaluated with the time of reading, for want of a time of their own."""
    repaired: int = 0
    """Evaluated although their text held what no UTF-8 can hold; U+FFFD stands for it."""
    failed: int = 0
    """Sources that could not be read at all."""
    source_count: int = 0
    """Sources that anything came from so far, the one that is being read included."""
    sources: list[Source] = field(default_factory=list[Source])
    """These sources, each once; of an endless reading none."""
    notes: list[str] = field(default_factory=list[str])
    """What was rejected, could not be read or is odd, one sentence each: the first thousand."""
    skipped: Counter[str] = field(default_factory=Counter[str])
    """Files that are no telemetry, by what they are."""
    outside: int = 0
    """Events outside the period that was asked for, which are not counted as read."""
    endless: bool = False
    """A live log is read, of which each piece is a source: they are counted and not kept."""
    _seen: set[Source] = field(default_factory=set[Source])
    _last: Source | None = None

    @property
    def read(self) -> int:
        return self.evaluated + self.rejected

    def count(self, item: Item | Matched) -> None:
        """Count what was done with: batches once they are evaluated, and not only when their source ends."""
        match item:
            case EventBatch():
                self.evaluated += len(item)
                self._see(item.source)
            case Matched():
                self.evaluated += item.events
                self._see(item.source)
            case AlertRead():
                self.evaluated += 1
                self._see(item.source)
            case Rejected():
                self.rejected += 1
                self._see(item.source)
                self.note(f"{item.source.path}: record at {item.offset} rejected: {item.reason}")
            case SourceRead():
                self.untimed += item.untimed
                self.repaired += item.repaired
                self.outside += item.outside
                self.failed += item.outcome is Outcome.FAILED
                if item.source:
                    self._see(item.source)
                if item.outcome is Outcome.SKIPPED:
                    self.skipped[item.reason] += 1
                elif item.reason:
                    self.note(f"{item.path}: {item.reason}")
                for note in item.notes:
                    self.note(f"{item.path}: {note}")

    def _see(self, source: Source) -> None:
        if source == self._last or source in self._seen:  # sources of an export may take turns
            return
        self._last = source
        self.source_count += 1
        if not self.endless:
            self._seen.add(source)
            self.sources.append(source)

    def note(self, sentence: str) -> None:
        if len(self.notes) < _KEPT_NOTES:
            self.notes.append(sentence)


class DeadLetters:
    """Rejected records, and files that could not be read at all, with their reasons: one JSON object a line. The file
    appears with the first of them.

    A file that cannot be written stops no scan: ``problem`` then says why, and nothing more is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self._file: IO[bytes] | None = None

    def keep(self, item: Item | Matched) -> None:
        """Keep it, if it could not be evaluated."""
        letter = _letter(item)
        if letter is None or self.problem:
            return
        with self._noticing():
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = self.path.open("wb")
            self._file.write(orjson.dumps(letter) + b"\n")

    def close(self) -> None:
        with self._noticing():
            if self._file:
                self._file.close()

    @contextmanager
    def _noticing(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            self.problem = f"what could not be read could not be noted in {self.path}: {error.strerror}"


def _letter(item: Item | Matched) -> dict[str, str | int] | None:
    match item:
        case Rejected(source, offset, reason, excerpt):
            return {
                "path": source.path,
                "sha256": source.digest,
                "offset": offset,
                "reason": reason,
                "excerpt_base64": base64.b64encode(excerpt).decode(),
            }
        case SourceRead(path=path, outcome=Outcome.FAILED, reason=reason):
            return {"path": path, "reason": reason}
        case _:
            return None
