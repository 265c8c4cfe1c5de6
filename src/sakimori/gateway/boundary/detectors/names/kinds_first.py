"""Firms and houses of which the kind or the form stands first: 居酒屋ひなた, NPO法人 みんなの家."""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import japanese
from sakimori.gateway.boundary.detectors.words.pieces import KANA, KANJI, is_common_hiragana, pieces_of
from sakimori.gateway.boundary.span import Hit, Kind

_NAME = f"[{KANJI}{KANA}ぁ-ん]"
_KINDS = (
    "(?:ホテル|旅館|民宿|民泊|ゲストハウス|割烹|料亭|小料理|居酒屋|酒場|喫茶|珈琲|カフェ|レストラン|食堂|ペンション|スナック|パブ|ラーメン|うどん"
    "|そば処|蕎麦|寿司|鮨|お好み焼き|たこ焼き|焼き鳥|焼鳥|焼肉|パティスリー|ブティック|パン工房|パン屋|菓子工房|洋菓子|和菓子|菓子司|八百屋|魚屋|花屋|酒屋"
    "|美容室|理容室|美容院|床屋|ヘアサロン|ネイルサロン|ドラッグ|スーパー|ストア|工房|アトリエ|スタジオ|写真館|ベーカリー|ケーキハウス|ビストロ|トラットリア"
    "|ギャラリー|ガレージ|オート|モータース|クリーニング|コインランドリー|ペットサロン|道場|学習塾|進学塾|音楽教室|保育園|こども園|学童|児童クラブ"
    "|老人ホーム|ケアハウス|グループホーム|デイサービス|特養|作業所|就労支援|法律事務所|会計事務所|税理士事務所|司法書士事務所|行政書士事務所"
    "|特許事務所|設計事務所|社労士事務所|整骨院|接骨院|鍼灸院|整体院|動物病院|歯科|の宿|湯宿|屋号)"
)
_KIND = Gate(f"(?<![{KANA}]){_KINDS}([ ・]?)({_NAME}{{2,10}})(?![{KANA}])", needs=_KINDS)
_FORM = Gate(
    "(株式会社|有限会社|合同会社|合資会社|合名会社|(?:一般|公益)?(?:社団|財団)法人|学校法人|医療法人|弁護士法人|税理士法人|司法書士法人|社会福祉法人|宗教法人"
    f"|npo法人|特定非営利活動法人|㈱|㈲|\\([株有合資同名社財医学福特]\\))[ ]?({_NAME}{{2,14}})"
)
"""In folded texts the space is an ASCII one."""
_OF_FORM = re.compile(
    f"{_NAME}+?(?=さん|さま|様|御中|から|より|[のはがをにとでへもや](?![ぁ-ん]*[{KANJI}{KANA}]{{2}})|$)"
)
_WHOLE = re.compile("[ぁ-ん]{3,8}$(?<!です|より|から|まで|には|では|とは|にて|さん|さま)(?<![はがをへのと])")
"""Nothing but hiragana up to a bracket, a space or a mark."""
_HIRAGANA = re.compile("[ぁ-ん]+?(?=さん|さま|[のはがをにとでへもや](?![ぁ-ん])|[^ぁ-ん]|$)")
_PARTICLES = frozenset("のはがをにとでへもや")
_JOINED = re.compile("[のと]")
_SENTENCE = re.compile("[はがをにへもや]|です|ます|した|する|ない|って|ため|から|まで|より")
_POLITE = re.compile("(?:さん|さま|様|御中)$")


def detect_kinds_first(text: str) -> Iterator[Hit]:
    for match in _FORM.finditer(text):
        name = _name_of_form(match[2], match[1] in _OF_CITIZENS)
        if name:
            yield Hit(match.start(), match.start(2) + len(name), Kind.ORG, "name-ja", name)
    for match in _KIND.finditer(text):
        name = _name_of_kind(match[2], bool(match[1]))
        if name:
            yield Hit(match.start(), match.start(2) + len(name), Kind.ORG, "name-ja", name)


_OF_CITIZENS = ("npo法人", "特定非営利活動法人")


@lru_cache(4_096)
def _name_of_form(run: str, is_phrase: bool) -> str:
    """What a firm is called whose form stands before it. ``is_phrase``: such names are often phrases."""
    if is_phrase and run[0] not in _PARTICLES and not _SENTENCE.search(run):
        return _POLITE.sub("", run)
    if _WHOLE.match(run) and run not in japanese().hiragana_words:
        return run
    name = _OF_FORM.match(run)
    if name is None or run[0] in _PARTICLES or name[0] in japanese().words or is_common_hiragana(name[0]):
        return ""
    return _with_house(run, name[0])


@lru_cache(4_096)
def _name_of_kind(run: str, is_apart: bool) -> str:
    """What a place is called whose kind stands before it; empty where common words do. ``is_apart``: by a space."""
    lexicon = japanese()
    if is_apart and not _SENTENCE.search(run) and run[0] not in _PARTICLES:
        phrase = _POLITE.sub("", run)
        parts = _JOINED.split(phrase)
        if not all(map(_is_common, parts)) or (len(parts) > 1 and any(map(_is_unlisted, parts))):
            return phrase
    if run[0] < "\u30a0":
        hiragana = _HIRAGANA.match(run)
        is_name = hiragana and len(hiragana[0]) > 2 and not is_common_hiragana(hiragana[0])
        return _with_house(run, hiragana[0]) if hiragana and is_name else ""
    name = re.split("[のはがをにとでへもや、]", run)[0]
    return "" if len(name) < 2 or name in lexicon.words or _is_common(name) else name


def _with_house(run: str, name: str) -> str:
    """A name with what it is the house of: ひだまりの丘."""
    house = _HOUSE.match(run, len(name))
    return run[: house.end()] if house else name


_HOUSE = re.compile("の[丘里家森郷園杜風空泉樹村庭窓海門館宿店](?![一-龥])")


def _is_common(part: str) -> bool:
    """Whether a part is made of words."""
    if any(piece.what not in _WORDS for piece in pieces_of(part)):
        return False
    return all(is_common_hiragana(stretch) for stretch in re.findall("[ぁ-ん]{2,}", part))


def _is_unlisted(part: str) -> bool:
    """Whether kanji are words only one by one: 北浜."""
    return len(part) > 1 and all(piece.end - piece.start == 1 for piece in pieces_of(part))


_WORDS = ("word", "title", "org-ending", "place-ending", "event-ending")
