"""Reading: paths in, batches of events out, and an account of everything that was not evaluated."""

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from sakimori.collect import alerts
from sakimori.collect.alerts import AlertHere
from sakimori.collect.batches import Batches, Wanted, everything
from sakimori.collect.formats import HEAD, Unknown, Unreadable, called_telemetry, reader_for
from sakimori.collect.lake.layout import BOOKKEEPING, PARQUET
from sakimori.collect.lake.stored import ForeignParquet, NotStored, StoredEvents, bookkeeping
from sakimori.collect.mapping import LogMapping
from sakimori.collect.opened import Opened
from sakimori.collect.outcome import EXCERPT, AlertRead, Item, Outcome, Progress, Rejected, SourceRead
from sakimori.collect.period import ALWAYS, Period
from sakimori.collect.readers import Damage, RawRecord, Reader
from sakimori.collect.shapes import ShapeError
from sakimori.collect.sources import FoundFile, Survey
from sakimori.core import Clock, ManualClock, Nanos, parse_rfc3339
from sakimori.records import Source

_LONGEST_MAGIC = 64
_BLOCK = 1024 * 1024
_CHANGED = "it changed while it was read, so events may be missing and raw records are lost: scan it again"
_NO_TIME = parse_rfc3339("1981-01-01T00:00:00Z")
_NOTES = 20
"""Notes that are kept per source; a file of which every chunk fails its checksum needs no more to be said."""


def read(
    paths: Iterable[Path | FoundFile],
    *,
    tenant: str,
    clock: Clock,
    wanted: Wanted = everything,
    told: Collection[str] = (),
    period: Period = ALWAYS,
    mappings: Sequence[LogMapping] = (),
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Item]:
    """Read files, folders and archives, with all that lies in them, each source by what it holds, not by its name.

    ``mappings`` say what the logs mean that only the user knows. ``wanted`` says which fields become columns (see
    ``EventBatch``): to make the others costs more than all else. Exported events come with columns for the fields in
    ``told`` besides, since those cost next to nothing there. Of events outside ``period`` nothing is given but their
    number. Exported events may come after the account of their file.

    Every source ends in one ``SourceRead``; nothing that is wrong with a source raises. Memory is bounded however large
    or hostile the input is. The same paths give the same events, ids and order.
    """
    run = Survey(paths)
    stored = StoredEvents(tenant=tenant, wanted=wanted, told=told, period=period)
    for found in run:
        if isinstance(found, SourceRead):
            yield found
            continue

        def progressed(offset: int, found: Opened = found) -> None:
            if on_progress is not None:
                done = found.disk_start + found.disk_size * offset // max(1, found.size)
                on_progress(Progress(found.path, done, run.total))

        if is_exported(found):
            yield from _read_stored(found, stored, clock=clock, wanted=wanted)
        else:
            items = _read_opened(
                found, tenant=tenant, clock=clock, wanted=wanted, mappings=mappings, progressed=progressed
            )
            yield from period.events(items) if period else items
        progressed(found.size)
    if on_progress is not None and run.total:
        on_progress(Progress(run.files[-1].path.name, run.total, run.total))
    yield from stored.take(ingested=clock.now())


def is_exported(found: Opened) -> bool:
    """Whether it is a Parquet file, or what else an export is made of."""
    head = found.file.read(_LONGEST_MAGIC)
    found.file.seek(0)
    return head.startswith((PARQUET, *BOOKKEEPING))


def _read_stored(found: Opened, stored: StoredEvents, *, clock: Clock, wanted: Wanted) -> Iterator[Item]:
    if found.file.read(len(PARQUET)) != PARQUET:
        found.file.seek(0)
        yield bookkeeping(found)
        return
    try:
        taken = stored.add(found)
    except NotStored as error:
        meant = found.named or not isinstance(error, ForeignParquet)
        outcome = Outcome.FAILED if meant else Outcome.SKIPPED
        yield SourceRead(path=found.path, outcome=outcome, reason=str(error))
        return
    source, evaluated, rejected = taken.source, taken.gathered, 0
    for records in taken.bare:
        for item in evaluate(source, records, found.file, clock=ManualClock(records.ingested), wanted=wanted):
            if isinstance(item, SourceRead):
                evaluated += item.evaluated
                rejected += item.rejected
            else:
                yield item
    yield SourceRead(
        path=found.path,
        outcome=Outcome.READ,
        source=source,
        evaluated=evaluated,
        rejected=rejected,
        outside=taken.outside,
    )
    if stored.full:
        yield from stored.take(ingested=clock.now())


def _read_opened(
    found: Opened,
    *,
    tenant: str,
    clock: Clock,
    wanted: Wanted,
    mappings: Sequence[LogMapping],
    progressed: Callable[[int], None],
) -> Iterator[Item]:
    reader = reader_of(found, mappings, clock=clock)
    if isinstance(reader, SourceRead):
        yield replace(reader, notes=(found.damage,)) if found.damage else reader
        return
    source = Source(tenant=tenant, digest=found.digest, path=found.path, format=reader.NAME, size=found.size)
    before = _state(found.file)
    damage = found.damage
    for item in evaluate(source, reader, found.file, clock=clock, wanted=wanted, damage=damage, progressed=progressed):
        if isinstance(item, SourceRead) and _state(found.file) != before and not _still(found):
            item = replace(item, notes=(*item.notes, _CHANGED))
        yield item


def _state(file: BinaryIO) -> tuple[int, int] | None:
    """Size and time of change of a file on disk; None of what is none, as a member of an archive."""
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _still(found: Opened) -> bool:
    """Whether the bytes that were to be read are what they were; what was appended since does not count."""
    found.file.seek(0)
    hasher, left = hashlib.sha256(), found.size
    while left > 0 and (block := found.file.read(min(_BLOCK, left))):
        hasher.update(block)
        left -= len(block)
    return not left and hasher.hexdigest() == found.digest


def reader_of(found: Opened, mappings: Sequence[LogMapping] = (), *, clock: Clock) -> Reader | SourceRead:
    """The reader that understands an opened source, or the account of one that none does."""
    head = found.file.read(HEAD)
    found.file.seek(0)
    try:
        return reader_for(head, mappings, written=_written(found, clock.now()))
    except Unknown as unknown:
        meant = isinstance(unknown, Unreadable) or found.named or called_telemetry(found.path, head)
        outcome = Outcome.FAILED if meant else Outcome.SKIPPED
        return SourceRead(path=found.path, outcome=outcome, reason=str(unknown))


def _written(found: Opened, now: Nanos) -> Nanos:
    """When the source was last written, as far as one can tell, and never later than now: the same however often it is
    read. Tools that know no time write the beginning of 1970 or 1980."""
    return min(found.written, now) if found.written and found.written > _NO_TIME else now


def evaluate(
    source: Source,
    reader: Reader,
    file: BinaryIO,
    *,
    clock: Clock,
    wanted: Wanted = everything,
    damage: str = "",
    progressed: Callable[[int], None] = lambda _: None,
) -> Iterator[Item]:
    """The events of one opened source, and its account. ``progressed`` hears which byte was reached.

    ``damage``: why the source ends before its time; it counts as one record that is rejected.
    """
    batches = Batches(source, event=reader.event, wanted=wanted)
    evaluated = rejected = untimed = repaired = 0
    notes: list[str] = []
    now = clock.now()
    for item in reader.records(file, source.size):
        if not isinstance(item, RawRecord):
            if isinstance(item, Damage):
                rejected += 1
                yield Rejected(source, item.offset, item.reason, item.excerpt[:EXCERPT])
            elif len(notes) < _NOTES:
                notes.append(item.text)
            continue
        offset, raw = item
        try:
            alert = _add(batches, offset, raw, source=source, now=now)
        except ShapeError as error:
            rejected += 1
            yield Rejected(source, offset, str(error), raw[:EXCERPT])
            continue
        if alert:
            untimed += alert.untimed
            repaired += alert.repaired
            yield alert
        evaluated += 1
        if batches.room <= 0:
            yield from batches.take(ingested=now)
            progressed(offset)
            now = clock.now()
    yield from batches.take(ingested=now)
    if damage:
        rejected += 1
        yield Rejected(source, source.size, damage, b"")
    yield SourceRead(
        path=source.path,
        outcome=Outcome.READ,
        source=source,
        evaluated=evaluated,
        rejected=rejected,
        untimed=batches.untimed + untimed,
        repaired=batches.repaired + repaired,
        notes=tuple(notes),
    )


def _add(batches: Batches, offset: int, raw: bytes, *, source: Source, now: Nanos) -> AlertRead | None:
    """Take one raw record: an event into ``batches``, or an alert for what it is.

    Raises:
        ShapeError: it is neither.
    """
    try:
        batches.add(offset, raw, now=now)
    except AlertHere as here:
        finding, timed = alerts.finding(here.record, source=source, offset=offset, now=now)
        return AlertRead(source, finding, untimed=not timed, repaired=here.repaired)
    return None
