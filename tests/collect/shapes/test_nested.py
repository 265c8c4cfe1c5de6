"""Nested members become fields under dotted names; nothing of a record is lost on the way."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.shapes.nested import DEPTH, flattened


def test_members_are_joined_with_dots() -> None:
    record: dict[str, Any] = {"a": {"b": 1, "c": {"d": "x"}}, "e": None, "f": {}, "g": []}
    assert flattened(record) == {"a.b": 1, "a.c.d": "x", "e": None, "f": {}, "g": []}


def test_arrays_of_scalars_stay_and_arrays_of_objects_become_one_array_per_member() -> None:
    record = {"tags": ["a", 1], "answers": [{"rdata": "x", "ttl": 1}, {"rdata": ["y", "z"]}, "odd"]}
    assert flattened(record) == {
        "tags": ["a", 1],
        "answers.rdata": ["x", "y", "z"],
        "answers.ttl": [1],
        "answers": ["odd"],
    }


def test_names_that_meet_are_numbered() -> None:
    assert flattened({"a.b": 1, "a": {"b": 2}}) == {"a.b": 1, "a.b_2": 2}


def test_what_lies_too_deep_stays_as_it_is() -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = {"m": deep}
    ((name, value),) = flattened({"top": deep}).items()
    assert name == "top" + ".m" * DEPTH
    assert isinstance(value, dict)


def test_a_long_name_is_not_joined_with_others() -> None:
    record = {"x" * 1025: {"a": 1, "b": 2}}
    assert flattened(record) == record


_SCALAR = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
_JSON = st.recursive(_SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))


def _scalars(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in cast("dict[str, Any]", value).values() for text in _scalars(item)]
    if isinstance(value, list):
        return [text for item in cast("list[Any]", value) for text in _scalars(item)]
    return [repr(value)]


@given(st.dictionaries(st.text(max_size=3), _JSON, max_size=4))
def test_every_scalar_is_still_there(record: dict[str, Any]) -> None:
    assert sorted(_scalars(flattened(record))) == sorted(_scalars(record))
