"""The map of grams never hides a word that is there, and usually tells of one that is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.lake import grams
from sakimori.collect.lake.grams import gram_map, may_contain
from sakimori.detect.sigma.text import fold

_WORDS = st.text(st.characters(codec="ascii"), min_size=4, max_size=12)
_TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("Kſ防"), max_size=20)


@given(_WORDS, st.lists(_TEXTS, max_size=4), _TEXTS, _TEXTS, st.data())
def test_a_word_that_is_there_is_never_denied(
    word: str, others: list[str], before: str, after: str, data: st.DataObject
) -> None:
    """In whatever case, with the characters outside ASCII whose case folds into it."""
    odd = {"k": "kK\u212a", "s": "sS\u017f"}
    spelled = "".join(data.draw(st.sampled_from(odd.get(c.lower(), c.lower() + c.upper()))) for c in word)
    assert fold(spelled) == fold(word)
    found = gram_map(text.encode() for text in (*others, before + spelled + after))
    assert may_contain(found, (word,))
    assert may_contain(found, ("zzzz", word, "\0\0\0\0\0"))


def test_a_word_across_the_blocks_that_are_looked_at_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grams, "_BLOCK", 16)
    text = b"0123456789abcdefghijklmnopqrstuvwxyz"
    found = gram_map([text])
    for begin in range(len(text) - 9):
        assert may_contain(found, (text[begin : begin + 10].decode(),))


def test_a_word_that_is_not_there_is_told_from_a_full_map() -> None:
    """However much text: a map of a megabyte of digits still denies letters."""
    found = gram_map([" ".join(map(str, range(200_000))).encode()])
    assert not may_contain(found, ("mimikatz", "gentilkiwi.com", "lsadump::"))
    assert len(found) <= 1 << 17
    assert len(gram_map([b"mimikatz"])) <= 64


def test_nothing_is_in_an_empty_map_and_anything_where_there_is_none() -> None:
    assert not may_contain(gram_map([]), ("mimikatz",))
    assert may_contain(b"", ("mimikatz",))
    assert not may_contain(b"", ())


@pytest.mark.parametrize("word", ["abc", "防人防人"])
def test_words_that_the_map_cannot_tell_of_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match="fewer than four characters, or others than ASCII"):
        may_contain(gram_map([b"x"]), (word,))
