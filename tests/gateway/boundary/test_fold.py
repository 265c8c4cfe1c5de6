"""One spelling to look at, code point by code point beside the one with capitals, and the way back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sakimori.gateway.boundary.fold import fold

_CHARACTERS = st.one_of(
    st.characters(),
    st.sampled_from("aAÉé0 -_\n漢あアＡａ０－＠ｱｶﾞ㍿ﬁİſΣς\u0301\u3099\u200b\u00ad⁻−—①\U0001d400\U0001f170\ud800"),
)


@given(st.lists(_CHARACTERS, max_size=30).map("".join))
@example("İx")
@example("\u200b")
def test_text_and_cased_lie_side_by_side_and_lead_back(text: str) -> None:
    folded = fold(text)
    assert len(folded.cased) == len(folded.text)
    places = [folded.original(n, n + 1) for n in range(len(folded.text))]
    assert places == sorted(places)
    assert all(0 <= begin < end <= len(text) for begin, end in places)


@given(st.text(alphabet="abcXYZ 012-ＡＢａ０－漢あア、。", max_size=80))
def test_each_character_folds_as_it_does_alone(text: str) -> None:
    assert fold(text).text == "".join(fold(character).text for character in text)
    assert fold(text).cased == "".join(fold(character).cased for character in text)


@pytest.mark.parametrize(
    ("text", "folded", "cased"),
    [
        ("ＰＣ－０４１２", "pc-0412", "PC－０４１２"),
        ("1⁻2−3—4﹘5", "1-2-3-4-5", "1⁻2−3—4﹘5"),
        ("E\u0301mile", "émile", "Émile"),
        ("İstanbul", "i\u0307stanbul", "i\u0307stanbul"),
        ("ﬁx ㍿", "fix 株式会社", "fix 株式会社"),
        ("pа\u200by", "pay", "pаy"),
    ],
)
def test_what_becomes_of_them(text: str, folded: str, cased: str) -> None:
    assert (fold(text).text, fold(text).cased) == (folded, cased)


def test_many_different_characters_fold_as_few_do() -> None:
    text = "".join(chr(0xFF21 + n) + chr(0xFF41 + n) for n in range(26)) * 3
    assert fold(text).text == "".join(chr(0x61 + n) * 2 for n in range(26)) * 3
