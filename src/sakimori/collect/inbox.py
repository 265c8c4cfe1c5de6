"""Where received alerts lie: one file of JSON lines per institution, to be followed or scanned like any other."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson


class NotAlerts(ValueError):
    """A body that is neither a JSON object nor lines of such. The message is the reason, without place."""


class Inbox:
    """Appends to the files of a folder; two processes may do so at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, tenant: str) -> Path:
        return self.folder / f"{tenant}.ndjson"

    def keep(self, tenant: str, body: bytes) -> int:
        """Append what a webhook sent, and return how many records that were once they are on disk.

        Raises:
            NotAlerts: it is no JSON; nothing was kept.
            OSError: it could not be written; nothing was kept.
        """
        lines = _lines(body)
        path = self.path(tenant)
        with _locked(path) as file:
            size = os.fstat(file).st_size
            unfinished = size and os.pread(file, 1, size - 1) != b"\n"  # a process died here: its line was never kept
            try:
                _write(file, (b"\n" if unfinished else b"") + b"".join(line + b"\n" for line in lines))
                os.fsync(file)
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(file, size)
                error.filename = str(path)
                raise
            if not size:
                _sync_folder(self.folder)
        return len(lines)


def _lines(body: bytes) -> list[bytes]:
    """The records, each on one line, byte for byte but for line ends between members."""
    try:
        if orjson.loads(body).__class__ is dict:
            return [body.strip().replace(b"\r", b" ").replace(b"\n", b" ")]
        raise NotAlerts("the body is no JSON object")
    except orjson.JSONDecodeError:
        lines = [line.strip() for line in body.split(b"\n") if line.strip()]
    if not lines or any(_parsed(line).__class__ is not dict for line in lines):
        raise NotAlerts("the body is neither a JSON object nor one JSON object per line")
    return lines


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


@contextmanager
def _locked(path: Path) -> Generator[int]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    """Without it the new file's name may be lost with the power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
