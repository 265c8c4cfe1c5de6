"""Text in UTF-16 is read like any other, and its offsets are bytes of the source."""

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.conftest import Reading

from sakimori.collect import raw_record
from sakimori.collect.formats import reader_for, reader_named
from sakimori.collect.readers import RawRecord, ndjson
from sakimori.collect.utf16 import CODECS, Utf16, as_utf8, codec_of

FLAT = '{"EventID":1,"Channel":"x","n":"防人😀%d"}\r\n'

_TEXT = st.lists(
    st.sampled_from(
        ["a", "\n", "\r\n", "防", "😀", '{"a":1}\n', "\ufeff", "x" * 50, " ", "\ud800", "\udc00", "\ud83d"]
    ),
    max_size=40,
).map("".join)


@given(_TEXT, st.sampled_from(CODECS), st.integers(0, 3), st.booleans())
def test_lines_are_those_of_the_text_and_offsets_lead_back(text: str, codec: str, cut: int, marked: bool) -> None:
    """Whatever it holds, halves of surrogate pairs too, wherever it is cut and however the blocks fall."""
    data = (("\ufeff" if marked else "") + text).encode(codec, "surrogatepass")
    data = data[: max(0, len(data) - cut)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sakimori.collect.utf16._BLOCK", 64)
        reader = Utf16(ndjson, codec)
        found = {
            item.offset: item.raw for item in reader.records(io.BytesIO(data), len(data)) if isinstance(item, RawRecord)
        }
        plain = as_utf8(data, codec)
        expected = [item.raw for item in ndjson.records(io.BytesIO(plain), len(plain)) if isinstance(item, RawRecord)]
        assert list(found.values()) == expected
        for offset in range(len(data) + 2):
            if offset in found:
                assert reader.record_at(io.BytesIO(data), len(data), offset) == found[offset]
            else:
                with pytest.raises(LookupError):
                    reader.record_at(io.BytesIO(data), len(data), offset)


@pytest.mark.parametrize("codec", ["utf-16", *CODECS])
def test_json_lines_are_read_and_their_raw_records_found_again(codec: str, lines: Callable[[bytes], Reading]) -> None:
    data = "".join(FLAT % number for number in range(20_000)).encode(codec)
    reading = lines(data)
    assert [event["n"] for event in reading.events()] == [f"防人😀{number}" for number in range(20_000)]
    assert (reading.account.rejected, reading.account.repaired) == (0, 0)
    source = reading.account.source
    assert source is not None
    assert source.format == "ndjson+" + ("utf-16-le" if codec == "utf-16" else codec)
    (offset,) = (
        int(batch.event_id(row).rpartition("-")[2])
        for batch in reading.batches
        for row in range(len(batch))
        if batch.fields(row)["n"] == "防人😀7777"
    )
    text = (FLAT % 7777).rstrip()
    assert data[offset:].startswith(text.encode("utf-16-be" if codec == "utf-16-be" else "utf-16-le"))
    assert raw_record(source, offset) == text.encode()


@pytest.mark.parametrize("codec", CODECS)
def test_json_documents_are_read(codec: str, lines: Callable[[bytes], Reading]) -> None:
    text = '[\n  {\n    "EventID": 1,\n    "Channel": "防"\n  },\n  oops\n]'
    reading = lines(text.encode(codec))
    assert (reading.account.evaluated, [item.offset for item in reading.rejected]) == (1, [2 * text.index("oops")])


def test_half_a_surrogate_pair_lets_no_event_escape(lines: Callable[[bytes], Reading]) -> None:
    reading = lines('{"EventID":1,"Channel":"x","n":"a\ud800b"}'.encode("utf-16-le", "surrogatepass"))
    assert reading.events()[0]["n"].startswith("a\ufffd")
    assert reading.account.repaired == 1


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{}",
        b"ElfFile\0",
        b"MZ\x90\0\x03\0\0\0\x04\0\0\0",
        b"\xff\xfe\0\0{\0\0\0",
        bytes(64),
        b"a\0b\0" + bytes(60),
    ],
)
def test_other_bytes_are_not_taken_for_it(head: bytes) -> None:
    assert codec_of(head) is None


def test_a_format_is_found_again_by_its_name() -> None:
    reader = reader_for("<Event>".encode("utf-16"))
    assert reader_named(reader.NAME).NAME == reader.NAME == "windows-xml+utf-16-le"
