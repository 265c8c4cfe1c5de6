"""Digits as detectors see them: a view of a folded text, of the same length, with numerals in kanji as digits."""

import re

_KANJI_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_RUN = re.compile("[〇零一二三四五六七八九](?:[〇零一二三四五六七八九]|[-ー・ の](?=[〇零一二三四五六七八九])){3,40}")


def with_digits(text: str) -> str:
    """Runs of four and more positional kanji numerals as ASCII digits; the small words 一 and 二 stay as they are."""
    if text.isascii() or not _RUN.search(text):
        return text
    return _RUN.sub(lambda run: run[0].translate(_KANJI_DIGITS).replace("の", "-").replace("ー", "-"), text)
