"""JSON lines: every line that is not blank is one record or one report, wherever it lies."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.readers import MAX_RECORD, Damage, RawRecord, lines, ndjson


def _items(data: bytes) -> list[RawRecord]:
    items = list(ndjson.records(io.BytesIO(data), len(data)))
    assert all(isinstance(item, RawRecord) for item in items)
    return [item for item in items if isinstance(item, RawRecord)]


_BYTES = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b" ", b"\0", "防".encode(), b"\xff", b"{}"])).map(b"".join)


@given(_BYTES)
def test_the_records_are_the_lines_that_are_not_blank(data: bytes) -> None:
    lines = [line.rstrip(b"\r") for line in data.split(b"\n")]
    assert [item.raw for item in _items(data)] == [line for line in lines if line.strip()]


@given(_BYTES)
def test_offsets_lead_back_to_their_lines_and_no_other_place_does(data: bytes) -> None:
    file, found = io.BytesIO(data), {item.offset: item.raw for item in _items(data)}
    for offset in range(len(data) + 2):
        if offset in found:
            assert ndjson.record_at(file, len(data), offset) == found[offset]
        else:
            with pytest.raises(LookupError):
                ndjson.record_at(file, len(data), offset)


def test_a_byte_order_mark_is_no_part_of_the_first_record() -> None:
    data = lines.BOM + b'{"a":1}\n'
    assert _items(data) == [RawRecord(3, b'{"a":1}')]
    assert ndjson.record_at(io.BytesIO(data), len(data), 3) == b'{"a":1}'


def test_what_lies_behind_the_given_size_is_not_read() -> None:
    assert list(ndjson.records(io.BytesIO(b"a\nb\nc"), 3)) == [RawRecord(0, b"a"), RawRecord(2, b"b")]


def test_an_endless_line_is_one_report_and_the_next_line_is_read() -> None:
    data = b"first\n" + b"x" * (50 * 1024 * 1024) + b"\nlast"
    first, damage, last = ndjson.records(io.BytesIO(data), len(data))
    assert first == RawRecord(0, b"first")
    assert isinstance(damage, Damage)
    assert (damage.offset, damage.reason) == (6, "the line is longer than 16 MiB")
    assert last == RawRecord(len(data) - 4, b"last")


@pytest.mark.parametrize("extra", [0, 1])
def test_the_limit_counts_the_line_with_its_end(extra: int) -> None:
    data = b"x" * (MAX_RECORD - 1 + extra) + b"\nlast"
    kinds = [type(item) for item in ndjson.records(io.BytesIO(data), len(data))]
    assert kinds == [[RawRecord, RawRecord], [Damage, RawRecord]][extra]
