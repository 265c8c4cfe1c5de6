"""Names that were found once in a text, wherever else they stand in it: family names of people named in full."""

import re
from collections.abc import Iterable, Iterator

from sakimori.gateway.boundary.detectors.lexicon import english, japanese
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_MOST = 300
"""Names that are looked for in one text: each costs a pass over it."""
_PARTS = re.compile(r"[^\s・=,.]+")
_KANJI = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々]{2,}")
_KATAKANA = re.compile(r"[ァ-ヴー]{3,}")
_LATIN = re.compile(r"[^\W\d_]{4,}")


def detect_repeated(folded: Folded, claims: Iterable[Hit]) -> Iterator[Hit]:
    """``claims``: what others found in the text."""
    people = dict.fromkeys(
        part for hit in claims if hit.kind is Kind.PERSON for part in _parts(folded.text[hit.start : hit.end])
    )
    for name in list(people)[:_MOST]:
        start = folded.text.find(name)
        while start >= 0:
            end = start + len(name)
            if not name.isascii() or _stands_alone(folded, start, end):
                yield Hit(start, end, Kind.PERSON, "repeated", name)
            start = folded.text.find(name, end)


def _parts(person: str) -> Iterator[str]:
    for part in _PARTS.findall(person):
        if _KANJI.fullmatch(part):
            if surname := _surname(part):
                yield surname
        elif _KATAKANA.fullmatch(part):
            if part not in japanese().katakana_words:
                yield part
        elif _LATIN.fullmatch(part) and part not in english().words:
            yield part


def _surname(person: str) -> str | None:
    """What a name in kanji begins with, where that is a family name of two characters or more."""
    sizes = range(min(4, len(person)), 1, -1)
    return next((person[:size] for size in sizes if person[:size] in japanese().surnames), None)


def _stands_alone(folded: Folded, start: int, end: int) -> bool:
    text = folded.text
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() and before.isascii()) and not (after.isalnum() and after.isascii())
