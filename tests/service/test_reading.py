"""Counting: read = evaluated + rejected at every moment, not only when a source ends."""

from pathlib import Path

import orjson
from tests.service.conftest import HARMLESS, NOW, line

from sakimori.collect import Outcome, Rejected, SourceRead, read
from sakimori.core import ManualClock
from sakimori.records import EventBatch, Source
from sakimori.service.reading import DeadLetters, ReadingCount


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
    assert dict(count.skipped) == {"text in no known format": 1}
    assert [note.rpartition("/")[2] for note in count.notes if "rejected" not in note] == [
        "c.evtx: text in no known format"
    ]


def _account(number: int) -> SourceRead:
    source = Source(tenant="bank", digest=f"{number:064x}", path="live", format="ndjson", size=9)
    return SourceRead(path="live", outcome=Outcome.READ, source=source, evaluated=0)


def test_sources_that_take_turns_are_counted_once() -> None:
    count = ReadingCount()
    for number in (1, 2, 1, 2, 2):
        count.count(_account(number))
    assert (count.source_count, len(count.sources)) == (2, 2)


def test_an_endless_reading_keeps_no_sources() -> None:
    count = ReadingCount(endless=True)
    for number in range(100):
        count.count(_account(number))
    assert (count.source_count, count.sources) == (100, [])


def test_what_could_not_be_read_is_kept_with_its_reason(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "rejected" / "some.jsonl")
    (tmp_path / "a.log").write_bytes(b"{broken\n" + line(1, HARMLESS))
    (tmp_path / "c.evtx").write_bytes(b"wiped")
    (tmp_path / "d.txt").write_bytes(b"read me")
    for item in read([tmp_path], tenant="bank", clock=ManualClock(NOW)):
        letters.keep(item)
    letters.close()
    kept = [orjson.loads(letter) for letter in letters.path.read_bytes().splitlines()]
    assert [(Path(letter["path"]).name, letter.get("offset")) for letter in kept] == [("a.log", 0), ("c.evtx", None)]
    assert all(letter["reason"] for letter in kept)
