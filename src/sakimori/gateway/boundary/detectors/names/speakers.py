"""Who speaks: names at the beginning of lines of chats, minutes and transcripts, before what they say."""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.capitals import is_word
from sakimori.gateway.boundary.detectors.words.lexicon import english
from sakimori.gateway.boundary.detectors.words.pieces import is_common_hiragana
from sakimori.gateway.boundary.detectors.words.vocabulary import is_built
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_BEFORE = (
    r"(?:^|\n)[ \t\-*>・]{0,4}(?:\[[^\]\n]{1,24}\] ?"
    r"|(?:[0-9/.\-]{4,10}[, ]{1,2})?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: ?[ap]m)?(?: - | ))?"
)
"""Bullets, and the time at which somebody spoke."""
_SPEAKER = Gate(
    rf"{_BEFORE}([^\W\d_]{{3,14}})(?: [^\W\d_]{{1,14}})?(?: ?\([^()\n]{{1,20}}\))?[ ]?: (?=[^ \n]{{1,40}} [^ \n])"
)
_SPEAKER_JA = Gate(rf"{_BEFORE}([ぁ-ん]{{2,6}})[ ]?:")
_AT = Gate(r"(?:^|\n)([ぁ-ん]{2,6}) [0-9]{1,2}:[0-9]{2}(?![0-9])", needs=" [0-9]{1,2}:[0-9]{2}", within=13)
"""Chats that say the time behind who speaks."""
_READING = Gate(
    r"[一-龥々ヶぁ-んa-z](?:さん|様|氏)?[ ]?\(([ぁ-ん]{1,6}[ \u3000][ぁ-ん]{1,6}|[ぁ-ん]{3,10})(?=[)、, \u3000=])",
    needs=r"\([ぁ-ん]",
)


def detect_speakers(folded: Folded) -> Iterator[Hit]:
    """Also how Japanese names are read, which stands in brackets behind them."""
    text = folded.text
    if ": " in text:
        for match in _SPEAKER.finditer(text):
            word = folded.cased[match.start(1) : match.end(1)]
            if _names_somebody(word) or (word.isupper() and _speaks_again(word, folded.cased)):
                yield Hit(match.start(1), match.end(1), Kind.PERSON, "speaker", match[1])
    if text.isascii():
        return
    for pattern in (_SPEAKER_JA, _AT):
        for match in pattern.finditer(text):
            if not is_common_hiragana(match[1]):
                yield Hit(match.start(1), match.end(1), Kind.PERSON, "speaker", match[1])
    for match in _READING.finditer(text):
        parts = re.split("[ \u3000]", match[1])
        if not all(is_common_hiragana(part) for part in parts):
            yield Hit(match.start(1), match.end(1), Kind.PERSON, "reading", "".join(parts))


def _speaks_again(word: str, cased: str) -> bool:
    """Whether a word in capitals that is none begins several lines: a chat's speaker."""
    return len(word) > _SHORTEST and cased.count(f"\n{word}: ") > 1 and not is_built(word.lower())


_SHORTEST = 3


@lru_cache(4_096)
def _names_somebody(word: str) -> bool:
    """Whether a word before a colon is no label: unknown, or a given name in capitals."""
    lexicon, low = english(), word.lower()
    if word.isupper():
        return low in lexicon.given
    return word[1:].islower() and low.isascii() and low not in lexicon.terms and not is_word(low, lexicon)
