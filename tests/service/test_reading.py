"""Counting: read = evaluated + rejected at every moment, not only when a source ends."""

from pathlib import Path

from tests.service.conftest import HARMLESS, NOW, line

from sakimori.collect import Rejected, read
from sakimori.core import ManualClock
from sakimori.records import EventBatch
from sakimori.service.reading import ReadingCount


def test_wherever_reading_stops_the_count_is_of_what_came(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_bytes(
            (line(1, HARMLESS) + b"{broken\n" + b'{"EventID":9,"Channel":"x"}\n') * 2
        )
    (tmp_path / "c.evtx").write_bytes(b"wiped")
    (tmp_path / "d.txt").write_bytes(b"read me")
    count = ReadingCount()
    evaluated = rejected = 0
    seen: dict[str, None] = {}
    for item in read([tmp_path], tenant="bank", clock=ManualClock(NOW)):
        count.count(item)
        if isinstance(item, EventBatch):
            evaluated += len(item)
        rejected += isinstance(item, Rejected)
        if item.source:
            seen[item.source.path] = None
        assert (count.evaluated, count.rejected, count.read) == (evaluated, rejected, evaluated + rejected)
        assert [source.path for source in count.sources] == list(seen)
    assert (evaluated, rejected, count.untimed, count.failed) == (8, 4, 4, 1)
    assert dict(count.skipped) == {"text that is not JSON": 1}
    assert [note.rpartition("/")[2] for note in count.notes if "rejected" not in note] == [
        "c.evtx: text that is not JSON"
    ]
