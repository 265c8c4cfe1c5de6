"""Where bytes come from: files, folders and archives, and all that lies in them, each opened as one source."""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from sakimori.collect.archives.walk import INNER, Archive, Walk, container_for, words
from sakimori.collect.formats import HEAD
from sakimori.collect.opened import Opened
from sakimori.collect.outcome import Outcome, SourceRead

_BLOCK = 1024 * 1024


class FoundFile(NamedTuple):
    """A regular file on disk."""

    path: Path
    size: int
    """In bytes, when it was found."""
    named: bool
    """The user gave just this path, rather than a folder that it lies in."""


class Survey:
    """All sources under some paths, in order of name, each path once; the same paths always give the same order."""

    def __init__(self, paths: Iterable[Path | FoundFile]) -> None:
        """``paths``: what the user gave, or files that an earlier run found there."""
        paths = list(paths)
        given = [path for path in paths if not isinstance(path, FoundFile)]
        absolute = [Path(os.path.abspath(path)) for path in given]  # noqa: PTH100 - resolve() would replace links
        found = [path for path in paths if isinstance(path, FoundFile)]
        self._named = frozenset((*absolute, *(file.path for file in found if file.named)))
        self._found = {file.path: file.size for file in found}
        self.refused: list[SourceRead] = []
        """What is no file that can be opened."""
        for path in dict.fromkeys(absolute):
            self._look(path)
        self.total = sum(self._found.values())
        """Bytes on disk."""

    @property
    def files(self) -> list[FoundFile]:
        return [FoundFile(path, size, path in self._named) for path, size in self._found.items()]

    def __iter__(self) -> Iterator[Opened | SourceRead]:
        yield from self.refused
        done = 0
        for file in self.files:
            yield from _open_file(file.path, disk_start=done, disk_size=file.size, named=file.named)
            done += file.size

    def _look(self, path: Path) -> None:
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            self._refuse(path, Outcome.FAILED, "there is no such file or folder")
        except OSError as error:
            self._refuse(path, Outcome.FAILED, f"it cannot be looked at: {words(error)}")
        else:
            if stat.S_ISDIR(mode):
                self._look_into(path)
            else:
                self._take(path)

    def _look_into(self, folder: Path) -> None:
        before = len(self._found) + len(self.refused)
        for root, folders, files in os.walk(folder, onerror=self._forbidden):
            folders.sort()
            for name in list(folders):
                if Path(root, name).is_symlink():
                    self._refuse_link(Path(root, name))
            for name in sorted(files):
                path = Path(root, name)
                if path.is_symlink():
                    self._refuse_link(path)
                else:
                    self._take(path)
        if len(self._found) + len(self.refused) == before:
            self._refuse(folder, Outcome.FAILED, "the folder holds no files")

    def _take(self, path: Path) -> None:
        try:
            str(path).encode()
            status = path.stat()
        except UnicodeEncodeError:
            shown = Path(os.fsencode(path).decode("utf-8", "backslashreplace"))
            self._refuse(shown, Outcome.FAILED, "its name is not valid UTF-8: rename it")
        except OSError as error:
            self._refuse(path, Outcome.FAILED, f"it cannot be looked at: {words(error)}")
        else:
            if stat.S_ISREG(status.st_mode):
                self._found[path] = status.st_size
            else:
                outcome = Outcome.FAILED if path in self._named else Outcome.SKIPPED
                self._refuse(path, outcome, "no regular file (a device, pipe or socket)")

    def _refuse_link(self, path: Path) -> None:
        self._refuse(path, Outcome.SKIPPED, "a symbolic link, which is not followed: name its target to read it")

    def _forbidden(self, error: OSError) -> None:
        self._refuse(Path(cast("str", error.filename)), Outcome.FAILED, f"it cannot be listed: {words(error)}")

    def _refuse(self, path: Path, outcome: Outcome, reason: str) -> None:
        self.refused.append(SourceRead(path=str(path), outcome=outcome, reason=reason))


def _open_file(
    path: Path, *, disk_start: int, disk_size: int, named: bool = False, only: Collection[str] = ()
) -> Iterator[Opened | SourceRead]:
    try:
        file = path.open("rb", buffering=_BLOCK)
    except OSError as error:
        yield SourceRead(path=str(path), outcome=Outcome.FAILED, reason=f"it cannot be opened: {words(error)}")
        return
    with file:
        try:
            container = container_for(file.read(HEAD))
            status = os.fstat(file.fileno())
            size, digest = (status.st_size, "") if container else _measure(file)
        except OSError as error:
            yield SourceRead(path=str(path), outcome=Outcome.FAILED, reason=f"it cannot be read: {words(error)}")
            return
        if container is None:
            yield Opened(str(path), file, size, digest, disk_start, disk_size, status.st_mtime_ns, named=named)
            return

        def gauge() -> int:
            return disk_start + min(file.tell(), disk_size)

        def again() -> BinaryIO:
            return path.open("rb", buffering=_BLOCK)

        before = _identity(path)
        archive = Archive(str(path), container, file, again, gauge, disk_start, named, written=status.st_mtime_ns)
        yield from Walk(size, only=only).sources(archive)
        if _identity(path) != before:
            reason = "it changed while it was read, so what was found may be incomplete: scan it again"
            yield SourceRead(path=str(path), outcome=Outcome.FAILED, reason=reason)


def _identity(path: Path) -> tuple[int, ...]:
    """Which file this is, and in what state; of none where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _measure(file: BinaryIO) -> tuple[int, str]:
    """Size and SHA-256 of a file's bytes; it is left at its beginning."""
    file.seek(0)
    hasher, size = hashlib.sha256(), 0
    while block := file.read(_BLOCK):
        hasher.update(block)
        size += len(block)
    file.seek(0)
    return size, hasher.hexdigest()


def at(paths: Collection[str]) -> Iterator[Opened]:
    """The sources that stored paths may mean now: files, or members of those names in archives.

    Each archive is gone through once, whatever the number of paths. Names may hold ``!`` themselves, so every way to
    split a path is tried.
    """
    on_disk: dict[Path, set[str]] = {}
    for path in paths:
        parts = path.split(INNER)
        for count in range(len(parts), 0, -1):
            disk = Path(INNER.join(parts[:count]))
            if is_file(disk):
                on_disk.setdefault(disk, set()).add(path)
    for disk, wanted in on_disk.items():
        for item in _open_file(disk, disk_start=0, disk_size=0, only=wanted):
            if isinstance(item, Opened) and item.path in wanted:
                yield item


def is_file(path: Path) -> bool:
    """Whether there is such a file, of whatever name: one from an archive may be none that a disk can hold."""
    try:
        return path.is_file()
    except OSError:
        return False
