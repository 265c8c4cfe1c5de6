"""How an export lies on disk, and what each of its files says of itself.

::

    DIR/sakimori-export.json                      whose it is (``ExportMark``)
    DIR/manifests/<digest>.json                   one exported source: its account and its parts (``Manifest``)
    DIR/day=2026-06-16/channel=windows~Security/class=4624/<digest>-<part>.parquet

A part holds events of one source, one day (UTC) and one kind, with a plain string column for every field (cells as in
``records.encode_cell``) and the columns named below. Kinds of one day and channel that have few events share a part,
``class=several``, one after another, since to open a file costs more than to read a few hundred events. What cannot be
laid out so (more fields than ``MOST_FIELDS``, more kinds and days than ``MOST_PARTITIONS``, fields with the names of
our own columns) lies in *bare* parts, which have our own columns alone and no kind: its raw records are parsed again.

``<digest>``: the first 24 hex digits of the source's SHA-256, as in event ids.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import date
from typing import ClassVar
from urllib.parse import quote

from sakimori.core import Nanos
from sakimori.records import HASH, OFFSET, TIME, EventKind, Source, record

PARQUET = b"PAR1"
"""What Parquet files begin and end with (Apache Parquet, "File format")."""
BOOKKEEPING = (b'{"schema":"sakimori.export/', b'{"schema":"sakimori.manifest/')
"""What an export's other files begin with."""
METADATA = b"sakimori.part"
"""Key of the file metadata under which a part's ``PartHead`` stands."""

INGESTED = "sakimori.ingested"
"""int64: when it was read, nanoseconds since the epoch, UTC."""
RAW = "sakimori.raw"
"""binary: the raw record."""
CLASS = "sakimori.class"
"""string: the code of the event's kind; null in a bare part."""
GRAMS = "sakimori.grams"
"""binary: in the first row of each kind, the map of what stands in the cells of its rows (``grams``); else null."""
OWN = (OFFSET, TIME, HASH, INGESTED, CLASS, GRAMS, RAW)

MOST_FIELDS = 2000
MOST_PARTITIONS = 4096
"""Of one source: names and times come from outside, and each partition costs files."""

DAY: Nanos = 86_400_000_000_000
MARK = "sakimori-export.json"
MANIFESTS = "manifests"
_LONGEST_NAME = 100
"""Characters of a channel or class that stand in a path; components of paths have 255 bytes."""
_EPOCH = date(1970, 1, 1).toordinal()


@record
class ExportMark:
    SCHEMA: ClassVar[str] = "sakimori.export/2"

    tenant: str

    @property
    def id(self) -> str:
        return self.tenant


@record
class Run:
    """Rows of one kind, one after another in a part."""

    kind: EventKind
    events: int


@record
class PartHead:
    """What a part says of itself."""

    SCHEMA: ClassVar[str] = "sakimori.part/2"

    source: Source
    runs: tuple[Run, ...]
    """In order of rows; none in a bare part."""

    @property
    def tenant(self) -> str:
        return self.source.tenant

    @property
    def id(self) -> str:
        return self.source.id


@record
class Part:
    path: str
    """Relative to the export's folder."""
    sha256: str
    events: int
    first: int
    last: int
    """The smallest and largest offset in it."""


@record
class Manifest:
    """One source of an export."""

    SCHEMA: ClassVar[str] = "sakimori.manifest/1"

    source: Source
    complete: bool
    """False: the export was interrupted; exporting the source again completes it."""
    evaluated: int
    rejected: int
    parts: tuple[Part, ...]

    @property
    def tenant(self) -> str:
        return self.source.tenant

    @property
    def id(self) -> str:
        return self.source.id


def manifest_path(digest: str) -> str:
    return f"{MANIFESTS}/{digest[:24]}.json"


def part_path(source: Source, number: int, day: int | None, kinds: Sequence[EventKind]) -> str:
    """``kinds``: of one channel; none for a bare part.

    Parts of a source are numbered through, so that directories which a file system takes for one do no harm.
    """
    when = "mixed" if day is None else date.fromordinal(_EPOCH + day).isoformat()
    channel, code = "mixed", "mixed"
    if kinds:
        channel = f"{_component(kinds[0].product)}~{_component(kinds[0].channel)}"
        code = _component(kinds[0].code) if len(kinds) == 1 else "several"
    return f"day={when}/channel={channel}/class={code}/{source.digest[:24]}-{number:06}.parquet"


def _component(name: str) -> str:
    """A name from outside as part of a path: other than letters, digits, ``_``, ``-`` and ``.``, percent-encoded."""
    escaped = re.sub(r"~|\.\Z", lambda found: f"%{ord(found[0]):02X}", quote(name, safe=""))
    if len(escaped) <= _LONGEST_NAME:
        return escaped or "%"
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return f"{escaped[: _LONGEST_NAME - 17]}%{digest}"
