"""Shapes of labelled values: how a number, a name, an address, an account goes on from where it begins.

A label says what a value is, so the shapes are wide: numbers without their check digits, names that no list holds.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache

from sakimori.gateway.boundary.detectors.words.compounds import is_compound
from sakimori.gateway.boundary.detectors.words.lexicon import english, japanese, listed
from sakimori.gateway.boundary.detectors.words.pieces import is_common_hiragana
from sakimori.gateway.boundary.fold import Folded

Shape = Callable[[Folded, str, int, str], tuple[int, int] | None]
"""(text, its view with digits, where the value begins, what separates it from its label) -> the value's place."""

_NAME_JA = re.compile(
    r"[一-龥\u3400-\u4dbf々ヶﾞ﨑髙]{1,6}[ \u3000][一-龥々ぁ-んァ-ヴー]{1,8}"
    r"|[一-龥\u3400-\u4dbf々ヶ﨑髙]{1,8}(?:[ぁ-ん]{1,4}(?=[ \u3000(\"',、。|\n)様」』]|$))?"
    r"|[ァ-ヴー]{1,12}(?:[ \u3000・=][ァ-ヴー]{1,14}){0,4}"
    r"|[ぁ-んー]{2,8}[ \u3000][ぁ-んー]{2,8}|[ぁ-ん]{2,8}(?=[\n\"',、。()]|$)"
)
_LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1eff\u0370-\u03ff\u0400-\u04ff"
_NAME_EN = re.compile(
    rf"(?:(?:mr|mrs|ms|miss|dr"
    rf"|prof)\.? )?[{_LATIN}][{_LATIN}'\u2019\-]*\.?(?:,? [{_LATIN}][{_LATIN}'\u2019\-]*\.?){{0,4}}",
    re.IGNORECASE,
)
_WORD_OF_NAME = re.compile(rf"[{_LATIN}][{_LATIN}'\u2019\-]*\.?")
_JOINS = listed("and or with for is was i you we")
_GOES_ON = frozenset("_\\/(@")
_INITIALS = re.compile(r"(?:[A-Z]\.){2,3}(?![A-Za-z])|[A-Z]\.[A-Z](?![A-Za-z.])")
_ID = re.compile(r"[a-z0-9](?:[ ]?[a-z0-9\-_/]){2,31}")
_CODE = re.compile(r"[a-z0-9][a-z0-9\-_/.]{1,38}[a-z0-9]")
_SPACED_CODE = re.compile(
    r"[a-z]{1,4} [0-9]{2,6}(?:[ \-][0-9]{2,6}){1,4}(?![0-9])|[a-z]{1,4} ?[0-9]{4,10}(?: ?[a-z0-9]{1,4})?"
    r"|[0-9]{2,6}(?: [0-9]{2,6}){1,4}"
)
_SPACED = re.compile(r"[0-9]{2,6}(?: [0-9]{2,6}){1,4}(?![0-9])")
_DIGIT = re.compile("[0-9]")
_FEWEST_DIGITS = 3
"""Where no sign separates a number from its label."""
_PHONE = re.compile(r"\(?\+?[0-9(](?:[ .\-()・の]{0,2}[0-9]){3,15}(?:[ ]?(?:x|ext\.?|内線)[ ]?[0-9]{1,6})?(?![0-9])")
_POSTCODE = re.compile(
    r"[0-9]{3}[\-ー ]?[0-9]{4}(?![0-9])|[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][a-z]{2}|[0-9]{5}(?:-[0-9]{3,4})?(?![0-9])"
    r"|[0-9]{3,4}(?: ?[a-z]{2}| [0-9]{2}|-[0-9]{3})?(?![0-9a-z])|[a-z][0-9][a-z] ?[0-9][a-z][0-9]"
)
_DATE = re.compile(
    r"(?:(?:明治|大正|昭和|平成|令和|西暦|[mtshr])[ .]?)?(?:[0-9]{1,4}|元|[一二三四五六七八九十〇]{1,5})[ ]?[年./\- ]["
    r" ]?(?:[0-9]{1,2}"
    r"|[一二三四五六七八九十]{1,3})[ ]?[月./\- ][ ]?(?:(?:[0-9]{1,4}|[一二三四五六七八九十]{1,3})日?)?"
    r"|(?:19|20)[0-9]{6}(?![0-9])|[0-9]{1,2}(?:st|nd|rd|th)? (?:of )?[a-z]{3,9}\.?,? [0-9]{4}"
    r"|[a-z]{3,9}\.? [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4}"
    r"|[0-9]{1,2}(?:st|nd|rd|th)?[ \-/.][a-z]{3,9}\.?,?[ \-/.]?['’]?(?:[0-9]{4}|[0-9]{2})(?![0-9])"
    r"|(?:明治|大正|昭和|平成|令和)[0-9元]{1,2}年|(?:19|20)[0-9]{2}年?"
)
_AGE = re.compile(r"(?:満 ?)?[0-9]{1,3}(?: ?[歳才])?(?![0-9.])")
_PLATE = re.compile(
    r"[一-龥ぁ-ん]{1,4}[ \u3000]?[0-9a-z]{2,3}[ \u3000]?[ぁ-ん][ \u3000]?[0-9・\-]{1,5}"
    r"|[a-z0-9]{2,4}[ \-]?[a-z0-9]{2,5}(?:[ \-][a-z0-9]{2,5})?|[a-hj-npr-z0-9\-]{8,17}"
)
_EXPIRY = re.compile(
    r"(?:0[1-9]|1[0-2]) ?[/\-] ?(?:20)?[2-4][0-9](?![0-9/\-])|20[2-4][0-9]年(?:0?[1-9]|1[0-2])月(?![0-9])"
)
_CARD = re.compile(r"(?:[x*•]{2,4}[ \-]?){0,4}[0-9](?:[ .\-]?[0-9*x•]){3,18}(?![0-9a-z])")
_SSN = re.compile(
    r"[0-9]{3}[ \-]?[0-9]{2}[ \-]?[0-9]{4}(?![0-9])|[a-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[a-d]"
    r"|[a-z]{0,2}[0-9][0-9a-z\- ]{5,16}[0-9a-z]"
)
_PIN = re.compile(r"[0-9a-z][0-9a-z\-]{2,11}(?![0-9a-z])")
_PASSWORD = re.compile(r"[!-~]{4,64}")
_SIGN = re.compile(r"[0-9]{1,8}(?:[ \-・]{1,3}(?:番号[ :]{0,3})?[0-9]{1,8})?(?![0-9])")
_PENSION = re.compile(r"[0-9]{4}[\- ー]?[0-9]{6}(?![0-9])")
_INVOICE = re.compile(r"t?[ ]?[0-9]{13}(?![0-9])|t[ ]?[0-9\-]{13,17}(?![0-9])|(?:第 ?)?[0-9a-z\-]{4,20}[0-9](?:号)?")
_TEXT = re.compile(r"[^\n\t|\"'、。,;<>{}\[\]=]{2,40}")
_ADDRESS = re.compile(r"[^\n\t|\"。;<>{}]{4,90}")
_DIGIT_OR_NUMERAL = re.compile("[0-9一二三四五六七八九十〇]")
_STREET_NUMBER = re.compile("[0-9]+ [a-z]")
_PLACE = re.compile("[一-龥ァ-ヴヶ]{2,8}[都道府県市区町村郡]")
_NETWORK = re.compile("[0-9.:x]+$|0x")
_NO_ADDRESS = re.compile(r"(?:[0-9]{1,3}\.){3}|[0-9a-f:]+$|[a-z0-9._%+\-]+@|https?:")
_USER = re.compile(r"[a-z0-9][a-z0-9._\-$@\\]{1,63}|[@][a-z0-9_.]{2,30}")
_LIKE_USER = re.compile(r"[a-z][._][a-z]|^[a-z]-[a-z]{3}|[a-z_]{3,}[0-9]{1,8}$|^(?:svc|adm|sa)[_\-]")
_NO_USER = re.compile(r"[0-9]{1,3}|0x[0-9a-f]+|s-1-[0-9\-]+|[0-9.:]+")
_HOST = re.compile(r"[a-z0-9][a-z0-9._\-]{2,100}[a-z0-9]")
_LIKE_HOST = re.compile(r"[a-z].*[\-.0-9]")
_SIGN_OF_HOST = re.compile(r"[0-9.\-]")
_NO_HOST = re.compile("[0-9.]+|0x[0-9a-f]+")
_WORD = re.compile(r"[一-龥ァ-ヴー]{2,12}(?![一-龥ァ-ヴーみりしされせ])|[a-z][a-z\-]{2,30}(?: [a-z\-]{3,20}){0,3}")
_NOBODY = listed(
    "system root administrator admin guest none null true false n/a na unknown local service network user users"
    " anonymous workgroup builtin nt "
    "localhost nobody default everyone password login logon name id type string public private test and or the in"
    " is of for with by failed success "
    "サーバー サーバ クライアント 未入力 同上 別紙 別紙参照 なし 該当なし 不明 本人 同じ 以下 以下の通り "
    "上記 下記 省略 非公開 匿名 あり 有 無 必須 任意 未定 未登録 空欄 なし"
    " 全員"
)
_JA_SIGNS = frozenset("はがの")
_TITLES = (
    "部長",
    "課長",
    "係長",
    "次長",
    "主任",
    "社長",
    "支店長",
    "室長",
    "行員",
    "職員",
    "担当",
    "会長",
    "専務",
    "常務",
    "弁護士",
    "税理士",
)
_TRAILING = re.compile(r"(?:様|殿|さん|さま|氏|先生|です|より|から|まで|宛|です。|の|は|が|を|に|へ|と|も|で|か)+$")
_STOPS_ADDRESS = re.compile(
    r"(?:です|でした|でございます|に(?:変更|転居|引|お願い|住|届|送|な)|へ(?:変更|転居|引|お|送)|から|まで"
    r"|、(?:電話|tel|氏名|名前|生年|携帯)|["
    r" \u3000](?:電話|tel"
    r"|氏名|お名前|名前|生年月日|携帯|phone|email|e-mail|date of)|となり|を|様|にて|,\s(?:phone|tel|email|"
    r"and\s(?:my|the|her"
    r"|his)))"
)


def _pattern(pattern: re.Pattern[str], *, needs_digit: bool = False) -> Shape:
    def shape(_folded: Folded, view: str, start: int, _told: str) -> tuple[int, int] | None:
        match = pattern.match(view, start)
        if not match or match[0].strip(" -") in _NOBODY:
            return None
        found = match[0].rstrip(" -_/")
        if needs_digit and sum(map(str.isdigit, found)) < 2:
            return None
        return match.start(), match.start() + len(found)

    return shape


def _digits(_folded: Folded, view: str, start: int, told: str) -> tuple[int, int] | None:
    match = _number_of(told.partition("|")[2]).match(view, start)
    return match.span() if match else None


@cache
def _number_of(bounds: str) -> re.Pattern[str]:
    least, _, most = bounds.partition(" ")
    return re.compile(
        rf"[0-9](?:[ .\-ー・]{{0,2}}[0-9]){{{int(least) - 1},{int(most) - 1}}}(?![0-9])(?!-[0-9]{{2}}[ t]"
        rf"|[年月日件円回%万億千]|[,.][0-9])"
    )


def _identifier(_folded: Folded, view: str, start: int, told: str) -> tuple[int, int] | None:
    match = _CODE.match(view, start)
    if not match or not _DIGIT.search(match[0]):
        match = _SPACED_CODE.match(view, start)
    if not match:
        return None
    longer = _SPACED.match(view, start)
    if longer and longer.end() > match.end():
        match = longer
    if told[0] == "|" and sum(map(str.isdigit, match[0])) < _FEWEST_DIGITS:
        return None
    return match.start(), match.start() + len(match[0].rstrip("-_/."))


def _name(folded: Folded, _view: str, start: int, told: str) -> tuple[int, int] | None:
    sign = told.partition("|")[0]
    text = folded.text
    match = _NAME_JA.match(text, start)
    if match:
        size = _japanese_name(match[0], weak=sign in _JA_SIGNS or sign in ("to", "is", "no", "-", "・", "番号"))
        return (start, start + size) if size else None
    initials = _INITIALS.match(folded.cased, start)
    if initials:
        return initials.span()
    latin = _NAME_EN.match(folded.cased, start)
    if not latin or sign in _JA_SIGNS:
        return None
    return _english_name(folded, latin, sign)


@lru_cache(8_192)
def _japanese_name(value: str, *, weak: bool) -> int:
    """How much of a value is a name. ``weak``: what separates it from its label does so in sentences, too."""
    lexicon = japanese()
    trimmed = _TRAILING.sub("", value) or value
    for title in _TITLES:
        if trimmed.endswith(title) and len(trimmed) > len(title):
            trimmed = trimmed[: -len(title)]
    first = re.split("[ \u3000]", trimmed)[0]
    if first in _NOBODY or first in lexicon.titles or is_common_hiragana(first):
        return 0
    if trimmed in lexicon.words or trimmed in lexicon.katakana_words:
        return 0
    if weak:
        compact = re.sub("[ \u3000]", "", trimmed)
        known = any(compact[:size] in lexicon.surnames or compact[:size] in lexicon.kana_surnames for size in (1, 2, 3))
        if not known or any(trimmed.endswith(word) for word in ("名", "者", "人")) or trimmed[:2] in lexicon.words:
            return 0
    elif is_compound(trimmed):
        return 0
    return len(trimmed)


def _english_name(folded: Folded, match: re.Match[str], sign: str) -> tuple[int, int] | None:
    lexicon = english()
    start = match.start()
    end = 0
    known = capital = False
    count = 0
    for word in _WORD_OF_NAME.finditer(match[0]):
        spelling = word[0]
        low = spelling.lower().rstrip(".")
        if low in _JOINS:
            break
        is_capital = spelling[0].isupper()
        is_word = low in lexicon.words
        if (
            count
            and not is_capital
            and (is_word or capital)
            and low not in lexicon.joining
            and not (low in lexicon.given or low in lexicon.surnames)
        ):
            break
        known = known or (not is_word and len(low) > 1)
        capital = capital or is_capital
        count += 1
        end = word.end()
    text = match[0][:end].rstrip(".,")
    low = text.lower()
    if not text or low in _NOBODY or not (known or (capital and count >= 2)):
        return None
    if not capital and (count < 2 or sign not in (":", "quote")) and low not in lexicon.given:
        return None
    end = start + len(text)
    after = folded.text[end : end + 1]
    if after in _GOES_ON or after.isdigit():
        return None
    return start, end


def _text_value(folded: Folded, _view: str, start: int, told: str) -> tuple[int, int] | None:
    sign = told.partition("|")[0]
    if sign in _JA_SIGNS or sign in ("to", "is", "no", "-", "・", "番号"):
        return None
    match = _TEXT.match(folded.text, start)
    if not match:
        return None
    value = match[0].split("  ")[0].split("\u3000")[0].rstrip()
    if value.isascii():
        words = value.split()
        if len(words) > 6 or not folded.cased[start].isupper() or value in _NOBODY:
            return None
        if all(word in english().words for word in words) and len(words) < 2:
            return None
    elif value in _NOBODY or is_compound(value):
        return None
    return start, start + len(value)


@cache
def _areas() -> tuple[str, ...]:
    return tuple(japanese().areas)


def _address(_folded: Folded, view: str, start: int, _told: str) -> tuple[int, int] | None:
    match = _ADDRESS.match(view, start)
    if not match:
        return None
    value = match[0]
    stop = _STOPS_ADDRESS.search(value, 3)
    if stop:
        value = value[: stop.start()]
    comma = value.find("、")
    if comma > 0:
        value = value[:comma]
    value = value.rstrip(" ,\u3000)』」'")
    has_digit = _DIGIT_OR_NUMERAL.search(value)
    is_ascii = value.isascii()
    if not (
        (has_digit and (not is_ascii or value[:1].isdigit() or _STREET_NUMBER.search(value)))
        or (not is_ascii and (value.startswith(_areas()) or _PLACE.match(value)))
    ):
        return None
    if is_ascii and (len(value.split()) < 2 or (_NETWORK.match(value.split()[0]) and value.count(".") > 2)):
        return None
    if len(value) < 3 or _NO_ADDRESS.match(value):
        return None
    return start, start + len(value)


def _user(folded: Folded, _view: str, start: int, told: str) -> tuple[int, int] | None:
    sign = told.partition("|")[0]
    if sign in ("no", "to", "の", "・", "is", "->", "→", ">", "-"):
        return None
    match = _USER.match(folded.text, start)
    if not match:
        return None
    value = match[0].rstrip(".$\\@")
    if not sign and not _LIKE_USER.search(value):
        return None
    if (
        value in _NOBODY
        or (value in english().words and sign not in ("=", "quote"))
        or (sign in ("は", "が", "|", "line") and value in english().words)
    ):
        return None
    if _NO_USER.fullmatch(value) or len(value) < 2:
        return None
    return start, start + len(value)


def _host(folded: Folded, _view: str, start: int, told: str) -> tuple[int, int] | None:
    sign = told.partition("|")[0]
    if sign in ("no", "to", "の", "・", "is", "-"):
        return None
    match = _HOST.match(folded.text, start)
    if not match or match[0] in _NOBODY or match[0] in english().words:
        return None
    value = match[0]
    if not sign and not (_DIGIT.search(value) and _LIKE_HOST.search(value)):
        return None
    if not _SIGN_OF_HOST.search(value) and sign not in ("=", "quote", ":"):
        return None
    if _NO_HOST.fullmatch(value):
        return None
    return start, start + len(value)


SHAPES: Mapping[str, Shape] = {
    "digits": _digits,
    "id": _identifier,
    "name": _name,
    "text": _text_value,
    "address": _address,
    "user": _user,
    "host": _host,
    "password": _pattern(_PASSWORD, needs_digit=True),
    "phone": _pattern(_PHONE),
    "postcode": _pattern(_POSTCODE),
    "date": _pattern(_DATE),
    "age": _pattern(_AGE),
    "plate": _pattern(_PLATE, needs_digit=True),
    "expiry": _pattern(_EXPIRY),
    "card": _pattern(_CARD),
    "ssn": _pattern(_SSN, needs_digit=True),
    "pin": _pattern(_PIN, needs_digit=True),
    "sign": _pattern(_SIGN),
    "pension": _pattern(_PENSION),
    "invoice": _pattern(_INVOICE, needs_digit=True),
    "word": _pattern(_WORD),
}

NEEDS_SIGN = frozenset({"name", "text", "address", "password", "plate", "word"})
"""Shapes of what only a sign, a quote or a column separates from its label."""
