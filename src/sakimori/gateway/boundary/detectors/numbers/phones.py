"""Telephone numbers: Japan, North America, Britain, E.164, and any that stands beside a telling word."""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate, Sign
from sakimori.gateway.boundary.detectors.words.numerals import also_in_kanji
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_SEP = r"[ .\-・ーの]{1,2}"
_CANDIDATE = Gate(
    # The class comes first, the look-behinds second: so the search skips from one possible beginning to the next.
    r"[+(0-9](?<![0-9a-z_/\\+\-][+(0-9])(?<![0-9a-z][:.][+(0-9])(?<!=[(0-9])(?<![0-9],[+(1-9])(?:"
    r"(?<=\+)[1-9][0-9]{0,2}[ \-.]?(?:\(0?[0-9]{0,4}\)[ \-.]?)?[0-9](?:[ \-.()]{0,2}[0-9]){5,13}"
    r"|(?:(?<=\()0|(?<=0))[0-9]{1,4}(?:\)[ ]?|[ .\-・ーの(]{1,2})[0-9]{1,4}(?:[ .\-・ー)の]{1,2}[0-9]{2,4}){1,3}"
    r"|(?<=0)(?:[0-9]{4} [0-9]{6}|[0-9]{9,10})"
    r"|(?:(?<=1)[ .\-]\(?[2-9][0-9]{2}|(?<=\()[2-9][0-9]{2}|(?<=[2-9])[0-9]{2})(?:\)[ ]?"
    r"|[ .\-])[2-9][0-9]{2}[ .\-][0-9]{4}"
    r")(?:[ ]?(?:x|ext\.?|内線)[ ]?[0-9]{1,6})?(?![0-9_]|[a-z]|[.\-][0-9])",
    needs=r"\+[1-9]|(?:^|[^0-9a-z_/\\=+\-])\(?0[0-9]{1,4}(?:\)[ ]?|[ .\-・ーの(]{1,2})[0-9]"
    r"|(?:^|[^0-9a-z_/\\=+\-])0[0-9]{9}|[2-9][0-9]{2}(?:\)[ ]?|[ .\-])[2-9][0-9]{2}[ .\-][0-9]{4}",
    within=17,
)
_WORD = Sign(
    r"(?:phone|telephone|tel|call|calling|called|mobile|cell|cellphone|fax|desk|direct|dial|office|whatsapp|sms"
    r"|texts?|messages? (?:to|from)"
    r"|answering at|reach (?:me|him|her|us|them)|my number|contact number|registered|電話|携帯|ケータイ|連絡先|ファッ"
    r"クス|ファクス|ダイヤル"
    r"|内線)"
)
_BESIDE = Gate(rf"{_WORD.source}[^0-9+\n(]{{0,24}}+(\(?\+?[0-9](?:[ .\-()/x]{{0,2}}[0-9]){{5,16}})(?![0-9a-z])")
_BESIDE_NETWORK = Gate(
    r"(?<![a-z])(?:hp|h/p|hand ?phone|msisdn|cli|paynow|promptpay|duitnow|gcash|bkash|m-?pesa)(?![a-z])"
    r"[^0-9a-z+\n(]{0,4}+(\(?\+?[0-9](?:[ .\-()/x]{0,2}[0-9]){5,16})(?![0-9a-z])"
)
"""Mobile phones and payments by their numbers, as they are called in Asia and Africa."""
_OFF = Gate(
    r"(?<![0-9a-z.\-])(\(?\+?[0-9]{2,4}(?:[ .\-()]{1,2}[0-9]{2,4}){1,4})[ \-]{1,3}(?:office|mobile|fax|home|work"
    r"|cell|phone|tel)\b"
)
_FIELD = Gate(r"(?:^|[\n\t|,])[ ]?([35689][0-9]{3} [0-9]{4}|0[0-9]{3} [0-9]{3} ?[0-9]{3,4})(?=[ ]?(?:[\t|,\n]|$))")
"""Of Singapore, Hong Kong and Britain, in fields of tables."""
_EXTENSION = Gate(
    r"(?:内線[ :]?|(?<![一-龥ァ-ヴー])内[ :]?(?=[0-9]{1,2}-[0-9])|[( 0-9]内[ ]?|\(?(?<![a-z])(?:ext\.?|extension)[ :]?)"
    r"([0-9]{2,6}|[0-9]{1,2}-[0-9]{3,4})(?=[)、。,; \n]|$)"
)
_ABROAD = Gate(
    r"(?<![0-9a-z_.\-/+:])00[1-9][0-9]{1,2}(?:[ \-][0-9]{2,4}){3,5}(?![0-9a-z\-])",
    needs=r"00[1-9][0-9]{1,2}[ \-][0-9]{2}",
)
"""With the prefix of international calls."""
_DIGIT = "(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)"
_SPELLED = Gate(
    rf"(?<![a-z0-9])(?=[0-9, \-]{{0,24}}(?:(?:double|triple) )?{_DIGIT}[, \-])(?:{_DIGIT}|[0-9]{{1,4}})"
    rf"(?:[, \-]{{1,2}}(?:(?:double|triple) )?(?:{_DIGIT}|[0-9]{{1,4}})){{5,14}}"
    r"(?![a-z0-9])",
    needs=rf"{_DIGIT}[, \-]",
)
_TELLING_DIGIT = "(?:ゼロ|マル|イチ|ヨン|ロク|ナナ|ハチ|キュ|ぜろ|いち|よん|ろく|なな|はち|きゅ)"
_SPELLED_JA = Gate(
    f"(?=[のー、・ \\-0-9〇零一二三四五六七八九レイニサンシゴクれいにさんしごく]{{0,24}}{_TELLING_DIGIT})"
    "(?:(?:ゼロ|マル|レイ|イチ|ニイ?|サン|ヨン|シ|ゴ|ロク|ナナ|シチ|ハチ|キュウ|キュー|ク|[0-9〇零一二三四五六七八九]"
    "|ぜろ|まる|れい|いち|にい?|さん|よん|し|ご|ろく|なな|しち|はち|きゅう|きゅー|く)[のー、・ \\-]{0,2}){7,13}",
    needs=_TELLING_DIGIT,
)
"""As it is read out: ゼロハチゼロの五五一二の三〇九八."""
_LEAST, _MOST = 6, 15
_NOT_DIGITS = re.compile("[^0-9]+")
_BEFORE_EXTENSION = re.compile("(?:[^x内e]|e(?!xt))*")
_ITS_EXTENSION = re.compile(r"[ ]?(?:x|ext\.?)[ ]?[0-9]{1,6}")
_DAY = re.compile(r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3]")


@also_in_kanji
def detect_phones(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _CANDIDATE.finditer(text):
        digits = _NOT_DIGITS.sub("", match[0])
        if _is_number(match[0], digits):
            yield Hit(*match.span(), Kind.PHONE, "phone", _canonical(match[0], digits))
    for pattern in (_ABROAD, _SPELLED):
        for match in pattern.finditer(text):
            yield Hit(*match.span(), Kind.PHONE, "phone", match[0])
    for match in () if text.isascii() else _SPELLED_JA.finditer(text):
        spelling = match[0].rstrip("のー、・ -")
        yield Hit(match.start(), match.start() + len(spelling), Kind.PHONE, "phone", spelling)
    for match in _FIELD.finditer(text):
        yield Hit(*match.span(1), Kind.PHONE, "phone", match[1])
    for match in _EXTENSION.finditer(text):
        yield Hit(*match.span(1), Kind.PHONE, "extension", match[1])
    for pattern in (_BESIDE, _BESIDE_NETWORK, _OFF) if _WORD.may_match(text) else (_BESIDE_NETWORK,):
        for match in pattern.finditer(text):
            digits = _NOT_DIGITS.sub("", match[1])
            if _LEAST <= len(digits) <= _MOST and not _DAY.match(match[1]):
                start, end = match.span(1)
                extension = _ITS_EXTENSION.match(text, end)
                yield Hit(start, extension.end() if extension else end, Kind.PHONE, "phone-word", digits)


def _is_number(spelling: str, digits: str) -> bool:
    if spelling[0] == "+":
        return 8 <= len(digits) <= _MOST
    if spelling.lstrip("(")[0] != "0":
        return True  # the pattern is that of North America, with separators
    if digits.startswith("00"):
        return False
    bare = _BEFORE_EXTENSION.match(spelling)
    bare = bare[0] if bare else ""
    count = len(_NOT_DIGITS.sub("", bare))
    if count == len(bare):
        return (count == 11 and digits[1] in "57896" and digits[2] == "0") or count == 10
    if count == 11 and bare[5:6] == " ":
        return True
    if count == 11:
        return digits[2] == "0" or digits[1] in "12378"
    return count == 10 or (count == 9 and " " in bare)


def _canonical(spelling: str, digits: str) -> str:
    return "0" + digits[2:].lstrip("0") if spelling.startswith("+81") else digits
