"""Paths in, an export out. Whatever happens, a source is in the export whole, or in part and marked so, or not at all.

Parts are written into ``DIR/.writing/<digest>``, a manifest beside them; then they are moved to their places, and the
manifest last. What a process leaves there that dies before the manifest is written does not count; a process that dies
while moving is caught up with by the next.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sakimori.collect.lake.layout import MANIFESTS, MARK, ExportMark, Manifest, manifest_path
from sakimori.collect.lake.parts import Parts
from sakimori.collect.opened import Opened
from sakimori.collect.outcome import AlertRead, Item, Outcome, Progress, Rejected, SourceRead
from sakimori.collect.readers import Damage, Note, RawRecord, Reader
from sakimori.collect.reading import evaluate, is_exported, reader_of
from sakimori.collect.sources import Survey
from sakimori.core import Clock, InputError, SakimoriError
from sakimori.records import OFFSET, EventBatch, Source, from_json, to_json

EARLIER = "exported before"
"""Why a source was skipped whose digest is in the export already."""
_WRITING = ".writing"


class ExportBusy(SakimoriError):
    """Another process writes to the same folder."""


def export(
    paths: Iterable[Path],
    folder: Path,
    *,
    tenant: str,
    clock: Clock,
    on_progress: Callable[[Progress], None] | None = None,
) -> Generator[Item]:
    """Read paths like ``read``, and write all that is evaluated into the export at ``folder``, made where absent.

    A source that is there already adds nothing and is skipped as ``EARLIER``. Interrupted, or closed early, it leaves
    what was read of the current source in the export, marked as incomplete.

    Raises:
        InputError: the folder holds an export of another institution or a newer Sakimori, or other things.
        ExportBusy: another process writes to it.
        OSError: it cannot be written; what was exported before stays as it is.
    """
    with _opened(folder, tenant):
        run = Survey(paths)
        for found in run:
            if isinstance(found, SourceRead):
                yield found
                continue

            def progressed(offset: int, found: Opened = found) -> None:
                if on_progress is not None:
                    done = found.disk_start + found.disk_size * offset // max(1, found.size)
                    on_progress(Progress(found.path, done, run.total))

            yield from _export_opened(found, folder, tenant=tenant, clock=clock, progressed=progressed)
            progressed(found.size)


def _export_opened(
    found: Opened, folder: Path, *, tenant: str, clock: Clock, progressed: Callable[[int], None]
) -> Iterator[Item]:
    if is_exported(found):
        yield SourceRead(path=found.path, outcome=Outcome.SKIPPED, reason="part of an export")
        return
    reader = reader_of(found, clock=clock)
    if isinstance(reader, SourceRead):
        yield reader
        return
    known = _manifest(folder / manifest_path(found.digest))
    if known and known.complete:
        yield SourceRead(path=found.path, outcome=Outcome.SKIPPED, reason=EARLIER)
        return
    source = Source(tenant=tenant, digest=found.digest, path=found.path, format=reader.NAME, size=found.size)
    taken = _Taken(reader)
    items = evaluate(source, taken, found.file, clock=clock, damage=found.damage, progressed=progressed)
    with _writing(folder, source, clock) as writing:
        for item in items:
            writing.take(item, taken.raws)
            if not isinstance(item, SourceRead):  # the account comes when the source is in its place
                yield item
    yield writing.account


class _Taken:
    """A reader that keeps the raw records it gave until somebody takes them."""

    def __init__(self, reader: Reader) -> None:
        self.NAME = reader.NAME
        self.event = reader.event
        self.record_at = reader.record_at
        self.raws: dict[int, bytes] = {}
        """By offset."""
        self._records = reader.records

    def records(self, file: BinaryIO, size: int, /) -> Iterator[RawRecord | Damage | Note]:
        for item in self._records(file, size):
            if isinstance(item, RawRecord):
                self.raws[item.offset] = item.raw
            yield item


class _Writing:
    """One source on its way into the export."""

    def __init__(self, staging: Path, source: Source, clock: Clock) -> None:
        self.parts = Parts(staging, source)
        self.clock = clock
        self.source = source
        self.rejected = 0
        self.account = SourceRead(path=source.path, outcome=Outcome.READ, source=source)
        self.complete = False

    def take(self, item: Item, raws: dict[int, bytes]) -> None:
        match item:
            case EventBatch():
                self.parts.add(item, [raws.pop(offset) for offset in item.rows.column(OFFSET).to_pylist()])
            case AlertRead():
                offset, raw = raws.popitem()  # the record that was read last
                time = item.finding.first_time
                self.parts.add_record(offset, raw, time=time, ingested=time if item.untimed else self.clock.now())
            case Rejected():
                raws.pop(item.offset, None)
                self.rejected += 1
            case SourceRead():
                self.account = item
                self.complete = True

    def manifest(self) -> Manifest:
        parts = tuple(self.parts.written)
        return Manifest(
            source=self.source,
            complete=self.complete,
            evaluated=sum(part.events for part in parts),
            rejected=self.rejected,
            parts=parts,
        )


@contextmanager
def _writing(folder: Path, source: Source, clock: Clock) -> Generator[_Writing]:
    """At the end, also an early one, what was taken is put in its place."""
    staging = folder / _WRITING / source.digest[:24]
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    writing = _Writing(staging, source, clock)
    try:
        yield writing
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    except BaseException:
        _put(folder, staging, writing)
        raise
    _put(folder, staging, writing)


def _put(folder: Path, staging: Path, writing: _Writing) -> None:
    try:
        writing.parts.finish()
        partial = staging / "manifest.partial"
        with partial.open("wb") as file:
            file.write(to_json(writing.manifest()))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(staging / "manifest.json")
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _move(folder, staging)


def _move(folder: Path, staging: Path) -> None:
    """Put a written source in its place. Done again after a crash, it goes on where it ended."""
    manifest = _manifest(staging / "manifest.json")
    if manifest is None:
        shutil.rmtree(staging)
        return
    final = folder / manifest_path(manifest.source.digest)
    earlier = _manifest(final)
    for number, part in enumerate(manifest.parts):
        written = staging / f"{number:06}.parquet"
        if written.exists():
            target = folder / part.path
            target.parent.mkdir(parents=True, exist_ok=True)
            written.replace(target)
    stale = {part.path for part in earlier.parts} if earlier else set[str]()
    for path in stale - {part.path for part in manifest.parts}:
        (folder / path).unlink(missing_ok=True)
    final.parent.mkdir(exist_ok=True)
    (staging / "manifest.json").replace(final)
    shutil.rmtree(staging)


def _manifest(path: Path) -> Manifest | None:
    """Raises InputError where it is damaged or of another version."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return from_json(Manifest, data)
    except InputError as error:
        raise InputError(f"{path}: {error}: export into another folder") from error


@contextmanager
def _opened(folder: Path, tenant: str) -> Generator[None]:
    """The export's folder, for this process alone."""
    mark = folder / MARK
    if not mark.exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(
                f"{folder} holds other things: choose an empty folder, or one that was exported into before"
            )
        (folder / MANIFESTS).mkdir(parents=True, exist_ok=True)
        mark.write_bytes(to_json(ExportMark(tenant=tenant)))
    try:
        owner = from_json(ExportMark, mark.read_bytes()).tenant
    except InputError as error:
        raise InputError(f"{mark}: {error}: choose another folder") from error
    if owner != tenant:
        raise InputError(f"{folder} holds an export of another institution: choose another folder")
    with mark.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportBusy(f"another export is writing to {folder}: wait for it to end") from error
        for staging in sorted((folder / _WRITING).glob("*")):
            _move(folder, staging)
        yield
