"""All patterns of one field against all distinct values of a column.

A value's *class* is the set of patterns that hold for it, as a small number; most values share a few classes. What a
rule says of an event depends on nothing but the classes of its values, which is what ``match`` builds on.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sakimori.core import addresses_of
from sakimori.detect.sigma.pattern import (
    Compare,
    Exists,
    Network,
    Null,
    Number,
    Part,
    Pattern,
    Place,
    Regex,
    SameAs,
    Text,
    TimePart,
    compares,
    ordered,
)
from sakimori.detect.sigma.scan import Databases, Ints, LiteralScanner, RegexScanner, scannable
from sakimori.detect.sigma.text import Glob, fold, fold_evenly, number
from sakimori.records import cell_texts

MISSING: Final = 0
"""The class of a field that an event does not have."""
SILENT: Final = 1
"""The class of a field that is there and offers no text: JSON null, an array without texts."""
PLAIN: Final = 2
"""The class of a text for which no pattern holds but those that hold for every text."""

Test = Callable[[str], Iterable[int]]
"""A text → the atoms that hold for it."""

_MOST_CLASSES = 50_000
"""Classes are forgotten beyond this many, so that no input can fill the memory."""
_MOST_VALUES = 10_000
_LONGEST_VALUE = 256
_FEW = 32
"""Of a column with few distinct values, each value's class is remembered (if it is short): looking it up costs less
than the array operations, which pay off for many."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a column's distinct values, end to end; more or fewer than values where some are arrays or null."""

    data: bytes
    offsets: Ints
    """One more than texts: where each begins and the last ends."""
    owner: Ints | None
    """The value that each text belongs to; None: text ``i`` is value ``i``."""
    values: int
    """How many distinct values there are."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def text(self, index: int) -> bytes:
        return self.data[self.offsets[index] : self.offsets[index + 1]]

    @staticmethod
    def of(dictionary: pa.Array) -> "Texts":
        count = len(dictionary)
        _, offsets_buffer, data_buffer = dictionary.buffers()
        if count == 0:
            return Texts(b"", np.zeros(1, dtype=np.int64), None, 0)
        offsets = np.frombuffer(offsets_buffer, dtype=np.int32)[dictionary.offset : dictionary.offset + count + 1]
        begin, end = int(offsets[0]), int(offsets[-1])
        data = bytes(memoryview(data_buffer)[begin:end]) if end > begin else b""
        wide = offsets.astype(np.int64) - begin
        if b"\0" not in data:
            return Texts(data, wide, None, count)
        return Texts._unpacked(dictionary.to_pylist())

    @staticmethod
    def _unpacked(cells: list[str]) -> "Texts":
        texts: list[bytes] = []
        owner: list[int] = []
        for index, cell in enumerate(cells):
            for text in cell_texts(cell):
                texts.append(text.encode("utf-8", "surrogatepass"))
                owner.append(index)
        return Texts(b"".join(texts), _offsets(texts), np.array(owner, dtype=np.int64), len(cells))

    def folded(self) -> "Texts":
        evenly = fold_evenly(self.data)
        if evenly is not None:
            return Texts(evenly, self.offsets, self.owner, self.values)
        texts = [
            fold(self.text(i).decode("utf-8", "surrogatepass")).encode("utf-8", "surrogatepass")
            for i in range(len(self))
        ]
        return Texts(b"".join(texts), _offsets(texts), self.owner, self.values)


def _offsets(texts: list[bytes]) -> Ints:
    return np.cumsum([0, *map(len, texts)], dtype=np.int64)


def content(dictionaries: Iterable[pa.Array]) -> bytes:
    """The texts of several columns' distinct cells, end to end."""
    return b"".join(map(_content, dictionaries))


def _content(dictionary: pa.Array) -> bytes:
    if not len(dictionary):
        return b""
    _, offsets_buffer, data_buffer = dictionary.buffers()
    offsets = memoryview(offsets_buffer).cast("i")
    begin, end = offsets[dictionary.offset], offsets[dictionary.offset + len(dictionary)]
    data = bytes(memoryview(data_buffer)[begin:end]) if end > begin else b""
    return Texts.of(dictionary).data if b"\0" in data else data


class _LiteralSet:
    """Literals, whole-text equalities and wildcard patterns over one spelling of the texts (as is, or folded)."""

    def __init__(self, patterns: Mapping[int, Text], databases: Databases) -> None:
        self._equal: dict[bytes, list[int]] = {}
        self._globs: dict[int, Glob] = {}
        self._unfiltered: list[int] = []
        """Wildcard patterns without a literal to find candidates by: tried on every text."""
        self._slow: list[tuple[bytes, Place, int]] = []
        """Literals that the scanner does not take: searched for text by text."""
        literals: list[bytes] = []
        places: list[Place] = []
        meanings: list[int] = []
        equals = Place.EQUALS
        for index, pattern in patterns.items():
            found = pattern.place()
            if found is None:
                self._globs[index] = Glob(pattern.pieces)
            place, literal = found or (Place.CONTAINS, pattern.longest)
            data = literal.encode("utf-8", "surrogatepass")
            if place is equals:
                self._equal.setdefault(data, []).append(index)
            elif scannable(data):
                literals.append(data)
                places.append(place)
                meanings.append(index)
            elif found is None:
                self._unfiltered.append(index)
            else:
                self._slow.append((data, place, index))
        self._scanner = LiteralScanner(literals, places, databases)
        self._meaning = np.array(meanings, dtype=np.int64)
        longest = max(map(len, self._equal), default=0)
        self._equal_lengths = np.zeros(longest + 2, dtype=np.bool_)
        self._equal_lengths[[len(data) for data in self._equal]] = True
        self._is_glob = np.array([index in self._globs for index in meanings], dtype=np.bool_)

    def may_hold(self, data: bytes) -> bool:
        """False only if no pattern can hold for any text within ``data``."""
        return bool(self._equal or self._slow or self._unfiltered) or self._scanner.any(data)

    def scan(self, texts: Texts) -> tuple[list[Ints], list[Ints]]:
        """Pieces of the relation (text, pattern)."""
        found, literal = self._scanner.scan(texts.data, texts.offsets)
        pattern = self._meaning[literal] if len(literal) else literal
        loose: list[tuple[int, int]] = []
        if self._globs:
            unsure = self._is_glob[literal] if len(literal) else np.zeros(0, dtype=np.bool_)
            candidates = set(zip(found[unsure].tolist(), pattern[unsure].tolist(), strict=True))
            candidates.update((text, glob) for glob in self._unfiltered for text in range(len(texts)))
            for text, glob in candidates:
                if self._globs[glob].matches(texts.text(text).decode("utf-8", "surrogatepass")):
                    loose.append((text, glob))
            found, pattern = found[~unsure], pattern[~unsure]
        if self._equal:
            lengths = np.minimum(np.diff(texts.offsets), len(self._equal_lengths) - 1)
            for text in np.flatnonzero(self._equal_lengths[lengths]).tolist():
                loose.extend((text, index) for index in self._equal.get(texts.text(text), ()))
        for data, place, index in self._slow:
            loose.extend((text, index) for text in range(len(texts)) if _bytes_hold(place, texts.text(text), data))
        extra = np.array(loose, dtype=np.int64).reshape(-1, 2)
        return [found, extra[:, 0]], [pattern, extra[:, 1]]


def _bytes_hold(place: Place, text: bytes, part: bytes) -> bool:
    match place:
        case Place.STARTS:
            return text.startswith(part)
        case Place.ENDS:
            return text.endswith(part)
        case _:
            return part in text


class _Search:
    """All patterns of a field that look at texts."""

    def __init__(self, patterns: Mapping[int, Pattern], databases: Databases) -> None:
        texts = {index: p for index, p in patterns.items() if isinstance(p, Text) and not p.anything}
        plain = {index: pattern for index, pattern in texts.items() if not pattern.cased}
        cased = {index: pattern for index, pattern in texts.items() if pattern.cased}
        self._plain = _LiteralSet(plain, databases) if plain else None
        self._cased = _LiteralSet(cased, databases) if cased else None
        regexes = {index: pattern for index, pattern in patterns.items() if isinstance(pattern, Regex)}
        self._regexes = RegexScanner(list(regexes.values()), databases) if regexes else None
        self._regex_atoms = list(regexes)
        self._tests = _tests(patterns)

    def may_hold(self, data: bytes) -> bool:
        """False only if no pattern can hold for any text within ``data``, texts end to end."""
        if self._regexes or self._tests or self._cased:
            return True
        folded = fold_evenly(data)
        return folded is None or self._plain is None or self._plain.may_hold(folded)

    def relation(self, texts: Texts) -> tuple[Ints, Ints]:
        """(text, atom) for every pattern that holds, with repetitions."""
        found: list[Ints] = []
        atoms: list[Ints] = []
        for literals, spelling in ((self._plain, texts.folded()), (self._cased, texts)):
            if literals:
                text, atom = literals.scan(spelling)
                found += text
                atoms += atom
        loose: list[tuple[int, int]] = []
        if self._regexes:
            for index in range(len(texts)):
                loose.extend((index, self._regex_atoms[hit]) for hit in self._regexes.scan(texts.text(index)))
        if self._tests:
            for index in range(len(texts)):
                content = texts.text(index).decode("utf-8", "surrogatepass")
                loose.extend((index, atom) for test in self._tests for atom in test(content))
        if loose:
            extra = np.array(loose, dtype=np.int64)
            found.append(extra[:, 0])
            atoms.append(extra[:, 1])
        if not found:
            nothing = np.empty(0, dtype=np.int64)
            return nothing, nothing
        return np.concatenate(found), np.concatenate(atoms)


class ColumnMatcher:
    """The patterns that a kind's rules hold against one field. Not for use by two threads at once."""

    def __init__(self, patterns: Mapping[int, Pattern], databases: Databases) -> None:
        """``patterns`` by atom number; ``SameAs`` is not among them (it needs two columns)."""
        self._patterns = patterns
        self._databases = databases
        exists: set[int] = set()
        absent: set[int] = set()
        null: set[int] = set()
        always: set[int] = set()
        for index, pattern in patterns.items():
            if isinstance(pattern, Text):
                if pattern.anything:
                    always.add(index)
            elif isinstance(pattern, Null):
                null.add(index)
            elif isinstance(pattern, Exists):
                (exists if pattern.present else absent).add(index)
        self._fixed = [frozenset(null | absent), frozenset(null | exists), frozenset(always | exists)]
        self.forget()

    @cached_property
    def _search(self) -> "_Search":
        """Made when a column is first seen: most kinds lack most of the fields that rules ask about."""
        return _Search(self._patterns, self._databases)

    def forget(self) -> None:
        """Start numbering classes anew."""
        self.sets: list[frozenset[int]] = list(self._fixed)
        """Class → the atoms that hold."""
        self._classes: dict[bytes, int] = {}
        self._values: dict[str, int] = {}

    @property
    def full(self) -> bool:
        """So many classes were seen that ``forget`` is due."""
        return len(self.sets) > _MOST_CLASSES

    def classes(self, dictionary: pa.Array) -> npt.NDArray[np.int32]:
        """The class of each value of a dictionary of cells (``records.encode_cell``)."""
        if len(dictionary) > _FEW:
            return self._classified(dictionary)
        cells: list[str] = dictionary.to_pylist()
        known = [self._values.get(cell) for cell in cells]
        if None not in known:
            return np.array(known, dtype=np.int32)
        classes = self._classified(dictionary)
        if len(self._values) > _MOST_VALUES:
            self._values.clear()
        pairs = zip(cells, classes.tolist(), strict=True)
        self._values.update((cell, number) for cell, number in pairs if len(cell) <= _LONGEST_VALUE)
        return classes

    def may_hold(self, data: bytes) -> bool:
        """False only if no pattern can hold for any text within ``data``, texts end to end."""
        return bool(self._fixed[PLAIN]) or self._search.may_hold(data)

    def _classified(self, dictionary: pa.Array) -> npt.NDArray[np.int32]:
        texts = Texts.of(dictionary)
        classes = np.full(texts.values, PLAIN, dtype=np.int32)
        if texts.owner is not None:
            silent = np.ones(texts.values, dtype=np.bool_)
            silent[texts.owner] = False
            classes[silent] = SILENT
        text, atom = self._search.relation(texts)
        if len(text):
            value = text if texts.owner is None else texts.owner[text]
            self._number(classes, value, atom)
        return classes

    def _number(self, classes: npt.NDArray[np.int32], value: Ints, atom: Ints) -> None:
        """Give each value with hits the number of its set of atoms."""
        width = int(atom.max()) + 1
        pairs = np.unique(value * width + atom)
        values, atoms = np.divmod(pairs, width)
        starts = np.flatnonzero(np.diff(values, prepend=-1))
        ends = np.append(starts[1:], len(values))
        packed = atoms.astype(np.int32)
        for begin, end in zip(starts.tolist(), ends.tolist(), strict=True):
            key = packed[begin:end].tobytes()
            found = self._classes.get(key)
            if found is None:
                found = self._classes[key] = len(self.sets)
                self.sets.append(self._fixed[PLAIN].union(packed[begin:end].tolist()))
            classes[values[begin]] = found


def _tests(patterns: Mapping[int, Pattern]) -> list[Test]:
    """One function per sort of pattern that is neither text nor expression: a text → the atoms that hold."""
    tests: list[Test] = []
    numbers: dict[Any, list[int]] = {}
    networks: list[tuple[int, Network]] = []
    times: list[tuple[int, TimePart]] = []
    comparisons: list[tuple[int, Compare]] = []
    for index, pattern in patterns.items():
        match pattern:
            case Number(value):
                numbers.setdefault(number_key(value), []).append(index)
            case Network():
                networks.append((index, pattern))
            case TimePart():
                times.append((index, pattern))
            case Compare():
                comparisons.append((index, pattern))
            case SameAs():
                raise ValueError("a comparison of two fields is no question to one column")
            case _:
                pass
    if numbers:
        tests.append(lambda text: numbers.get(number(text), ()))
    if comparisons:
        tests.append(lambda text: [index for index, pattern in comparisons if compares(pattern, text)])
    if networks:
        tests.append(_network_test(networks))
    if times:
        tests.append(lambda text: [index for index, pattern in times if _time_holds(pattern, text)])
    return tests


def number_key(value: float) -> Any:
    """The rule's number as ``text.number`` would give it."""
    return number(str(value)) if isinstance(value, int) else number(repr(value))


def _network_test(networks: list[tuple[int, Network]]) -> Test:
    parsed = [(index, ipaddress.ip_network(network.cidr)) for index, network in networks]

    def test(text: str) -> list[int]:
        addresses = addresses_of(text)
        return [
            index for index, network in parsed if any(a.version == network.version and a in network for a in addresses)
        ]

    return test


def _time_holds(pattern: TimePart, text: str) -> bool:
    found = time_part(text, pattern.part)
    return found is not None and ordered(found, pattern.order, pattern.value)


def time_part(text: str, part: Part) -> int | None:
    """The part of the date-time as it is written (ISO week for ``week``); None where ``text`` is no date-time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.isocalendar().week if part is Part.WEEK else cast("int", getattr(moment, part.value))
