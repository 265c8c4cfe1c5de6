"""Japanese names that no run of kanji and katakana holds: with hiragana in them, or with Latin.

Hiragana before the ending of an organisation, or before a title, names somebody unless it is one of the words that
Japanese writes in hiragana (content/boundary/hiragana-ja.txt): いろはスーパー, ひのでリース, さざなみ社長.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from sakimori.gateway.boundary.detectors.names.kinds_first import detect_kinds_first
from sakimori.gateway.boundary.detectors.names.spaced import TO_KATAKANA
from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import japanese, listed
from sakimori.gateway.boundary.detectors.words.pieces import (
    KANA,
    KANJI,
    is_common_hiragana,
    pieces_of,
)
from sakimori.gateway.boundary.span import Hit, Kind

_KANJI_HIRAGANA = Gate(
    f"([{KANJI}](?<![{KANJI}]{{2}})[{KANJI}]{{0,2}})"
    f"(?:([ぁ-ん]{{3,4}})(?![ぁ-んー{KANJI}]|$)|([ぁ-ん]{{2,4}})(?=さん|さま|様|氏|殿|$))"
)
_HIRAGANA_COMPANY = Gate(
    "(?:株式会社|有限会社|合同会社|㈱|㈲)[ \u3000]?[ぁ-ん]{2,8}?(?=[のはがをにとでへもや、。()「」 \u3000"
    "\n\"',]|より|から|様|さん|さま|御中|[一-龥ァ-ヴ]|$)(?:[一-龥ァ-ヴー]{1,8}(?=[ \u3000、。()\n\"',]|$))?"
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
_FORM_FIRST = Gate(
    "(?:事業|農業|漁業|商業)?協同組合|企業組合|"
    "(?:一般|公益|特例)?(?:財団|社団)法人|社会福祉法人|医療法人(?:社団|財団)?|学校法人|宗教法人|特定非営利活動法人"
    "|npo法人|農事組合法人|有限責任(?=[ぁ-ん一-龥ァ-ヴ]{1,8}監査法人)|弁護士法人|税理士法人|監査法人"
)
_AFTER_FORM = re.compile(
    "[ぁ-ん]{2,8}の[一-龥]{1,3}(?![一-龥])|[ぁ-ん]{2,8}?(?:[一-龥々ァ-ヴー]{1,10}"
    "|(?=[のはがをにとでへも、。()「」 \u3000\n\"',]|より|から|様|御中|$))"
)
_SELF = Gate(f"([{KANJI}]{{1,5}}|[{KANA}]{{2,8}}|[ぁ-ん]{{2,6}})(?=と申し|と申す|と名乗)", needs="と申し|と申す|と名乗")
_BRANCH = Gate(
    "(?<![ぁ-んァ-ヴー一-龥])([一-龥ァ-ヴー々ヶ]{1,6}(?:[がのヶ][一-龥]{1,3})?)(?:支店|出張所|営業所|分室|支所|支社)|(?<![一-龥])(本店)営業部",
    needs="支店|出張所|営業所|分室|支所|支社|本店営業部",
)
_NO_BRANCH = listed("全 各 当 他 本 同 貴 両 自 旧 新 母 甲 乙")
_FIRM = Gate(f"(?<![ぁ-ん{KANA}{KANJI}])([ぁ-ん]{{2,6}})([{KANJI}{KANA}]{{1,14}})")
_BEFORE_TITLE = Gate(
    f"(?<![ぁ-ん{KANA}{KANJI}])([ぁ-ん]{{2,6}})(?=社長|会長|専務|常務|代表|部長|課長|係長|次長|支店長|主任|先生|氏|殿|様|御中)",
    needs="[ぁ-ん]{2}(?:社長|会長|専務|常務|代表|部長|課長|係長|次長|支店長|主任|先生|氏|殿|様|御中)",
)
_BRANCH_BEFORE_ACCOUNT = Gate(
    f"(?:口座|引落先?|振込先?|入金先?|送金先?)[ \u3000:]{{1,2}}([{KANJI}{KANA}ぁ-ん]{{1,10}})"
    "[ \u3000](?=[0-9]{7}(?![0-9]))"
)
_LATIN_AND_FORM = Gate(
    "([a-z][a-z0-9&.'\\- ]{2,40}[a-z.])[ ]?(?:株式会社|有限会社|合同会社)",
    needs="[a-z.][ ]?(?:株式会社|有限会社|合同会社)",
)
_BRANCH_OF_BANK = Gate(
    f"(?:銀行|信用金庫|信金|信用組合|信組|農協|組合)[ \u3000・/\t]?([{KANJI}{KANA}ぁ-ん]{{1,10}}?)[ \u3000・/\t]{{0,2}}"
    "(?=普|当座|当[ \t]|貯蓄|定期|[(（]|[0-9]{7})",
    needs="(?:銀行|信用金庫|信金|信用組合|信組|農協|組合)[^\n]{1,20}(?:普|当座|当[ \t]|貯蓄|定期|[(（]|[0-9]{7})",
)


def detect_mixed_scripts(text: str) -> Iterator[Hit]:
    lexicon = japanese()
    for match in _KANJI_HIRAGANA.finditer(text):
        surname, given = match[1], match[2] or match[3]
        if surname in lexicon.surnames and given.translate(TO_KATAKANA) in lexicon.kana_given:
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-ja", match[0])
    for match in _SELF.finditer(text):
        if match[1] not in lexicon.words and match[1] not in lexicon.katakana_words:
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-ja", match[1])
    for match in _HIRAGANA_COMPANY.finditer(text):
        yield Hit(match.start(), match.end(), Kind.ORG, "name-ja", match[0])
    for match in _HIRAGANA_BRAND.finditer(text):
        yield Hit(match.start(), match.end(), Kind.ORG, "name-ja", match[0])
    for match in _FORM_FIRST.finditer(text):
        after = _AFTER_FORM.match(text, match.end())
        if after:
            yield Hit(match.start(), after.end(), Kind.ORG, "name-ja", text[match.start() : after.end()])
    yield from _hiragana_people(text)
    yield from _hiragana_firms(text)
    yield from detect_kinds_first(text)
    for match in _known_mixed().finditer(text):
        yield Hit(match.start(), match.end(), Kind.ORG, "name-ja", match[0])
    for match in _BRANCH.finditer(text):
        if match[2] or (match[1] not in lexicon.words and match[1] not in _NO_BRANCH):
            yield Hit(match.start(), match.end(), Kind.BRANCH, "branch-name", match[0])


def _hiragana_firms(text: str) -> Iterator[Hit]:
    """Organisations that begin with hiragana or with their form, and whoever hiragana before a title names."""
    for match in _FIRM.finditer(text):
        if not is_common_hiragana(match[1]) and (end := _end_of_firm(match[2])):
            yield Hit(match.start(), match.start(2) + end, Kind.ORG, "name-ja", match[1] + match[2][:end])
    for match in _BEFORE_TITLE.finditer(text):
        if not is_common_hiragana(match[1]):
            yield Hit(match.start(), match.end(), Kind.NAME, "name-ja", match[1])
    for match in _LATIN_AND_FORM.finditer(text):
        yield Hit(match.start(), match.end(), Kind.ORG, "name-ja", match[0])
    for match in (*_BRANCH_OF_BANK.finditer(text), *_BRANCH_BEFORE_ACCOUNT.finditer(text)):
        if match[1] not in _NO_BRANCH and match[1] not in japanese().words and not is_common_hiragana(match[1]):
            yield Hit(match.start(1), match.end(1), Kind.BRANCH, "branch-name", match[1])


@lru_cache(16_384)
def _end_of_firm(run: str) -> int:
    """Where the ending of an organisation ends that stands in a run behind hiragana; 0: none does."""
    pieces = pieces_of(run)
    businesses = japanese().businesses
    if run in businesses:
        return len(run)
    for index, piece in enumerate(pieces[:3]):
        if piece.what in ("org-ending", "form") and piece.end > 1:
            follows = pieces[index + 1] if index + 1 < len(pieces) else None
            return follows.end if follows and run[follows.start : follows.end] in businesses else piece.end
    return 0


def _hiragana_people(text: str) -> Iterator[Hit]:
    """People in hiragana whom an honorific marks; the particle before them is no part of the name."""
    lexicon = japanese()
    for match in _HIRAGANA_POLITE.finditer(text):
        run = match[1]
        for start in range(len(run) - 2):
            kana = run[start:].translate(TO_KATAKANA)
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
