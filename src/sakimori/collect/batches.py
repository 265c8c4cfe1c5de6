"""From raw records to Arrow batches: parse, shape, group by kind, dictionary-encode. The hot path of collection."""

import json
from collections import defaultdict
from itertools import count
from typing import Any, NoReturn, cast

import numpy as np
import orjson
import pyarrow as pa

from sakimori.collect.shapes import Fields, ShapeError, shaped
from sakimori.core import Nanos
from sakimori.records import OWN_COLUMNS, EventBatch, EventKind, Source, content_hash, encode_cell

BATCH_ROWS = 16_384
BATCH_BYTES = 32 * 1024 * 1024
"""Of raw records."""
BATCH_CELLS = 4_000_000
"""Rows times columns of one kind: bounds what records with ever-new field names can cost."""
_BLOCK = 32
_HASH_TYPE = pa.binary(16)
_PLAIN = {str, int}
_BEYOND_64_BITS = float(2**63)


class Batches:
    """Gathers the events of one source until they are worth a round of batches, one per kind."""

    def __init__(self, source: Source) -> None:
        self.untimed = 0
        self.repaired = 0
        self._source = source
        self._groups: dict[tuple[str, str, str], _Group] = {}
        self._rows = 0
        self._bytes = 0
        self._full = False

    @property
    def full(self) -> bool:
        return self._full

    def add(self, offset: int, raw: bytes, *, now: Nanos) -> None:
        """Take one raw record; ``now`` stands in where it has no time.

        Raises:
            ShapeError: it is no event; nothing was added.
        """
        record, repaired = _parse(raw)
        kind, time, fields = shaped(record)
        types = set(map(type, fields.values()))
        if float in types and any(abs(v) >= _BEYOND_64_BITS for v in fields.values() if type(v) is float):
            kind, time, fields = shaped(_parse_slowly(raw))  # the fast parser rounds such numbers
        if repaired or b"\\u0000" in raw:
            fields = _cells(fields)
            kind = (kind[0], _scrubbed(kind[1]), _scrubbed(kind[2]))
        elif not types <= _PLAIN:
            _encode_unusual(fields)
        group = self._groups.get(kind)
        if group is None:
            group = self._groups[kind] = _Group()
        group.add(offset, now if time is None else time, content_hash(raw), fields)
        self.untimed += time is None
        self.repaired += repaired
        self._rows += 1
        self._bytes += len(raw)
        self._full = (
            self._rows >= BATCH_ROWS
            or self._bytes >= BATCH_BYTES
            or len(group.offsets) * len(group.columns) >= BATCH_CELLS
        )

    def take(self, *, ingested: Nanos) -> list[EventBatch]:
        """The batches of what was added since the last call."""
        batches = [
            EventBatch(
                source=self._source,
                kind=EventKind(product=kind[0], channel=kind[1], code=kind[2]),
                ingested=ingested,
                rows=group.batch(),
            )
            for kind, group in self._groups.items()
            if group.offsets
        ]
        self._groups = {}
        self._rows = self._bytes = 0
        self._full = False
        return batches


class _Column:
    """One field of one kind: the number of each row's value, and the distinct values by number."""

    __slots__ = ("codes", "numbers")

    def __init__(self, rows: int) -> None:
        self.numbers: defaultdict[str | int | None, int] = defaultdict(count(1).__next__, {None: 0})
        self.codes = [0] * rows

    def encoded(self) -> pa.Array:
        codes = np.array(self.codes, np.int32)
        values = [value for value in self.numbers if value is not None]
        texts = [str(value) for value in values]
        if int in set(map(type, values)) and len(set(texts)) < len(texts):  # both 5 and "5"
            return pa.array([texts[code - 1] if code else None for code in self.codes], pa.string()).dictionary_encode()
        indices = pa.array(codes - 1, pa.int32(), mask=codes == 0)
        return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()))


class _Group:
    """The events of one kind, row by row in and column by column out.

    Rows become columns ``_BLOCK`` at a time, while they are still in the processor's cache: looking through thousands
    of rows once per column is five times slower.
    """

    def __init__(self) -> None:
        self.columns: dict[str, _Column] = {}
        self.offsets: list[int] = []
        self._times: list[Nanos] = []
        self._hashes: list[bytes] = []
        self._waiting: list[Fields] = []
        self._layouts: dict[tuple[str, ...], tuple[str, ...]] = {}
        """Each order of field names that came, by itself: equal ones are then the same object."""
        self._layout: tuple[str, ...] | None = ()
        """That of all rows that wait; None where they differ."""

    def add(self, offset: int, time: Nanos, digest: bytes, fields: Fields) -> None:
        """Raises ShapeError where a field cannot be a column; nothing was added then."""
        names = tuple(fields)
        layout = self._layouts.get(names) or self._widen(names)
        if layout is not self._layout:
            self._layout = None if self._waiting else layout
        self.offsets.append(offset)
        self._times.append(time)
        self._hashes.append(digest)
        self._waiting.append(fields)
        if len(self._waiting) == _BLOCK:
            self._turn()

    def batch(self) -> pa.RecordBatch:
        self._turn()
        names = sorted(self.columns)
        own = [
            pa.array(self.offsets, pa.int64()),
            pa.array(self._times, pa.int64()),
            pa.array(self._hashes, _HASH_TYPE),
        ]
        fields = [self.columns[name].encoded() for name in names]
        return pa.RecordBatch.from_arrays([*own, *fields], names=[*OWN_COLUMNS, *names])

    def _widen(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Make room for fields that no event of the kind had before."""
        if not set(OWN_COLUMNS).isdisjoint(names):
            raise ShapeError("a field has the name of one of Sakimori's own columns")
        rows = len(self.offsets) - len(self._waiting)
        for name in names:
            if name not in self.columns:
                self.columns[name] = _Column(rows)
        return self._layouts.setdefault(names, names)

    def _turn(self) -> None:
        rows = self._waiting
        if not rows:
            return
        if self._layout is None:
            for name, column in self.columns.items():
                numbers = column.numbers
                column.codes.extend([numbers[row.get(name)] for row in rows])
        else:  # as nearly always: turned without looking up a single name
            values = dict(zip(self._layout, zip(*(row.values() for row in rows), strict=True), strict=True))
            absent = [0] * len(rows)
            for name, column in self.columns.items():
                if name in values:
                    column.codes.extend(map(column.numbers.__getitem__, values[name]))
                else:
                    column.codes.extend(absent)
        self._waiting = []
        self._layout = ()


def _encode_unusual(fields: Fields) -> None:
    """Put the texts of their cells in the place of values that are neither strings nor whole numbers.

    Raises:
        ShapeError: a value is nested too deeply to be written as JSON.
    """
    for name, value in fields.items():
        if type(value) not in _PLAIN:
            fields[name] = _cell(value)


def _cells(fields: Fields) -> Fields:
    """All fields as the texts of their cells, fit for UTF-8. Raises ShapeError as ``_encode_unusual`` does."""
    return {_scrubbed(name): _cell(_deeply_scrubbed(value)) for name, value in fields.items()}


def _cell(value: Any) -> str:
    try:
        return encode_cell(value)
    except (TypeError, ValueError, RecursionError) as error:  # orjson raises TypeErrors
        raise ShapeError(f"a value cannot be kept as a cell: {error}") from error


def _deeply_scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return _scrubbed(value)
    if isinstance(value, list):
        return [_deeply_scrubbed(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_scrubbed(name): _deeply_scrubbed(item) for name, item in cast("Fields", value).items()}
    return value


def _scrubbed(text: str) -> str:
    """Without half surrogates, which no UTF-8 can hold."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _parse(raw: bytes) -> tuple[Fields, bool]:
    """The object in a raw record, and whether its text had to be repaired first.

    An event whose command line holds one wrong byte or half a surrogate must not escape detection, so such text is read
    with U+FFFD in its place rather than rejected.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            value = _parse_slowly(raw)
        except ShapeError:
            raise ShapeError(f"broken JSON: {error}") from error
        return value, True
    if value.__class__ is not dict:
        raise ShapeError(f"a JSON {type(value).__name__}, not an object")
    return cast("Fields", value), False


def _parse_slowly(raw: bytes) -> Fields:
    """Like ``_parse``, with numbers of any length kept exactly and text repaired."""
    try:
        value: Any = json.loads(raw.decode("utf-8", "replace"), strict=False, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ShapeError(f"broken JSON: {error}") from error
    if not isinstance(value, dict):
        raise ShapeError(f"a JSON {type(value).__name__}, not an object")
    return cast("Fields", value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
