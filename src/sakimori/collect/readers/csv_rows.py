"""Tables: a header row, then one record per row, cells in quotes where they hold delimiters or line ends (RFC 4180).

What the columns mean says a mapping file (``collect.mapping``); without one no table is read. The encoding is the
mapping's, the delimiter the one of ``, ; tab |`` under which the header row has the columns that the mapping asks for.

Offset: the byte where the row begins. Raw record: a JSON object of column names and cells, so that it needs neither
mapping nor header. Both encoding and delimiter stand in the source's format (``csv:cp932:tab``), to find rows again.
"""

import csv
import io
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import orjson

from sakimori.collect import json_records
from sakimori.collect.readers import MAX_RECORD, Damage, Note, RawRecord, first
from sakimori.collect.readers.lines import BOM
from sakimori.collect.shapes import Fields, Numbers, Shaped, put

NAME = "csv"
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
ROW_LINES = 1000
"""Lines of one row: a stray quote must not swallow the rest of the file."""

csv.field_size_limit(MAX_RECORD)  # of the whole process: the module's own limit is 128 KiB


@dataclass(frozen=True, slots=True)
class CsvReader:
    encoding: str
    delimiter: str
    event: Callable[[bytes], Shaped] = json_records.event

    @property
    def NAME(self) -> str:
        return f"{NAME}:{self.encoding}:{_DELIMITERS[self.delimiter]}"

    def records(self, file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
        feed = _Feed(file, size, self.encoding)
        header: Sequence[str] | None = None
        columns: Sequence[str] = ()
        for row in self._rows(feed):
            if isinstance(row, Damage):
                yield row
            elif header is None:
                header, columns = row.cells, _columns(row.cells)
            elif row.cells != header:  # as where tables were put one behind another
                yield _record(row, columns)
        if feed.repaired:
            yield Note(
                f"{feed.repaired} lines hold bytes that are not {self.encoding}, read as U+FFFD: check the encoding in "
                "the mapping"
            )

    def record_at(self, file: BinaryIO, size: int, offset: int) -> bytes:
        return first(self.records_at(file, size, (offset,)))

    def records_at(self, file: BinaryIO, size: int, offsets: Collection[int]) -> Iterator[RawRecord]:
        """Reads the header row, and then from row to row."""
        header = next((row for row in self._rows(_Feed(file, size, self.encoding)) if isinstance(row, _Row)), None)
        if header is None:
            return
        columns = _columns(header.cells)
        for offset in sorted(offsets):
            file.seek(max(0, offset - 1))
            if offset > header.offset and file.read(1) == b"\n":
                row = next(self._rows(_Feed(file, size, self.encoding, start=offset)), None)
                if isinstance(row, _Row) and row.offset == offset and row.cells != header.cells:
                    record = _record(row, columns)
                    if isinstance(record, RawRecord):
                        yield record

    def _rows(self, feed: "_Feed") -> Iterator["_Row | Damage"]:
        while line := feed.next():
            if line.long:
                yield Damage(line.offset, f"the row is longer than {MAX_RECORD >> 20} MiB", line.text.encode()[:1024])
            elif line.text.strip():
                yield self._row(line, feed)

    def _row(self, line: "_Line", feed: "_Feed") -> "_Row | Damage":
        taken = [line]
        starved = False

        def physical() -> Iterator[str]:
            nonlocal starved
            yield line.text
            length = len(line.text)
            while not line.alone and len(taken) < ROW_LINES and length < MAX_RECORD and (more := feed.next()):
                taken.append(more)
                length += len(more.text)
                yield more.text
            starved = True

        try:
            cells = next(csv.reader(physical(), delimiter=self.delimiter))
        except csv.Error as error:
            feed.again(taken[1:])
            return Damage(line.offset, f"no CSV: {error}", line.text.encode()[:1024])
        if starved:
            feed.again(taken[1:])
            reason = f"a quote in the row does not close within {ROW_LINES} lines"
            return Damage(line.offset, reason, line.text.encode()[:1024])
        return _Row(line.offset, cells)


def reader_of(
    head: bytes, *, encoding: str, needed: frozenset[str], event: Callable[[bytes], Shaped]
) -> CsvReader | None:
    """The reader of a table whose header row, at the beginning of ``head``, has these columns; None: it has not."""
    text = head.removeprefix(BOM).decode(encoding, "replace").lstrip()
    for delimiter in _DELIMITERS:
        try:
            cells = next(csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter))
        except (csv.Error, StopIteration):
            continue
        if needed <= set(_columns(cells)):
            return CsvReader(encoding, delimiter, event)
    return None


def reader_named(name: str) -> CsvReader:
    """The reader whose ``NAME`` this is. Raises KeyError where it is none."""
    form, _, rest = name.partition(":")
    encoding, _, word = rest.partition(":")
    delimiters = {word: delimiter for delimiter, word in _DELIMITERS.items()}
    if form != NAME or not encoding:
        raise KeyError(name)
    return CsvReader(encoding, delimiters[word])


class _Row(NamedTuple):
    offset: int
    cells: Sequence[str]


class _Line(NamedTuple):
    """A line as it stands in the file, its end included."""

    offset: int
    text: str
    long: bool = False
    """Whether it is too long to be a row; ``text`` is its beginning."""
    alone: bool = False
    """Whether it was taken for part of a row whose quote never closed: no quote in it reaches beyond its end."""


class _Feed:
    """A source's lines, decoded."""

    def __init__(self, file: BinaryIO, size: int, encoding: str, *, start: int = 0) -> None:
        self.repaired = 0
        self._file = file
        self._size = size
        self._encoding = encoding
        self._place = start
        self._waiting: deque[_Line] = deque()
        file.seek(start)
        if not start and file.read(len(BOM)) == BOM:
            self._place = len(BOM)
        file.seek(self._place)

    def next(self) -> _Line | None:
        if self._waiting:
            return self._waiting.popleft()
        raw = self._file.readline(min(MAX_RECORD, self._size - self._place))
        if not raw:
            return None
        offset = self._place
        self._place += len(raw)
        long = len(raw) >= MAX_RECORD
        rest = raw
        while long and not rest.endswith(b"\n"):
            rest = self._file.readline(min(MAX_RECORD, self._size - self._place))
            self._place += len(rest)
            if not rest:
                break
        text = raw[: 1024 if long else len(raw)].decode(self._encoding, "replace")
        self.repaired += "\ufffd" in text and not long
        return _Line(offset, text, long)

    def again(self, lines: Sequence[_Line]) -> None:
        """Give these once more, each for itself."""
        self._waiting.extendleft(line._replace(alone=True) for line in reversed(lines))


def _columns(header: Sequence[str]) -> list[str]:
    """Names of the columns: those that stand twice are numbered, those without one are called after their place."""
    names: Fields = {}
    last: Numbers = {}
    for place, cell in enumerate(header, 1):
        put(names, last, cell.strip() or f"column_{place}", place)
    return list(names)


def _record(row: _Row, columns: Sequence[str]) -> RawRecord | Damage:
    if len(row.cells) != len(columns):
        reason = f"the row has {len(row.cells)} cells where the header row has {len(columns)}"
        return Damage(row.offset, reason, orjson.dumps(row.cells)[:1024])
    return RawRecord(row.offset, orjson.dumps(dict(zip(columns, row.cells, strict=True))))
