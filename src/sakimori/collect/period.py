"""From when to when somebody wants to know."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sakimori.collect.outcome import AlertRead, Item, SourceRead
from sakimori.core import Nanos
from sakimori.records import TIME, EventBatch, Records

_FIRST, _LAST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` up to, but without, ``end``; None: without bound."""

    start: Nanos | None = None
    end: Nanos | None = None

    def __bool__(self) -> bool:
        """Whether it has a bound at all."""
        return self.start is not None or self.end is not None

    def touches(self, first: Nanos, last: Nanos) -> bool:
        """Whether a time from ``first`` to ``last`` may lie in it."""
        return last >= self._start and (self.end is None or first < self.end)

    def mask(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of these lie in it."""
        inside = times >= self._start
        return inside if self.end is None else inside & (times < self.end)

    @property
    def _start(self) -> Nanos:
        return _FIRST if self.start is None else self.start

    def events(self, items: Iterable[Item]) -> Iterator[Item]:
        """What of a source's items lies in it; its account says how many events do not."""
        outside = 0
        for item in items:
            match item:
                case EventBatch():
                    inside = self._inside(item)
                    outside += len(item) - len(inside)
                    if len(inside):
                        yield inside
                case AlertRead() if not self.touches(item.finding.first_time, item.finding.last_time):
                    outside += 1
                case SourceRead():
                    yield replace(item, evaluated=item.evaluated - outside, outside=item.outside + outside)
                case _:
                    yield item

    def _inside(self, batch: EventBatch) -> EventBatch:
        """A batch just read, without the events that lie outside."""
        mask = self.mask(batch.rows.column(TIME).to_numpy())
        if mask.all():
            return batch
        places: list[int] = np.flatnonzero(mask).tolist()
        return EventBatch(
            source=batch.source,
            kind=batch.kind,
            ingested=batch.ingested,
            rows=batch.rows.filter(pa.array(mask)),
            records=None if batch.records is None else _Some(batch.records, places),
        )


ALWAYS = Period()


class _Some:
    """Some of the records behind a batch."""

    def __init__(self, records: Records, places: Sequence[int]) -> None:
        self.json = [records.json[place] for place in places]
        self._records = records
        self._places = places

    def fields(self, row: int) -> dict[str, str]:
        return self._records.fields(self._places[row])
