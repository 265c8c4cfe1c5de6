"""Of how many values JSON is, as it came."""

import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.depth import too_many

TRICKY = st.text(st.sampled_from(',:"\\\\[]{} a\u3042'), max_size=12)
VALUES = st.recursive(
    st.none() | st.integers() | TRICKY,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TRICKY, inner, max_size=5),
    max_leaves=30,
)


def separators(value: Any) -> int:
    """Commas and colons of a value, but for those within texts."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).values()
        return max(0, len(members) - 1) + len(members) + sum(map(separators, members))
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        return max(0, len(elements) - 1) + sum(map(separators, elements))
    return 0


@given(VALUES, st.booleans())
def test_what_stands_in_texts_does_not_count(value: Any, ascii: bool) -> None:
    raw, number = json.dumps(value, ensure_ascii=ascii).encode(), separators(value)
    assert not too_many(raw, number)
    assert number == 0 or too_many(raw, number - 1)


@given(st.binary(max_size=200))
def test_what_is_no_json_is_counted_without_failing(raw: bytes) -> None:
    too_many(raw, 3)


def test_texts_of_millions_of_commas_are_one_value() -> None:
    assert not too_many(json.dumps({"input": "a,b:" * 2_000_000}).encode(), 1_000)
    assert not too_many(b'{"a": "' + b'\\\\"' * 1_000_000, 1_000)
