"""Tables: rows become JSON under the header's names, bad rows are rejected one by one, offsets lead back."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect import json_records
from sakimori.collect.readers import Damage, Note, RawRecord
from sakimori.collect.readers.csv_rows import ROW_LINES, CsvReader, reader_named, reader_of

COMMA = CsvReader("utf-8", ",")


def _items(data: bytes, reader: CsvReader = COMMA) -> list[RawRecord | Damage | Note]:
    return list(reader.records(io.BytesIO(data), len(data)))


def _rows(data: bytes, reader: CsvReader = COMMA) -> list[dict[str, str]]:
    return [json.loads(item.raw) for item in _items(data, reader) if isinstance(item, RawRecord)]


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        (
            b'\xef\xbb\xbfa,b\r\n"x, ""y""","l1\nl2"\r\n\r\n3,\r\n',
            [{"a": 'x, "y"', "b": "l1\nl2"}, {"a": "3", "b": ""}],
        ),
        (b"a,b\n1,2\na,b\n3,4", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        (b"a,a,\n1,2,3\n", [{"a": "1", "a_2": "2", "column_3": "3"}]),
        (b'a,b\n5" disk,x\n', [{"a": '5" disk', "b": "x"}]),
    ],
)
def test_rows_have_the_headers_names(data: bytes, rows: list[dict[str, str]]) -> None:
    assert _rows(data) == rows


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "utf-8"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_japanese_tables_in_their_own_encodings(encoding: str, delimiter: str) -> None:
    # In cp932 the second byte of some characters is that of "|" or of a backslash: ポ, 表.
    data = f"日時{delimiter}表題\r\n2026/11/22{delimiter}ポート表\r\n".encode(encoding)
    reader = reader_of(data, encoding=encoding, needed=frozenset({"表題"}), event=json_records.event)
    assert reader is not None
    assert reader.delimiter == delimiter
    assert _rows(data, reader) == [{"日時": "2026/11/22", "表題": "ポート表"}]


def test_a_table_without_the_columns_is_not_taken() -> None:
    assert reader_of(b"a,b\n", encoding="utf-8", needed=frozenset({"c"}), event=json_records.event) is None
    assert reader_of(b"", encoding="utf-8", needed=frozenset({"c"}), event=json_records.event) is None


def test_too_few_and_too_many_cells_are_rejected_with_the_count() -> None:
    first, second, third = _items(b"a,b\n1\n1,2,3\n1,2\n")
    assert isinstance(first, Damage)
    assert isinstance(second, Damage)
    assert first.reason == "the row has 1 cells where the header row has 2"
    assert (second.offset, second.reason) == (6, "the row has 3 cells where the header row has 2")
    assert isinstance(third, RawRecord)


@pytest.mark.parametrize("lines", [5, ROW_LINES * 3])
def test_a_quote_that_never_closes_costs_its_own_row_only(lines: int) -> None:
    data = b'a,b\n"open,1\n' + b"x,y\n" * lines
    damage, *rest = _items(data)
    assert isinstance(damage, Damage)
    assert (damage.offset, damage.reason) == (4, f"a quote in the row does not close within {ROW_LINES} lines")
    assert len(rest) == lines
    assert all(isinstance(item, RawRecord) for item in rest)


def test_bytes_that_are_not_of_the_encoding_are_told() -> None:
    row, note = _items(b"a,b\n\xff,2\n")
    assert isinstance(row, RawRecord)
    assert json.loads(row.raw) == {"a": "\ufffd", "b": "2"}
    assert isinstance(note, Note)
    assert note.text == "1 lines hold bytes that are not utf-8, read as U+FFFD: check the encoding in the mapping"


def test_a_row_beyond_the_limit_is_one_rejection() -> None:
    data = b"a,b\n" + b"x" * (40 * 1024 * 1024) + b"\n1,2\n"
    damage, row = _items(data)
    assert isinstance(damage, Damage)
    assert damage.reason == "the row is longer than 16 MiB"
    assert isinstance(row, RawRecord)


def test_the_name_of_the_format_is_enough_to_find_rows_again() -> None:
    reader = CsvReader("cp932", "\t")
    assert reader.NAME == "csv:cp932:tab"
    assert reader_named("csv:cp932:tab") == reader
    for wrong in ("csv", "csv:cp932:x", "evtx"):
        with pytest.raises(KeyError):
            reader_named(wrong)


_TABLES = st.lists(st.lists(st.text(alphabet='ab,"\n 防', max_size=4), min_size=2, max_size=2), min_size=1, max_size=8)


@given(_TABLES)
def test_what_a_spreadsheet_writes_comes_back(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["first", "second"], *rows])
    assert [list(row.values()) for row in _rows(text.getvalue().encode())] == rows


@given(st.lists(st.sampled_from([b"1,2", b'"1', b'2"', b'"1,2"', b"", b"x", b'""', b'"a""', b"\xff,1"]), max_size=12))
def test_every_record_leads_back_however_broken_the_table(lines: list[bytes]) -> None:
    data = b"\n".join([b"a,b", *lines])
    for item in _items(data):
        if isinstance(item, RawRecord):
            assert COMMA.record_at(io.BytesIO(data), len(data), item.offset) == item.raw
        elif isinstance(item, Damage):
            with pytest.raises(LookupError):
                COMMA.record_at(io.BytesIO(data), len(data), item.offset)
    for offset in (0, 1, len(data) + 5):
        with pytest.raises(LookupError):
            COMMA.record_at(io.BytesIO(data), len(data), offset)
