"""Checkpoints kept in files, outside of any database, so that a log that went back or aside is noticed.

A database that was restored to yesterday is whole in itself, and a log that was rewritten with its own key verifies:
only who remembers the highest checkpoint can tell.
"""

import fcntl
import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

from sakimori.core import SakimoriError


class MemoryUnusable(SakimoriError):
    """The folder or a file in it cannot be read or written."""


class Memory:
    """One note by the origin of each log, in a file of its own (0600). Threads and processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def embedded(home: Path) -> "Memory":
        """The highest checkpoints that an install saw of its own logs."""
        return Memory(home / "ledger")

    @staticmethod
    def of_witness(home: Path) -> "Memory":
        """The last checkpoints that the witness of an install saw of others' logs."""
        return Memory(home / "witness")

    def is_empty(self) -> bool:
        """Whether nothing was ever kept here."""
        return not any(self._folder.glob("*.checkpoint"))

    def recall(self, origin: str) -> str | None:
        """The note that is kept; None: none is.

        Raises:
            MemoryUnusable: it cannot be read.
        """
        path = self.path(origin)
        with _explaining(path):
            try:
                return path.read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                return None

    def keep(self, origin: str, note: str) -> None:
        """Put a note in the place of the one that is kept: all of it, durably, or nothing.

        Raises:
            MemoryUnusable: it cannot be written.
        """
        path = self.path(origin)
        with _explaining(path):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = mkstemp(dir=self._folder, prefix=".", suffix=".new")  # 0600
            draft = Path(name)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(note)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)

    @contextmanager
    def alone(self, origin: str) -> Generator[None]:
        """While this lasts, no other thread or process is in here for that log.

        Raises:
            MemoryUnusable: the folder cannot be used.
        """
        path = self.path(origin).with_suffix(".lock")
        with _explaining(path):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            with _explaining(path):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def path(self, origin: str) -> Path:
        """Where the note is. Origins hold slashes and can be long: the digest keeps them apart."""
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.checkpoint"


@contextmanager
def _explaining(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise MemoryUnusable(
            f"the checkpoint kept in {path} cannot be used: {error.strerror}; check its folder or set SAKIMORI_HOME"
        ) from error
