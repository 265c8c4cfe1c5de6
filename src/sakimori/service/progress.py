"""How far an institution's live detection has come, kept so that a restart goes on where it ended."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from sakimori.collect import Follower, Item, SourceGone, SourceRead, raw_records
from sakimori.detect import Detector, StatePart
from sakimori.records import EventBatch, Source
from sakimori.service.installation import Installation
from sakimori.store import Transaction
from sakimori.store.detection import get_state, last_read, put_read, put_state


@dataclass(frozen=True, slots=True)
class Step:
    """What one round of reading and detecting changed."""

    changes: Mapping[str, bytes | None]
    """Of the detector's state."""
    cited: Collection[Source]
    """What open windows rest on, of what was read in this round."""
    read: Collection[Source]
    """Of each followed log, the piece that was read last."""

    def __bool__(self) -> bool:
        return bool(self.changes or self.read)

    def keep(self, transaction: Transaction) -> None:
        transaction.put(*self.cited)
        put_state(transaction, self.changes)
        put_read(transaction, self.read)


class Progress:
    def __init__(self, install: Installation, detector: Detector) -> None:
        self._install = install
        self._detector = detector
        self._followed: set[str] = set()
        self._read: dict[str, Source] = {}
        self._sources: dict[str, Source] = {}
        """Of the events of this round, by the 24 hex digits that event ids carry."""

    def follow(self, path: Path) -> tuple[Follower, str]:
        """A follower of a live log, from where reading ended; and one sentence where it has to begin anew."""
        follower = Follower(path, self._install.tenant, clock=self._install.clock)
        name = str(follower.path)
        self._followed.add(name)
        with self._install.database.snapshot(self._install.tenant) as snapshot:
            last = last_read(snapshot, name)
        if last is None:
            return follower, ""
        end = last.start + last.size
        try:
            list(raw_records(last, ()))  # the piece is still there as it was, so what follows it is what was appended
        except SourceGone:
            problem = f"{name} was replaced since byte {end:,} of it was read: what followed there was not read"
            return follower, problem
        follower.position = end
        return follower, ""

    def resume(self) -> list[str]:
        """Give the detector the state that was kept; one sentence for each reason why parts of it were dropped."""
        with self._install.database.snapshot(self._install.tenant) as snapshot:
            known = get_state(snapshot)
        left_out = self._detector.restore([StatePart(key, value) for key, value in known.items()])
        if left_out:
            with self._install.database.transaction(self._install.tenant) as transaction:
                put_state(transaction, dict.fromkeys(left_out))
        return sorted(set(left_out.values()))

    def see(self, item: Item) -> None:
        """Note what is being read."""
        if isinstance(item, EventBatch):
            self._sources[item.source.digest[:24]] = item.source
        elif isinstance(item, SourceRead) and item.source and item.source.path in self._followed:
            self._read[item.source.path] = item.source

    def step(self) -> Step:
        """What changed since this was asked last."""
        parts = list(self._detector.changes())
        cited = frozenset[str]().union(*(part.sources for part in parts))
        step = Step(
            changes={part.key: part.value for part in parts},
            cited=[source for digest, source in self._sources.items() if digest in cited],
            read=list(self._read.values()),
        )
        self._sources, self._read = {}, {}
        return step
