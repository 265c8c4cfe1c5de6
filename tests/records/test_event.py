"""Event ids lead back to their source; cells keep what the source said."""

from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import InputError
from sakimori.records import (
    HASH,
    OFFSET,
    TIME,
    EventBatch,
    EventKind,
    EventRef,
    Source,
    cell_texts,
    content_hash,
    decode_cell,
    encode_cell,
    finding_id,
)
from sakimori.records.columns import FIELD_TYPE

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
STRUCTURED = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
).filter(lambda value: value is None or isinstance(value, list | dict))


@given(st.text("0123456789abcdef", min_size=24, max_size=24), st.integers(0, 10**18 - 1))
def test_an_event_id_leads_back_to_source_and_offset(digest: str, offset: int) -> None:
    ref = EventRef(digest=digest, offset=offset)
    assert EventRef.parse(ref.event_id) == ref


@pytest.mark.parametrize(
    "text", ["", "ev-", "ev-abc-1", f"ev-{'a' * 24}-", f"ev-{'A' * 24}-1", f"ev-{'a' * 24}-1\n", f"ev-{'a' * 24}--1"]
)
def test_what_is_no_event_id_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no event id"):
        EventRef.parse(text)


@given(TEXT | st.text('\0[]"null', max_size=8))
def test_a_string_stands_for_itself_in_a_cell(text: str) -> None:
    cell = encode_cell(text)
    assert decode_cell(cell) == text
    assert cell_texts(cell) == [text]


@given(STRUCTURED)
def test_null_arrays_and_objects_come_back_from_a_cell(value: Any) -> None:
    assert decode_cell(encode_cell(value)) == value


@given(STRUCTURED, TEXT | st.text('\0[]"null', max_size=8))
def test_no_string_can_imitate_null_an_array_or_an_object(value: Any, text: str) -> None:
    assert encode_cell(value) != encode_cell(text)


@given(st.integers(-(2**63), 2**63 - 1) | st.booleans())
def test_numbers_and_booleans_are_spelled_as_in_json(value: int | bool) -> None:
    assert encode_cell(value) == orjson.dumps(value).decode()
    assert cell_texts(encode_cell(value)) == [orjson.dumps(value).decode()]


@given(st.lists(TEXT, max_size=4))
def test_an_array_offers_its_elements_to_a_matcher(elements: list[str]) -> None:
    assert cell_texts(encode_cell(elements)) == elements
    assert cell_texts(encode_cell([elements, None, elements])) == [*elements, *elements]


def test_null_offers_nothing_and_an_empty_string_itself() -> None:
    assert cell_texts(encode_cell(None)) == []
    assert cell_texts(encode_cell("")) == [""]


def test_a_batch_answers_ids_times_and_the_fields_that_are_there() -> None:
    source = Source(tenant="bank", digest="ab" * 32, path="log.ndjson", format="ndjson", size=10)
    rows = pa.RecordBatch.from_arrays(
        [
            pa.array([7, 90], pa.int64()),
            pa.array([1, 2], pa.int64()),
            pa.array([content_hash(b"1"), content_hash(b"2")], pa.binary(16)),
            pa.array(["a", None]).cast(FIELD_TYPE),
        ],
        names=[OFFSET, TIME, HASH, "Image"],
    )
    batch = EventBatch(source=source, kind=EventKind(product="windows", channel="c", code="1"), ingested=3, rows=rows)
    assert len(batch) == 2
    assert batch.tenant == "bank"
    assert batch.event_id(1) == f"ev-{'ab' * 12}-90"
    assert batch.time(0) == 1
    assert batch.fields(0) == {"Image": "a"}
    assert batch.fields(1) == {}


@given(st.lists(TEXT, max_size=3), st.lists(TEXT, max_size=3))
def test_a_findings_id_is_that_of_its_rule_and_events(one: list[str], other: list[str]) -> None:
    one_id, other_id = finding_id("bank", "rule", tuple(one)), finding_id("bank", "rule", tuple(other))
    assert one_id != finding_id("other", "rule", tuple(one))
    assert (one_id == other_id) == ("\0".join(one) == "\0".join(other) and bool(one) == bool(other))
