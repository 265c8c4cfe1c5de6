"""Mapping files: a bank's own logs become events, and a wrong file is told with its line."""

from pathlib import Path
from textwrap import dedent

import pytest
from tests.collect.conftest import NOW, Reading

from sakimori.collect import MappingError, raw_record, read, read_mapping
from sakimori.core import ManualClock, parse_rfc3339

CORE_BANKING = """
    # The teller terminals' log, as the core banking system exports it
    format: csv
    encoding: Shift_JIS
    recognise: [日時, 端末, 操作]
    product: corebanking
    channel: operations
    code: {field: 操作}
    time: {field: 日時, format: "%Y/%m/%d %H:%M:%S", zone: Asia/Tokyo}
    host: 端末
    fields:
      利用者: User
"""
TABLE = "日時,端末,利用者,操作\r\n2026/11/22 10:02:03,TELLER-07,鈴木,振込\r\n"
GATEWAY = """
    format: json
    recognise: [at, actor.name]
    product: {field: app}
    channel: audit
    time: {field: at, format: epoch_ms}
    fields: {actor.name: User}
"""


def _mapping(path: Path, text: str) -> Path:
    path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def _read(source: Path, *mappings: Path) -> Reading:
    known = [read_mapping(mapping) for mapping in mappings]
    reading = Reading(list(read([source], tenant="bank", clock=ManualClock(NOW), mappings=known)))
    assert reading.balanced()
    return reading


def test_a_japanese_table_becomes_events_and_its_rows_are_found_again_without_the_mapping(tmp_path: Path) -> None:
    source = tmp_path / "export"
    source.write_bytes(TABLE.encode("cp932"))
    (batch,) = _read(source, _mapping(tmp_path / "m.yaml", CORE_BANKING)).batches
    assert (batch.kind.product, batch.kind.channel, batch.kind.code) == ("corebanking", "operations", "振込")
    assert batch.time(0) == parse_rfc3339("2026-11-22T01:02:03Z")
    assert batch.fields(0) == {"日時": "2026/11/22 10:02:03", "Computer": "TELLER-07", "User": "鈴木", "操作": "振込"}
    assert batch.source.format == "csv:cp932:comma"
    raw = '{"日時":"2026/11/22 10:02:03","端末":"TELLER-07","利用者":"鈴木","操作":"振込"}'
    assert raw_record(batch.source, len(TABLE.splitlines()[0].encode("cp932")) + 2) == raw.encode()


def test_a_record_of_a_mapping_may_hold_an_array_called_like_an_envelopes(tmp_path: Path) -> None:
    source = tmp_path / "log"
    source.write_text('{"at":1,"actor":{"name":"suzuki"},"app":"core","events":[{"a":1}],"value":[{"b":2}]}\n' * 2)
    reading = _read(source, _mapping(tmp_path / "m.yaml", GATEWAY))
    assert [event["User"] for event in reading.events()] == ["suzuki", "suzuki"]


@pytest.mark.parametrize("text", ["%s\n%s\n", "[%s,\n%s]"])
def test_json_of_a_mapping_stands_beside_known_shapes(tmp_path: Path, text: str) -> None:
    ours = '{"at":1600000000000,"app":"gateway","actor":{"name":"tanaka","id":18446744073709551616}}'
    source = tmp_path / "log"
    source.write_text(text % ('{"EventID":1,"Channel":"x"}', ours))
    reading = _read(source, _mapping(tmp_path / "m.yaml", GATEWAY))
    windows, gateway = reading.batches
    assert windows.kind.product == "windows"
    assert (gateway.kind.product, gateway.kind.channel, gateway.kind.code) == ("gateway", "audit", "")
    assert gateway.time(0) == 1_600_000_000_000_000_000
    assert gateway.fields(0)["User"] == "tanaka"
    assert gateway.fields(0)["actor.id"] == "18446744073709551616"


def test_without_its_members_a_record_is_rejected_and_the_others_are_read(tmp_path: Path) -> None:
    source = tmp_path / "log"
    source.write_text('{"at":1,"app":"a","actor":{"name":"b"}}\n{"at":1}\n{"at":2,"app":{},"actor":{"name":"b"}}\n')
    reading = _read(source, _mapping(tmp_path / "m.yaml", GATEWAY))
    assert reading.account.evaluated == 1
    assert [rejected.reason for rejected in reading.rejected] == [
        "no known event shape (its members begin with: at)",
        "a name or number was expected for channel and event id, got dict",
    ]


@pytest.mark.parametrize(
    ("form", "said", "time"),
    [
        ("{field: t}", "2026-11-22T10:02:03.5+09:00", "2026-11-22T01:02:03.5Z"),
        ("{field: t, format: epoch_s}", "1600000000.25", "2020-09-13T12:26:40.25Z"),
        ("{field: t, format: epoch_us}", "1600000000000000", "2020-09-13T12:26:40Z"),
        ("{field: t, format: epoch_ns}", "1600000000000000001", "2020-09-13T12:26:40.000000001Z"),
        (
            '{field: t, format: "%Y年%m月%d日 %H時%M分", zone: "+09:00"}',
            "2026年11月22日 10時02分",
            "2026-11-22T01:02:00Z",
        ),
        ('{field: t, format: "%d/%b/%Y:%H:%M:%S %z"}', "22/Nov/2026:10:02:03 +0900", "2026-11-22T01:02:03Z"),
        ('{field: t, format: "%Y%m%d%H%M%S.%f"}', "20261122010203.25", "2026-11-22T01:02:03.25Z"),
        ("{field: t, format: epoch_s}", "1e99", None),
        ('{field: t, format: "%Y/%m/%d"}', "2026/13/45", None),
    ],
)
def test_times(tmp_path: Path, form: str, said: str, time: str | None) -> None:
    source = tmp_path / "log"
    source.write_text(f"t|user\n{said}|x\n", encoding="utf-8")
    mapping = _mapping(tmp_path / "m.yaml", f"format: csv\nrecognise: [t, user]\nproduct: p\ntime: {form}\n")
    reading = _read(source, mapping)
    assert reading.times() == [NOW if time is None else parse_rfc3339(time)]
    assert reading.account.untimed == (time is None)


TOP = "format: csv\nrecognise: [a]\nproduct: p\n"
KEYS = "format, encoding, recognise, product, channel, code, time, host, fields"
FORMATS = "rfc3339, epoch_s, epoch_ms, epoch_us, epoch_ns, or a pattern such as %Y/%m/%d %H:%M:%S"
WRONG = [
    ("", "1: the mapping file is empty"),
    ("- a", "1: the mapping must be 'name: value' lines"),
    ("format: csv\nproduct: [", "2: this is no YAML: expected the node content, but found '<stream end>'"),
    ("product: p\nformat: csv", "1: 'recognise' is missing"),
    ("format: xml\nrecognise: [a]\nproduct: p", "1: 'format' is 'xml', which is none of csv, json"),
    (
        "format: csv\nrecognise: []\nproduct: p",
        "2: 'recognise' must be a list of the columns or members that only this log has",
    ),
    (TOP + "hosts: x", f"4: unknown 'hosts' in the mapping (known: {KEYS})"),
    ("format: csv\nformat: csv", "2: 'format' stands twice in the mapping"),
    ("format: csv\nrecognise: [a]\nproduct: {a: b}", "3: unknown 'a' in 'product' (known: field)"),
    (TOP + "time: {field: t, format: soon}", f"4: 'soon' is no time format: write {FORMATS}"),
    (
        TOP + "time:\n  field: t\n  format: '%H:%M'",
        "6: the time format '%H:%M' does not say year, month and day",
    ),
    (
        TOP + "time:\n  field: t\n  format: '%Y-%m-%d'\n  zone: Mars/Base",
        "7: 'Mars/Base' is no time zone: write a name such as Asia/Tokyo, or +09:00",
    ),
    (
        TOP + "time: {field: t, zone: Asia/Tokyo}",
        "4: 'zone' is for times whose 'format' is a pattern without %z",
    ),
    ("format: json\nencoding: cp932\nrecognise: [a]\nproduct: p", "2: 'encoding' is for csv: JSON is UTF-8"),
    (
        TOP + "host: a\nfields: {a: b}",
        "4: 'a' is the host, which is called Computer: do not rename it under 'fields' too",
    ),
    (TOP + "channel:", "4: 'channel' must be a text"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(MappingError) as caught:
        read_mapping(path)
    assert str(caught.value) == f"{path}:{said}"


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="the mapping file cannot be read: No such file or directory"):
        read_mapping(tmp_path / "none.yaml")
    (tmp_path / "m.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MappingError, match="1: this is no YAML: the file is not UTF-8 text"):
        read_mapping(tmp_path / "m.yaml")
