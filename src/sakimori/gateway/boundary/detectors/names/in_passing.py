"""Names that Japanese sentences mention in passing, told by what stands around them.

Firms in hiragana behind other words (取引先のほしぞら書店), people who introduce themselves for their firm
(〜社の椿です), whom a role or a staff number announces (公証人 額), and people with names of two languages.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.names.branches import detect_branches
from sakimori.gateway.boundary.detectors.names.expected import detect_expected
from sakimori.gateway.boundary.detectors.names.marked import detect_marked_people
from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import japanese
from sakimori.gateway.boundary.detectors.words.pieces import KANA, KANJI, is_common_hiragana, is_unknown
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_HOUSES = "[屋荘亭園堂庵舎館苑里]"
_TRADES = (
    "(?:銀行|信金|信用金庫|信組|信用組合|農協|漁協|生協|(?:財形)?組合|書店|商店|酒店|商事|物産|不動産|建設"
    "|工務店|食品|水産(?:加工)?|製菓|製麺|製作所|工業|産業|薬局|医院|歯科|クリニック|病院|保育園|幼稚園|旅館"
    "|食堂|酒造|農園|牧場|本舗|運輸|運送|リース|保険|証券|信託|保証|交通|印刷|電機|電気|鉄工|乳業|整形外科"
    "|形成外科|眼科|小児科|皮膚科|耳鼻科|整骨院|接骨院|鍼灸院|冷凍|冷蔵|物流|急便|通商|貿易|商会|工房|学習塾"
    "|学園|造園|園芸|電設|板金|モータース|青果|鮮魚|精肉|畜産|製パン|洋菓子|和菓子|醸造|建機|重機|農機|養鶏"
    "|製材|石材|米穀|酒販|珈琲店?|茶舗|(?:鮮魚|精肉|青果|花|生花|履物|呉服|時計|眼鏡|文具|玩具|楽器|釣具)店"
    "|葬祭|葬儀社|セレモニー|ホールディングス|信用保証|債権回収|総研|ケアサービス|ホームケア|デイサービス"
    "|助産院|動物病院|自動車(?:販売|整備|工業)|ファーム|フーズ|ストア|スーパー|マート|クロス|クリーニング"
    "|ベーカリー|キッチン|カフェ|ケア|ホーム|サービス)"
)
_FIRM = Gate(
    f"([ぁ-ん](?<![ぁ-ん]{{2}})[ぁ-ん]{{2,8}})(?:{_HOUSES}(?![{KANJI}{KANA}](?<![様社代]))|{_TRADES})",
    needs=f"[ぁ-ん](?:{_HOUSES}|{_TRADES})",
)
_PARTICLES = "のはがをにとでへもや"
_INTRODUCED = Gate(
    f"(?:[社店部課係行庫所局会室院園校]|[{KANA}])の([{KANJI}]{{1,4}}|[{KANA}]{{2,8}}|[ぁ-ん]{{2,5}})(?=です[。\n、]|でございます)",
    needs="の[^\n]{1,8}(?:です[。\n、]|でございます)",
)
_NUMBERED = Gate(
    f"(?:^|\n)[a-z]?-?[0-9]{{4,8}}(?: [a-z]?[0-9]{{3,8}})?[ :]{{1,2}}([{KANJI}]{{1,4}})(?=[ \n、,。/(→]|$)"
)
"""Behind the number of a member of staff."""
_BEFORE_RANK = Gate(
    f"(?<![{KANJI}{KANA}ぁ-ん])([{KANJI}]{{1,3}}) (?=(?:支店長|部長|課長|係長)?代理|警部|刑事|巡査|検事"
    "|部長|課長|支店長|次長|係長|社長|主任)",
    needs=f"[{KANJI}] (?:代理|支店長|部長|課長|係長|警部|刑事|巡査|検事|次長|社長|主任)",
)
_RANKED = Gate(
    f"(?<![{KANJI}{KANA}])([{KANA}]{{2,8}})(?=検事|警部|刑事|巡査)", needs=f"[{KANA}](?:検事|警部|刑事|巡査)"
)
_ONE_KANJI = Gate(f"[の、,。(「 ]([{KANJI}])(?=[様殿])(?!様子|様々|様式)")
_NOBODY = frozenset("各皆神王殿先何奥若姫仏多同有両貴御一")
_TWO_LANGUAGES = Gate(
    f"(?<![{KANJI}{KANA}a-z0-9・])(?:[{KANJI}]{{1,3}}|[a-z]|[{KANA}]{{2,10}})"
    f"(?:[・=](?:[{KANA}]{{2,10}}|[{KANJI}]{{1,3}})){{1,3}}(?![{KANJI}{KANA}・])",
    needs=f"[{KANJI}{KANA}a-z][・=][{KANJI}{KANA}]",
)


def detect_in_passing(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    if text.isascii():
        return
    yield from detect_marked_people(folded)
    yield from detect_branches(text)
    yield from detect_expected(text)
    lexicon = japanese()
    for match in _FIRM.finditer(text):
        start = _start_of_firm(match[1], text[match.start() - 1 : match.start()] > "\u3040")
        if start is not None:
            yield Hit(match.start() + start, match.end(), Kind.ORG, "in-passing", match[0][start:])
    for match in _INTRODUCED.finditer(text):
        if _is_person(match[1]):
            yield Hit(*match.span(1), Kind.PERSON, "in-passing", match[1])
    for pattern in (_NUMBERED, _BEFORE_RANK):
        for match in pattern.finditer(text):
            if _is_surname(match[1]):
                yield Hit(*match.span(1), Kind.PERSON, "in-passing", match[1])
    for match in _RANKED.finditer(text):
        if match[1] in lexicon.kana_surnames or is_unknown(match[1]):
            yield Hit(*match.span(1), Kind.PERSON, "in-passing", match[1])
    for match in _ONE_KANJI.finditer(text):
        if match[1] not in _NOBODY:
            yield Hit(*match.span(1), Kind.PERSON, "in-passing", match[1])
    for match in _TWO_LANGUAGES.finditer(text):
        parts = re.split("[・=]", match[0])
        katakana = [part for part in parts if part[0] < "\u3100" and len(part) > 1]
        others = [part for part in parts if part[0] > "\u3100"]
        if any(map(is_unknown, katakana)) and (
            parts[0].isascii() or any(part in lexicon.surnames or part in lexicon.given for part in others)
        ):
            yield Hit(*match.span(), Kind.PERSON, "in-passing", match[0])


@lru_cache(4_096)
def _start_of_firm(hiragana: str, follows_word: bool) -> int | None:
    """Where the name of a firm begins in the hiragana before its ending; None where they are words of a sentence.

    ``follows_word``: kanji or kana stand right before, so that particles and ends of words can begin the hiragana.
    """
    if not follows_word:
        return None if _is_sentence(hiragana) else 0
    if hiragana[0] in _PARTICLES and len(hiragana) > _SHORTEST:
        return None if _is_sentence(hiragana[1:]) else 1
    return None if any(_is_sentence(hiragana[first:]) for first in range(3)) else 0


_SHORTEST = 3


def _is_sentence(hiragana: str) -> bool:
    """Whether hiragana are nothing but words that are written so, and particles."""
    common = japanese().hiragana_words
    reached = [True] + [False] * len(hiragana)
    for end in range(1, len(hiragana) + 1):
        reached[end] = (reached[end - 1] and hiragana[end - 1] in _PARTICLES) or any(
            reached[start] and hiragana[start:end] in common for start in range(max(0, end - 8), end - 1)
        )
    return reached[-1]


def _is_surname(kanji: str) -> bool:
    """Whether kanji that a role announces can be a family name: one that a list holds, or no known word."""
    lexicon = japanese()
    return kanji in lexicon.surnames or not (
        kanji in lexicon.words or kanji in lexicon.titles or kanji in lexicon.organisation_endings or kanji in _NO_NAMES
    )


_NO_NAMES = frozenset(("不在", "休暇", "欠席", "出社", "在宅", "受付", "対応", "承認", "確認", "未", "済", "印"))


def _is_person(name: str) -> bool:
    lexicon = japanese()
    if name[0] < "\u30a0":
        return not is_common_hiragana(name)
    if name[0] < "\u3100":
        return is_unknown(name)
    return name in lexicon.surnames


__all__ = ["detect_in_passing"]
