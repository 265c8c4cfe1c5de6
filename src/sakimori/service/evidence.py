"""Recent events by id and by entity: what investigators may look things up in while a case is fresh."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator

import pyarrow as pa

from sakimori.core import InputError, Nanos
from sakimori.investigate import EvidenceEvent
from sakimori.records import OFFSET, TIME, Entity, EntityType, EventBatch, EventRef, Source, entity_value

_ENTITY_FIELDS = {
    EntityType.HOST: ("Computer", "Hostname", "WorkstationName", "DestinationHostname"),
    EntityType.USER: ("User", "TargetUserName", "SubjectUserName", "SourceUser", "account", "requester"),
    EntityType.IP: ("IpAddress", "SourceIp", "DestinationIp"),
}


class RecentEvents:
    """The newest events of one institution, at most ``limit`` of them: bounded whatever the stream does."""

    def __init__(self, *, limit: int = 500_000) -> None:
        self._limit = limit
        self._count = 0
        self._batches: deque[EventBatch] = deque()
        self._by_digest: dict[str, list[EventBatch]] = {}

    def add(self, batch: EventBatch) -> None:
        self._batches.append(batch)
        self._by_digest.setdefault(batch.source.digest[:24], []).append(batch)
        self._count += len(batch)
        while self._count > self._limit and len(self._batches) > 1:
            self._forget(self._batches.popleft())

    def _forget(self, batch: EventBatch) -> None:
        self._count -= len(batch)
        digest = batch.source.digest[:24]
        self._by_digest[digest].remove(batch)
        if not self._by_digest[digest]:
            del self._by_digest[digest]

    def source(self, digest: str) -> Source | None:
        """The source whose SHA-256 begins with these 24 hex digits; None where nothing of it is among the recent."""
        batches = self._by_digest.get(digest)
        return batches[0].source if batches else None

    def event(self, event_id: str) -> EvidenceEvent | None:
        """None where it is not among the recent ones, or where the text is no event id."""
        try:
            ref = EventRef.parse(event_id)
        except InputError:
            return None
        for batch in self._by_digest.get(ref.digest, ()):
            offsets = batch.rows.column(OFFSET).to_numpy(zero_copy_only=False)
            row = bisect_left(offsets, ref.offset)
            if row < len(offsets) and offsets[row] == ref.offset:
                return _as_evidence(batch, row)
        return None

    def search(self, entity: Entity, *, start: Nanos, end: Nanos, limit: int) -> list[EvidenceEvent]:
        found = sorted(self._mentions(entity, start, end), key=lambda hit: hit[2])[:limit]
        return [_as_evidence(batch, row) for batch, row, _ in found]

    def _mentions(self, entity: Entity, start: Nanos, end: Nanos) -> Iterator[tuple[EventBatch, int, Nanos]]:
        for batch in self._batches:
            times = batch.rows.column(TIME).to_numpy(zero_copy_only=False)
            if not len(times) or times.max() < start or times.min() >= end:
                continue
            rows = {row for field in _ENTITY_FIELDS.get(entity.type, ()) for row in _rows_with(batch, field, entity)}
            for row in sorted(rows):
                if start <= times[row] < end:
                    yield batch, row, int(times[row])


def _as_evidence(batch: EventBatch, row: int) -> EvidenceEvent:
    return EvidenceEvent(
        event_id=batch.event_id(row),
        tenant=batch.tenant,
        time=batch.time(row),
        kind=batch.kind,
        fields=batch.fields(row),
    )


def _rows_with(batch: EventBatch, field: str, entity: Entity) -> list[int]:
    if field not in batch.rows.schema.names:
        return []
    column = batch.rows.column(field)
    assert isinstance(column, pa.DictionaryArray)
    wanted = {
        code
        for code, value in enumerate(column.dictionary.to_pylist())
        if entity_value(entity.type, value) == entity.value
    }
    if not wanted:
        return []
    return [row for row, code in enumerate(column.indices.to_pylist()) if code in wanted]
