"""From an event's id back to its raw record, in the source where it was found."""

import hashlib
import io
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from sakimori.collect.formats import reader_named
from sakimori.collect.sources import at
from sakimori.core import InputError
from sakimori.records import Source

_BLOCK = 1024 * 1024


class SourceGone(InputError):
    """The bytes that were read are no longer where they were."""


def raw_record(source: Source, offset: int) -> bytes:
    """The raw record at ``offset``; its ``content_hash`` is the event's.

    Raises:
        SourceGone: the source is missing or has changed since (its digest is compared).
        InputError: no record begins at the offset.
    """
    return next(raw_records(source, [offset]))[1]


def raw_records(source: Source, offsets: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """Like ``raw_record`` for several records of one source, which is opened and verified once."""
    reader = reader_named(source.format)
    with closing(_verified(source)) as opened:
        file = next(opened)
        for offset in offsets:
            try:
                yield offset, reader.record_at(file, source.size, offset)
            except LookupError:
                raise InputError(f"{source.path}: no record begins at byte {offset}: check the event id") from None


def _verified(source: Source) -> Generator[BinaryIO]:
    """Give the source's bytes as a file, once they are known to be the ones that were read."""
    present = False
    path = Path(source.path)
    if path.is_file():
        present = True
        try:
            with path.open("rb") as file:
                if _digest(file, source.start, source.size) == source.digest:
                    if source.start:
                        file.seek(source.start)
                        yield io.BytesIO(file.read(source.size))  # a follower's piece, which is small
                    else:
                        yield file
                    return
        except OSError as error:
            raise SourceGone(f"{source.path} cannot be read: {error.strerror}") from error
    else:
        for found in at(source.path):
            present = True
            if found.digest == source.digest:
                yield found.file
                return
    if present:
        raise SourceGone(f"{source.path} has changed since it was read: restore the file to see its raw records")
    raise SourceGone(f"{source.path} is gone: restore the file to see its raw records")


def _digest(file: BinaryIO, start: int, size: int) -> str:
    file.seek(start)
    hasher = hashlib.sha256()
    while size > 0 and (block := file.read(min(_BLOCK, size))):
        hasher.update(block)
        size -= len(block)
    return hasher.hexdigest()
