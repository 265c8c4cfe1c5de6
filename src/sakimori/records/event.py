"""Events: what collectors put out and detectors take in.

An ``EventBatch`` is an Arrow RecordBatch of events of one source and one kind. Source fields are dictionary-encoded
strings (``records.columns.FIELD_TYPE``), so that a detector works once per *distinct* value. A batch may have columns
for some fields only, those that detectors ask about: the others are then read out of the raw records when somebody
wants to see them.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import orjson

from sakimori.core import InputError, Nanos
from sakimori.records.codec import record

if TYPE_CHECKING:  # whoever has a batch has it loaded; of all others it would take 27 MB
    import pyarrow as pa

OFFSET = "sakimori.offset"
"""int64: where the record lies in its source, in the reader's own unit; with the source digest, the event id."""
TIME = "sakimori.time"
"""int64: when it happened, nanoseconds since the epoch, UTC."""
HASH = "sakimori.hash"
"""fixed_size_binary[16]: the raw record's ``content_hash``, where events are stored without it."""
OWN_COLUMNS = (OFFSET, TIME, HASH)

_EVENT_ID = re.compile(r"ev-([0-9a-f]{24})-([0-9]{1,18})\Z")


@record
class EventKind:
    """What sort of record an event is: it decides which rules look at it."""

    product: str
    """``windows``, ``linux``, ``aws``, ``helpdesk``, …: Sigma's log-source product where it has one."""
    channel: str
    """The log within the product: ``Security``, ``Microsoft-Windows-Sysmon/Operational``, …"""
    code: str
    """The event id within the channel; empty where the channel has none."""


@record
class Source:
    """An immutable run of bytes that was read: a file, a member of an archive, a piece of a followed file."""

    SCHEMA: ClassVar[str] = "sakimori.source/1"

    tenant: str
    digest: str
    """SHA-256 of the bytes, 64 hex digits; its first 24 stand in event ids."""
    path: str
    """Where it was found; members of archives as ``archive.zip!member``."""
    format: str
    """The reader that understands it (``evtx``, ``ndjson``, …)."""
    size: int
    """Length in bytes."""
    start: int = 0
    """For a piece of a followed file: where in the file the piece begins, in bytes."""
    export: str = ""
    """The folder of an export that holds its raw records too; empty: none is known."""

    @property
    def id(self) -> str:
        return f"{self.digest}:{self.start}"


@record
class EventRef:
    """Where an event lies: invertible, so that the raw record is found again."""

    digest: str
    """First 24 hex digits of the source's SHA-256."""
    offset: int
    """Reader-defined position within the source."""

    @property
    def event_id(self) -> str:
        return f"ev-{self.digest}-{self.offset}"

    @staticmethod
    def parse(event_id: str) -> "EventRef":
        """Raises InputError where it is no event id."""
        match = _EVENT_ID.match(event_id)
        if not match:
            raise InputError(f"'{event_id}' is no event id: expected ev-<24 hex digits>-<offset>")
        return EventRef(digest=match[1], offset=int(match[2]))


class Records(Protocol):
    """The raw records behind a batch's rows, in memory."""

    @property
    def json(self) -> Sequence[bytes]:
        """Each row's record: a JSON object as UTF-8 text, or what was repaired to be one."""
        ...

    def fields(self, row: int) -> dict[str, str]:
        """The cells of all fields of one event."""
        ...


class Stored(Protocol):
    """The columns of a batch that lie in storage and were not read."""

    @property
    def unread(self) -> Collection[str]:
        """The fields that some events may have and ``rows`` of the batch have no column for."""
        ...

    def holding(self, words: tuple[str, ...]) -> "Iterable[tuple[int, pa.RecordBatch]]":
        """Stretches of rows, each as the number of its first and all columns that some event there has.

        Rows beyond them certainly have no cell that contains any of the words, in whatever case. ``words``: of four or
        more characters, all of ASCII.
        """
        ...

    def cells(self, row: int, names: Collection[str]) -> dict[str, str]:
        """Those of the named fields that one event has."""
        ...


class EventBatch:
    """Events of one source and one kind, in the order in which they lie there."""

    __slots__ = ("ingested", "kind", "records", "rows", "source", "stored")

    def __init__(
        self,
        *,
        source: Source,
        kind: EventKind,
        ingested: Nanos,
        rows: "pa.RecordBatch",
        records: Records | None = None,
        stored: Stored | None = None,
    ) -> None:
        """``rows`` has the columns OFFSET, TIME and one FIELD_TYPE column per field, and may have HASH.

        Where not every field has its column, either ``records`` is what the rows were made of, or ``stored`` is where
        the other columns are; both None: all have.
        """
        self.source = source
        self.kind = kind
        self.ingested = ingested
        self.rows = rows
        self.records = records
        self.stored = stored

    @property
    def tenant(self) -> str:
        return self.source.tenant

    def __len__(self) -> int:
        return self.rows.num_rows

    @property
    def field_names(self) -> list[str]:
        """Fields that have a column."""
        return [name for name in self.rows.schema.names if name not in OWN_COLUMNS]

    def event_id(self, row: int) -> str:
        return EventRef(digest=self.source.digest[:24], offset=self.rows.column(OFFSET)[row].as_py()).event_id

    def time(self, row: int) -> Nanos:
        return cast("Nanos", self.rows.column(TIME)[row].as_py())

    def fields(self, row: int) -> dict[str, str]:
        """The cells of one event, those without a column included; fields it lacks are absent."""
        if self.records is not None:
            return self.records.fields(row)
        return self.cells(row, self.unread)

    @property
    def unread(self) -> Collection[str]:
        """Fields that some events may have, whose columns lie in storage."""
        return () if self.stored is None else self.stored.unread

    def cells(self, row: int, names: Collection[str]) -> dict[str, str]:
        """Cells of one event, at least those of the named fields that it has."""
        if self.records is not None:
            return self.records.fields(row)
        cells = _cells(self.rows, row)
        if self.stored is not None and (unread := [name for name in names if name in self.stored.unread]):
            cells |= self.stored.cells(row, unread)
        return cells


def _cells(rows: "pa.RecordBatch", row: int) -> dict[str, str]:
    cells = ((name, rows.column(name)[row].as_py()) for name in rows.schema.names if name not in OWN_COLUMNS)
    return {name: cell for name, cell in cells if cell is not None}


def content_hash(raw: bytes) -> bytes:
    """16 bytes that are equal for equal raw records."""
    return hashlib.blake2b(raw, digest_size=16).digest()


def encode_cell(value: object) -> str:
    """A JSON value as the text of a cell.

    Strings stand for themselves; numbers and booleans in their JSON spelling (``1``, ``true``), since log formats
    differ in whether they quote them; null, arrays and objects as U+0000 followed by JSON. A string that itself begins
    with U+0000 is written like those, so that no input can imitate them.
    """
    if isinstance(value, str):
        return value if not value.startswith("\0") else "\0" + orjson.dumps(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if isinstance(value, int) else orjson.dumps(value).decode()
    return "\0" + orjson.dumps(value).decode()


def decode_cell(cell: str) -> Any:
    """The inverse of ``encode_cell``, but for numbers and booleans, which stay text."""
    return orjson.loads(cell[1:]) if cell.startswith("\0") else cell


def cell_texts(cell: str) -> list[str]:
    """The texts that a cell offers to a matcher: one for a scalar, one per element for an array, none for null."""
    if not cell.startswith("\0"):
        return [cell]
    value = decode_cell(cell)
    if value is None:
        return []
    if isinstance(value, list):
        elements = cast("Iterable[Any]", value)
        return [text for element in elements for text in cell_texts(encode_cell(element))]
    return [value] if isinstance(value, str) else [orjson.dumps(value).decode()]
