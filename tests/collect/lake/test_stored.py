"""What is read back is what was exported, or a sentence says why not."""

import zipfile
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.lake.conftest import events, exported, read_back

from sakimori.collect import Outcome, SourceRead
from sakimori.collect.lake import layout
from sakimori.records import EventBatch

_LINES = b"".join(b'{"EventID":1,"Channel":"x","n":%d,"word":"w%d"}\n' % (n, n % 3) for n in range(50))


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """The one part of an export."""
    (tmp_path / "log").write_bytes(_LINES)
    exported(tmp_path / "out", tmp_path / "log")
    (path,) = (tmp_path / "out").rglob("*.parquet")
    return path


def _failure(path: Path) -> str:
    items = read_back(path)
    assert not any(isinstance(item, EventBatch) for item in items)
    (account,) = (item for item in items if isinstance(item, SourceRead))
    assert account.outcome is Outcome.FAILED
    return account.reason


def test_only_wanted_columns_are_read_until_others_are_asked_for(part: Path) -> None:
    (batch,) = (item for item in read_back(part, wanted=["n"]) if isinstance(item, EventBatch))
    assert batch.field_names == ["n"]
    assert set(batch.unread) == {"Channel", "EventID", "word"}
    assert batch.cells(4, ["n"]) == {"n": "4"}
    assert batch.cells(4, ["word"]) == {"n": "4", "word": "w1"}
    assert batch.fields(4) == {"Channel": "x", "EventID": "1", "n": "4", "word": "w1"}


def test_only_rows_that_may_hold_a_word_are_looked_at(tmp_path: Path) -> None:
    """All columns of theirs, those that were read before included."""
    line = b'{"EventID":%d,"Channel":"x","@timestamp":"2026-06-1%dT00:00:00Z","word":"%s"}\n'
    days = [line % (1, day, word) for day, word in enumerate([b"one", b"MimiKatz", b"three"])]
    (tmp_path / "log").write_bytes(b"".join([*days, line % (2, 1, b"four")]))
    exported(tmp_path / "out", tmp_path / "log")
    first, second = (item for item in read_back(tmp_path / "out", wanted=["EventID"]) if isinstance(item, EventBatch))
    assert first.stored is not None
    assert second.stored is not None
    ((begin, rows),) = first.stored.holding(("mimikatz",))
    assert (begin, rows.column("word").to_pylist()) == (1, ["MimiKatz"])
    assert {"Channel", "EventID"} < set(rows.schema.names)
    assert not list(second.stored.holding(("mimikatz",)))


def test_a_part_is_read_wherever_it_lies(part: Path, tmp_path: Path) -> None:
    """Moved out of its export, or in an archive."""
    expected = events(read_back(tmp_path / "log"))
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.write(part, "part.parquet")
    assert events(read_back(tmp_path / "export.zip", wanted=["n"])) == expected
    assert events(read_back(part.rename(tmp_path / "moved"), wanted=["n"])) == expected


def test_a_foreign_parquet_is_told_from_ours(tmp_path: Path) -> None:
    path = tmp_path / "foreign.parquet"
    pq.write_table(pa.table([pa.array([1])], names=["n"]), path)
    reason = "a Parquet file that was not exported by Sakimori: give the logs that it was made of"
    assert _failure(path) == reason
    (account,) = read_back(tmp_path)
    assert isinstance(account, SourceRead)
    assert (account.outcome, account.reason) == (Outcome.SKIPPED, reason)


def test_a_newer_version_is_told_from_damage(part: Path) -> None:
    data = part.read_bytes()
    newer = data.replace(b"sakimori.part/2", b"sakimori.part/3")
    alone = part.parents[4] / "alone"
    alone.write_bytes(newer)
    assert (
        _failure(alone)
        == "it was exported by another version of Sakimori (sakimori.part/3): update it, or export again"
    )


def test_a_part_that_was_changed_is_not_believed(part: Path) -> None:
    """Even if it is a proper file, as when parts were mixed up."""
    table = pq.ParquetFile(part).read()
    metadata = pq.ParquetFile(part).metadata.metadata or {}
    with pq.ParquetWriter(part, table.schema, compression="zstd") as writer:
        writer.add_key_value_metadata({layout.METADATA: metadata[layout.METADATA]})
        writer.write_table(table)
    assert _failure(part) == "it is damaged: it is not what was exported; export its source again"


@pytest.mark.parametrize("events", [[49], [51], [60, -10], [50, 0], [10, 10]])
def test_a_part_whose_kinds_do_not_make_up_its_rows_is_not_believed(part: Path, events: list[int]) -> None:
    table = pq.ParquetFile(part).read()
    head = orjson.loads((pq.ParquetFile(part).metadata.metadata or {})[layout.METADATA])
    head["runs"] = [{**head["runs"][0], "events": number} for number in events]
    alone = part.parents[4] / "alone"
    with pq.ParquetWriter(alone, table.schema, compression="zstd") as writer:
        writer.add_key_value_metadata({layout.METADATA: orjson.dumps(head)})
        writer.write_table(table)
    assert _failure(alone) == "it is damaged: events are missing; export its source again"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part that lies alone, without the export's word for it."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "log").write_bytes(_LINES)
    exported(folder / "out", folder / "log")
    (path,) = (folder / "out").rglob("*.parquet")
    return path.rename(folder / "sound")


@given(st.floats(0, 1, exclude_max=True), st.none() | st.integers(0, 7))
def test_damage_is_one_sentence_and_nothing_half_read(sound: Path, place: float, bit: int | None) -> None:
    """Wherever a part is cut, or a bit of it flipped."""
    content = bytearray(sound.read_bytes())
    at = 4 + int(place * (len(content) - 4))
    if bit is None:
        del content[at:]
    else:
        content[at] ^= 1 << bit
    alone = sound.with_name("damaged")
    alone.write_bytes(content)
    items = read_back(alone)
    (account,) = (item for item in items if isinstance(item, SourceRead))
    if account.outcome is Outcome.FAILED:
        assert not any(isinstance(item, EventBatch) for item in items)
        assert "\n" not in account.reason
    else:
        batches = [item for item in items if isinstance(item, EventBatch)]
        assert account.evaluated == sum(map(len, batches))


def test_a_damaged_part_does_not_keep_the_others_from_being_read(part: Path, tmp_path: Path) -> None:
    (tmp_path / "more").write_bytes(orjson.dumps({"EventID": 2, "Channel": "y"}))
    exported(tmp_path / "out", tmp_path / "more")
    part.write_bytes(part.read_bytes()[:-1])
    items = read_back(tmp_path / "out")
    assert [kind.code for _, kind, _, _ in events(items)] == ["2"]
