"""Which rules hold for which events of a batch.

Every field's distinct values are classified once (``column``). An event's *signature* is the tuple of its values'
classes. Telemetry has few signatures, so conditions are evaluated once per distinct signature and remembered; a batch
of a thousand events without anything new costs a few array operations.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sakimori.detect.sigma import expression
from sakimori.detect.sigma.column import MISSING, ColumnMatcher, content
from sakimori.detect.sigma.keywords import KeywordFilter
from sakimori.detect.sigma.kind import KindPlan, KindRule
from sakimori.detect.sigma.pattern import Pattern, SameAs
from sakimori.detect.sigma.scan import Databases, Ints
from sakimori.detect.sigma.text import fold
from sakimori.records import OWN_COLUMNS, EventBatch, cell_texts

_MOST_SIGNATURES = 100_000
"""Signatures are forgotten beyond this many."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that holds for an event, and the event's fields that make it hold."""

    rule: KindRule
    fields: tuple[str, ...]


Keywords = tuple[tuple[str, int], ...]
"""Of one event: fields with a text for which keywords hold, and the class of each."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's classes: constant over the batch (``rows`` None), or one per row."""

    names: tuple[str, ...]
    """The column's name in the batch; two where some events spell it with spaces; none where it has no such column."""
    matcher: ColumnMatcher
    constant: int
    rows: npt.NDArray[np.int32] | None


class KindMatcher:
    """Matches batches of one kind. Not for use by two threads at once."""

    def __init__(self, plan: KindPlan, databases: Databases) -> None:
        self._plan = plan
        by_field: dict[str, dict[int, Pattern]] = {}
        keywords: dict[int, Pattern] = {}
        self._pairs: list[tuple[int, str, SameAs]] = []
        for index, atom in plan.atoms.items():
            if atom.field is None:
                keywords[index] = atom.pattern
            elif isinstance(atom.pattern, SameAs):
                self._pairs.append((index, atom.field, atom.pattern))
            else:
                by_field.setdefault(atom.field, {})[index] = atom.pattern
        self._fields = {field: ColumnMatcher(patterns, databases) for field, patterns in by_field.items()}
        self._keywords = ColumnMatcher(keywords, databases) if keywords else None
        self._filter = KeywordFilter.of(keywords.values(), databases)
        self._signatures: dict[tuple[object, ...], tuple[Hit, ...]] = {}

    @property
    def wanted(self) -> frozenset[str] | None:
        """The fields, without spaces, that a batch must have as columns; None: all, for keywords."""
        if self._keywords is not None and self._filter is None:
            return None
        asked = {*self._fields, *(name for _, field, pattern in self._pairs for name in (field, pattern.other))}
        return frozenset(name.replace(" ", "") for name in asked)

    def match(self, batch: EventBatch) -> list[tuple[int, tuple[Hit, ...]]]:
        """(row, hits) of every event for which some rule holds, in order of rows."""
        if not len(batch) or not self._plan.rules:
            return []
        self._make_room()
        names = _columns_by_name(batch.field_names)
        columns = [self._column(batch, _named(names, field), matcher) for field, matcher in self._fields.items()]
        keywords = self._keyword_rows(batch, self._keywords) if self._keywords is not None else {}
        pairs = [self._pair(batch, names, *pair) for pair in self._pairs]
        varying = [(column.rows, len(column.matcher.sets)) for column in columns if column.rows is not None]
        varying += [(rows, 2) for rows in pairs]
        if keywords:
            varying.append(_numbered(keywords, len(batch)))
        first, group = _grouped(varying, len(batch))
        hits = [self._hits(columns, pairs, keywords.get(row, ()), row) for row in first.tolist()]
        if not any(hits):
            return []
        interesting = np.array([bool(found) for found in hits], dtype=np.bool_)
        return [(row, hits[group[row]]) for row in np.flatnonzero(interesting[group]).tolist()]

    def _make_room(self) -> None:
        matchers = [*self._fields.values(), *([self._keywords] if self._keywords else [])]
        if len(self._signatures) > _MOST_SIGNATURES or any(matcher.full for matcher in matchers):
            self._signatures.clear()
            for matcher in matchers:
                matcher.forget()

    def _column(self, batch: EventBatch, names: tuple[str, ...], matcher: ColumnMatcher) -> Column:
        if not names:
            return Column((), matcher, MISSING, None)
        first, *others = (_classes(_dictionary(batch.rows, name), matcher) for name in names)
        if not others:
            return Column(names, matcher, first, None) if isinstance(first, int) else Column(names, matcher, 0, first)
        merged = np.full(len(batch), first, dtype=np.int32)
        for other in others:
            merged = np.where(merged == MISSING, other, merged).astype(np.int32)
        return Column(names, matcher, 0, merged)

    def _keyword_rows(self, batch: EventBatch, matcher: ColumnMatcher) -> dict[int, Keywords]:
        """The events for which some keyword holds."""
        if batch.records is not None and self._filter is not None:
            rows = self._filter.rows(batch.records.json)
            told = ((row, _keywords(batch.records.fields(row), matcher)) for row in rows)
            return {row: keywords for row, keywords in told if keywords}
        stretches = [(0, batch.rows)]
        if batch.stored is not None and self._filter is not None:
            stretches = batch.stored.holding(self._filter.pieces)
        found: dict[int, Keywords] = {}
        for begin, rows in stretches:
            for name, column in self._keyword_columns(rows, matcher).items():
                classes = np.broadcast_to(_classes(column, matcher), rows.num_rows)
                holding = np.array([bool(atoms) for atoms in matcher.sets], dtype=np.bool_)
                for row in np.flatnonzero(holding[classes]).tolist():
                    found[begin + row] = (*found.get(begin + row, ()), (name, int(classes[row])))
        return found

    def _keyword_columns(self, rows: pa.RecordBatch, matcher: ColumnMatcher) -> dict[str, pa.DictionaryArray]:
        """The columns in which some keyword may hold."""
        columns = {name: _dictionary(rows, name) for name in rows.schema.names if name not in OWN_COLUMNS}
        if self._filter is not None:
            occurs = self._filter.occurs
            return {name: column for name, column in columns.items() if occurs(content([column.dictionary]))}
        may_hold = matcher.may_hold(content([column.dictionary for column in columns.values()]))
        return columns if may_hold else {}

    def _pair(
        self, batch: EventBatch, names: Mapping[str, tuple[str, ...]], _index: int, field: str, pattern: SameAs
    ) -> npt.NDArray[np.int32]:
        """1 where the two fields compare as the pattern asks."""
        left, right = _named(names, field), _named(names, pattern.other)
        if not left or not right:
            return np.zeros(len(batch), dtype=np.int32)
        a, b = _spelled(batch, left), _spelled(batch, right)
        first, group = _grouped(
            [(_indices(a), len(a.dictionary) + 1), (_indices(b), len(b.dictionary) + 1)], len(batch), shift=1
        )
        answers = [same(a[row].as_py(), b[row].as_py(), pattern) for row in first.tolist()]
        return np.array(answers, dtype=np.int32)[group]

    def _hits(
        self, columns: Sequence[Column], pairs: Sequence[npt.NDArray[np.int32]], keywords: Keywords, row: int
    ) -> tuple[Hit, ...]:
        classes = [column.constant if column.rows is None else int(column.rows[row]) for column in columns]
        same = [bool(rows[row]) for rows in pairs]
        key = (*classes, *same, *keywords)
        found = self._signatures.get(key)
        if found is None:
            shown = [(column.names, column.matcher.sets[n]) for column, n in zip(columns, classes, strict=True)]
            shown += [
                ((field, pattern.other), {i}) for (i, field, pattern), it in zip(self._pairs, same, strict=True) if it
            ]
            if self._keywords is not None:
                shown += [((name,), self._keywords.sets[number]) for name, number in keywords]
            found = self._signatures[key] = self._evaluate(shown)
        return found

    def _evaluate(self, holding: Sequence[tuple[tuple[str, ...], Set[int]]]) -> tuple[Hit, ...]:
        """The rules that hold, given fields and the atoms that hold for them."""
        true = set[int]().union(*(atoms for _, atoms in holding))
        candidates = set(self._plan.always)
        for index in true:
            candidates.update(self._plan.by_atom.get(index, ()))
        hits: list[Hit] = []
        for position in sorted(candidates):
            rule = self._plan.rules[position]
            if expression.holds(rule.condition, true):
                support = expression.support(rule.condition, true)
                behind = (name for names, atoms in holding if not support.isdisjoint(atoms) for name in names)
                hits.append(Hit(rule, tuple(dict.fromkeys((*rule.given, *behind)))))
        return tuple(hits)


def _keywords(cells: Mapping[str, str], matcher: ColumnMatcher) -> Keywords:
    classes = matcher.classes(pa.array(list(cells.values()), pa.string())).tolist()
    return tuple((name, number) for name, number in zip(cells, classes, strict=True) if matcher.sets[number])


def _numbered(keywords: Mapping[int, Keywords], rows: int) -> tuple[npt.NDArray[np.int32], int]:
    """A number for what keywords say of each row (0: nothing), and a bound that all numbers are below."""
    known: dict[Keywords, int] = {}
    numbers = np.zeros(rows, dtype=np.int32)
    for row, found in keywords.items():
        numbers[row] = known.setdefault(found, len(known) + 1)
    return numbers, len(known) + 1


def _columns_by_name(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Field, without spaces → its columns. Sigma drops the spaces that some sources have (``Threat Name``)."""
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(names, key=lambda name: " " in name):
        plain = name.replace(" ", "")
        found[plain] = (*found.get(plain, ()), name)
    return found


def _named(columns: Mapping[str, tuple[str, ...]], field: str) -> tuple[str, ...]:
    return columns.get(field) or columns.get(field.replace(" ", ""), ())


def _spelled(batch: EventBatch, names: Sequence[str]) -> pa.DictionaryArray:
    """The field's column; of one that some events spell with spaces, what each event has."""
    columns = [_dictionary(batch.rows, name) for name in names]
    if len(columns) == 1:
        return columns[0]
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    cells = [next((cell for cell in row if cell is not None), None) for row in rows]
    return pa.array(cells, pa.string()).dictionary_encode()


def _dictionary(rows: pa.RecordBatch, name: str) -> pa.DictionaryArray:
    column = rows.column(name)
    assert isinstance(column, pa.DictionaryArray)
    return column


def _classes(column: pa.DictionaryArray, matcher: ColumnMatcher) -> int | npt.NDArray[np.int32]:
    """The class of every row, or the one class of all."""
    classes = matcher.classes(column.dictionary)
    if column.null_count == 0 and len(classes) and (classes == classes[0]).all():
        return int(classes[0])
    return np.append(classes, np.int32(MISSING))[_indices(column)]


def _indices(column: pa.DictionaryArray) -> npt.NDArray[np.int32]:
    """Positions in the dictionary, -1 for null."""
    indices = column.indices.fill_null(-1) if column.null_count else column.indices
    return indices.to_numpy(zero_copy_only=False)


def _grouped(columns: Sequence[tuple[npt.NDArray[np.int32], int]], rows: int, *, shift: int = 0) -> tuple[Ints, Ints]:
    """Distinct combinations of numbers below the given bounds: (a row of each, the combination of each row)."""
    if not columns:
        return np.zeros(1, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    keys = np.zeros(rows, dtype=np.int64)
    size = 1
    for numbers, bound in columns:
        if size * bound >= 1 << 62:
            keys = np.unique(keys, return_inverse=True)[1].astype(np.int64)
            size = rows
        keys = keys * bound + (numbers.astype(np.int64) + shift)
        size *= bound
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return first, group


def same(a: str | None, b: str | None, pattern: SameAs) -> bool:
    """Whether two cells compare as the pattern asks; None: the event has no such field."""
    if a is None or b is None:
        return False
    others = [fold(text) for text in cell_texts(b)]
    return any(pattern.place.holds(fold(text), other) for text in cell_texts(a) for other in others)
