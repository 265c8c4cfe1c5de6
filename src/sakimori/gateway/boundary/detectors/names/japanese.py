"""Names in Japanese text: people, organisations, places, with or without honorifics, known and unknown.

A run of kanji, katakana and adjoining Latin is taken apart into the cheapest sequence of pieces that the lexicon knows
(a unigram lattice, Viterbi's algorithm): words, names, places, titles, endings of organisations. What the pieces say
together decides: a surname and a given name, an unknown word before 様, anything that is not a common word before 銀行.
Each distinct run is taken apart once.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from sakimori.gateway.boundary.detectors.names.mixed_scripts import detect_mixed_scripts
from sakimori.gateway.boundary.detectors.names.spaced import MUST_NAME, detect_spaced_people
from sakimori.gateway.boundary.detectors.words.lexicon import Japanese, japanese
from sakimori.gateway.boundary.detectors.words.pieces import (
    KANA,
    KANJI,
    Piece,
    is_listed,
    pieces_of,
    plausible_surname,
)
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_LATIN = "0-9a-z&"
_RUN = re.compile(
    f"([{KANJI}{KANA}・](?:(?<=[{_LATIN}].)())?(?:[{KANJI}{KANA}・{_LATIN}]{{1,59}}|(?<=[{_LATIN}].)))"
    "(?=(さん|さま|くん|ちゃん)?)",
    re.DOTALL,
)
"""A run, whether Latin stands before it, and the honorific behind it.

Latin is taken in backwards where a run begins with it: most Latin begins none.
"""
_LATIN_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz&"
_MOST_LATIN = 60
_POLITE = frozenset("様殿氏君嬢")


def detect_japanese_names(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    if text.isascii():
        return
    for run in _RUN.finditer(text):
        found, follows_latin, honorific = run.groups()
        start = run.start()
        if follows_latin is not None:
            before = text[max(0, start - _MOST_LATIN) : start]
            latin = before[len(before.rstrip(_LATIN_CHARACTERS)) :]
            found, start = latin + found, start - len(latin)
        claims = _claims(found, honorific)
        if not claims:
            continue
        is_handle = text[start - 1 : start] == "@"
        for begin, end, kind, name in claims:
            if not (is_handle and kind is Kind.NAME and name == found):
                yield Hit(start + begin, start + end, kind, "name-ja", name)
    yield from detect_mixed_scripts(text)
    yield from detect_spaced_people(text)


_Claim = tuple[int, int, Kind, str]
"""Where a name begins and ends in its run, what it is, and the name."""


@lru_cache(16_384)
def _claims(run: str, honorific: str | None) -> tuple[_Claim, ...]:
    """What a run says, in order. ``honorific``: what of its kind follows."""
    names = _names_in(run, is_polite=honorific is not None)
    return tuple((begin, end, kind, run[begin:end]) for begin, end, kind in names)


def _names_in(run: str, *, is_polite: bool) -> Sequence[tuple[int, int, Kind]]:
    lexicon = japanese()
    if run in lexicon.polite_words:
        return ()
    if run in lexicon.words or run in lexicon.katakana_words:
        return ((0, len(run), Kind.PERSON),) if is_polite and run in lexicon.surnames else ()
    if len(run) == 2 and not is_polite and not is_listed(run) and run[0] > "\u3100" < run[1]:
        return ((0, 2, Kind.PERSON),) if plausible_surname(run) else ()
    pieces = _together(run, pieces_of(run), lexicon)
    claims: list[tuple[int, int, Kind]] = []
    firm = _start_of_firm(run, pieces, lexicon)
    if firm is not None:
        claims.append((firm, len(run), Kind.ORG))
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else None
        if piece.what == "word" and run[piece.start : piece.end] in lexicon.surnames and piece.end - piece.start > 1:
            piece = pieces[index] = Piece(piece.start, piece.end, "word-surname")
        named = (following is not None and run[following.start : following.end] in MUST_NAME) or (
            following is None and is_polite
        )
        if following is not None and run[piece.start : following.end] in lexicon.polite_words:
            continue
        claim = _claim(run, pieces, index, named=named, is_last=following is None)
        if claim:
            claims.append(claim)
    return claims


def _together(run: str, pieces: list[Piece], lexicon: Japanese) -> list[Piece]:
    """Pieces that are one person: anything before a given name, a surname before one in katakana, a few before 様."""
    size = pieces[-1].end
    last = pieces[-1]
    is_given = last.what == "given" and size - last.start > 1 and last.start <= 3
    if 2 <= len(pieces) <= 3 and is_given and 3 <= size <= 6 and run not in lexicon.words:
        return [Piece(0, size, "person")]
    if len(pieces) == 2 and pieces[0].what == "surname" and pieces[0].end > 1:
        given = run[pieces[1].start :]
        if given in lexicon.kana_given or (pieces[1].what in ("katakana", "surname") and len(given) <= 5):
            return [Piece(0, size, "person")]
    for index, piece in enumerate(pieces):
        title = run[piece.start : piece.end]
        if index and (title in _POLITE or (title in MUST_NAME and piece.start >= 2)) and piece.start <= 4:
            before = pieces[:index]
            is_word = run[: piece.start] in lexicon.words or run[: piece.end] in lexicon.polite_words
            if any(other.end - other.start == 1 for other in before) and not is_word:
                return [Piece(0, piece.start, "person"), *pieces[index:]]
    return pieces


def _start_of_firm(run: str, pieces: list[Piece], lexicon: Japanese) -> int | None:
    """Where the name of a place or family begins that the business closing the run makes a firm of: 備後データ."""
    if run.startswith("ja") and len(pieces) > 1 and pieces[0].end == len("ja") and len(run) <= _LONGEST_OF_FARMERS:
        return 0  # of farmers: JA南風
    last = len(pieces) - 1
    if last and run[pieces[last].start :] not in lexicon.businesses:
        last -= 1
        if run[pieces[last].start :] not in lexicon.businesses:
            return None
    first = last - 1
    while first > 0 and (run[pieces[first].start : pieces[first].end] in _BETWEEN or pieces[first].what == "latin"):
        first -= 1
    named = (
        last > 0
        and pieces[first].what in ("place", "surname", "katakana")
        and pieces[first].end - pieces[first].start > 1
    )
    return pieces[first].start if named else None


_BETWEEN = frozenset(("第一", "第二", "中央", "総合", "東", "西", "南", "北", "新"))
_LONGEST_OF_FARMERS = 8


def _claim(run: str, pieces: list[Piece], index: int, *, named: bool, is_last: bool) -> tuple[int, int, Kind] | None:
    piece = pieces[index]
    length = piece.end - piece.start
    if named and piece.what in ("surname", "given", "place", "unknown", "katakana", "word-surname"):
        start = piece.start
        for before in reversed(pieces[:index]):
            if before.what not in ("surname", "given", "unknown") and before.end - before.start > 1:
                break
            start = before.start
        return (start, piece.end, Kind.PERSON)
    match piece.what:
        case "person":
            return (piece.start, piece.end, Kind.PERSON)
        case "surname" | "given" if length >= 2:
            alone = all(other.what in ("word", "title") for other in pieces if other is not piece)
            return (piece.start, piece.end, Kind.PERSON) if alone else None
        case "unknown" if length in (2, 3) and len(pieces) == 1 and is_last:
            return (piece.start, piece.end, Kind.PERSON) if plausible_surname(run) else None
        case "place":
            return (piece.start, piece.end + _quarter(run, piece.end), Kind.PLACE)
        case "organisation":
            return (piece.start, piece.end, Kind.ORG)
        case "katakana" if length >= 3:
            return (_start_with_initials(run, pieces, index), piece.end, Kind.NAME)
        case "org-ending" | "place-ending" | "event-ending":
            first = _name_before(run, pieces, index)
            if first is None:
                return None
            if piece.what == "org-ending":
                return (first, _end_of_business(run, pieces, index), Kind.ORG)
            kind = Kind.PLACE if piece.what == "place-ending" else Kind.NAME
            return (first, piece.end + (_quarter(run, piece.end) if kind is Kind.PLACE else 0), kind)
        case "form":
            after = pieces[index + 1 :]
            if after:
                return (piece.start, after[-1].end, Kind.ORG)
            if index == 0:
                return None
            first = _name_before(run, pieces, index)
            return (first if first is not None else pieces[max(0, index - 3)].start, piece.end, Kind.ORG)
        case _:
            return None


def _start_with_initials(run: str, pieces: list[Piece], index: int) -> int:
    """Where a name in katakana begins with the letters in front of it: BNYメロン, FCバルセロナ."""
    before = pieces[index - 1] if index else None
    initials = run[before.start : before.end] if before and before.what == "latin" else ""
    return before.start if before and initials.isalpha() and len(initials) <= _MOST_INITIALS else pieces[index].start


_MOST_INITIALS = 4
_QUARTERS = ("駅前", "駅東", "駅西", "駅南", "駅北", "中央", "東口", "西口", "南口", "北口")


def _quarter(run: str, end: int) -> int:
    """How long the part of a town is that stands behind its name: 湯沢駅前, 酒田中央, as branches are called."""
    if run[end - 1] == "駅" and run[end : end + 1] == "前":
        return 1
    return next((len(quarter) for quarter in _QUARTERS if run.startswith(quarter, end)), 0)


_NAMING = frozenset({"place", "surname", "given", "person", "unknown", "katakana", "latin", "organisation"})


def _name_before(run: str, pieces: list[Piece], index: int) -> int | None:
    """Where the name begins that the ending ``pieces[index]`` closes; None if only common words stand before it."""
    for number, piece in enumerate(pieces[:index]):
        if piece.what not in _NAMING:
            continue
        if piece.what == "latin" and not run[piece.start : piece.end].strip("0123456789"):
            continue
        if piece.what == "unknown" and piece.end - piece.start < 2 and pieces[index].end - pieces[index].start < 2:
            continue
        start = piece.start
        for before in reversed(pieces[:number]):
            if run[before.start : before.end] not in _BESIDE_NAMES and not run[before.start : before.end].isdigit():
                break
            start = before.start
        return start
    ending = run[pieces[index].start : pieces[index].end]
    before = pieces[:index]
    if ending in japanese().trade_endings:
        return _common_name(run, before)
    if 2 <= len(before) <= 4 and len(ending) >= 2 and all(piece.end - piece.start == 1 for piece in before):
        return 0 if run[:2] not in ("第一", "第二", "第三") else None
    return None


def _end_of_business(run: str, pieces: list[Piece], index: int) -> int:
    """Where a firm's name ends, with what its business is behind the ending: くずは不動産管理."""
    last = index
    while last + 1 < len(pieces) and run[pieces[last + 1].start : pieces[last + 1].end] in japanese().businesses:
        last += 1
    return pieces[last].end


def _common_name(run: str, pieces: list[Piece]) -> int | None:
    """Where common words begin of which a trade's ending makes a firm; None where they only say what kind of firm."""
    generic = japanese().generic
    for piece in pieces:
        word = run[piece.start : piece.end]
        is_alone = len(word) == 1 and len(pieces) == 1 and word not in _ONE_KANJI
        if piece.what != "latin" and word not in generic and not is_alone:
            return piece.start
    return None


_ONE_KANJI = frozenset(
    "岬浜島川谷峠森山港湾磯灘湖滝橋坂辻原岡沢沼泉松竹梅桜杉柏楠椿菊藤萩桐柳栗柿桃鶴亀龍鷹虎鯨星月雪虹暁曙錦旭栄福寿宝玉"
)
"""What makes a firm of a trade by itself: 岬水産."""
_BESIDE_NAMES = frozenset("東西南北新大小中上下元前奥第回次代旧")
