"""An export holds all events of its sources, each once, whatever they look like and whatever happens meanwhile."""

import shutil
import signal
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.lake.conftest import NOW, events, exported, read_back

from sakimori.collect import (
    EARLIER,
    AlertRead,
    ExportBusy,
    Outcome,
    Period,
    Rejected,
    SourceRead,
    export,
    raw_record,
    read,
)
from sakimori.collect.lake import layout, parts
from sakimori.core import InputError, ManualClock
from sakimori.records import EventBatch, EventRef, Source

_DAY = 86_400_000_000_000
_NAMES = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ["", "a", "a.b", "A", "a.list.element", "Threat Name", "\0", "sakimori.raw", "防人", "x" * 300]
)
_VALUES = (
    st.text(st.characters(codec="utf-8"), max_size=8)
    | st.sampled_from(["\0x", "\0[1]", "", "true", "５", None, True, 2**70, -1, 1.5])
    | st.lists(st.sampled_from(["a", "\0", 1, None]), max_size=3)
)
_TIMES = st.sampled_from(
    ["1969-12-31T23:59:59.999Z", "1700-01-01T00:00:00Z", "2262-01-01T00:00:00Z", "2026-06-16T00:00:00.000000001Z", "x"]
)


@st.composite
def _records(draw: st.DrawFn) -> bytes:
    channel = draw(st.sampled_from(["Security", "security", "../../x", "", "a/b", ".", "~", "長" * 80, "x" * 400]))
    fields = draw(st.dictionaries(_NAMES, _VALUES, max_size=4))
    return orjson.dumps(
        {
            **{name: value for name, value in fields.items() if not isinstance(value, int) or abs(value) < 2**63},
            "Channel": channel,
            "EventID": draw(st.sampled_from([1, 4624, "x:y"])),
            "@timestamp": draw(_TIMES),
        }
    )


@given(st.lists(_records() | st.just(b"{oops"), min_size=1, max_size=20))
def test_what_is_read_back_is_what_was_exported(tmp_path_factory: pytest.TempPathFactory, records: list[bytes]) -> None:
    """Ids, kinds, times and all fields, with all columns and with few; and the raw records are there."""
    folder = tmp_path_factory.mktemp("export")
    log, out = folder / "log", folder / "out"
    log.write_bytes(b'{"EventID":1,"Channel":"x"}\n' + b"\n".join(records))
    before = read_back(log)
    rejected = [item for item in exported(out, log) if isinstance(item, Rejected)]
    assert rejected == [item for item in before if isinstance(item, Rejected)]
    log.unlink()
    for wanted in (None, ["a", "ThreatName"], []):
        items = read_back(out, wanted=wanted, now=NOW + _DAY)
        assert events(items) == events(before)
        accounts = [item for item in items if isinstance(item, SourceRead)]
        assert sum(account.evaluated for account in accounts) == len(events(before))
    batches = [batch for batch in read_back(out) if isinstance(batch, EventBatch)]
    content = b'{"EventID":1,"Channel":"x"}\n' + b"\n".join(records)
    for batch in batches:
        for row in range(len(batch)):
            offset = EventRef.parse(batch.event_id(row)).offset
            assert content[offset:].startswith(raw_record(batch.source, offset))
    assert all(path.resolve().is_relative_to(out) for path in out.rglob("*"))


def _lines(count: int, *, day: int = 16) -> bytes:
    return b"".join(
        b'{"EventID":1,"Channel":"x","@timestamp":"2026-06-%02dT00:00:00Z","n":%d}\n' % (day, n) for n in range(count)
    )


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def test_events_lie_by_day_channel_and_class_in_plain_parquet(tmp_path: Path) -> None:
    """Any tool that reads Parquet reads it; nothing but strings and numbers is in it."""
    (tmp_path / "log").write_bytes(_lines(2) + _lines(1, day=17))
    exported(tmp_path / "out", tmp_path / "log")
    first, second = _parts(tmp_path / "out")
    digest = events(read_back(tmp_path / "log"))[0][0][3:27]
    assert first.relative_to(tmp_path / "out").parent == Path("day=2026-06-16/channel=windows~x/class=1")
    assert second.name == f"{digest}-000001.parquet"
    table = pq.ParquetFile(first).read()
    assert table.column("n").to_pylist() == ["0", "1"]
    assert table.column(layout.INGESTED).to_pylist() == [NOW, NOW]
    assert bytes(table.column(layout.RAW).to_pylist()[0]) == _lines(1).rstrip()


def test_kinds_with_few_events_share_a_part_and_others_have_their_own(tmp_path: Path) -> None:
    """The class stands beside each event for other tools, since the path does not say it."""
    few = [orjson.dumps({"EventID": n % 3, "Channel": "x", f"only{n % 3}": n, "both": "b"}) for n in range(9)]
    many = [orjson.dumps({"EventID": 9, "Channel": "x", "n": n}) for n in range(parts.FEW)]
    other = orjson.dumps({"EventID": 1, "Channel": "y"})
    (tmp_path / "log").write_bytes(b"\n".join([*few, *many, other]))
    exported(tmp_path / "out", tmp_path / "log")
    found = {f"{path.parent.parent.name}/{path.parent.name}": path for path in _parts(tmp_path / "out")}
    assert sorted(found) == [
        "channel=windows~x/class=9",
        "channel=windows~x/class=several",
        "channel=windows~y/class=1",
    ]
    table = pq.ParquetFile(found["channel=windows~x/class=several"]).read()
    assert table.column(layout.CLASS).to_pylist() == [*["0"] * 3, *["1"] * 3, *["2"] * 3]
    items = read_back(tmp_path / "out")
    assert events(items) == events(read_back(tmp_path / "log"))
    names = {item.kind.code: set(item.field_names) for item in items if isinstance(item, EventBatch)}
    assert names["2"] == {"EventID", "Channel", "only2", "both"}


def test_the_same_source_again_adds_nothing_and_another_does(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "a").write_bytes(_lines(2))
    exported(out, tmp_path / "a")
    before = {path: path.read_bytes() for path in _parts(out)}
    shutil.copy(tmp_path / "a", tmp_path / "copy")
    (account,) = exported(out, tmp_path / "copy", now=NOW + _DAY)
    assert isinstance(account, SourceRead)
    assert (account.outcome, account.reason) == (Outcome.SKIPPED, EARLIER)
    assert {path: path.read_bytes() for path in _parts(out)} == before
    (tmp_path / "b").write_bytes(_lines(3))
    exported(out, tmp_path / "b")
    assert len(events(read_back(out))) == 5


def test_what_has_too_many_fields_or_kinds_for_columns_is_kept_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sakimori.collect.lake.parts.MOST_FIELDS", 20)
    monkeypatch.setattr("sakimori.collect.lake.parts.MOST_PARTITIONS", 3)
    wide = {"EventID": 9, "Channel": "wide", **{f"f{n}": "x" for n in range(30)}}
    channels = [orjson.dumps({"EventID": 1, "Channel": f"c{n}"}) for n in range(9)]
    (tmp_path / "log").write_bytes(b"\n".join([orjson.dumps(wide), *channels]))
    before = read_back(tmp_path / "log")
    exported(tmp_path / "out", tmp_path / "log")
    assert any("class=mixed" in str(path) for path in _parts(tmp_path / "out"))
    assert events(read_back(tmp_path / "out", now=NOW + _DAY)) == events(before)


def test_many_small_parts_and_large_ones_tell_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in memory is bounded: beyond, more parts are written."""
    (tmp_path / "log").write_bytes(_lines(40_000) + _lines(10, day=17))
    monkeypatch.setattr("sakimori.collect.lake.parts.Parts.__init__.__kwdefaults__", {"gathered": 1000})
    exported(tmp_path / "out", tmp_path / "log")
    assert len(_parts(tmp_path / "out")) > 2
    assert events(read_back(tmp_path / "out")) == events(read_back(tmp_path / "log"))


def test_alerts_of_other_products_come_back_as_alerts(tmp_path: Path) -> None:
    alert = {
        "@timestamp": "2026-06-16T00:00:00Z",
        "kibana.alert.uuid": "7d6f",
        "kibana.alert.rule.name": "A rule",
        "kibana.alert.severity": "high",
        "kibana.alert.rule.uuid": "r1",
    }
    (tmp_path / "log").write_bytes(orjson.dumps(alert) + b"\n" + _lines(1))
    before = [item.finding for item in read_back(tmp_path / "log") if isinstance(item, AlertRead)]
    if not before:
        pytest.skip("the sample is no alert that is known here")
    exported(tmp_path / "out", tmp_path / "log")
    assert [item.finding for item in read_back(tmp_path / "out") if isinstance(item, AlertRead)] == before


def test_only_the_period_is_given_and_the_rest_is_counted(tmp_path: Path) -> None:
    """Alike for logs as they were written and for exported ones."""
    (tmp_path / "log").write_bytes(_lines(3) + _lines(2, day=17) + _lines(4, day=18))
    exported(tmp_path / "out", tmp_path / "log")
    start = events(read_back(tmp_path / "log"))[0][2] + _DAY
    told: list[object] = []
    for place in (tmp_path / "log", tmp_path / "out"):
        period = Period(start, start + _DAY)
        items = list(read([place], tenant="bank", clock=ManualClock(NOW), wanted=lambda _: [], period=period))
        accounts = [item for item in items if isinstance(item, SourceRead)]
        told.append((events(items), sum(a.evaluated for a in accounts), sum(a.outside for a in accounts)))
    assert told[0] == told[1]
    assert told[0][1:] == (2, 7)  # type: ignore[index]


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupted_export_is_a_valid_part_and_the_next_completes_it(tmp_path: Path, times: int) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    log.write_bytes(_lines(40_000))
    for _ in range(times):
        with closing(export([log], out, tenant="bank", clock=ManualClock(NOW))) as items:
            next(items)
    part = events(read_back(out))
    whole = events(read_back(log))
    assert 0 < len(part) < len(whole)
    assert {event[0] for event in part} < {event[0] for event in whole}
    (note,) = [note for item in read_back(out) if isinstance(item, SourceRead) for note in item.notes]
    assert note == f"the export of {log} was interrupted: export it again"
    exported(out, log)
    assert events(read_back(out)) == whole
    assert not list((out / ".writing").iterdir())


def test_ctrl_c_within_the_reading_leaves_a_valid_part(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    log.write_bytes(_lines(40_000))
    calls = iter(range(10))

    def interrupted(_: object) -> None:
        if next(calls) == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        list(export([log], out, tenant="bank", clock=ManualClock(NOW), on_progress=interrupted))
    assert 0 < len(events(read_back(out))) < 40_000


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_process_that_dies_while_moving_is_caught_up_with(tmp_path: Path, moved: int) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    log.write_bytes(_lines(2) + _lines(2, day=17))
    replace, done = Path.replace, iter(range(10))

    def dies(self: Path, target: Path) -> Path:
        last = moved == 2 and target.parent.name == layout.MANIFESTS
        if last or (self.suffix == ".parquet" and next(done) == moved):
            raise SystemExit
        return replace(self, target)

    with patch.object(Path, "replace", dies), pytest.raises(SystemExit):
        exported(out, log)
    exported(out, tmp_path / "nothing")
    assert events(read_back(out)) == events(read_back(log))
    (account,) = exported(out, log)
    assert isinstance(account, SourceRead)
    assert account.reason == EARLIER


def test_a_folder_of_another_institution_or_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(_lines(1))
    exported(tmp_path / "out", tmp_path / "log", tenant="other")
    with pytest.raises(InputError, match="holds an export of another institution: choose another folder"):
        exported(tmp_path / "out", tmp_path / "log")
    with pytest.raises(InputError, match="holds other things"):
        exported(tmp_path, tmp_path / "log")
    items = read_back(tmp_path / "out")
    assert events(items) == []
    (failed,) = [item for item in items if isinstance(item, SourceRead) and item.outcome is Outcome.FAILED]
    assert failed.reason == "it holds events of another institution"


def test_two_exports_at_once_into_one_folder_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(_lines(1))
    with closing(export([tmp_path / "log"], tmp_path / "out", tenant="bank", clock=ManualClock(NOW))) as first:
        next(first)
        with pytest.raises(ExportBusy, match="another export is writing to"):
            exported(tmp_path / "out", tmp_path / "log")


def test_raw_records_come_out_of_the_export_when_the_source_is_gone_and_never_changed(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    log.write_bytes(_lines(3))
    exported(out, log)
    (batch,) = (item for item in read_back(out) if isinstance(item, EventBatch))
    assert batch.source == Source(
        tenant="bank",
        digest=batch.source.digest,
        path=str(log),
        format="ndjson",
        size=len(_lines(3)),
        export=str(out),
    )
    log.unlink()
    assert raw_record(batch.source, 0) == _lines(1).rstrip()
    for part in _parts(out):
        part.unlink()
    with pytest.raises(InputError, match="is gone: restore the file"):
        raw_record(batch.source, 0)
