"""Through archives in archives: a file on disk in, its sources out, each ready to be read.

A source's digest stands in the ids of its events, so its bytes are needed twice. Small ones are kept in memory between;
larger ones are unpacked twice: the first pass goes through all members and measures them, a second one follows it and
is what readers see. Both go forward only, so an archive is unpacked at most twice, whatever the number of its members.
A large zip within an archive is needed whole before it can be read, since its list of members stands at its end: that
takes one pass more for each level.
"""

import hashlib
import io
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO, cast

from sakimori.collect.archives import (
    ALWAYS_IN_ALL,
    BLOCK,
    MAX_DEPTH,
    MAX_MEMBERS,
    MAX_NAME,
    MAX_RATIO,
    MAX_TOTAL,
    Container,
    Damaged,
    Member,
    NotRead,
    Refused,
    Unreadable,
    tar,
    zip,
)
from sakimori.collect.archives.compressed import COMPRESSED, Compressed
from sakimori.collect.archives.streamed import WINDOW, Streamed
from sakimori.collect.formats import HEAD
from sakimori.collect.opened import Opened
from sakimori.collect.outcome import Outcome, SourceRead
from sakimori.core import Nanos

INNER = "!"
"""Between an archive's path and its member's name: ``logs.zip!host1/Security.evtx``."""
IN_MEMORY = 16 * 1024 * 1024
"""Bytes of an unpacked member that are kept in memory between measuring and reading; larger ones are unpacked twice."""
_NOISE = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_CONTAINERS: tuple[Container, ...] = (zip, *COMPRESSED, tar)


def container_for(head: bytes) -> Container | None:
    """What kind of archive begins with these bytes (64 KiB of them, or all there are)."""
    for container in _CONTAINERS:
        if container.recognises(head):
            return container
    return None


def ways_to(paths: Collection[str]) -> frozenset[str]:
    """The paths themselves, and those of all archives that they may lie in."""
    parts = [path.split(INNER) for path in paths]
    return frozenset(INNER.join(split[:count]) for split in parts for count in range(1, len(split) + 1))


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose members are to be visited."""

    path: str
    container: Container
    file: BinaryIO
    """Its bytes; whoever opened it closes it."""
    again: Callable[[], BinaryIO]
    """Its bytes once more, from the beginning."""
    gauge: Callable[[], int]
    """How many bytes on disk have been reached by reading ``file``."""
    start: int
    """Bytes on disk before it."""
    named: bool = False
    depth: int = 1
    note: str = ""
    """What is wrong with its own bytes."""
    written: Nanos | None = None
    """When it was last written itself; of its members, those that have no time of their own."""


class Walk:
    """One file on disk, through all archives in it; the limits are for it as a whole."""

    def __init__(self, packed: int, *, only: Collection[str] = ()) -> None:
        """``packed``: its size on disk; ``only``: where not empty, just what lies on the way to these paths."""
        self._left = min(max(ALWAYS_IN_ALL, MAX_RATIO * packed), MAX_TOTAL)
        self._members_left = MAX_MEMBERS
        self._ways = ways_to(only)

    def sources(self, archive: Archive) -> Iterator[Opened | SourceRead]:
        """All in the archive that is no archive itself; each is valid until the next is asked for."""
        if archive.note:
            yield _failed(archive.path, archive.note)
        reached, index, empty = archive.start, -1, True
        with closing(_Passes(archive)) as passes:
            for item in _with_disk(archive.container.members(archive.file)):
                empty = False
                name = item.name if len(item.name) <= MAX_NAME else f"{item.name[:100]}…"
                path = f"{archive.path}{INNER}{name}" if name else archive.path
                if isinstance(item, NotRead):
                    yield SourceRead(path=path, outcome=item.outcome, reason=item.reason)
                    continue
                index += 1
                self._members_left -= 1
                if self._ways and path not in self._ways:
                    continue
                if name != item.name:
                    yield _failed(path, f"its name is longer than {MAX_NAME:,} characters")
                elif name.startswith(_NOISE[0]) or name.rpartition("/")[2] in _NOISE:
                    yield SourceRead(path=path, outcome=Outcome.SKIPPED, reason="desktop noise of macOS or Windows")
                elif self._left <= 0:
                    reason = "it and what follows in the archive was not unpacked: the archive grows like a bomb"
                    yield _failed(path, reason)
                    return
                elif self._members_left < 0:
                    reason = (
                        f"it and what follows in the archive was not read: there are more than {MAX_MEMBERS:,} members"
                    )
                    yield _failed(path, reason)
                    return
                else:
                    yield from self._visit(archive, item, path, passes, index, reached)
                reached = max(reached, archive.gauge())
        if empty:
            yield _failed(archive.path, "the archive holds no files")

    def _visit(
        self, archive: Archive, member: Member, path: str, passes: "_Passes", index: int, reached: int
    ) -> Iterator[Opened | SourceRead]:
        counted = archive.container is not tar  # whose members were counted when the tar itself was unpacked
        first = [self._counted(member.blocks) if counted else _guarded(member.blocks)]

        def begin() -> Generator[bytes]:
            return first.pop() if first else passes.blocks(index)

        named = archive.named and not member.name
        written = archive.written if member.written is None else member.written
        with closing(Streamed(begin)) as stream:
            try:
                container = container_for(stream.read(HEAD))
                stream.seek(0)
                depth = archive.depth
                if container is not tar or not isinstance(archive.container, Compressed):
                    depth += 1
                if container is not None and depth > MAX_DEPTH:
                    yield _failed(path, f"archives are nested more than {MAX_DEPTH} deep: unpack it first")
                    return
                if container is not None and not container.SEEKS:
                    inner = Archive(
                        path,
                        container,
                        cast("BinaryIO", stream),
                        lambda: cast("BinaryIO", Streamed(lambda: passes.blocks(index))),
                        archive.gauge,
                        reached,
                        named,
                        depth,
                        written=written,
                    )
                    yield from self.sources(inner)
                    return
                kept = _Kept.of(stream)
            except Refused as refused:
                yield _failed(path, str(refused))
                return
            except Damaged as damage:
                yield _failed(path, f"the archive is damaged here: {damage}")
                return
        share = max(0, archive.gauge() - reached)
        note = _note(member, kept)

        def again() -> BinaryIO:
            return kept.file(lambda: passes.blocks(index))

        with closing(again()) as file:
            if container is None:
                yield Opened(path, file, kept.size, kept.digest, reached, share, written, note, named)
                return

            def gauge() -> int:
                return reached + share * min(file.tell(), kept.size) // max(1, kept.size)

            inner = Archive(path, container, file, again, gauge, reached, named, depth, note, written)
            yield from self.sources(inner)

    def _counted(self, blocks: Callable[[], Generator[bytes]]) -> Generator[bytes]:
        """The bytes of a member, taken from what may still be unpacked."""
        with closing(_guarded(blocks)) as counted:
            for block in counted:
                self._left -= len(block)
                if self._left < 0:
                    raise Refused("the archive it lies in grows like a bomb: unpack it yourself")
                yield block


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the first pass over a member leaves for the second."""

    size: int
    digest: str
    damage: str
    """Why there is no more of it than ``size``; empty where all is well."""
    data: bytes | None
    """All its bytes, where they are few."""
    head: bytes
    tail: bytes

    @staticmethod
    def of(stream: Streamed) -> "_Kept":
        """Read a stream to its end.

        Raises:
            Refused: it is not to be read.
            Damaged: not one byte of it can be read.
        """
        hasher, size, damage = hashlib.sha256(), 0, ""
        data: io.BytesIO | None = io.BytesIO()
        head = b""
        recent: deque[bytes] = deque(maxlen=WINDOW // BLOCK)
        try:
            while block := stream.read(BLOCK):
                hasher.update(block)
                size += len(block)
                if data is not None:
                    data.write(block)
                    if size <= IN_MEMORY:
                        continue
                    head, data = data.getvalue()[:HEAD], None
                recent.append(block)
        except Damaged as error:
            if not size:
                raise
            damage = str(error)
        whole = data.getvalue() if data is not None else None
        return _Kept(size, hasher.hexdigest(), damage, whole, head, b"".join(recent))

    def file(self, blocks: Callable[[], Generator[bytes]]) -> BinaryIO:
        if self.data is not None:
            return io.BytesIO(self.data)
        return cast("BinaryIO", Streamed(blocks, size=self.size, head=self.head, tail=self.tail))


class _Passes:
    """Further passes over an archive's members. Each goes forward only and serves one member after another."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._idle: list[_Pass] = []

    def blocks(self, index: int) -> Generator[bytes]:
        """The bytes of the member with this number. None where it is gone: the archive changed."""
        try:
            going = self._taken(index)
        except OSError as error:
            raise Damaged(f"it cannot be read: {words(error)}") from error
        try:
            yield from going.blocks(index)
        finally:
            self._idle.append(going)

    def close(self) -> None:
        for going in self._idle:
            going.close()
        self._idle.clear()

    def _taken(self, index: int) -> "_Pass":
        """The one that is furthest on, of those that are not past the member; else a new one instead of one that is."""
        before = [going for going in self._idle if going.next <= index]
        if before:
            chosen = max(before, key=lambda going: going.next)
            self._idle.remove(chosen)
            return chosen
        if self._idle:
            self._idle.pop().close()
        return _Pass(self._archive)


class _Pass:
    def __init__(self, archive: Archive) -> None:
        self.next = 0
        """The number of the member that it comes to next."""
        self._file = archive.again()
        self._members = _with_disk(archive.container.members(self._file))

    def blocks(self, index: int) -> Generator[bytes]:
        for item in self._members:
            if isinstance(item, Member):
                self.next += 1
                if self.next > index:
                    yield from _guarded(item.blocks)
                    return

    def close(self) -> None:
        self._file.close()


def _with_disk(members: Iterator[Member | NotRead]) -> Iterator[Member | NotRead]:
    """The members of an archive, up to where the disk fails."""
    try:
        yield from members
    except OSError as error:
        yield NotRead("", Outcome.FAILED, f"it cannot be read: {words(error)}")
    except Unreadable as error:
        yield NotRead("", Outcome.FAILED, f"the archive is damaged: {error}")


def _guarded(blocks: Callable[[], Generator[bytes]]) -> Generator[bytes]:
    try:
        yield from blocks()
    except OSError as error:
        raise Damaged(f"it cannot be read: {words(error)}") from error


def _note(member: Member, kept: _Kept) -> str:
    if not kept.damage:
        return ""
    where = "the archive is damaged inside this member" if member.name else "the compressed data are damaged"
    return f"{where} ({kept.damage}): only the {kept.size} bytes before that were read"


def _failed(path: str, reason: str) -> SourceRead:
    return SourceRead(path=path, outcome=Outcome.FAILED, reason=reason)


def words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
