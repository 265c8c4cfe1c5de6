"""Batches: what a record says is what its row says, whatever the values are."""

import json
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.batches import Batches
from sakimori.collect.shapes import ShapeError
from sakimori.records import OFFSET, TIME, EventBatch, EventKind, Source, encode_cell
from sakimori.records.columns import FIELD_TYPE

SOURCE = Source(tenant="bank", digest="ab" * 32, path="x", format="ndjson", size=1)
NOW = 1_800_000_000_000_000_000


def _batches(*raws: bytes) -> list[EventBatch]:
    batches = Batches(SOURCE)
    for offset, raw in enumerate(raws):
        batches.add(offset, raw, now=NOW)
    return batches.take(ingested=NOW)


def _row(raw: bytes) -> dict[str, str]:
    (batch,) = _batches(raw)
    return batch.fields(0)


_text = st.text(st.characters(codec="utf-8"), max_size=8)
_scalars = _text | st.integers(-(2**63), 2**64 - 1) | st.booleans() | st.none() | st.floats(-1e9, 1e9)
_values = st.integers(-(2**70), 2**70) | st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=2)
)
_names = st.text(st.characters(codec="utf-8"), max_size=4).map("f".__add__)
_records = st.dictionaries(_names, _values, max_size=6)


@given(st.lists(_records, min_size=1, max_size=80))
def test_every_value_becomes_its_cell(records: list[dict[str, Any]]) -> None:
    records = [{"Channel": "x", "EventID": index % 2, **record} for index, record in enumerate(records)]
    raws = [json.dumps(record).encode() for record in records]
    batches = _batches(*raws)
    assert [batch.kind.code for batch in batches] == ["0", "1"][: len(records)]
    seen = 0
    for batch in batches:
        for row in range(len(batch)):
            offset: int = batch.rows.column(OFFSET)[row].as_py()
            assert batch.fields(row) == {name: encode_cell(value) for name, value in records[offset].items()}
            assert batch.event_id(row) == f"ev-{'ab' * 12}-{offset}"
            seen += 1
        assert all(batch.rows.schema.field(name).type == FIELD_TYPE for name in batch.field_names)
        assert batch.rows.column(OFFSET).to_pylist() == sorted(batch.rows.column(OFFSET).to_pylist())
    assert seen == len(records)


@given(
    st.lists(_records, min_size=1, max_size=80), st.sets(_names | st.sampled_from(["EventID", "Keywords", "Computer"]))
)
def test_only_the_wanted_fields_are_columns_and_the_others_are_found_all_the_same(
    records: list[dict[str, Any]], wanted: set[str]
) -> None:
    """Records of every shape, each by the short and by the long way, with names that are spelled with spaces."""
    shapes = [
        {"Channel": "x", "EventID": 1, "Keywords": -1, "Hostname": "h"},
        {"Channel": "x", "EventID": "1", "EventData": "plain", "OpcodeValue": True},
        {"Event": {"System": {"Channel": "x", "EventID": 1, "Computer": "h"}, "EventData": {"f 1": None}}},
    ]
    raws = [json.dumps({**shapes[row % 3], **record}).encode() for row, record in enumerate(records)]
    whole = Batches(SOURCE)
    part = Batches(SOURCE, wanted=lambda _: {name.replace(" ", "") for name in wanted})
    for offset, raw in enumerate(raws):
        whole.add(offset, raw, now=NOW)
        part.add(offset, raw, now=NOW)
    (all_fields,), (some,) = whole.take(ingested=NOW), part.take(ingested=NOW)
    assert some.kind == EventKind(product="windows", channel="x", code="1")
    assert some.records is not None
    assert some.records.json == raws
    asked = {name.replace(" ", "") for name in wanted}
    assert some.field_names == [name for name in all_fields.field_names if name.replace(" ", "") in asked]
    for row in range(len(all_fields)):
        assert some.fields(row) == all_fields.fields(row)
    for name in some.field_names:
        assert some.rows.column(name).to_pylist() == all_fields.rows.column(name).to_pylist()


def test_each_distinct_value_stands_in_its_dictionary_once() -> None:
    (batch,) = _batches(
        *(b'{"EventID":1,"Channel":"x","a":%s}' % value for value in (b"5", b'"5"', b'"6"', b"5", b"null"))
    )
    column = batch.rows.column("a")
    assert column.to_pylist() == ["5", "5", "6", "5", "\0null"]
    assert isinstance(column, pa.DictionaryArray)
    assert sorted(column.dictionary.to_pylist()) == ["\0null", "5", "6"]


@pytest.mark.parametrize(
    ("written", "cell"),
    [
        (b'""', ""),
        (b"null", "\0null"),
        (b"true", "true"),
        (b'"true"', "true"),
        (b"18446744073709551615", "18446744073709551615"),
        (b"18446744073709551616", "18446744073709551616"),
        (b"-9223372036854775809", "-9223372036854775809"),
        (b'["a",1]', '\0["a",1]'),
        (b'"\\u0000null"', '\0"\\u0000null"'),
        (b"[" * 900 + b"]" * 900, "(a value that is nested too deeply to be kept)"),
        ('"ｐｏｗｅｒｓｈｅｌｌ"'.encode(), "ｐｏｗｅｒｓｈｅｌｌ"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"half \\ud800 sign"', "half \ufffd sign"),
        (b'["half \\ud800 sign"]', '\0["half \ufffd sign"]'),
        (b'"wrong \xff byte"', "wrong \ufffd byte"),
        (b'"a raw \x01 control"', "a raw \x01 control"),
    ],
)
def test_unusual_values(written: bytes, cell: str) -> None:
    assert _row(b'{"EventID":1,"Channel":"x","a":%s}' % written)["a"] == cell


def test_no_event_escapes_by_one_wrong_byte_and_it_is_counted() -> None:
    batches = Batches(SOURCE)
    batches.add(0, b'{"EventID":1,"Channel":"x","CommandLine":"mimikatz \xff","n\\udc00":1}', now=NOW)
    (batch,) = batches.take(ingested=NOW)
    assert batch.fields(0) == {"EventID": "1", "Channel": "x", "CommandLine": "mimikatz \ufffd", "n\ufffd": "1"}
    assert batches.repaired == 1


def test_a_field_that_comes_later_is_absent_before() -> None:
    (batch,) = _batches(b'{"EventID":1,"Channel":"x"}', b'{"EventID":1,"Channel":"x","a":"b"}')
    assert [batch.fields(0), batch.fields(1)] == [
        {"EventID": "1", "Channel": "x"},
        {"EventID": "1", "Channel": "x", "a": "b"},
    ]


def test_fields_come_and_go_and_change_places_within_a_kind() -> None:
    """Runs of one layout, longer than what is turned into columns at once, and rows that alternate."""
    layouts = [("EventID", "Channel", "a"), ("Channel", "EventID", "b", "a"), ("EventID", "Channel")]
    order = [0] * 70 + [1] * 70 + [2] * 40 + [0, 1, 2] * 30 + [1] * 5
    records = [
        {name: {"EventID": 1, "Channel": "x"}.get(name, row % 7) for name in layouts[at]}
        for row, at in enumerate(order)
    ]
    (batch,) = _batches(*map(orjson.dumps, records))
    assert [batch.fields(row) for row in range(len(batch))] == [
        {name: str(value) for name, value in record.items()} for record in records
    ]


def test_an_event_without_a_time_gets_that_of_reading() -> None:
    batches = Batches(SOURCE)
    batches.add(0, b'{"EventID":1,"Channel":"x"}', now=NOW)
    batches.add(1, b'{"EventID":1,"Channel":"x","@timestamp":"2026-01-01T00:00:00Z"}', now=NOW)
    (batch,) = batches.take(ingested=NOW)
    assert batch.rows.column(TIME).to_pylist() == [NOW, 1_767_225_600_000_000_000]
    assert batches.untimed == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0\0",
        b"[]",
        b"5",
        b'{"EventID":1,"Channel":"x"',
        b'{"EventID":1,"Channel":"x","a":NaN}',
        b'{"EventID":1,"Channel":"x","a":%s}' % (b"9" * 5000),
        b'{"EventID":1,"Channel":"x","a":%s}' % (b"[" * 100_000 + b"]" * 100_000),
        b'{"EventID":1,"Channel":"x","sakimori.time":1}',
        b"\xff\xfe{\0}\0",
    ],
)
def test_what_is_no_event_is_refused_and_leaves_no_trace(raw: bytes) -> None:
    batches = Batches(SOURCE)
    batches.add(0, b'{"EventID":1,"Channel":"x"}', now=NOW)
    with pytest.raises(ShapeError):
        batches.add(1, raw, now=NOW)
    (batch,) = batches.take(ingested=NOW)
    assert [batch.fields(row) for row in range(len(batch))] == [{"EventID": "1", "Channel": "x"}]


def test_ever_new_field_names_fill_a_round_soon() -> None:
    batches = Batches(SOURCE)
    rows = 0
    while batches.room > 0:
        names = {f"f{rows}-{index}": index for index in range(10_000)}
        batches.add(rows, orjson.dumps({"EventID": 1, "Channel": "x", **names}), now=NOW)
        rows += 1
    assert rows <= 25


def test_a_round_leaves_nothing_behind() -> None:
    batches = Batches(SOURCE)
    batches.add(0, b'{"EventID":1,"Channel":"x"}', now=NOW)
    assert len(batches.take(ingested=NOW)) == 1
    assert batches.take(ingested=NOW) == []
    assert batches.room > 0
