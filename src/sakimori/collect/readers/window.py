"""A stretch of a source that is held in memory and moves on: for readers whose records are no lines."""

from typing import BinaryIO

_BLOCK = 1024 * 1024


class Window:
    """``data`` are bytes of the source; what lies before ``at`` in them is done with."""

    def __init__(self, file: BinaryIO, size: int, offset: int = 0) -> None:
        file.seek(offset)
        self._file = file
        self._left = size - offset
        self._start = offset
        self.data = b""
        self.at = 0

    @property
    def held(self) -> int:
        """Bytes that are still to be looked at."""
        return len(self.data) - self.at

    def offset(self, place: int) -> int:
        """Where in the source a place in ``data`` lies."""
        return self._start + place

    def more(self) -> bool:
        """Let go of what is done with, and hold at least twice of what is not; False at the end of the source.

        Places in ``data`` move: ``at`` becomes 0. Doubling keeps looking again from ``at`` linear in the source's size.
        """
        wanted = min(max(_BLOCK, self.held), self._left)
        block = self._file.read(wanted) if wanted > 0 else b""
        self._left = self._left - len(block) if block else 0  # a file that shrank is noticed by its digest
        self.data = self.data[self.at :] + block
        self._start += self.at
        self.at = 0
        return bool(block)
