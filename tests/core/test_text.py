import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pc\x1b[31m\x1b]0;owned\x07", "pc\\u001b[31m\\u001b]0;owned\\u0007"),
        ("a\x9bb\x7f\0", "a\\u009bb\\u007f\\u0000"),
        ("exe.\u202egpj\u2066\ufeff\u200b", "exe.\\u202egpj\\u2066\\ufeff\\u200b"),
        ("two\nlines\r\u2028\t", "two\\u000alines\\u000d\\u2028\\u0009"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_would_act_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize("text", ["", "防人　ＰＣ－０４１２", "が がん", "🦊 é é", "[bold] <b> \\u001b %s"])
def test_what_only_shows_itself_stays(text: str) -> None:
    assert plain(text) == text


def test_lines_may_be_kept() -> None:
    assert plain("a\n\tb\x1b\r\n", keep="\n\t") == "a\n\tb\\u001b\\u000d\n"


@given(st.text())
def test_nothing_that_acts_is_left_and_doing_it_twice_changes_nothing(text: str) -> None:
    shown = plain(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert plain(shown) == shown
    shown.encode()
