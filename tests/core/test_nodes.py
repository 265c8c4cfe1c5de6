"""Files that people write, read with the place of every mistake."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core.nodes import Reader


def read(text: str) -> tuple[Decimal | None, list[str]]:
    reader = Reader("f.yaml")
    node = reader.top(text)
    return (None if node is None else reader.decimal(node, "a price", 100)), reader.mistakes


@given(st.decimals(0, 100, places=9))
def test_a_decimal_is_kept_exactly_as_it_is_written(value: Decimal) -> None:
    assert read(f"{value:f}") == (value, [])


@pytest.mark.parametrize("text", ["-1", "1e3", "100.1", "NaN", "１", ".5", "1.", "0x10", "1_000", "[1]"])
def test_what_is_no_decimal_is_a_mistake_with_its_place(text: str) -> None:
    found, (mistake,) = read(text)
    assert found is None
    assert mistake.startswith("f.yaml:1:1: ")


@given(st.text(max_size=200))
def test_any_text_is_read_or_a_mistake(text: str) -> None:
    found, mistakes = read(text)
    assert (found is None) == bool(mistakes)
    assert all("\n" not in mistake for mistake in mistakes)


def test_a_file_of_brackets_is_refused_before_it_is_parsed() -> None:
    _, mistakes = read("[" * 10**6)
    assert mistakes == ["f.yaml:1:17: nested deeper than 16 levels"]


@pytest.mark.parametrize(("text", "column"), [("[&a x, *a]", 8), ("{&a x: *a}", 8), ("&a [*a]", 5)])
def test_an_alias_is_refused_where_it_stands_whatever_it_stands_for(text: str, column: int) -> None:
    assert read(text) == (None, [f"f.yaml:1:{column}: anchors and aliases are not read: write out what is meant"])
