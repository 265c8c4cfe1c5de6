"""Runs of kanji and katakana taken apart into pieces: words, names, places, titles, endings of organisations.

Of all ways to read a run the cheapest is taken (a unigram lattice, Viterbi's algorithm): each piece that the lexicon
knows has a cost, and what no list holds costs more.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from sakimori.gateway.boundary.detectors.words.lexicon import Japanese, japanese

KANJI = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々〆ヶヵ"
KANA = "ァ-ヴー"
_STRETCH = re.compile(f"[{KANJI}]+|[{KANA}]+(?:・[{KANA}]+)*|[0-9a-z&・]+")
_LATIN = re.compile(r"[0-9a-z&・]+")
_UNKNOWN_SURNAMES = ((2, 4.0), (1, 4.6), (3, 5.4))
"""Characters of a surname on no list, and what reading one costs."""


class Piece(NamedTuple):
    start: int
    end: int
    what: str
    """word, place, surname, given, person, title, organisation, org-ending, place-ending, event-ending, form, katakana,
    latin, unknown."""


def plausible_surname(text: str) -> bool:
    lexicon = japanese()
    return len(text) == 2 and text[0] in lexicon.surname_firsts and text[1] in _SURNAME_ENDS


_SURNAME_ENDS = frozenset("田山川村本野井島崎沢澤藤原谷岡橋木森林口塚松浦池石岸越倉波津城坂尾江辺部見水瀬保羽垣淵沼")


def pieces_of(run: str) -> list[Piece]:
    lexicon = japanese()
    pieces: list[Piece] = []
    for stretch in _STRETCH.finditer(run):
        text, start = stretch[0], stretch.start()
        if _LATIN.fullmatch(text):
            pieces.append(Piece(start, stretch.end(), "latin"))
            continue
        is_katakana = text[0] < "\u3100" and text[0] not in "ヶヵ"
        found = _katakana(text, lexicon) if is_katakana else _kanji(text)
        pieces += [Piece(start + begin, start + end, what) for begin, end, what in found] if start else found
    if len(pieces) > 1 and pieces[-1].what == "word":
        last = run[pieces[-1].start :]
        for endings, what in ((lexicon.place_endings, "place-ending"), (lexicon.organisation_endings, "org-ending")):
            if last in endings:
                pieces[-1] = pieces[-1]._replace(what=what)
    return pieces


def _katakana(text: str, lexicon: Japanese) -> list[Piece]:
    if "・" in text:
        parts = text.split("・")
        if any(is_unknown(part) for part in parts if len(part) > 1):
            return [Piece(0, len(text), "katakana")]
        pieces: list[Piece] = []
        position = 0
        for part in parts:
            pieces.extend(
                Piece(position + piece.start, position + piece.end, piece.what)
                for piece in (_katakana(part, lexicon) if part else [])
            )
            position += len(part) + 1
        return pieces
    if text in lexicon.katakana_places:
        return [Piece(0, len(text), "place")]
    if text in lexicon.organisations:
        return [Piece(0, len(text), "organisation")]
    for ending in _katakana_endings() if text.endswith(_katakana_endings()) else ():
        if text.endswith(ending) and len(text) > len(ending):
            cut = len(text) - len(ending)
            first = "word" if not is_unknown(text[:cut]) else "katakana"
            return [Piece(0, cut, first), Piece(cut, len(text), "org-ending")]
    if text in lexicon.organisation_endings:
        return [Piece(0, len(text), "org-ending")]
    if text in lexicon.kana_surnames or text in lexicon.kana_given:
        return [Piece(0, len(text), "word" if len(text) < 3 or text in lexicon.katakana_words else "surname")]
    return [Piece(0, len(text), "katakana" if is_unknown(text) else "word")]


@cache
def _katakana_endings() -> tuple[str, ...]:
    endings = (e for e in japanese().organisation_endings if "ァ" <= e[0] <= "ヴ" and len(e) >= 4)
    return tuple(sorted(endings, key=len, reverse=True))


@lru_cache(8_192)
def is_unknown(text: str) -> bool:
    """Whether katakana is not a sequence of known words."""
    lexicon = japanese()
    if text in lexicon.katakana_words:
        return False
    reached = [True] + [False] * len(text)
    for end in range(2, len(text) + 1):
        reached[end] = any(
            reached[start] and text[start:end] in lexicon.katakana_words for start in range(max(0, end - 14), end - 1)
        )
    return not reached[-1]


@cache
def _costs() -> tuple[dict[str, tuple[tuple[str, float], ...]], dict[str, int]]:
    """What a kanji string can be and what it costs to read it so; by its first two characters the longest of them."""
    lexicon = japanese()
    costs: dict[str, dict[str, float]] = {}

    def add(names: frozenset[str] | tuple[str, ...], what: str, one: float, more: float) -> None:
        for name in names:
            costs.setdefault(name, {})[what] = one if len(name) == 1 else more

    add(lexicon.surnames, "surname", 3.4, 1.5)
    add(lexicon.given, "given", 4.0, 1.7)
    add(lexicon.places, "place", 2.6, 1.0)
    add(lexicon.organisations, "organisation", 3.0, 0.7)
    add(lexicon.event_endings, "event-ending", 2.0, 0.95)
    add(lexicon.place_endings, "place-ending", 1.9, 0.97)
    add(lexicon.organisation_endings, "org-ending", 2.0, 0.96)
    add(lexicon.titles, "title", 1.5, 0.9)
    add(lexicon.words, "word", 2.0, 1.0)
    add(frozenset("一二三四五六七八九十百千万第的化性者員用中内外前後上下各全両同毎約計以"), "word", 1.6, 1.6)
    add(lexicon.company_forms, "form", 0.5, 0.5)
    longest: dict[str, int] = {}
    for name in costs:
        longest[name[:2]] = max(longest.get(name[:2], 1), len(name))
    return {name: tuple(readings.items()) for name, readings in costs.items()}, longest


def _kanji(text: str) -> list[Piece]:
    """The cheapest reading of a run of kanji."""
    lexicon = japanese()
    costs, longest = _costs()
    given_names, firsts, lasts = lexicon.given, lexicon.surname_firsts, lexicon.surname_lasts
    size = len(text)
    best: list[float] = [0.0] + [1e9] * size
    back: list[tuple[int, str]] = [(0, "")] * (size + 1)
    for start in range(size):
        cost = best[start]
        if cost + 2.2 < best[start + 1]:
            best[start + 1], back[start + 1] = cost + 2.2, (start, "unknown")
        for end in range(start + 1, min(size, start + longest.get(text[start : start + 2], 1)) + 1):
            for what, extra in costs.get(text[start:end], ()):
                if cost + extra < best[end]:
                    best[end], back[end] = cost + extra, (start, what)
                if what == "surname" and end < size:
                    extra = cost + (0.8 if end - start == 1 else 0.0)
                    for last, more in _given_after(text, end, lexicon):
                        if extra + more < best[last]:
                            best[last], back[last] = extra + more, (start, "person")
        # A surname that no list holds, before a given name that one does or that could be one.
        for first, more in _UNKNOWN_SURNAMES:
            begin = start + first
            if begin + 2 > size or text[begin] not in lexicon.given_firsts:
                continue
            plausible = first == 2 and text[start] in firsts and text[start + 1] in lasts
            more = cost + (2.7 if plausible else more)
            for last in (begin + 2, begin + 3):
                known = last <= size and more < best[last] and text[begin:last] in given_names
                if known and text[start:begin] not in lexicon.words:
                    best[last], back[last] = more, (start, "person")
            if plausible and cost + 3.9 < best[begin + 2] and text[begin + 1] in lexicon.given_lasts:
                best[begin + 2], back[begin + 2] = cost + 3.9, (start, "person")
    pieces: list[Piece] = []
    end = size
    while end > 0:
        start, what = back[end]
        if pieces and what == "unknown" and pieces[-1].what == "unknown":
            pieces[-1] = Piece(start, pieces[-1].end, "unknown")
        else:
            pieces.append(Piece(start, end, what))
        end = start
    pieces.reverse()
    return pieces


def _given_after(text: str, start: int, lexicon: Japanese) -> Iterator[tuple[int, float]]:
    """Where a given name that begins at ``start`` can end, and the cost of the whole name."""
    for end in range(start + 1, min(len(text), start + 3) + 1):
        given = text[start:end]
        if given in lexicon.given:
            yield end, 1.3 if end - start > 1 else 2.6
        elif end - start == 2 and plausible_given(given, lexicon):
            yield end, 2.7 if given not in lexicon.words else 4.0
        elif end - start == 2 and given not in lexicon.words:
            if given[0] in lexicon.given_firsts or given[1] in lexicon.given_lasts:
                yield end, 3.5
        elif end - start == 3 and given[2] in GIVEN_ENDS and given[0] in lexicon.given_firsts:
            yield end, 2.4
        elif end - start == 1 and end == len(text):
            if given in lexicon.given_firsts:
                yield end, 3.3
            elif given not in lexicon.words and given not in lexicon.organisation_endings:
                yield end, 3.9


GIVEN_ENDS = frozenset("郎子美助介江枝代奈香乃衣穂花菜央紀恵里")


def plausible_given(given: str, lexicon: Japanese) -> bool:
    return len(given) == 2 and given[0] in lexicon.given_firsts and given[1] in lexicon.given_lasts


def is_listed(text: str) -> bool:
    """Whether kanji are one piece that a list holds."""
    return text in _costs()[0]


@lru_cache(16_384)
def is_common_hiragana(text: str) -> bool:
    """Whether hiragana are one or two words that are written so."""
    common = japanese().hiragana_words
    return text in common or any(
        text[:size] in common and text[size:] in common and (len(text) - size > 1 or text[size] in _PARTICLES)
        for size in range(2, len(text))
    )


_PARTICLES = frozenset("はがのにをとへもでやかなて")
