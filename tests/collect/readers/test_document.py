"""JSON documents: objects one after another or in an array, with byte offsets that lead back."""

import io

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.readers import Damage, RawRecord, document
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
    """Counting the lines before each error, this would take minutes: the suite would not end."""
    data = b"[\n" + b'{"a"}\n' * 300_000 + b'{"a":1}]'
    *broken, whole = _items(data)
    assert len(broken) == 300_000
    assert whole == RawRecord(len(data) - 8, b'{"a":1}')
