"""Following a live file of JSON lines: what was appended since the last poll, as immutable pieces."""

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sakimori.collect.outcome import Outcome, SourceRead
from sakimori.collect.readers import MAX_RECORD, ndjson
from sakimori.collect.reading import Item, evaluate
from sakimori.core import Clock
from sakimori.records import Source

PIECE = 2 * MAX_RECORD
"""Bytes that are taken at once: twice the longest record, so that a line longer than a piece is no record anyway."""
_MARK = 1024
"""Bytes before the position that are remembered, to notice that a file was emptied and written anew."""


class Follower:
    """Reads a growing file of JSON lines, only ever whole lines, each once.

    A file that is replaced (rotated away) is read to its end, half a last line included, before the new one is begun;
    one that is truncated, or emptied and written anew, is read from its beginning. Each piece is a ``Source`` of its
    own: the digest of its bytes, and where in the file it began.
    """

    def __init__(self, path: Path, tenant: str, *, clock: Clock, position: int = 0) -> None:
        """``position``: where to go on, as ``position`` was when an earlier follower of the same file stopped."""
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would replace the user's links
        self.position = position
        """Bytes of the current file that were taken."""
        self._tenant = tenant
        self._clock = clock
        self._file: BinaryIO | None = None
        self._mark = b""
        self._in_long_line = False

    def poll(self) -> Iterator[Item]:
        """What is new: for each piece its batches and rejected lines, then its ``SourceRead``."""
        try:
            if self._file is None:
                self._file = self.path.open("rb")
                self._mark = self._before_position(self._file)
            yield from self._new_pieces(self._file, ended=False)
            if self._replaced(self._file):
                yield from self._new_pieces(self._file, ended=True)
                self.close()
                self.position, self._mark, self._in_long_line = 0, b"", False
                self._file = self.path.open("rb")
                yield from self._new_pieces(self._file, ended=False)
        except FileNotFoundError:
            return  # not there yet, or between two of a rotation
        except OSError as error:
            reason = f"it cannot be read: {(error.strerror or 'I/O error').lower()}"
            yield SourceRead(path=str(self.path), outcome=Outcome.FAILED, reason=reason)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _replaced(self, file: BinaryIO) -> bool:
        """Raises FileNotFoundError while there is no file of that name."""
        now, ours = self.path.stat(), os.fstat(file.fileno())
        return (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino)

    def _new_pieces(self, file: BinaryIO, *, ended: bool) -> Iterator[Item]:
        if not self._continues(file):
            self.position, self._mark, self._in_long_line = 0, b"", False
        while True:
            file.seek(self.position)
            data = file.read(PIECE)
            taken = data.rfind(b"\n") + 1
            if not taken and (len(data) == PIECE or (ended and data)):
                taken = len(data)
            if not taken:
                return
            start = self.position
            piece = data[:taken]
            self.position += taken
            self._mark = self._before_position(file)
            yield from self._evaluate(piece, start)

    def _evaluate(self, piece: bytes, start: int) -> Iterator[Item]:
        """The events of one piece; the rest of a line that was rejected as too long is passed over."""
        if self._in_long_line:
            end = piece.find(b"\n") + 1
            self._in_long_line = not end
            start += end or len(piece)
            piece = piece[end:] if end else b""
        elif not piece.endswith(b"\n") and len(piece) == PIECE:
            self._in_long_line = True
        if not piece:
            return
        source = Source(
            tenant=self._tenant,
            digest=hashlib.sha256(piece).hexdigest(),
            path=str(self.path),
            format=ndjson.NAME,
            size=len(piece),
            start=start,
        )
        yield from evaluate(source, ndjson, io.BytesIO(piece), clock=self._clock)

    def _continues(self, file: BinaryIO) -> bool:
        """Whether what lies before the position is still what was there."""
        return len(self._mark) == min(self.position, _MARK) and self._before_position(file) == self._mark

    def _before_position(self, file: BinaryIO) -> bytes:
        start = max(0, self.position - _MARK)
        file.seek(start)
        return file.read(self.position - start)
