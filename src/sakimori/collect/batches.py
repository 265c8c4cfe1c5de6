"""From raw records to Arrow batches: parse, shape, group by kind, dictionary-encode. The hot path of collection.

Flat JSON, the commonest telemetry, takes a short way: all records with members of the same names, in the same order,
channel and event id have the same *layout*, which is worked out once; after that a record costs its parsing and the
picking of the fields that somebody asked for.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count
from operator import itemgetter
from typing import Any, cast

import numpy as np
import orjson
import pyarrow as pa

from sakimori.collect import json_records
from sakimori.collect.json_records import cell, rounded
from sakimori.collect.shapes import Fields, Shaped, ShapeError
from sakimori.collect.shapes.flat import FlatClock, flat_clock, flat_kind, flat_members, flat_number, flat_time
from sakimori.core import Nanos
from sakimori.records import OFFSET, OWN_COLUMNS, TIME, EventBatch, EventKind, Source

Wanted = Callable[[EventKind], Collection[str] | None]
"""Which fields of a kind's events shall be columns, their names without spaces; None: all."""

BATCH_BYTES = 64 * 1024 * 1024
"""Of raw records, each taken to be ``_ROW_BYTES`` longer than it is: at most 16,384 rows."""
_ROW_BYTES = 4096
BATCH_CELLS = 4_000_000
"""Rows times columns of one kind: bounds what records with ever-new field names can cost."""
_BLOCK = 32
_MOST_LAYOUTS = 4096
"""Layouts are forgotten beyond this many: names come from outside."""
_PLAIN = {str, int}

_Kind = tuple[str, str, str]
_Values = tuple[Any, ...]


def everything(_: EventKind) -> None:
    """``Wanted`` for all fields."""


class Batches:
    """Gathers the events of one source until they are worth a round of batches, one per kind."""

    def __init__(
        self, source: Source, *, event: Callable[[bytes], Shaped] = json_records.event, wanted: Wanted = everything
    ) -> None:
        """``event``: what a raw record says. Only JSON is read again later, so of other formats all fields are kept."""
        self.untimed = 0
        self.repaired = 0
        self._source = source
        self._event = event
        self._json = event is json_records.event
        self._wanted = wanted if self._json else everything
        self._groups: dict[_Kind, _Group] = {}
        self._layouts: dict[tuple[_Kind, tuple[str, ...]], _Layout] = {}
        self._flat_layouts: dict[tuple[tuple[str, ...], Any, Any], _Layout | None] = {}
        """By names, channel and event id; None: such records go the long way."""
        self.room = BATCH_BYTES
        """How much more fits into this round; with nothing left it is time to ``take``."""

    def add(self, offset: int, raw: bytes, *, now: Nanos) -> None:
        """Take one raw record; ``now`` stands in where it has no time.

        Raises:
            ShapeError: it is no event; nothing was added.
        """
        layout, time, values = self._of_json(raw) if self._json else self._shaped(self._event(raw))
        if time is None:
            self.untimed += 1
            time = now
        run = layout.run or self._begin(layout)
        group = run.group
        offsets = group.offsets
        run.rows.append(len(offsets))
        offsets.append(offset)
        group.times.append(time)
        group.json.append(raw)
        waiting = run.waiting
        waiting.append(values)
        if len(waiting) == _BLOCK:
            self._turn(run)
        self.room -= len(raw) + _ROW_BYTES

    def take(self, *, ingested: Nanos) -> list[EventBatch]:
        """The batches of what was added since the last call."""
        batches: list[EventBatch] = []
        for group in self._groups.values():
            rows = group.to_rows()
            records = None if self._wanted(group.kind) is None else group
            batch = EventBatch(source=self._source, kind=group.kind, ingested=ingested, rows=rows, records=records)
            batches.append(batch)
        self._groups = {}
        self.room = BATCH_BYTES
        return batches

    def _of_json(self, raw: bytes) -> "_Row":
        try:
            record = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return self._shaped(self._event(raw))
        if record.__class__ is not dict:
            return self._shaped(json_records.event_of(record, raw))
        channel, code = record.get("Channel"), record.get("EventID")
        if channel.__class__ not in _PLAIN or code.__class__ not in _PLAIN:
            return self._shaped(json_records.event_of(record, raw))
        key = (tuple(record), channel, code)
        layout = self._flat_layouts.get(key) or self._flat_layout(key, record)
        if layout is None:
            return self._shaped(json_records.event_of(record, raw))
        values = layout.pick(record)
        if not _PLAIN.issuperset(map(type, values)):
            if any(map(rounded, values)):
                return self._shaped(json_records.event_of(record, raw))
            values = tuple(value if value.__class__ in _PLAIN else (cell(value),) for value in values)
        return layout, layout.time(record), values

    def _shaped(self, found: Shaped) -> "_Row":
        kind, time, fields, repaired = found
        key = (kind, tuple(fields))
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[key] = self._layout(kind, {name: name for name in fields})
        self.repaired += repaired
        values = layout.pick(fields)
        return layout, time, tuple(value if value.__class__ is str else (cell(value),) for value in values)

    def _flat_layout(self, key: tuple[tuple[str, ...], Any, Any], record: Fields) -> "_Layout | None":
        if key in self._flat_layouts:
            return None
        members = flat_members(record)
        layout = None if members is None else self._layout(flat_kind(record), members, flat_clock(record))
        if len(self._flat_layouts) >= _MOST_LAYOUTS:
            self._flat_layouts.clear()
        self._flat_layouts[key] = layout
        return layout

    def _layout(self, kind: _Kind, members: Mapping[str, str], time: FlatClock = flat_time) -> "_Layout":
        if not set(OWN_COLUMNS).isdisjoint(members):
            raise ShapeError("a field has the name of one of Sakimori's own columns")
        wanted = self._wanted(_event_kind(kind))
        if wanted is not None:
            members = {name: member for name, member in members.items() if name.replace(" ", "") in wanted}
        return _Layout(kind, members, time)

    def _begin(self, layout: "_Layout") -> "_Run":
        """The layout's first record of this round."""
        group = self._groups.get(layout.kind)
        if group is None:
            group = self._groups[layout.kind] = _Group(_event_kind(layout.kind), self._event)
        run = group.begin(layout)
        self._look_at(group)
        return run

    def _turn(self, run: "_Run") -> None:
        run.turn()
        self._look_at(run.group)

    def _look_at(self, group: "_Group") -> None:
        if len(group.offsets) * len(group.columns) >= BATCH_CELLS:
            self.room = 0


class _Layout:
    """Records whose members have the same names: where the fields that are wanted of them lie."""

    __slots__ = ("fields", "kind", "pick", "run", "time")

    def __init__(self, kind: _Kind, members: Mapping[str, str], time: FlatClock) -> None:
        self.kind = kind
        self.fields = tuple(members)
        self.pick = _picker(tuple(members.values()))
        self.time = time
        self.run: _Run | None = None
        """This round's rows of it."""


_Row = tuple[_Layout, Nanos | None, _Values]


def _picker(names: tuple[str, ...]) -> Callable[[Fields], _Values]:
    if len(names) < 2:
        return lambda record: tuple(record[name] for name in names)
    return cast("Callable[[Fields], _Values]", itemgetter(*names))


class _Column:
    """The distinct values of one field of one kind, numbered: a text, a whole number, or in a tuple a ready cell."""

    __slots__ = ("name", "numbers")

    def __init__(self, name: str) -> None:
        self.name = name
        self.numbers: defaultdict[str | int | tuple[str], int] = defaultdict(count().__next__)

    def encoded(self, rows: int, parts: Sequence[tuple[list[int], list[int]]]) -> pa.Array:
        """The column, given the numbers of some rows' values: (rows, numbers). The other rows have no such field."""
        if len(parts) == 1 and len(parts[0][0]) == rows:
            indices = np.array(parts[0][1], np.int32)
        else:
            indices = np.full(rows, -1, np.int32)
            for places, numbers in parts:
                indices[places] = numbers
        texts = [self._text(value) for value in self.numbers]
        distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        if len(distinct) < len(texts):  # as of 5 and "5"
            again = np.array([*(distinct[text] for text in texts), -1], np.int32)
            indices = again[indices]
        return pa.DictionaryArray.from_arrays(
            pa.array(indices, pa.int32(), mask=indices < 0), pa.array(list(distinct), pa.string())
        )

    def _text(self, value: str | int | tuple[str]) -> str:
        if isinstance(value, str):
            return value if value[:1] != "\0" else cell(value)
        return flat_number(self.name, value) if isinstance(value, int) else value[0]


class _Run:
    """The rows of one layout. They become columns ``_BLOCK`` at a time, while they are still in the processor's cache:
    looking through thousands of rows once per column is five times slower."""

    __slots__ = ("columns", "group", "numbers", "rows", "waiting")

    def __init__(self, group: "_Group", columns: Sequence[_Column]) -> None:
        self.group = group
        self.columns = columns
        self.numbers: list[list[int]] = [[] for _ in columns]
        self.rows: list[int] = []
        self.waiting: list[_Values] = []

    def turn(self) -> None:
        if self.waiting:
            turned = zip(*self.waiting, strict=True)
            for column, numbers, values in zip(self.columns, self.numbers, turned, strict=True):
                numbers.extend(map(column.numbers.__getitem__, values))
            self.waiting.clear()


class _Group:
    """The events of one kind, row by row in and column by column out. Afterwards, the records behind those rows."""

    def __init__(self, kind: EventKind, event: Callable[[bytes], Shaped]) -> None:
        self.kind = kind
        self.columns: dict[str, _Column] = {}
        self.offsets: list[int] = []
        self.times: list[Nanos] = []
        self.json: list[bytes] = []
        self._event = event
        self._layouts: list[_Layout] = []

    def begin(self, layout: _Layout) -> _Run:
        for name in layout.fields:
            if name not in self.columns:
                self.columns[name] = _Column(name)
        layout.run = _Run(self, [self.columns[name] for name in layout.fields])
        self._layouts.append(layout)
        return layout.run

    def to_rows(self) -> pa.RecordBatch:
        """All rows so far. Only ``json`` and ``fields`` are of use afterwards."""
        parts: defaultdict[str, list[tuple[list[int], list[int]]]] = defaultdict(list)
        for layout in self._layouts:
            if run := layout.run:
                run.turn()
                for name, numbers in zip(layout.fields, run.numbers, strict=True):
                    parts[name].append((run.rows, numbers))
            layout.run = None
        names = sorted(self.columns)
        fields = [self.columns[name].encoded(len(self.offsets), parts[name]) for name in names]
        own = [pa.array(self.offsets, pa.int64()), pa.array(self.times, pa.int64())]
        self.columns, self.offsets, self.times, self._layouts = {}, [], [], []
        return pa.RecordBatch.from_arrays([*own, *fields], names=[OFFSET, TIME, *names])

    def fields(self, row: int) -> dict[str, str]:
        return {name: cell(value) for name, value in self._event(self.json[row]).fields.items()}


def _event_kind(parts: _Kind) -> EventKind:
    product, channel, code = parts
    return EventKind(product=product, channel=channel, code=code)
