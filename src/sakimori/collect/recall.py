"""From an event's id back to its raw record, in the source where it was found."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from sakimori.collect.formats import reader_named
from sakimori.collect.lake.recall import exported_records
from sakimori.collect.readers import records_at
from sakimori.collect.sources import at, is_file
from sakimori.core import InputError
from sakimori.records import Source

_BLOCK = 1024 * 1024

Records = Iterator[tuple[int, bytes]]
"""Offsets with the raw records that begin there."""


class SourceGone(InputError):
    """The bytes that were read are no longer where they were."""


def raw_record(source: Source, offset: int) -> bytes:
    """The raw record at ``offset``; its ``content_hash`` is the event's.

    Raises:
        SourceGone: the source is missing or has changed since (its digest is compared).
        InputError: no record begins at the offset.
    """
    return next(raw_records(source, [offset]))[1]


def raw_records(source: Source, offsets: Iterable[int]) -> Records:
    """Like ``raw_record`` for several records of one source, which is opened and verified once.

    They come in order. Raises InputError behind them where at an offset none begins.
    """
    for _, records in raw_records_of([(source, offsets)]):
        if isinstance(records, InputError):
            raise records
        yield from records


def raw_records_of(
    wanted: Iterable[tuple[Source, Iterable[int]]],
) -> Iterator[tuple[Source, Records | SourceGone]]:
    """Like ``raw_records`` for several sources: each archive is gone through once, whatever is wanted of it.

    Gives each source, in any order, with its records, which must be taken before the next is asked for, or with why
    there are none. Taking the records raises InputError where none begins at an offset.
    """
    in_archives: dict[tuple[str, str], list[tuple[Source, Iterable[int]]]] = {}
    present: set[str] = set()
    for source, offsets in wanted:
        if source.export:
            yield source, _exported(source, offsets)
            continue
        try:
            if is_file(Path(source.path)):
                present.add(source.path)
                with Path(source.path).open("rb") as file:
                    if piece := _piece(file, source):
                        yield source, _records(source, piece, offsets)
                        continue
        except OSError as error:
            yield source, SourceGone(f"{source.path} cannot be read: {error.strerror}")
            continue
        in_archives.setdefault((source.path, source.digest), []).append((source, offsets))
    for found in at({path for path, _ in in_archives}):
        present.add(found.path)
        for source, offsets in in_archives.pop((found.path, found.digest), ()):
            yield source, _records(source, found.file, offsets)
        if not in_archives:
            break
    for missing in in_archives.values():
        for source, _ in missing:
            what = "has changed since it was read" if source.path in present else "is gone"
            yield source, SourceGone(f"{source.path} {what}: restore the file to see its raw records")


def _exported(source: Source, offsets: Iterable[int]) -> Records:
    """Out of the export, which is quicker to look into; what it lacks, out of the source."""
    left = set(offsets)
    for offset, raw in exported_records(source, frozenset(left)):
        left.discard(offset)
        yield offset, raw
    if left:
        yield from raw_records(replace(source, export=""), sorted(left))


def _records(source: Source, file: BinaryIO, offsets: Iterable[int]) -> Records:
    left = set(offsets)
    for found in records_at(reader_named(source.format), file, source.size, frozenset(left)):
        left.discard(found.offset)
        yield found
    if left:
        raise InputError(f"{source.path}: no record begins at byte {min(left)}: check the event id")


def _piece(file: BinaryIO, source: Source) -> BinaryIO | None:
    """The source's bytes as a file, where they stand in this one as they were read; None where they do not."""
    if file.seek(0, io.SEEK_END) < source.start + source.size or _digest(file, source) != source.digest:
        return None
    if not source.start:
        return file
    file.seek(source.start)
    return io.BytesIO(file.read(source.size))  # a follower's piece, which is small


def _digest(file: BinaryIO, source: Source) -> str:
    file.seek(source.start)
    hasher, left = hashlib.sha256(), source.size
    while left > 0 and (block := file.read(min(_BLOCK, left))):
        hasher.update(block)
        left -= len(block)
    return hasher.hexdigest()
