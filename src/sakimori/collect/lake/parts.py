"""Batches in, Parquet files out: one source's parts, gathered until they are worth a file each."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sakimori.collect.lake.grams import gram_map
from sakimori.collect.lake.layout import (
    CLASS,
    DAY,
    GRAMS,
    INGESTED,
    METADATA,
    MOST_FIELDS,
    MOST_PARTITIONS,
    OWN,
    RAW,
    Part,
    PartHead,
    Run,
    part_path,
)
from sakimori.core import Nanos
from sakimori.records import HASH, OFFSET, TIME, EventBatch, EventKind, Source, content_hash, to_json
from sakimori.records.columns import FIELD_TYPE

GATHERED = 64 * 1024 * 1024
"""Bytes of events that wait in memory; beyond, the largest parts are written until half of it is free."""
FEW = 1024
"""Events of a kind and day; those with fewer share a part with others of their channel."""
_COLUMN_BYTES = 1024
"""What a column of a piece costs besides its content."""
_DICTIONARY_PAGE = 16 * 1024 * 1024
"""Bytes of distinct values up to which a column stays dictionary-encoded, as readers want it."""

_Partition = tuple[int | None, EventKind | None]
"""Day since the epoch, and kind; None: mixed, in a bare part."""


@dataclass(slots=True)
class _Gathered:
    """What waits for a partition."""

    pieces: list[pa.Table]
    names: set[str]
    cost: int

    @property
    def events(self) -> int:
        return sum(piece.num_rows for piece in self.pieces)


class Parts:
    """The parts of one source, written into a folder of their own as ``<number>.parquet``."""

    def __init__(self, folder: Path, source: Source, *, gathered: int = GATHERED) -> None:
        """``gathered``: bytes that may wait in memory."""
        self.written: list[Part] = []
        """In order of their numbers; paths as they shall be in the export."""
        self._folder = folder
        self._source = source
        self._most = gathered
        self._waiting: dict[_Partition, _Gathered] = {}
        self._seen: set[_Partition] = set()
        self._cost = 0

    def add(self, batch: EventBatch, raws: Sequence[bytes]) -> None:
        """Take a batch that has all columns, and the raw record of each row.

        Raises:
            OSError: a part cannot be written.
        """
        fields = batch.field_names
        bare = len(fields) > MOST_FIELDS or not set(OWN).isdisjoint(fields)
        rows = _with_own_columns(batch.rows, raws, [] if bare else fields, batch.ingested)
        days = rows.column(TIME).to_numpy() // DAY
        order = np.argsort(days, kind="stable")
        days = days[order]
        bounds = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
        if len(bounds) > 2:
            rows = rows.take(pa.array(order))
        for begin, end in pairwise(bounds):
            piece = rows if len(bounds) == 2 else _compact(rows.slice(begin, end - begin))
            self._gather((int(days[begin]), None if bare else batch.kind), piece)
        if self._cost > self._most:
            self._write_largest()

    def add_record(self, offset: int, raw: bytes, *, time: Nanos, ingested: Nanos) -> None:
        """Take a record that is no event, such as an alert; it is parsed again to be read as what it is.

        Raises:
            OSError: a part cannot be written.
        """
        row = pa.RecordBatch.from_arrays([pa.array([offset], pa.int64()), pa.array([time], pa.int64())], [OFFSET, TIME])
        self._gather((None, None), _with_own_columns(row, [raw], [], ingested))
        if self._cost > self._most:
            self._write_largest()

    def finish(self) -> None:
        """Write what still waits.

        Raises:
            OSError: a part cannot be written.
        """
        for partitions in self._together():
            self._write(partitions)

    def _gather(self, partition: _Partition, piece: pa.Table) -> None:
        if partition not in self._seen:
            if len(self._seen) >= MOST_PARTITIONS:
                partition = (None, None)
            self._seen.add(partition)
        if partition[1] is None:
            piece = piece.select([OFFSET, TIME, HASH, INGESTED, RAW])
        names = set(piece.schema.names)
        waiting = self._waiting.get(partition)
        if waiting is not None and len(waiting.names | names) > MOST_FIELDS + len(OWN):
            self._write([partition])
            waiting = None
        if waiting is None:
            waiting = self._waiting[partition] = _Gathered([], set(), 0)
        cost = piece.nbytes + _COLUMN_BYTES * len(names)
        waiting.pieces.append(piece)
        waiting.names |= names
        waiting.cost += cost
        self._cost += cost

    def _write_largest(self) -> None:

        def cost(partitions: Sequence[_Partition]) -> int:
            return sum(self._waiting[partition].cost for partition in partitions)

        for partitions in sorted(self._together(), key=cost, reverse=True):
            self._write(partitions)
            if self._cost <= self._most // 2:
                break

    def _together(self) -> list[list[_Partition]]:
        """What waits, by parts."""
        parts: list[list[_Partition]] = []
        open_parts: dict[tuple[int | None, str, str], tuple[list[_Partition], set[str]]] = {}
        for partition, waiting in self._waiting.items():
            day, kind = partition
            if kind is None or waiting.events >= FEW:
                parts.append([partition])
                continue
            place = (day, kind.product, kind.channel)
            part, names = open_parts.get(place, ([], set[str]()))
            if not part or len(names | waiting.names) > MOST_FIELDS + len(OWN):
                part, names = open_parts[place] = ([], set[str]())
                parts.append(part)
            part.append(partition)
            names |= waiting.names
        return parts

    def _write(self, partitions: Sequence[_Partition]) -> None:
        """The part counts as written, and its events no longer as waiting, once it is durable."""
        number = len(self.written)
        day = partitions[0][0]
        kinds = [kind for _, kind in partitions if kind is not None]
        tables = [
            pa.concat_tables(self._waiting[partition].pieces, promote_options="default") for partition in partitions
        ]
        runs = tuple(Run(kind=kind, events=table.num_rows) for kind, table in zip(kinds, tables, strict=False))
        data = _parquet(tables, PartHead(source=self._source, runs=runs))
        with (self._folder / f"{number:06}.parquet").open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        offsets = np.concatenate([table.column(OFFSET).to_numpy() for table in tables])
        self.written.append(
            Part(
                path=part_path(self._source, number, day, kinds),
                sha256=hashlib.sha256(data).hexdigest(),
                events=len(offsets),
                first=int(offsets.min()),
                last=int(offsets.max()),
            )
        )
        for partition in partitions:
            self._cost -= self._waiting.pop(partition).cost


def _with_own_columns(rows: pa.RecordBatch, raws: Sequence[bytes], fields: Sequence[str], ingested: Nanos) -> pa.Table:
    columns = {
        OFFSET: rows.column(OFFSET),
        TIME: rows.column(TIME),
        HASH: pa.array([content_hash(raw) for raw in raws], pa.binary(16)),
        INGESTED: pa.array(np.full(rows.num_rows, ingested, np.int64)),
        RAW: pa.array(raws, pa.binary()),
        **{name: rows.column(name) for name in fields},
    }
    return pa.table(list(columns.values()), names=list(columns))


def _compact(piece: pa.Table) -> pa.Table:
    """With dictionaries of its own, rather than those of all that it was cut out of."""
    columns = [
        column.cast(pa.string()).dictionary_encode() if column.type == FIELD_TYPE else column
        for column in piece.columns
    ]
    return pa.table(columns, names=piece.schema.names)


def _parquet(tables: Sequence[pa.Table], head: PartHead) -> memoryview:
    """The file's bytes, with the rows of one table for each run of the head (or of the only one, in a bare part)."""
    codes = [run.kind.code for run in head.runs] or [None]
    laid_out = [_laid_out(table, code) for table, code in zip(tables, codes, strict=True)]
    whole = pa.concat_tables(laid_out, promote_options="default")
    fields = sorted(set(whole.schema.names).difference(OWN))
    whole = whole.select([OFFSET, TIME, HASH, INGESTED, CLASS, GRAMS, *fields, RAW])
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        whole.schema,
        compression="zstd",
        use_dictionary=[INGESTED, CLASS, *fields],
        dictionary_pagesize_limit=_DICTIONARY_PAGE,
        write_statistics=[OFFSET, TIME],
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        writer.add_key_value_metadata({METADATA: to_json(head)})
        writer.write_table(whole, row_group_size=max(1, whole.num_rows))
    return memoryview(sink.getvalue())


def _laid_out(table: pa.Table, code: str | None) -> pa.Table:
    """With all columns of a part. Strings stand as such, without the dictionaries that Arrow has them in."""
    fields = [name for name in table.schema.names if name not in OWN]
    columns = {name: table.column(name) for name in (OFFSET, TIME, HASH, INGESTED, RAW)}
    maps = [] if code is None else [gram_map(_distinct(table.column(name)) for name in fields)]
    columns[CLASS] = pa.array([code] * table.num_rows, pa.string())
    columns[GRAMS] = pa.array([*maps, *[None] * (table.num_rows - len(maps))], pa.binary())
    columns |= {name: table.column(name).cast(pa.string()) for name in fields}
    return pa.table(list(columns.values()), names=list(columns))


def _distinct(column: pa.ChunkedArray) -> bytes:
    """The column's distinct cells, end to end."""
    assert column.type == FIELD_TYPE
    unified = column.unify_dictionaries().chunk(0)
    assert isinstance(unified, pa.DictionaryArray)
    values = unified.dictionary
    _, offsets, data = values.buffers()
    if not len(values) or data is None:
        return b""
    bounds = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return bytes(memoryview(data)[int(bounds[0]) : int(bounds[-1])])
