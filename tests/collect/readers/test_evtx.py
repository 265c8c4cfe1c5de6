"""EVTX: whatever is done to a file, each of its records is read or reported, and an offset leads back to its record."""

import io
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from evtx import PyEvtxParser
from hypothesis import given, settings
from hypothesis import strategies as st

from sakimori.collect.readers import Damage, Note, RawRecord, evtx

CHUNK_AT = evtx.FILE_HEADER
TABLES = slice(CHUNK_AT + 128, CHUNK_AT + 512)
"""String and template tables in the first chunk's header."""


def _items(data: bytes) -> list[RawRecord | Damage | Note]:
    return list(evtx.records(io.BytesIO(data), len(data)))


def _records(data: bytes) -> list[RawRecord]:
    return [item for item in _items(data) if isinstance(item, RawRecord)]


def _damage(data: bytes) -> list[Damage]:
    return [item for item in _items(data) if isinstance(item, Damage)]


@pytest.fixture(scope="module")
def sample(shared: Path) -> bytes:
    """A file of two chunks, without what was allocated behind them."""
    for path in sorted((shared / "corpora/evtx-to-mitre").rglob("*.evtx")):
        data = path.read_bytes()
        if data[42:44] == b"\2\0" and len({(at - CHUNK_AT) // evtx.CHUNK for at, _ in _records(data)}) == 2:
            return data[: CHUNK_AT + 2 * evtx.CHUNK]
    pytest.fail("no file of two chunks in the corpus")


def test_every_record_that_the_decoder_knows_is_read_word_for_word(shared: Path) -> None:
    for path in sorted((shared / "corpora/evtx-to-mitre").rglob("*.evtx"))[::9]:
        data = path.read_bytes()
        theirs = [record["data"] for record in PyEvtxParser(io.BytesIO(data), 1).records_json() if record is not None]
        items = _items(data)
        assert [item.raw.decode() for item in items if isinstance(item, RawRecord)] == theirs, path
        assert len(items) == len(theirs), path


def test_an_offset_leads_back_to_its_record_and_no_other_place_does(sample: bytes) -> None:
    file = io.BytesIO(sample)
    for offset, raw in _records(sample)[::7]:
        assert sample[offset : offset + 4] == b"**\0\0"
        assert evtx.record_at(file, len(sample), offset) == raw
        with pytest.raises(LookupError):
            evtx.record_at(file, len(sample), offset + 8)
    for nowhere in (0, 4095, 4096, len(sample), 10**17):
        with pytest.raises(LookupError):
            evtx.record_at(file, len(sample), nowhere)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_wherever_a_file_is_cut_what_is_left_is_read_and_what_is_lost_is_said(
    sample: bytes, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(CHUNK_AT, len(sample) - 1))
    whole, left = _records(sample), _records(sample[:cut])
    assert left == whole[: len(left)]
    assert all(cut < offset + 28 + 4 or cut < _end(sample, offset) for offset, _ in whole[len(left) :])
    if len(left) < len(whole):
        assert _damage(sample[:cut])


def _end(sample: bytes, offset: int) -> int:
    return offset + int.from_bytes(sample[offset + 4 : offset + 8], "little")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_bits_flip_every_record_is_read_or_covered_by_a_report(sample: bytes, data: st.DataObject) -> None:
    damaged = bytearray(sample)
    last = _records(sample)[-1].offset
    for at, bit in data.draw(st.lists(st.tuples(st.integers(CHUNK_AT + 512, last), st.integers(0, 7)), max_size=30)):
        damaged[at] ^= 1 << bit
    items = [item for item in _items(bytes(damaged)) if not isinstance(item, Note)]
    reach = [*(item.offset for item in items), len(sample)]
    spans = list(zip(items, pairwise(reach), strict=True))
    for offset, _ in _records(sample):
        covering = [item for item, (start, end) in spans if start <= offset < end]
        assert covering, f"the record at {offset} vanished"
        assert isinstance(covering[0], Damage) or covering[0].offset == offset


def test_a_damaged_record_header_costs_that_record_only(sample: bytes) -> None:
    whole = _records(sample)
    for victim in (0, 3, len(whole) - 1):
        for at, patch in ((0, b"XXXX"), (4, b"\xff\xff\xff\x7f"), (4, b"\0\0\0\0")):
            damaged = bytearray(sample)
            place = whole[victim].offset + at
            damaged[place : place + 4] = patch
            offsets = [item.offset for item in _records(bytes(damaged))]
            assert offsets == [item.offset for index, item in enumerate(whole) if index != victim]
            assert [item.offset for item in _damage(bytes(damaged))] == [whole[victim].offset]


def test_a_broken_body_costs_that_record_only(sample: bytes) -> None:
    whole = _records(sample)
    damaged = bytearray(sample)
    damaged[whole[5].offset + 24 : whole[5].offset + 60] = b"\xff" * 36
    (damage,) = _damage(bytes(damaged))
    assert damage.offset == whole[5].offset
    assert damage.reason.startswith("record cannot be decoded: ")
    assert len(_records(bytes(damaged))) == len(whole) - 1


def test_circular_string_tables_do_not_hang_the_reader(sample: bytes) -> None:
    damaged = bytearray(sample)
    for at in range(TABLES.start, TABLES.stop, 4):
        struct.pack_into("<I", damaged, at, at - CHUNK_AT)
    assert _records(bytes(damaged)) == _records(sample)


def test_a_chunk_without_its_magic_is_read_all_the_same(sample: bytes) -> None:
    damaged = bytearray(sample)
    damaged[CHUNK_AT : CHUNK_AT + 8] = b"\xee" * 8
    assert _records(bytes(damaged)) == _records(sample)


def test_a_chunk_of_rubbish_is_reported_and_the_next_is_read(sample: bytes) -> None:
    damaged = sample[:CHUNK_AT] + b"\xee" * evtx.CHUNK + sample[CHUNK_AT + evtx.CHUNK :]
    assert [item.offset for item in _damage(damaged)] == [CHUNK_AT]
    assert _records(damaged) == [item for item in _records(sample) if item.offset > CHUNK_AT + evtx.CHUNK]


def test_missing_chunks_are_noticed(sample: bytes) -> None:
    (damage,) = _damage(sample[: CHUNK_AT + evtx.CHUNK])
    assert damage.reason == "the file ends early: its header counts 2 chunks, 1 are here"


def test_chunks_that_windows_allocated_ahead_are_no_loss(sample: bytes) -> None:
    assert _items(sample + bytes(3 * evtx.CHUNK)) == _items(sample)


def test_a_changed_byte_is_noticed_by_the_checksum(sample: bytes) -> None:
    first = _records(sample)[0]
    text = "Microsoft-Windows".encode("utf-16-le")
    at = sample.index(text, first.offset)
    damaged = sample[:at] + b"m" + sample[at + 1 :]
    assert [item.text for item in _items(damaged) if isinstance(item, Note)] == [
        f"the chunk at byte {CHUNK_AT} fails its checksum: records were read as they stand"
    ]
