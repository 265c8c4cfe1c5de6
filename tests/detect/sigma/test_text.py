"""Case, wildcards and numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.detect.sigma.text import Glob, Piece, Wild, fold, fold_evenly, number

_TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aAßẞſKİıΣςσÅÅＡ")))


@given(_TEXT, _TEXT)
def test_folding_a_text_folds_its_parts(a: str, b: str) -> None:
    assert fold(a + b) == fold(a) + fold(b)
    assert len(fold(a)) == len(a)


@given(_TEXT)
def test_folding_takes_out_case_once_and_for_all(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(_TEXT)
def test_folding_bytes_is_folding_text(text: str) -> None:
    folded = fold_evenly(text.encode())
    assert folded is None or folded.decode() == fold(text)


@given(st.lists(st.one_of(st.sampled_from(list(Wild)), st.text("ab", min_size=1, max_size=2))), st.text("ab\n"))
def test_globs_match_as_expressions_do(pieces: list[Piece], text: str) -> None:
    wild = {Wild.ANY: ".*", Wild.ONE: "."}
    source = "".join(wild[piece] if isinstance(piece, Wild) else piece for piece in pieces)
    assert Glob(pieces).matches(text) == (re.fullmatch(source, text, re.DOTALL) is not None)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-1", -1), ("1.0", 1), ("1e3", 1000), ("10000000000000000000001", 10**22 + 1), ("0", 0)],
)
def test_numbers(text: str, value: int) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "01", "+1", "1.", ".5", "0x10", " 1", "1\n", "１", "1e9999999", "NaN", "1_0"])
def test_what_is_no_number(text: str) -> None:
    assert number(text) is None
