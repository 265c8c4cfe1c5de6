"""Short ways to write an export and to look at what is read back of it."""

from collections.abc import Sequence
from pathlib import Path

from sakimori.collect import Item, export, read
from sakimori.core import ManualClock
from sakimori.records import EventBatch, EventKind

NOW = 1_800_000_000_000_000_000
Event = tuple[str, EventKind, int, dict[str, str]]
"""Id, kind, time, fields."""


def exported(folder: Path, *paths: Path, tenant: str = "bank", now: int = NOW) -> list[Item]:
    return list(export(paths, folder, tenant=tenant, clock=ManualClock(now)))


def read_back(*paths: Path, wanted: Sequence[str] | None = None, now: int = NOW) -> list[Item]:
    return list(
        read(
            paths,
            tenant="bank",
            clock=ManualClock(now),
            wanted=lambda _: None if wanted is None else frozenset(wanted),
        )
    )


def events(items: Sequence[Item]) -> list[Event]:
    """All events with all fields, in order of id."""
    found = [
        (batch.event_id(row), batch.kind, batch.time(row), batch.fields(row))
        for batch in items
        if isinstance(batch, EventBatch)
        for row in range(len(batch))
    ]
    return sorted(found, key=lambda event: event[0])
