"""Dates that tell who somebody is: births, and full dates before any working life in today's telemetry; and ages."""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_MONTH = (
    "january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|ap"
    "r|jun|jul|aug|sept?|oct|nov|dec"
)
_N = "[0-9一二三四五六七八九十〇元]{1,4}"
_ERAS = "(?:明治|大正|昭和|平成|令和|㍾|㍽|㍼|㍻)"
_ERA = Gate(
    rf"{_ERAS}[ ]?({_N})[ ]?(?:年の?|[./・\-])[ ]?(?:旧暦)?{_N}[ ]?(?:月の?|[./・\-])[ ]?{_N}[ ]?日?"
    r"(?:[ ]?生(?:まれ)?)?|(?<![a-z0-9])[mtsh][ ]?[0-9]{1,2}[./・\-年][ ]?[0-9]{1,2}"
    r"[./・\-月][ ]?[0-9]{1,2}日?(?![0-9a-z])"
    r"|[明大昭平](?<![一-龥][一-龥])[ ]?[0-9]{1,2}[./・\-年][ ]?[0-9]{1,2}[./・\-月][ ]?[0-9]{1,2}日?(?![0-9a-z])"
    r"|(?<![a-z])(?:meiji|tais?h[oō]|sh[oō]wa|heisei)[ ]?[0-9]{1,2}(?:[./\- ][0-9]{1,2}[./\- ][0-9]{1,2}(?![0-9])"
    r"|(?= *[,;)]))"
)
_DATE = (
    rf"(?:{_ERAS}?{_N}年の?[ ]?(?:{_N}月の?[ ]?)?(?:{_N}日)?"
    rf"|(?:[mtshr明大昭平令][ ]?|{_ERAS}[ ]?)?[0-9]{{1,4}}[./・\-][0-9]{{1,2}}[./・\-][0-9]{{1,2}}|(?:19|20)[0-9]{{6}})"
)
_BORN = Gate(rf"{_DATE}[ ]?(?:生まれ|生(?=[ \u3000)、。,\n]|$))", needs="[0-9一二三四五六七八九十〇日年月][ ]?生")
_BEHIND_BORN = Gate(
    rf"(?:(?<![一-龥々])生(?:年月日)?[ \u3000:は]{{1,3}}|生年月日[^0-9\n]{{0,30}}"
    rf"|(?<![a-z])(?:b\.|dob|d\.o\.b\.?)[ :]{{0,2}})"
    rf"({_DATE}|[0-9]{{1,2}}[./\-][0-9]{{1,2}}[./\-](?:[0-9]{{4}}|[0-9]{{2}}))(?![0-9:])",
    needs=r"生[ \u3000:は年]|(?:^|[^a-z])(?:b\.|dob|d\.o)",
    within=4,
)
_DAY_OF_BIRTH = Gate(
    r"(?:誕生日[^0-9\n]{0,6}|birthday (?:is |on |was )?)([0-9]{1,2}月[0-9]{1,2}日|[0-9]{1,2}/[0-9]{1,2}(?![0-9/])"
    rf"|(?:{_MONTH})\.? [0-9]{{1,2}}(?:st|nd|rd|th)?(?![0-9]))"
)
_IN_HIRAGANA = Gate(
    "(?:めいじ|たいしょう|しょうわ|へいせい)[ 、]?[ぁ-ん]{1,12}ねん(?:[ 、]?[ぁ-ん]{1,8}がつ)?"
    "(?:[ 、]?[ぁ-ん]{1,8}(?:にち|か|たち))?"
)
"""As it was heard."""
_TIME = r"(?:[ t][0-2][0-9]:[0-5][0-9](?::[0-5][0-9])?)?"
_OLD_YEAR = "(?:19[0-9]{2}|200[0-8])"
_OLD = (
    Gate(
        rf"(?:19[0-9]{{2}}|200[0-8])(?<![0-9./\-][0-9]{{4}})(?:[./\-](?:0?[1-9]|1[0-2])[./\-](?:0?[1-9]|[12][0-9]"
        rf"|3[01])(?![0-9])"
        rf"|年(?:0?[1-9]|1[0-2])月(?:0?[1-9]|[12][0-9]|3[01])日){_TIME}"
    ),
    Gate(
        rf"[0-9](?<![0-9./\-][0-9])[0-9]?(?:[./\-](?:0?[1-9]|[12][0-9]|3[01])[./\-]|(?:st|nd|rd"
        rf"|th)? (?:of )?(?:{_MONTH})\.?,? ){_OLD_YEAR}(?![0-9]){_TIME}"
    ),
    Gate(
        r"(?<![0-9a-z.\-_/:=#])(?:19[3-9][0-9]|200[0-8])(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?![0-9a-z.\-_/:])"
    ),
    Gate(rf"(?:{_MONTH})\.? (?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?,? {_OLD_YEAR}(?![0-9]){_TIME}"),
)
_AGES = (
    Gate(
        r"[0-9](?<![0-9.][0-9])[0-9]{0,2}(?=[ -]years?[ -]olds?|[ ]?y/?o\b|[ ]years? of age|[ ]?[歳才](?!未満"
        r"|以上|以下))",
        needs="years?[ -]olds?|[0-9][ ]?y/?o|years? of age|[歳才]",
    ),
    Gate(r"(?<![a-z])(?:turned|turn|aged|turning|age of|aged about) ([0-9]{1,3})(?![0-9]|[.:/][0-9])"),
    Gate(r"(?<![a-z])(?:(?:he|she) (?:was|is)|i was|i am|i'm) ([1-9][0-9])(?=[.,;!?](?![0-9])| and |$)"),
)


def detect_dates(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for pattern in (_ERA, _BORN, *_OLD):
        for match in pattern.finditer(text):
            if pattern is not _ERA or not _is_recent(match):
                yield Hit(match.start(), match.end(), Kind.BIRTHDATE, "birth-date", match[0])
    for match in _BEHIND_BORN.finditer(text):
        yield Hit(*match.span(1), Kind.BIRTHDATE, "birth-date", match[1])
    for match in _DAY_OF_BIRTH.finditer(text):
        yield Hit(*match.span(1), Kind.BIRTHDATE, "birth-date", match[1])
    for match in () if text.isascii() else _IN_HIRAGANA.finditer(text):
        yield Hit(*match.span(), Kind.BIRTHDATE, "birth-date", match[0])
    for pattern in _IN_PROSE:
        for match in pattern.finditer(text):
            yield Hit(match.start(1), match.end(1), Kind.DATE, "date-prose", match[1])
    for pattern in _AGES:
        for match in pattern.finditer(text):
            group = match.re.groups
            if int(match[group]) <= _OLDEST:
                yield Hit(match.start(group), match.end(group), Kind.AGE, "age", match[group])


_OLDEST = 120
_IN_PROSE = (
    Gate(r"(?:\bin|\bof|since|until|during|founded|born) ((?:19[0-9]{2}|20[0-2][0-9]))(?![0-9\-/:_]|\.[0-9])"),
    Gate(r"(?:\bon|next|last|this|meet|until) ((?:mon|tues|wednes|thurs|fri|satur|sun)day)(?![a-z])"),
)
"""Years and days as people write about themselves; logs write dates in full."""


def _is_recent(match: re.Match[str]) -> bool:
    """Whether a date of an era is one of business rather than a birth."""
    date = match[0]
    if "生" in date or date[0] not in "令平":
        return False
    year = match[1] or date[1:3].strip(" ./・-年")
    return date[0] == "令" or (year.isdigit() and int(year) > _LAST_OLD_YEAR)


_LAST_OLD_YEAR = 20
"""Of Heisei."""
