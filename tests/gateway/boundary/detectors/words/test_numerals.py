"""Numbers in kanji are read as digits, in the lines that hold them."""

import re
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.boundary.detectors.words.numerals import also_in_kanji, with_digits
from sakimori.gateway.boundary.fold import Folded, fold
from sakimori.gateway.boundary.span import Hit, Kind


@also_in_kanji
def detect_sevens(folded: Folded) -> Iterator[Hit]:
    for match in re.finditer(r"(?<![0-9])[0-9]{7}(?![0-9])", folded.text):
        yield Hit(*match.span(), Kind.ACCOUNT, "sevens", match[0])


def test_what_is_found_in_digits_is_found_in_kanji_at_its_place() -> None:
    text = "見出し\n口座 二二一〇四五七 と 1234567\n\n一言\n二三四五六七八、末尾"
    found = sorted((text[hit.start : hit.end], hit.value) for hit in detect_sevens(fold(text)))
    assert found == [("1234567", "1234567"), ("二三四五六七八", "2345678"), ("二二一〇四五七", "2210457")]


@given(st.text(alphabet="〇一二三の-ー12 \nあ", max_size=60))
def test_whatever_reading_all_as_digits_would_find_is_found(text: str) -> None:
    folded = fold(text)
    assert set(detect_sevens(Folded(with_digits(folded.text), folded.cased))) <= set(detect_sevens(folded))
