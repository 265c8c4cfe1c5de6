"""JSON documents: objects one after another or in an array, with byte offsets that lead back."""

import io
import tracemalloc
from typing import BinaryIO, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.readers import Damage, Note, RawRecord, document, window
from sakimori.collect.readers.lines import BOM

_objects = st.lists(
    st.dictionaries(st.text(max_size=5), st.integers(0, 9) | st.text(max_size=5), max_size=4), max_size=6
)


def _items(data: bytes) -> list[RawRecord | Damage]:
    items = list(document.records(io.BytesIO(data), len(data)))
    return [item for item in items if isinstance(item, RawRecord | Damage)]


@given(_objects, st.sampled_from(["sequence", "array"]), st.sampled_from([b"", BOM]))
def test_objects_come_out_as_they_went_in_and_offsets_lead_back(
    objects: list[dict[str, object]], form: str, start: bytes
) -> None:
    texts = [orjson.dumps(value, option=orjson.OPT_INDENT_2) for value in objects]
    data = start + (b"\n".join(texts) if form == "sequence" else b"[\n" + b",\n".join(texts) + b"\n]\n")
    items = _items(data)
    assert [orjson.loads(item.raw) for item in items if isinstance(item, RawRecord)] == objects
    assert len(items) == len(objects)
    for item in items:
        assert isinstance(item, RawRecord)
        assert (
            document.record_at(io.BytesIO(data), len(data), item.offset)
            == item.raw
            == data[item.offset :][: len(item.raw)]
        )


def test_a_broken_object_is_reported_and_the_next_at_the_margin_is_read() -> None:
    data = '{\n  "a": "侵入"\n}\n{\n  "b": oops\n}\n{\n  "c": 3\n}\n'.encode()
    first, broken, last = _items(data)
    assert isinstance(first, RawRecord)
    assert isinstance(broken, Damage)
    assert broken.excerpt == b'{\n  "b": oops\n}\n'
    assert isinstance(last, RawRecord)
    assert orjson.loads(last.raw) == {"c": 3}


@pytest.mark.parametrize("data", [b'{\n "a": ', b"[[[[", b"[" * 100_000, b'{"a":' * 100_000, b"{" + b"\xff" * 9])
def test_what_is_no_json_is_one_report(data: bytes) -> None:
    assert [type(item) for item in _items(data)] == [Damage]


def test_a_document_that_is_broken_everywhere_is_listed_without_costing_the_square_of_that() -> None:
    """What is no JSON between its brackets, the record's parser finds. Were each looked for to the end, this would take
    minutes: the suite would not end."""
    data = b"[\n" + b'{"a"}\n' * 300_000 + b'{"a":1}]'
    *broken, whole = _items(data)
    assert len(broken) == 300_000
    assert {item.raw for item in broken if isinstance(item, RawRecord)} == {b'{"a"}'}
    assert whole == RawRecord(len(data) - 8, b'{"a":1}')


_FORMS = ["sequence", "array", "envelope", "two envelopes", "array of envelopes", "envelope a line"]
_NAMES = ["Records", "records", "value", "logEvents", "Events", "events"]


def _written(texts: list[bytes], form: str, name: str) -> bytes:
    half = len(texts) // 2

    def envelope(parts: list[bytes]) -> bytes:
        return b'{"@odata.context":"x","n":[1,"a"],"%s":[%s],"next":{"a":[]}}' % (name.encode(), b", ".join(parts))

    match form:
        case "sequence":
            return b"\n".join(texts)
        case "array":
            return b"[" + b",\n".join(texts) + b"]"
        case "envelope":
            return envelope(texts)
        case "array of envelopes":
            return b"[" + envelope(texts[:half]) + b"," + envelope(texts[half:]) + b"]"
        case "two envelopes":
            return envelope(texts[:half]) + envelope(texts[half:])
        case _:
            return b"\n".join(envelope([text]) for text in texts)


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(st.sampled_from('"\\{}[],:a防\n😀'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "k", "{"]), inner, max_size=3),
    max_leaves=8,
)
_records = st.lists(st.dictionaries(st.sampled_from(["a", "b", "k"]), _values, min_size=1, max_size=3), max_size=6)


@given(_records, st.sampled_from(_FORMS), st.sampled_from(_NAMES), st.integers(1, 40))
def test_records_come_out_of_every_envelope_however_the_blocks_fall(
    objects: list[dict[str, object]], form: str, name: str, block: int
) -> None:
    texts = [orjson.dumps(value) for value in objects]
    data = _written(texts, form, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "_BLOCK", block)
        items = _items(data)
        assert [item.raw for item in items if isinstance(item, RawRecord)] == texts
        assert len(items) == len(texts)
        for item in items:
            assert data[item.offset :].startswith(item.raw if isinstance(item, RawRecord) else b"?")


_BREAKS: dict[str, tuple[bytes, bytes]] = {
    "a lost closing bracket": (b'{"b":[1]}', b'{"b":[1]'),
    "a lost opening bracket": (b'{"b":[1]}', b'{"b":1]}'),
    "a lost array end": (b'{"b":[1]}', b'{"b":[1}'),
    "a lost quote": (b'"text"', b'"text'),
    "a lost first quote": (b'"text"', b'text"'),
    "a word": (b'{"b":[1]}', b"oops"),
    "wrong bytes": (b'{"b":[1]}', b"\xff\x00\x01"),
    "a bracket too many": (b'{"b":[1]}', b'{"b":[1]}}'),
}


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("broken", range(5))
@pytest.mark.parametrize("how", _BREAKS)
def test_damage_in_one_record_costs_that_record(how: str, broken: int, form: str) -> None:
    """Its neighbours are read; so may be what it holds itself that is whole, for its own parser to judge."""
    texts = [b'{"id":%d,"a":{"b":[1]},"t":"text"}' % number for number in range(5)]
    whole = [text for number, text in enumerate(texts) if number != broken]
    texts[broken] = texts[broken].replace(*_BREAKS[how])
    items = _items(_written(texts, form, "Records"))
    assert set(whole) <= {item.raw for item in items if isinstance(item, RawRecord)}
    assert 0 < len(items) - len(whole) <= 3


@given(st.data())
def test_whatever_happens_to_a_document_reading_it_ends_and_what_is_read_is_found_again(data: st.DataObject) -> None:
    texts = [orjson.dumps({"id": number, "a": [{"b": "防"}]}) for number in range(4)]
    document_ = bytearray(_written(texts, data.draw(st.sampled_from(_FORMS)), "value"))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(document_) - 1))
        document_[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from([b"", b'"', b"{", b"}", b"\\"]))
        document_ = document_ or bytearray(b"x")
    content = bytes(document_)
    items = _items(content)
    assert [item.offset for item in items] == sorted({item.offset for item in items})
    for item in items:
        if isinstance(item, RawRecord):
            assert content[item.offset :].startswith(item.raw)
            assert document.record_at(io.BytesIO(content), len(content), item.offset) == item.raw


class _Endless(io.RawIOBase):
    """An envelope with as many records as asked for, made while it is read."""

    HEAD, RECORD = b'{"Records":[', b'{"eventVersion":"1.08","requestParameters":{"k":"' + b"x" * 900 + b'"}},'

    def __init__(self, count: int) -> None:
        self._made = 0
        self.size = len(self.HEAD) + count * len(self.RECORD) + 2
        self._left = count
        self._next = self.HEAD

    def seek(self, offset: int, whence: int = 0, /) -> int:
        assert offset == whence == 0
        return 0

    def read(self, size: int = -1, /) -> bytes:
        while len(self._next) < size and self._left:
            few = min(self._left, 1000)
            self._next += self.RECORD * few
            self._left -= few
        if not self._left:
            self._next += b"]}"
        taken, self._next = self._next[:size], self._next[size:]
        return taken


def test_a_document_of_any_size_takes_the_memory_of_a_block() -> None:
    endless = _Endless(100_000)
    tracemalloc.start()
    found = sum(isinstance(item, RawRecord) for item in document.records(cast("BinaryIO", endless), endless.size))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 100_000
    assert endless.size > 90_000_000
    assert peak < 16_000_000


def test_a_record_that_is_too_long_is_one_report_and_the_next_is_read() -> None:
    data = b'{"Records":[{"k":1},{"k":"' + b"x" * (40 * 1024 * 1024) + b'"},{"k":3}]}'
    first, long, last = _items(data)
    assert (first, last) == (RawRecord(12, b'{"k":1}'), RawRecord(len(data) - 9, b'{"k":3}'))
    assert isinstance(long, Damage)
    assert (long.offset, long.reason) == (20, "the object is larger than 16 MiB")


def test_a_document_that_breaks_off_says_so() -> None:
    data = b'{"Records":[{"k":1},{"k":2},{"k":'
    *_, damage, note = document.records(io.BytesIO(data), len(data))
    assert isinstance(damage, Damage)
    assert (damage.offset, damage.reason, damage.excerpt) == (28, "the JSON breaks off", b'{"k":')
    assert note == Note("the document breaks off before its array of records ends")


@pytest.mark.parametrize(
    "data", [b'{"value":[{}]}', b'{"EventID":1,"Channel":"x","value":[{"a":1}]}', b'{"a":{"Records":[{"b":1}]}}']
)
def test_an_event_is_no_envelope_whatever_its_members_are_called(data: bytes) -> None:
    assert [item.raw for item in _items(data) if isinstance(item, RawRecord)] == [b"{}" if b"[{}]" in data else data]


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":[\n' * 300_000,
        b'{"Records":[' + b'{"a":"' * 400_000,
        b'{"a":"x\n' * 300_000,
        b'{"a":1},' * 20 + b'{"a":[' * 400_000,
        (b'{"a":[{"b":1}' + b"," * 200) * 10_000,
    ],
)
def test_hostile_documents_cost_no_more_than_their_size(data: bytes) -> None:
    """If each beginning were read to the end, these would take hours: the suite would not end."""
    assert _items(data)
