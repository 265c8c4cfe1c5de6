"""Batches out of plain JSON events, for tests of detection."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from sakimori.core.clock import NANOS_PER_SECOND
from sakimori.records import OFFSET, TIME, EventBatch, EventKind, Source, encode_cell

MakeBatch = Callable[..., EventBatch]


def make_batch(
    events: Sequence[Mapping[str, Any]],
    *,
    kind: tuple[str, str, str] = ("test", "log", ""),
    times: Sequence[float] | None = None,
    first: int = 0,
    tenant: str = "bank",
) -> EventBatch:
    """One batch of events of one kind; event ``i`` lies at offset ``first + i`` and happens ``times[i]`` seconds in."""
    count = len(events)
    moments = [round(at * NANOS_PER_SECOND) for at in (times or range(count))]
    names = list(dict.fromkeys(name for event in events for name in event))
    columns = [
        pa.array([encode_cell(event[name]) if name in event else None for event in events], pa.string())
        for name in names
    ]
    rows = pa.RecordBatch.from_arrays(
        [
            pa.array(list(range(first, first + count)), pa.int64()),
            pa.array(moments, pa.int64()),
            *(column.dictionary_encode() for column in columns),
        ],
        names=[OFFSET, TIME, *names],
    )
    source = Source(tenant=tenant, digest="5a" * 32, path="test.ndjson", format="ndjson", size=1)
    product, channel, code = kind
    kind_record = EventKind(product=product, channel=channel, code=code)
    return EventBatch(source=source, kind=kind_record, ingested=0, rows=rows)


@pytest.fixture
def batch() -> MakeBatch:
    return make_batch
