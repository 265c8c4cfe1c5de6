"""Japanese names in parts: family and given name with a space between, foreign names part by part.

Kanji before a space are everywhere, so that what each pair says is decided once and remembered.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import Japanese, japanese, listed
from sakimori.gateway.boundary.detectors.words.pieces import (
    GIVEN_ENDS,
    KANA,
    KANJI,
    is_common_hiragana,
    is_listed,
    is_unknown,
    plausible_given,
)
from sakimori.gateway.boundary.span import Hit, Kind

MUST_NAME = listed(
    "様 殿 氏 君 先生 部長 課長 係長 次長 室長 主任 社長 副社長 会長 専務 常務 支店長 頭取 弁護士 税理士 選手"
    " 監督 議員 教授 容疑者 被告 夫人 取締役 代表取締役 執行役員 課長代理 部長代理 支店長代理 医師 首相 大統領"
    " 大臣 審査役 調査役 隊員 巡査 巡査部長 警部補 会計士 書記官 執行官 看護師 班長 院長 園長 店長 監事 組合長"
    " 工場長 代理"
)
"""Titles that somebody's name must stand before."""
TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_PAIR = re.compile(f" (?<=[{KANJI}] )(?=[{KANJI}]|[ぁ-ん]{{2}}|[{KANA}]{{2}})")
"""No gate: where Japanese has spaces, this stands at most of them."""
_SURNAME = re.compile(f"(?<![{KANJI}])[{KANJI}]{{1,4}}$")
_SURNAME_IN_CELL = re.compile(f"(?<![{KANJI}{KANA}ぁ-んa-z0-9])[{KANJI}]{{1,4}}$")
_BEHIND = re.compile(f"[{KANJI}]{{1,6}}|[ぁ-ん]{{2,6}}|[{KANA}]{{2,6}}(?![{KANA}])")
_CELL = re.compile(
    f"([ぁ-ん]{{2,4}}|[{KANA}]{{2,6}}|[{KANJI}]{{1,3}})"
    f"(?![{KANJI}{KANA}ぁ-んa-z0-9](?<![様氏殿君さはがのにをとへもで]))"
)
_MOST_BEFORE, _MOST_BEHIND = 5, 7
"""What decides: the parts at their longest, and a character on either side."""
_AFTER_CELL = ("", "\n", " ", "\u3000", ",", "、", "。", ")", "」", "'", '"', "|", "\t", "(", "様", "氏")
_PARTS_IN_KATAKANA = Gate(f"(?<![{KANA}])[{KANA}]{{1,8}}(?:[ \u3000][{KANA}]{{1,8}}){{1,4}}(?![{KANA}])")
_KATAKANA = Gate(f"([{KANA}](?<![{KANA}]{{2}})[{KANA}]{{1,6}})[ \u3000・]([{KANA}]{{2,8}})(?![{KANA}])")
_HIRAGANA = Gate("([ぁ-ん](?<![ぁ-ん]{2})[ぁ-ん]{1,5})[ \u3000]([ぁ-ん]{2,6})(?![ぁ-ん])")


def detect_spaced_people(text: str) -> Iterator[Hit]:
    reach = 0
    for match in _PAIR.finditer(text):
        space = match.start()
        surname, reached, given, given_in_cell = _pair(
            text[max(0, space - _MOST_BEFORE) : space], text[space + 1 : space + 1 + _MOST_BEHIND]
        )
        start = space - len(surname)
        if reached and start >= reach:
            reach = space + 1 + reached
            if given:
                yield Hit(start, space + 1 + len(given), Kind.PERSON, "name-ja", surname + given)
        if given_in_cell:
            yield Hit(start, space + 1 + len(given_in_cell), Kind.PERSON, "name-ja", surname + given_in_cell)
    lexicon = japanese()
    for match in _PARTS_IN_KATAKANA.finditer(text):
        parts = re.split("[ \u3000]", match[0])
        if any(is_unknown(part) for part in parts):
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-ja", "".join(parts))
    for match in _KATAKANA.finditer(text):
        surname, given = match.groups()
        if surname in lexicon.kana_surnames or given in lexicon.kana_given or given in lexicon.kana_surnames:
            if surname in lexicon.katakana_words and given in lexicon.katakana_words:
                continue
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-ja", surname + given)
    for match in _HIRAGANA.finditer(text):
        surname, given = match[1].translate(TO_KATAKANA), match[2].translate(TO_KATAKANA)
        if surname in lexicon.kana_surnames and given in lexicon.kana_given:
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-ja", match[1] + match[2])


@lru_cache(16_384)
def _pair(before: str, behind: str) -> tuple[str, int, str, str]:
    """What stands before a space and behind it.

    The family name that it could be; how far what could be a given name goes; the given name wherever in a sentence it
    stands, and the one between separators of fields. Empty where there is none.
    """
    surname, following = _SURNAME.search(before), _BEHIND.match(behind)
    if surname is None or following is None:
        return "", 0, "", ""
    in_cell = _given_in_cell(surname[0], behind) if _SURNAME_IN_CELL.search(before) else ""
    return surname[0], following.end(), _given_behind(surname[0], following[0]), in_cell


def _given_behind(surname: str, following: str) -> str:
    """The given name that begins what follows a family name and a space, wherever in a sentence; empty: none does."""
    lexicon = japanese()
    given = _given_at_start(following, lexicon)
    known = given in lexicon.given or given[:1] < "\u3100"
    likely = known or (surname[0] in lexicon.surname_firsts or surname[-1] in lexicon.surname_lasts)
    is_name = given and (surname in lexicon.surnames or (likely and surname not in lexicon.words))
    return given if is_name else ""


def _given_in_cell(surname: str, following: str) -> str:
    """The given name between separators of fields behind a family name and a space; empty where there is none.

    ``following``: with the character behind it.
    """
    lexicon = japanese()
    cell = _CELL.match(following)
    if cell is None:
        return ""
    given = cell[0]
    if surname in lexicon.words:
        # Family names that are words (林, 孫) are told by what fills the field beside them.
        fills = following[cell.end() : cell.end() + 1] in _AFTER_CELL and len(given) > 1 and given[0] > "\u3100"
        common = given in lexicon.words or given in lexicon.titles or given in MUST_NAME or is_listed(given)
        return given if surname in lexicon.surnames and fills and not common else ""
    if given in lexicon.words or given in lexicon.titles or given in MUST_NAME:
        return ""
    is_known = surname in lexicon.surnames
    ends = following[cell.end() : cell.end() + 1] in _AFTER_CELL and len(surname) > 1
    if given[0] < "\u30a0":
        is_known = is_known or given.translate(TO_KATAKANA) in lexicon.kana_given or ends
        is_name = is_known and not is_common_hiragana(given)
    elif given[0] < "\u3100":
        is_name = given not in lexicon.katakana_words and (is_known or ends or given in lexicon.kana_given)
    else:
        is_name = is_known or given in lexicon.given or (len(surname) == 2 and plausible_given(given, lexicon))
    return given if is_name else ""


def _given_at_start(text: str, lexicon: Japanese) -> str:
    """The given name that stands before the end of ``text`` or before a title; empty if there is none."""
    if text[0] < "\u3100":
        kana = text.translate(TO_KATAKANA)
        return next((text[:size] for size in range(len(text), 1, -1) if kana[:size] in lexicon.kana_given), "")
    if text[0] < "\u3400" and text[0] not in "々ヶヵ":
        return text if text in lexicon.kana_given else ""
    for size in range(min(3, len(text)), 0, -1):
        given, after = text[:size], text[size:]
        if after and after not in lexicon.titles and after not in MUST_NAME:
            continue
        if given in lexicon.given or (plausible_given(given, lexicon) and given not in lexicon.words):
            return given
        if size == 3 and given[2] in GIVEN_ENDS and given[0] in lexicon.given_firsts:
            return given
        if size == 1 and given in lexicon.given_firsts and given not in lexicon.titles:
            return given
    return ""
