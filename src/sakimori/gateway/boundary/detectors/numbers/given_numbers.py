"""Numbers that nothing names: six digits and more that are no amount, time, version or count were given to somebody.

Deny by default: what software numbers for itself (sizes, offsets, processes) is told by the field or word before it
(content/boundary/references.yaml), what people count by the unit behind it or the currency before it.
"""

import re
from collections.abc import Iterator
from string import ascii_lowercase

from sakimori.gateway.boundary.detectors.numbers.references import owned_by_nobody
from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_NUMBER = Gate(
    r"(?<![a-z0-9_.\-/\\:,#$¥€£%+~&^])[0-9](?:-?[0-9]){5,33}(?:-[0-9a-z]{1,4})?(?![a-z0-9_%:/]|[.,:][0-9]|-[0-9a-z])",
    needs=r"(?<![a-z0-9_.\-/\\:,#$¥€£%+~&^])[0-9](?:-?[0-9]){5}",
    within=12,
)
_GROUPS = Gate(r"(?<![0-9a-z_.\-/:,])[0-9]{4} [0-9]{4} [0-9]{1,4}(?![0-9a-z_%:/\-]|[.,][0-9]| [0-9])")
"""In fours, as numbers of people and accounts are printed."""
_IN_THREES = Gate(r"(?<![0-9a-z_.\-/:,$€£¥])[1-9][0-9]{2} [0-9]{3} [0-9]{3}(?![0-9a-z_%:/\-]|[.,][0-9]| [0-9])")
_FIELD_OF_LIST = Gate(r",[\"']?(0[0-9]{8,18})[\"']?(?=,)")
"""No amount and no time begins so."""
_IN_KANJI = Gate(
    "[〇零一二三四五六七八九](?:[-のー・ ]?[〇零一二三四五六七八九]){5,22}",
    needs="[〇零一二三四五六七八九](?:[-のー・ ]?[〇零一二三四五六七八九]){5}",
)
_CLOUD_ACCOUNT = Gate(r"(?<![a-z])arn:[a-z\-]{3,12}:[a-z0-9\-]{0,32}:[a-z0-9\-]{0,32}:([0-9]{12})(?=:)")
_YEARS_OR_SIZES = re.compile(r"(?:(?:19|20)[0-9]{2}|1024|2048|4096|8192|0000|[0-9]000)(?: |$)")
_UNIT = re.compile(
    r"[ ]?(?:円|万|億|千|百|件(?!名)|個(?!人)|名(?!義)|人|回(?!線)|%|年|月|日|時|分|秒|行(?!員)|枚|社(?!員)|歳|才|株"
    r"|口(?!座)|文字|字|頁|ページ|台|本(?![人店部])|票|戸"
    r"|[kmgt]i?b|bytes?|ms|ns|us|µs|secs?\b|seconds|minutes|hours|days|yen|jpy|usd|eur|gbp|times|people|items|rows|lines|users|records"
    r"|entries|events|tokens|characters|chars|shares|units|px|hz|bps|kbps|iops|ops|/s\b)"
)
_MONEY = tuple(
    listed(
        "¥ $ € £ < > ≦ ≧ ≤ ≥ jpy usd eur gbp chf aud cad sgd hkd cny krw inr thb vnd idr twd 円貨 金額 残高 金 約 計"
        " 総額 価格 単価 元本 限度額 極度額 評価額 年収 月収 売上 利益 手数料 利息"
    )
)
"""What stands before amounts."""
_NO_MONEY = ("信金", "預金", "貯金", "年金", "積金")
_FIELD = re.compile(r"([a-z][a-z0-9_.\-]*)[\"']?[ ]?[=:][ ]?[\"'(\[]?$")
_TIME = re.compile(
    r"(?:19|20)[0-9]{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12][0-9]|3[01])(?:-?(?:[01][0-9]|2[0-3])[0-5][0-9][0-9]{0,8})?$"
    r"|1[4-9][0-9]{8}(?:[0-9]{3}){0,3}$|(?:19|20)[0-9]{2}-(?:19|20)?[0-9]{2}$|(?:19|20)[0-9]{2}-[01]?[0-9]-[0-3]?[0-9]$"
    r"|[0-3]?[0-9]-[01]?[0-9]-(?:19|20)[0-9]{2}$|(?:19|20)[0-9]{4}$"
)
_MEASURED = listed(
    "size length len duration bytes count total sum pid tid ppid port seq offset ts time timestamp elapsed limit"
    " depth memory mem heap used free timeout ttl interval latency build revision crc checksum amount amt balance"
    " price value fee principal interest width height uptime inode block sector cylinder position pos line column"
    " index max min avg mean hits misses in out rx tx sent received rate speed weight budget quota capacity"
    " threshold window delay age score logid eventid recordid recordnumber eventrecordid processid threadid handle"
    " sequence generation epoch tick ticks cycles samples tokens records rows entries objects blocks pages"
    " requests errors retries seed read written skipped bal lines jobid sr trace isin"
)
_OF_SENTENCES = listed("there are have has is was with and or in of by to says say")
"""Words that count nothing before long numbers, although they do before short ones."""
_HEADS = ("番号", "コード", "id", "no")
_LONGEST_BEFORE, _MOST_SIGNS = 32, 3


def detect_given_numbers(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _NUMBER.finditer(text):
        if _is_given(text, match):
            yield Hit(*match.span(), Kind.CUSTOMER, "number", match[0].replace("-", ""))
    for match in _GROUPS.finditer(text):
        if match.end() == len(text):
            continue  # the next text can go on with it (``seam``)
        if not _YEARS_OR_SIZES.match(match[0]) and not text[max(0, match.start() - 2) : match.start() - 1].isdigit():
            yield Hit(*match.span(), Kind.CUSTOMER, "number", match[0].replace(" ", ""))
    for match in _IN_THREES.finditer(text):
        if not match[0].endswith("000") and not _UNIT.match(text, match.end()):
            yield Hit(*match.span(), Kind.CUSTOMER, "number", match[0].replace(" ", ""))
    for match in () if text.isascii() else _IN_KANJI.finditer(text):
        if "一二三四" not in match[0]:
            yield Hit(*match.span(), Kind.CUSTOMER, "number", match[0])
    for pattern, kind in ((_FIELD_OF_LIST, Kind.CUSTOMER), (_CLOUD_ACCOUNT, Kind.ACCOUNT)):
        for match in pattern.finditer(text):
            yield Hit(*match.span(1), kind, "number", match[1])


def _is_given(text: str, match: re.Match[str]) -> bool:
    number = match[0]
    if len(number) == len(text):
        return False  # the value of a JSON member: its name tells, or a detector of a form
    if (number.endswith("000") and "-" not in number) or _TIME.match(number) or _UNIT.match(text, match.end()):
        return False
    if len(set(number) - {"-"}) == 1:
        return False  # 000000, 999999
    before = text[max(0, match.start() - _LONGEST_BEFORE) : match.start()]
    stem = before.rstrip(" :=")
    if stem.endswith(_MONEY) and not stem.endswith(_NO_MONEY) and len(before) - len(stem) <= _MOST_SIGNS:
        return False
    if before.rstrip(" \"'([").endswith(("=", ":")) and (field := _FIELD.search(before)):
        name = re.split(r"[_.\-]", field[1])[-1]
        return not (name in _MEASURED or field[1] in _MEASURED or _numbers_nobody(name))
    if before.endswith(" "):
        word = before[len(before[:-1].rstrip(ascii_lowercase)) : -1]
        if word and word not in _OF_SENTENCES and (word in _MEASURED or _numbers_nobody(word)):
            return word == "value" and number[0] == "0"  # no amount begins so
    return not _is_label_of_nobody(before.rstrip(" :=\n\t\u3000").removesuffix("."))


def _numbers_nobody(name: str) -> bool:
    english = owned_by_nobody()[0]
    return name in english or name.removesuffix("id").removesuffix("no") in english


def _is_label_of_nobody(text: str) -> bool:
    """Whether a text ends with such a label in Japanese: ポート番号."""
    for head in _HEADS:
        if text.endswith(head):
            return text.removesuffix(head).endswith(owned_by_nobody()[1])
    return False
