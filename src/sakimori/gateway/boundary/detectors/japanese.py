"""Names in Japanese text: people, organisations, places, with or without honorifics, known and unknown.

A run of kanji, katakana and adjoining Latin is taken apart into the cheapest sequence of pieces that the lexicon knows
(a unigram lattice, Viterbi's algorithm): words, names, places, titles, endings of organisations. What the pieces say
together decides: a surname and a given name, an unknown word before 様, anything that is not a common word before 銀行.
Each distinct run is taken apart once.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from sakimori.gateway.boundary.detectors.gates import Gate
from sakimori.gateway.boundary.detectors.lexicon import Japanese, japanese, listed
from sakimori.gateway.boundary.detectors.pieces import (
    GIVEN_ENDS,
    KANA,
    KANJI,
    Piece,
    is_listed,
    pieces_of,
    plausible_given,
    plausible_surname,
)
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_RUN = re.compile(f"[{KANJI}{KANA}・0-9a-z&]{{2,}}")
_HONORIFIC = re.compile(r"さん|さま|くん|ちゃん|先輩")
_HONORIFIC_BEGINS = ("さ", "く", "ち", "先")
_SPACED = Gate(
    f"([{KANJI}](?<![{KANJI}]{{2}})[{KANJI}]{{0,3}})[ \u3000]"
    f"([{KANJI}]{{1,6}}|[ぁ-ん]{{2,6}}|[{KANA}]{{2,6}}(?![{KANA}]))"
)
_KANJI_HIRAGANA = Gate(
    f"([{KANJI}](?<![{KANJI}]{{2}})[{KANJI}]{{0,2}})"
    f"(?:([ぁ-ん]{{3,4}})(?![ぁ-んー{KANJI}]|$)|([ぁ-ん]{{2,4}})(?=さん|さま|様|氏|殿|$))"
)
_HIRAGANA_COMPANY = Gate(
    "(?:株式会社|有限会社|合同会社|㈱|㈲)[ \u3000]?[ぁ-ん]{2,8}?(?=[のはがをにとでへもや、。()「」 \u3000"
    "\n\"',]|より|から|様|さん|さま|御中"
    "|[一-龥ァ-ヴ]"
    "|$)(?:[一-龥ァ-ヴー]{1,8}(?=[ \u3000、。()\n\"',]|$))?"
    "|(?<![ぁ-ん一-龥])[ぁ-ん]{2,6}(?:商事|工業|建設|運輸|銀行|信用金庫|証券|保険|生命|不動産|食品|物産|"
    "産業|電機|商店|薬局|病院|医院|クリニック|大学|学園"
    "|株式会社|有限会社"
    "|合同会社|ホールディングス|グループ)"
)
_HIRAGANA_BRAND = Gate(
    "(?:さくら|みずほ|ひまわり|あおぞら|みなと|あけぼの|つばさ|ひかり|みどり|ふたば|わかば|たんぽぽ|すみれ|あおい|こだま"
    "|のぞみ|きらぼし|りそな|かがやき|はやぶさ|いずみ|やまと|みやこ|ことのは|やよい|みらい|さわやか|ほほえみ|こころ|ひばり"
    "|つくし|なでしこ|かもめ|はまなす|あじさい|ふれあい|やまびこ|あさひ|ゆうひ|めぐみ|いなほ|みのり|あすか|しらゆり|きずな"
    "|せせらぎ|あゆみ|きらり|すばる|いぶき|しおかぜ|まごころ|はまゆう|つつじ|こまくさ|けやき|くすのき|かえで|もみじ)"
    "(?:の)?[一-龥々ァ-ヴー]{0,6}?(?:銀行|信用金庫|信用組合|農業協同組合|証券|生命|損害保険|保険|信用保証|信託|リース"
    "|法律事務所|会計事務所|税理士事務所|司法書士事務所|監査法人|法人|事務所|基金|財団|園|保育園|病院|医院|クリニック|薬局"
    "|不動産|建設|工務店|商店|商事|物流|運輸|食品|水産|製作所|工業|電機|電力|ガス|大学|学園|株式会社|有限会社|会)"
    "(?:株式会社|有限会社)?"
)
_HIRAGANA_UNKNOWN = Gate(
    "(?:(?<![ぁ-ん一-龥])|(?<=および)|(?<=または)|(?<=ならびに))(?!および|または|ならびに|あるいは|など|ため|ほか)[ぁ-ん]{1,5}"
    "[あえおかきけこさしすせそちつてとぬねひふへほまみむめもやゆよらりろわん](?<!して)(?<!これ)(?<!その)[一-龥]{0,6}?"
    "(?:株式会社|有限会社|合同会社|銀行|信用金庫|信用組合|農業協同組合|漁業協同組合|証券|生命保険|法律事務所|会計事務所)"
)
_FORM_FIRST = Gate(
    "(?:事業|農業|漁業|商業)?協同組合|企業組合|"
    "(?:一般|公益|特例)?(?:財団|社団)法人|社会福祉法人|医療法人(?:社団|財団)?|学校法人|宗教法人|特定非営利活動法人"
    "|npo法人|農事組合法人|有限責任(?=[ぁ-ん一-龥ァ-ヴ]{1,8}監査法人)|弁護士法人|税理士法人|監査法人"
)
_AFTER_FORM = re.compile(
    "[ぁ-ん]{2,8}?(?:[一-龥々ァ-ヴー]{1,10}|(?=[のはがをにとでへも、。()「」 \u3000\n\"',]|より|から|様|御中|$))"
)
_SELF = Gate(f"([{KANJI}]{{1,5}}|[{KANA}]{{2,8}}|[ぁ-ん]{{2,6}})(?=と申し|と申す|と名乗)", needs="と申し|と申す|と名乗")
_BRANCH = Gate(
    "(?<![ぁ-んァ-ヴー一-龥])([一-龥ァ-ヴー々ヶ]{1,6}(?:[がのヶ][一-龥]{1,3})?)(?:支店|出張所|営業所)|(?<![一-龥])(本店)営業部",
    needs="支店|出張所|営業所|本店営業部",
)
_NO_BRANCH = listed("全 各 当 他 本 同 貴 両 自 旧 新 母 甲 乙")
_SPACED_KANA = Gate(f"([{KANA}](?<![{KANA}]{{2}})[{KANA}]{{1,6}})[ \u3000・]([{KANA}]{{2,8}})(?![{KANA}])")
_HIRAGANA = Gate("([ぁ-ん](?<![ぁ-ん]{2})[ぁ-ん]{1,5})[ \u3000]([ぁ-ん]{2,6})(?![ぁ-ん])")
_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_LONGEST_RUN = 60
_POLITE = frozenset("様殿氏君嬢")
_MUST_NAME = listed(
    "様 殿 氏 君 先生 部長 課長 係長 次長 室長 主任 社長 副社長 会長 専務 常務 支店長 頭取 弁護士 税理士 "
    "選手 監督 議員 教授 容疑者 被告 夫人 "
    "取締役 代表取締役 執行役員 課長代理 部長代理 支店長代理 医師 首相 大統領 大臣"
)


def detect_japanese_names(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    if text.isascii():
        return
    for run in _RUN.finditer(text):
        found = run[0]
        if found.isascii():
            continue
        start, end = run.span()
        is_polite = text[end : end + 1] in _HONORIFIC_BEGINS and _HONORIFIC.match(text, end) is not None
        if len(found) <= _LONGEST_RUN and not _claims(found, is_polite):
            continue
        for first in range(0, len(found), _LONGEST_RUN):
            part = found[first : first + _LONGEST_RUN]
            for begin, finish, kind in _claims(part, is_polite and first + _LONGEST_RUN >= len(found)):
                if kind is Kind.NAME and begin == 0 and finish == len(part) and text[start - 1 : start] == "@":
                    continue
                yield Hit(start + first + begin, start + first + finish, kind, "name-ja", part[begin:finish])
    yield from _spaced(text)


def _spaced(text: str) -> Iterator[Hit]:
    """Surname and given name with a space between."""
    lexicon = japanese()
    for match in _SPACED.finditer(text):
        surname = match[1]
        given = _given_at_start(match[2], lexicon)
        known = given in lexicon.given or given[:1] < "\u3100"
        likely = known or (surname[0] in lexicon.surname_firsts or surname[-1] in lexicon.surname_lasts)
        if given and (surname in lexicon.surnames or (likely and surname not in lexicon.words)):
            yield Hit(match.start(), match.start(2) + len(given), Kind.PERSON, "name-ja", surname + given)
    for match in _KANJI_HIRAGANA.finditer(text):
        surname, given = match[1], match[2] or match[3]
        if surname in lexicon.surnames and given.translate(_TO_KATAKANA) in lexicon.kana_given:
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-ja", match[0])
    for match in _SELF.finditer(text):
        if match[1] not in lexicon.words and match[1] not in lexicon.katakana_words:
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-ja", match[1])
    for match in _HIRAGANA_COMPANY.finditer(text):
        yield Hit(match.start(), match.end(), Kind.ORG, "name-ja", match[0])
    for match in _HIRAGANA_BRAND.finditer(text):
        yield Hit(match.start(), match.end(), Kind.ORG, "name-ja", match[0])
    for match in _HIRAGANA_UNKNOWN.finditer(text):
        yield Hit(match.start(), match.end(), Kind.ORG, "name-ja", match[0])
    for match in _FORM_FIRST.finditer(text):
        after = _AFTER_FORM.match(text, match.end())
        if after:
            yield Hit(match.start(), after.end(), Kind.ORG, "name-ja", text[match.start() : after.end()])
    yield from _hiragana_people(text)
    for match in _known_mixed().finditer(text):
        yield Hit(match.start(), match.end(), Kind.ORG, "name-ja", match[0])
    for match in _BRANCH.finditer(text):
        if match[2] or (match[1] not in lexicon.words and match[1] not in _NO_BRANCH):
            yield Hit(match.start(), match.end(), Kind.BRANCH, "branch-name", match[0])
    for match in _SPACED_KANA.finditer(text):
        surname, given = match[1], match[2]
        if (surname in lexicon.kana_surnames) + (given in lexicon.kana_given) + (given in lexicon.kana_surnames) >= 1:
            if surname in lexicon.katakana_words and given in lexicon.katakana_words:
                continue
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-ja", surname + given)
    for match in _HIRAGANA.finditer(text):
        surname, given = match[1].translate(_TO_KATAKANA), match[2].translate(_TO_KATAKANA)
        if surname in lexicon.kana_surnames and given in lexicon.kana_given:
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-ja", match[1] + match[2])


def _hiragana_people(text: str) -> Iterator[Hit]:
    """People in hiragana whom an honorific marks; the particle before them is no part of the name."""
    lexicon = japanese()
    for match in _HIRAGANA_POLITE.finditer(text):
        run = match[1]
        for start in range(len(run) - 2):
            kana = run[start:].translate(_TO_KATAKANA)
            surname, _, given = kana.replace("\u3000", " ").partition(" ")
            if given:
                is_name = surname in lexicon.kana_surnames and given in lexicon.kana_given
            else:
                is_name = (kana in lexicon.kana_surnames and len(kana) >= 4) or any(
                    kana[:size] in lexicon.kana_surnames and kana[size:] in lexicon.kana_given
                    for size in range(2, len(kana) - 1)
                )
            if is_name:
                yield Hit(match.start() + start, match.end(1), Kind.PERSON, "name-ja", run[start:].replace(" ", ""))
                break


_HIRAGANA_POLITE = Gate(
    "([ぁ-ん](?<![ぁ-ん]{2})[ぁ-ん]{2,11}(?:[ \u3000][ぁ-ん]{2,6})?)(?=様|さま|さん|氏|殿|です|と申|と名乗)",
    needs="[ぁ-ん]{2}(?:様|さま|さん|氏|殿|です|と申|と名乗)",
)


@cache
def _known_mixed() -> re.Pattern[str]:
    """Known organisations whose names mix scripts, so that no run of one holds them."""
    names = [
        name
        for name in japanese().organisations
        if re.search("[ぁ-ん]", name) or (re.search("[a-z]", name) and not name.isascii())
    ]
    return re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))


def _given_at_start(text: str, lexicon: Japanese) -> str:
    """The given name that stands before the end of ``text`` or before a title; empty if there is none."""
    if text[0] < "\u3100":
        kana = text.translate(_TO_KATAKANA)
        return next((text[:size] for size in range(len(text), 1, -1) if kana[:size] in lexicon.kana_given), "")
    if text[0] < "\u3400" and text[0] not in "々ヶヵ":
        return text if text in lexicon.kana_given else ""
    for size in range(min(3, len(text)), 0, -1):
        given, after = text[:size], text[size:]
        if after and after not in lexicon.titles and after not in _MUST_NAME:
            continue
        if given in lexicon.given or (plausible_given(given, lexicon) and given not in lexicon.words):
            return given
        if size == 3 and given[2] in GIVEN_ENDS and given[0] in lexicon.given_firsts:
            return given
        if size == 1 and given in lexicon.given_firsts and given not in lexicon.titles:
            return given
    return ""


@lru_cache(65_536)
def _claims(run: str, is_polite: bool) -> tuple[tuple[int, int, Kind], ...]:
    """What a run says: (start, end, kind), in order. ``is_polite``: さん or the like follows."""
    lexicon = japanese()
    if run in lexicon.polite_words:
        return ()
    if run in lexicon.words or run in lexicon.katakana_words:
        return ((0, len(run), Kind.PERSON),) if is_polite and run in lexicon.surnames else ()
    if len(run) == 2 and not is_polite and not is_listed(run) and run[0] > "\u3100" < run[1]:
        return ((0, 2, Kind.PERSON),) if plausible_surname(run) else ()
    pieces = _together(run, pieces_of(run), lexicon)
    claims: list[tuple[int, int, Kind]] = []
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else None
        if piece.what == "word" and run[piece.start : piece.end] in lexicon.surnames and piece.end - piece.start > 1:
            piece = pieces[index] = Piece(piece.start, piece.end, "word-surname")
        named = (following is not None and run[following.start : following.end] in _MUST_NAME) or (
            following is None and is_polite
        )
        if following is not None and run[piece.start : following.end] in lexicon.polite_words:
            continue
        claim = _claim(run, pieces, index, named=named, is_last=following is None)
        if claim:
            claims.append(claim)
    return tuple(claims)


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
        if index and (title in _POLITE or (title in _MUST_NAME and piece.start >= 2)) and piece.start <= 4:
            before = pieces[:index]
            is_word = run[: piece.start] in lexicon.words or run[: piece.end] in lexicon.polite_words
            if any(other.end - other.start == 1 for other in before) and not is_word:
                return [Piece(0, piece.start, "person"), *pieces[index:]]
    return pieces


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
            return (piece.start, piece.end, Kind.PLACE)
        case "organisation":
            return (piece.start, piece.end, Kind.ORG)
        case "katakana" if length >= 3:
            return (piece.start, piece.end, Kind.NAME)
        case "org-ending" | "place-ending" | "event-ending":
            first = _name_before(run, pieces, index)
            if first is None:
                return None
            kind = {"org-ending": Kind.ORG, "place-ending": Kind.PLACE, "event-ending": Kind.NAME}[piece.what]
            return (first, piece.end, kind)
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
    if 2 <= len(before) <= 4 and len(ending) >= 2 and all(piece.end - piece.start == 1 for piece in before):
        return 0 if run[:2] not in ("第一", "第二", "第三") else None
    return None


_BESIDE_NAMES = frozenset("東西南北新大小中上下元前奥第回次代旧")
