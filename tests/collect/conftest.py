"""What the tests of collection share: events to write into files, and a short way to read them back."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sakimori.collect import AlertRead, Item, Rejected, SourceRead, read
from sakimori.core import ManualClock
from sakimori.records import EventBatch

NOW = 1_800_000_000_000_000_000


class Reading:
    """All that came out of one reading, sorted by what it is."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.batches = [item for item in items if isinstance(item, EventBatch)]
        self.alerts = [item.finding for item in items if isinstance(item, AlertRead)]
        self.rejected = [item for item in items if isinstance(item, Rejected)]
        self.accounts = [item for item in items if isinstance(item, SourceRead)]

    @property
    def account(self) -> SourceRead:
        (only,) = self.accounts
        return only

    def events(self) -> list[dict[str, str]]:
        return [batch.fields(row) for batch in self.batches for row in range(len(batch))]

    def times(self) -> list[int]:
        return [batch.time(row) for batch in self.batches for row in range(len(batch))]

    def balanced(self) -> bool:
        """Whether every source's account agrees with what came out of it."""
        evaluated = sum(account.evaluated for account in self.accounts)
        rejected = sum(account.rejected for account in self.accounts)
        return evaluated == sum(map(len, self.batches)) + len(self.alerts) and rejected == len(self.rejected)


def gather(*paths: Path) -> Reading:
    reading = Reading(list(read(paths, tenant="bank", clock=ManualClock(NOW))))
    assert reading.balanced()
    return reading


@pytest.fixture
def lines(tmp_path: Path) -> Callable[[bytes], Reading]:
    """Write some bytes to a file and read it."""

    def write_and_read(content: bytes) -> Reading:
        path = tmp_path / "some.log"
        path.write_bytes(content)
        return gather(path)

    return write_and_read
