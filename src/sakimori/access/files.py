"""Files that only their owner may read, which appear whole or not at all."""

import os
import stat
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from sakimori.core import SakimoriError

_SYNCS = 8
"""Files that are made durable at once: a disk that is asked for several together writes them together."""


class OpenToOthers(SakimoriError):
    """Others may read, or own, what is secret."""


def create(contents: Mapping[Path, bytes]) -> None:
    """Make each whole file appear at once (0600), all durable at the end. What is there already stays as it is."""
    drafts: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            drafts[path] = _draft(path, content)
        _sync(drafts.values())
        for path, draft in drafts.items():
            with suppress(FileExistsError):
                path.hardlink_to(draft)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    _sync({path.parent for path in contents})


def replace(path: Path, content: bytes) -> None:
    """Put a whole file in the place of another (0600), durably."""
    draft = _draft(path, content)
    try:
        _sync([draft])
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync([path.parent])


def read_closed(path: Path, most: int) -> bytes:
    """A file that only its owner may read, up to one byte more than ``most``.

    Raises:
        OpenToOthers: others may read it.
        OSError: it cannot be read, or is a link.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        refuse_if_open(path, os.fstat(file.fileno()), "600")
        return file.read(most + 1)


def refuse_if_open(path: Path, status: os.stat_result, mode: str) -> None:
    """Raises OpenToOthers where others may read a file or enter a folder."""
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OpenToOthers(
            f"others may read the secrets in {path}: run chmod {mode} '{path}', and replace them if others may have"
        )
    if status.st_uid != os.geteuid() and os.geteuid() != 0:
        raise OpenToOthers(f"the secrets in {path} belong to another user: run as that user, or chown '{path}'")


def _draft(path: Path, content: bytes) -> Path:
    """Not durable yet."""
    draft = path.with_name(f".{token_hex(8)}.new")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _sync(paths: Collection[Path]) -> None:
    """Make files, or the names in folders, durable."""
    if len(paths) == 1:
        return _sync_one(*paths)
    with ThreadPoolExecutor(_SYNCS) as pool:
        for _ in pool.map(_sync_one, paths):
            pass
    return None


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
