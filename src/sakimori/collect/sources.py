"""Where bytes come from: files, folders and zip archives (in one another), each opened as one immutable source."""

import hashlib
import lzma
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from sakimori.collect.formats import ZIP_MAGIC
from sakimori.collect.outcome import Outcome, SourceRead

INNER = "!"
"""Between an archive's path and its member's name: ``logs.zip!host1/Security.evtx``."""
MAX_NESTING = 3
MAX_RATIO = 200
"""How many times larger than packed an archive, and each of its members, may be. Logs reach 100."""
ALWAYS_ALLOWED = 256 * 1024 * 1024
"""Bytes that an archive or member may unpack to whatever its ratio."""
_IN_MEMORY = 32 * 1024 * 1024
"""Bytes of an unpacked member that stay in memory; the rest goes to an unnamed temporary file."""
_BLOCK = 1024 * 1024
_NOISE = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that can be read. Valid until the iterator that gave it goes on."""

    path: str
    file: BinaryIO
    size: int
    digest: str
    disk_start: int
    """Bytes on disk of what came before it in this run."""
    disk_size: int
    """Bytes on disk that it stands for itself."""
    note: str = ""
    named: bool = False
    """The user gave just this path, rather than a folder or archive that it lies in."""


class Run:
    """All sources under some paths, in order of name, each path once; the same paths always give the same order."""

    def __init__(self, paths: list[Path]) -> None:
        absolute = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - resolve() would replace links
        self._named = frozenset(absolute)
        self._found: dict[Path, int] = {}
        self._refused: list[SourceRead] = []
        for path in dict.fromkeys(absolute):
            self._look(path)
        self.total = sum(self._found.values())
        """Bytes on disk."""

    def __iter__(self) -> Iterator[Opened | SourceRead]:
        yield from self._refused
        done = 0
        for path, size in self._found.items():
            yield from _open_file(path, disk_start=done, disk_size=size, named=path in self._named)
            done += size

    def _look(self, path: Path) -> None:
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            self._refuse(path, Outcome.FAILED, "there is no such file or folder")
        except OSError as error:
            self._refuse(path, Outcome.FAILED, f"it cannot be looked at: {_words(error)}")
        else:
            if stat.S_ISDIR(mode):
                self._look_into(path)
            else:
                self._take(path)

    def _look_into(self, folder: Path) -> None:
        before = len(self._found) + len(self._refused)
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
        if len(self._found) + len(self._refused) == before:
            self._refuse(folder, Outcome.FAILED, "the folder holds no files")

    def _take(self, path: Path) -> None:
        try:
            str(path).encode()
            status = path.stat()
        except UnicodeEncodeError:
            shown = Path(os.fsencode(path).decode("utf-8", "backslashreplace"))
            self._refuse(shown, Outcome.FAILED, "its name is not valid UTF-8: rename it")
        except OSError as error:
            self._refuse(path, Outcome.FAILED, f"it cannot be looked at: {_words(error)}")
        else:
            if stat.S_ISREG(status.st_mode):
                self._found[path] = status.st_size
            else:
                outcome = Outcome.FAILED if path in self._named else Outcome.SKIPPED
                self._refuse(path, outcome, "no regular file (a device, pipe or socket)")

    def _refuse_link(self, path: Path) -> None:
        self._refuse(path, Outcome.SKIPPED, "a symbolic link, which is not followed: name its target to read it")

    def _forbidden(self, error: OSError) -> None:
        self._refuse(Path(cast("str", error.filename)), Outcome.FAILED, f"it cannot be listed: {_words(error)}")

    def _refuse(self, path: Path, outcome: Outcome, reason: str) -> None:
        self._refused.append(SourceRead(path=str(path), outcome=outcome, reason=reason))


def _open_file(
    path: Path, *, disk_start: int, disk_size: int, named: bool = False, only: str = ""
) -> Iterator[Opened | SourceRead]:
    try:
        file = path.open("rb", buffering=_BLOCK)
    except OSError as error:
        yield SourceRead(path=str(path), outcome=Outcome.FAILED, reason=f"it cannot be opened: {_words(error)}")
        return
    with file:
        try:
            size, digest = _measure(file)
        except OSError as error:
            yield SourceRead(path=str(path), outcome=Outcome.FAILED, reason=f"it cannot be read: {_words(error)}")
            return
        whole = Opened(str(path), file, size, digest, disk_start, disk_size, named=named)
        yield from _members(whole, _Allowance(size), only=only) if _is_zip(file) else (whole,)


class _Allowance:
    """How much more one archive on disk, with all archives in it, may unpack to."""

    def __init__(self, packed: int) -> None:
        self.left = max(ALWAYS_ALLOWED, MAX_RATIO * packed)


def _members(
    archive: Opened, allowance: _Allowance, *, only: str = "", depth: int = 1
) -> Iterator[Opened | SourceRead]:
    """An archive's members; where ``only`` is not empty, just those on the way to that path."""
    try:
        opened = zipfile.ZipFile(archive.file)
    except (*_DAMAGED, NotImplementedError, ValueError) as error:
        yield _failed(archive.path, f"the archive's list of members cannot be read: {error}")
        return
    with opened:
        members = [info for info in opened.infolist() if not info.is_dir()]
        if not members:
            yield _failed(archive.path, "the archive holds no files")
        packed = sum(info.compress_size for info in members) or 1
        start = archive.disk_start
        for info in members:
            path = f"{archive.path}{INNER}{info.filename}"
            share = archive.disk_size * info.compress_size // packed
            if only and not f"{only}{INNER}".startswith(f"{path}{INNER}"):
                continue
            if allowance.left <= 0:
                yield _failed(
                    path, "it and what follows in the archive was not unpacked: the archive grows like a bomb"
                )
                return
            if info.filename.startswith(_NOISE[0]) or info.filename.rpartition("/")[2] in _NOISE:
                yield SourceRead(path=path, outcome=Outcome.SKIPPED, reason="desktop noise of macOS or Windows")
            else:
                with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
                    file = cast("BinaryIO", spool)
                    try:
                        note = _unpack(opened, info, file, allowance)
                    except _Refused as refused:
                        yield _failed(path, str(refused))
                    else:
                        size, digest = _measure(file)
                        member = Opened(path, file, size, digest, start, share, note)
                        if not _is_zip(file):
                            yield member
                        elif depth < MAX_NESTING:
                            yield from _members(member, allowance, only=only, depth=depth + 1)
                        else:
                            yield _failed(path, f"archives are nested more than {MAX_NESTING} deep: unpack it first")
            start += share


class _Refused(Exception):
    """Why a member was not unpacked."""


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: BinaryIO, allowance: _Allowance) -> str:
    """Unpack a member; what its header claims of its size is not believed. Returns a note (empty: all is well)."""
    if info.flag_bits & 0x1:
        raise _Refused("it is encrypted: unpack the archive with its password first")
    size = 0
    for block in _blocks(archive, info):
        if isinstance(block, Exception):
            if not size:
                raise _Refused(f"the archive is damaged here: {block}")
            return f"the archive is damaged inside this member: only the {size} bytes before the damage were read"
        size += len(block)
        allowance.left -= len(block)
        if size > max(ALWAYS_ALLOWED, MAX_RATIO * info.compress_size) or allowance.left < 0:
            raise _Refused(f"it unpacks to more than {size >> 20} MiB, as archive bombs do: unpack it yourself")
        target.write(block)
    return ""


def _blocks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes | Exception]:
    """The unpacked bytes; the last item is the error, where there is one."""
    try:
        with archive.open(info) as packed:
            while block := packed.read(_BLOCK):
                yield block
    except NotImplementedError as error:
        raise _Refused("it is compressed in a way that is not supported: unpack the archive first") from error
    except _DAMAGED as error:
        yield error


def _measure(file: BinaryIO) -> tuple[int, str]:
    """Size and SHA-256 of a file's bytes; it is left at its beginning."""
    file.seek(0)
    hasher, size = hashlib.sha256(), 0
    while block := file.read(_BLOCK):
        hasher.update(block)
        size += len(block)
    file.seek(0)
    return size, hasher.hexdigest()


def _is_zip(file: BinaryIO) -> bool:
    magic = file.read(4)
    file.seek(0)
    return magic in ZIP_MAGIC


def _failed(path: str, reason: str) -> SourceRead:
    return SourceRead(path=path, outcome=Outcome.FAILED, reason=reason)


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def at(path: str) -> Iterator[Opened]:
    """The sources that a stored path may mean now: a file, or the members of that name in an archive.

    Names may hold ``!`` themselves, so every way to split the path is tried.
    """
    parts = path.split(INNER)
    for count in range(len(parts), 0, -1):
        disk = Path(INNER.join(parts[:count]))
        if disk.is_file():
            for item in _open_file(disk, disk_start=0, disk_size=0, only=path):
                if isinstance(item, Opened) and item.path == path:
                    yield item
