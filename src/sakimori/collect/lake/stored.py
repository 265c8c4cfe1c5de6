"""Exported events in, batches out. Only the columns that somebody wants are read, and none becomes Python objects."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from sakimori.collect.batches import Wanted
from sakimori.collect.formats import reader_named
from sakimori.collect.lake.layout import INGESTED, METADATA, OWN, RAW, TEXTS, Manifest, PartHead, manifest_path
from sakimori.collect.opened import Opened
from sakimori.collect.outcome import Outcome, SourceRead
from sakimori.collect.period import Period
from sakimori.collect.readers import RawRecord, Reader
from sakimori.core import InputError, Nanos
from sakimori.records import FIELD_TYPE, OFFSET, TIME, EventBatch, EventKind, Source, from_json

_ROUND_ROWS = 65_536
_ROUND_BYTES = 64 * 1024 * 1024
_ROUND_PARTS = 256
"""Each holds a file open."""
_UNREADABLE = (pa.ArrowException, OSError, ValueError)
"""What pyarrow raises over damaged files."""
_OWN_TYPES = {OFFSET: pa.int64(), TIME: pa.int64(), INGESTED: pa.int64(), RAW: pa.binary()}


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
            self._file = pa.OSFile(found.path) if Path(found.path).is_file() else _in_memory(found.file)
            self._metadata = pq.read_metadata(self._file)
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
        self.fields = [name for name in names if name not in OWN]
        self._has = frozenset(self.fields)

    def among(self, names: Iterable[str]) -> list[str]:
        """Those of the fields that the part has."""
        return [name for name in names if name in self._has]

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Each field, and its distinct cells end to end.

        Raises:
            NotStored: the file is damaged.
        """
        for texts in self.read([TEXTS]).column(TEXTS).drop_null().to_pylist():
            place = 8 * len(self.fields)
            for name, size in zip(self.fields, np.frombuffer(texts[:place], "<i8").tolist(), strict=True):
                yield name, texts[place : place + size]
                place += size

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
        fields = [name for name in columns if name not in OWN]
        try:
            file = pq.ParquetFile(
                self._file, metadata=self._metadata, read_dictionary=fields, page_checksum_verification=True
            )
            # A name with a dot in it is also taken for a path, so that more may be read than was asked for.
            table = file.read(list(columns), use_threads=False).select(list(columns))
        except (*_UNREADABLE, KeyError) as error:
            raise NotStored("it is damaged: export its source again") from error
        for name, column in zip(columns, table.columns, strict=True):
            if column.type != (_OWN_TYPES.get(name) or (FIELD_TYPE if name not in OWN else column.type)):
                raise NotStored("it is damaged: a column is of the wrong type; export its source again")
        return table


class _Rest:
    """What was not read of the parts behind a batch, and is when somebody asks."""

    def __init__(self, parts: Sequence[_Part], read: Collection[str], period: Period) -> None:
        self.unread = frozenset(name for part in parts for name in part.fields).difference(read)
        self._parts = parts
        self._period = period
        self._columns: dict[str, pa.Array] = {}

    def texts(self) -> Iterable[tuple[str, bytes]]:
        found: dict[str, list[bytes]] = {}
        for part in self._parts:
            with _as_input_error():
                for name, texts in part.texts():
                    found.setdefault(name, []).append(texts)
        return ((name, b"".join(texts)) for name, texts in found.items())

    def rows(self, fields: Collection[str]) -> pa.RecordBatch:
        new = [name for name in fields if name not in self._columns]
        if new:
            with _as_input_error():
                rows = _joined(
                    [_within(part.read([OFFSET, TIME, *part.among(new)]), self._period) for part in self._parts]
                )
            self._columns.update(zip(rows.schema.names, rows.columns, strict=True))
        return pa.RecordBatch.from_arrays([self._columns[name] for name in fields], names=list(fields))


class StoredEvents:
    """Gathers exported events of one reading until they are worth a round of batches, one per source and kind."""

    def __init__(self, *, tenant: str, wanted: Wanted, told: Collection[str], period: Period) -> None:
        """``wanted``: the fields, without spaces, that become columns (None: all); ``told``: those that do besides."""
        self._tenant = tenant
        self._wanted = wanted
        self._told = frozenset(told)
        self._period = period
        self._round: dict[tuple[str, EventKind], list[tuple[_Part, pa.Table, Sequence[str]]]] = {}
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
        if part.head.kind is None:
            bare, outside = _bare(part, source, self._period)
            return Taken(source, 0, bare, outside)
        wanted = self._wanted(part.head.kind)
        names = [
            name for name in part.fields if wanted is None or name.replace(" ", "") in wanted or name in self._told
        ]
        table = _within(part.read([OFFSET, TIME, *names]), self._period)
        self._round.setdefault((source.id + source.path, part.head.kind), []).append((part, table, names))
        self._sources[source.id + source.path] = source
        self._rows += table.num_rows
        self._bytes += table.nbytes
        self._parts += 1
        return Taken(source, table.num_rows, (), part.rows - table.num_rows)

    @property
    def full(self) -> bool:
        """Whether it is time to ``take``."""
        return self._rows >= _ROUND_ROWS or self._bytes >= _ROUND_BYTES or self._parts >= _ROUND_PARTS

    def take(self, *, ingested: Nanos) -> Iterator[EventBatch]:
        """The batches of what was added since the last call."""
        taken, self._round = self._round, {}
        self._rows = self._bytes = self._parts = 0
        for (source, kind), held in taken.items():
            rows = _joined([table for _, table, _ in held])
            rest = _Rest([part for part, _, _ in held], {name for _, _, names in held for name in names}, self._period)
            yield EventBatch(
                source=self._sources[source],
                kind=kind,
                ingested=ingested,
                rows=rows,
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
            raise NotStored(f"it was exported by another version of Sakimori ({schema}): update Sakimori") from error
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


def _joined(tables: Sequence[pa.Table]) -> pa.RecordBatch:
    """One batch, with the columns of all tables, in order of name."""
    table = pa.concat_tables(tables, promote_options="default") if len(tables) > 1 else tables[0]
    fields = sorted(name for name in table.schema.names if name not in OWN)
    table = table.select([OFFSET, TIME, *fields]).unify_dictionaries().combine_chunks()
    columns = [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, names=table.schema.names)


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
