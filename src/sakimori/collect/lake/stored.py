"""Exported events in, batches out. Only the columns that somebody wants are read, and none becomes Python objects."""

from bisect import bisect_right
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, chain, groupby
from pathlib import Path
from typing import BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from sakimori.collect.batches import Wanted
from sakimori.collect.formats import reader_named
from sakimori.collect.lake.grams import may_contain
from sakimori.collect.lake.layout import GRAMS, INGESTED, METADATA, OWN, RAW, Manifest, PartHead, manifest_path
from sakimori.collect.opened import Opened
from sakimori.collect.outcome import Outcome, SourceRead
from sakimori.collect.period import Period
from sakimori.collect.readers import RawRecord, Reader
from sakimori.core import InputError, Nanos
from sakimori.records import OFFSET, TIME, EventBatch, EventKind, Source, from_json
from sakimori.records.columns import FIELD_TYPE

_ROUND_ROWS = 262_144
_ROUND_BYTES = 192 * 1024 * 1024
"""What all that can be asked about its events takes in memory."""
_ROUND_PARTS = 256
"""Each holds a file open."""
_INDEX_BYTES = 4
"""Of a cell, in ``FIELD_TYPE``."""
_UNREADABLE = (pa.ArrowException, OSError, ValueError)
"""What pyarrow raises over damaged files."""
_OWN_TYPES = {OFFSET: pa.int64(), TIME: pa.int64(), INGESTED: pa.int64(), GRAMS: pa.binary(), RAW: pa.binary()}


class NotStored(Exception):
    """The file cannot be read back. The message says why, and what to do, without the path."""


class ForeignParquet(NotStored):
    """It is no part of an export."""


class BareRecords:
    """Records of a bare part, given as its source's reader gave them. All were read at the same time."""

    def __init__(self, reader: Reader, records: Sequence[RawRecord], ingested: Nanos) -> None:
        self.NAME = reader.NAME
        self.event = reader.event
        self.record_at = reader.record_at
        self.ingested = ingested
        self._records = records

    def records(self, _file: BinaryIO, _size: int, /) -> Iterator[RawRecord]:
        yield from self._records


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a part."""

    source: Source
    gathered: int
    """Events that are in a later round of batches."""
    bare: Sequence[BareRecords]
    """Records that have to be parsed."""
    outside: int
    """Events outside the period."""


class _Part:
    """One file, open for as long as this is."""

    def __init__(self, found: Opened, tenant: str) -> None:
        try:
            file = pa.OSFile(found.path) if Path(found.path).is_file() else _in_memory(found.file)
            self._file = pq.ParquetFile(file, page_checksum_verification=True)
            self._metadata = self._file.metadata
            head = (self._metadata.metadata or {}).get(METADATA)
            names: list[str] = self._metadata.schema.names
        except _UNREADABLE as error:
            raise NotStored("it is damaged or cut short: export its source again") from error
        if head is None:
            raise ForeignParquet("a Parquet file that was not exported by Sakimori: give the logs that it was made of")
        self.head = _head(head)
        if self.head.tenant != tenant:
            raise NotStored("it holds events of another institution")
        self.rows = self._metadata.num_rows
        self._names = names
        if not set(OWN) <= set(names) or len(set(names)) < len(names):
            raise NotStored("it is damaged: columns are missing; export its source again")
        sizes = [run.events for run in self.head.runs]
        if sizes and (min(sizes) < 1 or sum(sizes) != self.rows):
            raise NotStored("it is damaged: events are missing; export its source again")
        self.fields = [name for name in names if name not in OWN]
        self._has = frozenset(self.fields)
        self.encoded = len(self.head.runs) == 1
        """Whether fields are read as dictionaries; where kinds share a part, each needs dictionaries of its own."""
        if self.encoded:
            self._file = pq.ParquetFile(
                file, metadata=self._metadata, read_dictionary=self.fields, page_checksum_verification=True
            )

    def among(self, names: Iterable[str]) -> list[str]:
        """Those of the fields that the part has."""
        return [name for name in names if name in self._has]

    @property
    def bytes(self) -> int:
        """What its columns take in memory, raw records apart."""
        place = self._names.index(RAW)
        groups = [self._metadata.row_group(group) for group in range(self._metadata.num_row_groups)]
        stored = sum(group.total_byte_size - group.column(place).total_uncompressed_size for group in groups)
        return stored + _INDEX_BYTES * self.rows * len(self.fields)

    def times(self) -> tuple[Nanos, Nanos]:
        """The first and the last, as the file's statistics say."""
        place = self._names.index(TIME)
        groups = [self._metadata.row_group(group).column(place) for group in range(self._metadata.num_row_groups)]
        known = [group.statistics for group in groups if group.statistics is not None and group.statistics.has_min_max]
        if len(known) < len(groups):
            return -(2**63), 2**63 - 1
        return min((one.min for one in known), default=0), max((one.max for one in known), default=0)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Raises NotStored."""
        try:
            # A name with a dot in it is also taken for a path, so that more may be read than was asked for.
            table = self._file.read(list(columns), use_threads=False).select(list(columns))
        except (*_UNREADABLE, KeyError) as error:
            raise NotStored("it is damaged: export its source again") from error
        field_type = FIELD_TYPE if self.encoded else pa.string()
        for name, column in zip(columns, table.columns, strict=True):
            if column.type != (_OWN_TYPES[name] if name in OWN else field_type):
                raise NotStored("it is damaged: a column is of the wrong type; export its source again")
        return table


@dataclass(frozen=True, slots=True)
class _Piece:
    """Events of one kind in a part."""

    part: _Part
    begin: int
    events: int
    """How many, those outside the period included."""
    table: pa.Table
    """The columns that were read, in the period."""
    asked: Collection[str]
    """The part's fields that were read, those without a column, since no event has them, included."""
    grams: bytes

    def more(self, fields: Collection[str], period: Period) -> pa.Table:
        """Other columns of the same events."""
        table = self.part.read([OFFSET, TIME, *self.part.among(fields)])
        return _within(table.slice(self.begin, self.events), period)


class _Rest:
    """What was not read of the events of a batch, and is when somebody asks: part by part, and kept."""

    def __init__(self, pieces: Sequence[_Piece], period: Period) -> None:
        """``pieces`` in order of the batch's rows."""
        asked = frozenset(name for piece in pieces for name in piece.asked)
        self.unread = frozenset(name for piece in pieces for name in piece.part.fields).difference(asked)
        self._pieces = pieces
        self._begins = [0, *accumulate(piece.table.num_rows for piece in pieces)]
        self._period = period
        self._columns = [dict[str, pa.ChunkedArray]() for _ in pieces]
        """Of each piece."""

    def holding(self, words: tuple[str, ...]) -> Iterator[tuple[int, pa.RecordBatch]]:
        for number, piece in enumerate(self._pieces):
            if may_contain(piece.grams, words):
                table = _table(self._read(number, piece.part.fields))
                yield self._begins[number], _batch(table if piece.part.encoded else _encoded(table))

    def cells(self, row: int, names: Collection[str]) -> dict[str, str]:
        number = bisect_right(self._begins, row) - 1
        place = row - self._begins[number]
        cells = ((name, column[place].as_py()) for name, column in self._read(number, names).items() if name in names)
        return {name: cell for name, cell in cells if cell is not None}

    def _read(self, number: int, names: Collection[str]) -> Mapping[str, pa.ChunkedArray]:
        """Columns of a piece, at least those of the named fields that it has."""
        piece, columns = self._pieces[number], self._columns[number]
        new = [name for name in piece.part.among(names) if name not in columns]
        if new:
            with _as_input_error():
                table = piece.more(new, self._period)
            columns.update({name: table.column(name) for name in new})
        return columns


class StoredEvents:
    """Gathers exported events of one reading until they are worth a round of batches, one per source and kind."""

    def __init__(self, *, tenant: str, wanted: Wanted, told: Collection[str], period: Period) -> None:
        """``wanted``: the fields, without spaces, that become columns (None: all); ``told``: those that do besides."""
        self._tenant = tenant
        self._wanted = wanted
        self._told = frozenset(told)
        self._period = period
        self._round: dict[tuple[str, EventKind], list[_Piece]] = {}
        self._sources: dict[str, Source] = {}
        self._manifests: dict[Path, Mapping[str, str]] = {}
        self._rows = self._bytes = self._parts = 0

    def add(self, found: Opened) -> Taken:
        """Take a part.

        Raises:
            NotStored: nothing was taken.
        """
        part = _Part(found, self._tenant)
        self._verify(found)
        source = self._source(part.head.source, found)
        if not self._period.touches(*part.times()):
            return Taken(source, 0, (), part.rows)
        if not part.head.runs:
            bare, outside = _bare(part, source, self._period)
            return Taken(source, 0, bare, outside)
        asked = [self._asked(part, run.kind) for run in part.head.runs]
        table = part.read([OFFSET, TIME, GRAMS, *dict.fromkeys(chain.from_iterable(asked))])
        taken = begin = 0
        for run, names in zip(part.head.runs, asked, strict=True):
            grams = table.column(GRAMS)[begin].as_py() or b""
            rows = _within(table.select([OFFSET, TIME, *names]).slice(begin, run.events), self._period)
            piece = _Piece(part, begin, run.events, rows, names, grams)
            self._round.setdefault((source.id + source.path, run.kind), []).append(piece)
            taken += rows.num_rows
            begin += run.events
        self._sources[source.id + source.path] = source
        self._rows += taken
        self._bytes += part.bytes
        self._parts += 1
        return Taken(source, taken, (), part.rows - taken)

    def _asked(self, part: _Part, kind: EventKind) -> list[str]:
        """The part's fields that become columns for this kind."""
        wanted = self._wanted(kind)
        if wanted is None:
            return part.fields
        return [name for name in part.fields if name.replace(" ", "") in wanted or name in self._told]

    @property
    def full(self) -> bool:
        """Whether it is time to ``take``."""
        return self._rows >= _ROUND_ROWS or self._bytes >= _ROUND_BYTES or self._parts >= _ROUND_PARTS

    def take(self, *, ingested: Nanos) -> Iterator[EventBatch]:
        """The batches of what was added since the last call."""
        taken, self._round = self._round, {}
        self._rows = self._bytes = self._parts = 0
        for (source, kind), pieces in taken.items():
            rest = _Rest(pieces, self._period)
            yield EventBatch(
                source=self._sources[source],
                kind=kind,
                ingested=ingested,
                rows=_joined(pieces),
                stored=rest if rest.unread else None,
            )

    def _source(self, source: Source, found: Opened) -> Source:
        """The source, one object for all its parts, with the export's folder if the part lies in one."""
        root = _root(found.path)
        if root is not None:
            source = replace(source, export=str(root))
        return self._sources.setdefault(source.id + source.path, source)

    def _verify(self, found: Opened) -> None:
        """Compare the part with what the export's manifest says of it, where there is one.

        Raises:
            NotStored: it was changed.
        """
        root = _root(found.path)
        if root is None:
            return
        digest = Path(found.path).name[:24]
        manifest = root / manifest_path(digest)
        if manifest not in self._manifests:
            try:
                parts = from_json(Manifest, manifest.read_bytes()).parts
            except (OSError, InputError):
                parts = ()
            self._manifests[manifest] = {part.path: part.sha256 for part in parts}
        expected = self._manifests[manifest].get(str(Path(found.path).relative_to(root)))
        if expected not in (None, found.digest):
            raise NotStored("it is damaged: it is not what was exported; export its source again")


def bookkeeping(found: Opened) -> SourceRead:
    """The account of a file that an export consists of besides its parts."""
    try:
        manifest = from_json(Manifest, found.file.read())
    except InputError:
        notes = ()
    else:
        notes = () if manifest.complete else (f"the export of {manifest.source.path} was interrupted: export it again",)
    return SourceRead(path=found.path, outcome=Outcome.SKIPPED, reason="bookkeeping of an export", notes=notes)


def _root(path: str) -> Path | None:
    """The folder of the export that a part lies in; None where it lies alone."""
    parents = Path(path).parents
    if len(parents) > 3 and parents[2].name.startswith("day=") and parents[1].name.startswith("channel="):
        return parents[3]
    return None


@lru_cache(4096)
def _head(data: bytes) -> PartHead:
    try:
        return from_json(PartHead, data)
    except InputError as error:
        schema = _schema(data)
        if schema.startswith("sakimori.part/") and schema != PartHead.SCHEMA:
            raise NotStored(
                f"it was exported by another version of Sakimori ({schema}): update it, or export again"
            ) from error
        raise NotStored("it is damaged: it does not say what it is; export its source again") from error


def _schema(data: bytes) -> str:
    try:
        return str(orjson.loads(data)["schema"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""


def _in_memory(file: BinaryIO) -> pa.BufferReader:
    """A part that lies in an archive, which is open only now."""
    file.seek(0)
    return pa.BufferReader(file.read())


def _within(table: pa.Table, period: Period) -> pa.Table:
    return table.filter(pa.array(period.mask(table.column(TIME).to_numpy()))) if period else table


def _joined(pieces: Sequence[_Piece]) -> pa.RecordBatch:
    """One batch of all pieces, in their order."""
    tables: list[pa.Table] = []
    for encoded, group in groupby(pieces, key=lambda piece: piece.part.encoded):
        found = [piece.table for piece in group]
        tables += found if encoded else [_encoded(pa.concat_tables(found, promote_options="default"))]
    return _batch(pa.concat_tables(tables, promote_options="default") if len(tables) > 1 else tables[0])


def _encoded(table: pa.Table) -> pa.Table:
    """Strings as dictionaries; without columns in which nothing is."""
    columns = zip(table.schema.names, table.columns, strict=True)
    return _table(
        {
            name: column if name in OWN else column.combine_chunks().dictionary_encode()
            for name, column in columns
            if name in OWN or column.null_count < table.num_rows
        }
    )


def _batch(table: pa.Table) -> pa.RecordBatch:
    """With columns in order of name, our own first."""
    names = table.schema.names
    names = [*(name for name in names if name in OWN), *sorted(name for name in names if name not in OWN)]
    table = table.select(names).unify_dictionaries().combine_chunks()
    columns = [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _table(columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    return pa.table(list(columns.values()), names=list(columns))


def _bare(part: _Part, source: Source, period: Period) -> tuple[list[BareRecords], int]:
    """The records in the period, by the time they were read, and how many lie outside."""
    try:
        reader = reader_named(source.format)
    except KeyError as error:
        raise NotStored(f"its records cannot be parsed again: no reader is called {source.format}") from error
    table = _within(part.read([OFFSET, TIME, INGESTED, RAW]), period)
    found: dict[Nanos, list[RawRecord]] = {}
    columns = (table.column(name).to_pylist() for name in (OFFSET, INGESTED, RAW))
    for offset, ingested, raw in zip(*columns, strict=True):
        found.setdefault(ingested, []).append(RawRecord(offset, raw))
    bare = [BareRecords(reader, records, ingested) for ingested, records in found.items()]
    return bare, part.rows - table.num_rows


@contextmanager
def _as_input_error() -> Generator[None]:
    """What was read once and cannot be read again was changed meanwhile."""
    try:
        yield
    except NotStored as error:
        raise InputError(f"a part of an export changed while it was scanned ({error}): scan it again") from error
