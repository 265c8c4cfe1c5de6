"""Numbers that somebody gave to somebody: told by the parts of a label that no list holds, or by their own form.

``…番号``, ``…コード``, ``… No.``, ``… ref``, ``… ID`` before a value with digits: whatever the first part says, the
value identifies something, unless the first part is one of those that number what has no owner (ports, events,
versions: content/boundary/references.yaml). So do codes of capitals and digits that follow no standard.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import pairwise
from string import ascii_lowercase

import yaml

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.compounds import is_compound
from sakimori.gateway.boundary.detectors.words.lexicon import english as english_lexicon
from sakimori.gateway.boundary.detectors.words.lexicon import japanese as japanese_lexicon
from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_VALUE = (
    r"(?=[a-z0-9\-/. ]{0,40}[0-9])(?:[a-z]{1,4} (?=[0-9]))?[a-z0-9]{1,24}(?:[\-/.][a-z0-9]{1,16}){0,5}"
    r"(?: [0-9]{2,6}[a-z]?(?![a-z0-9:%])){0,4}(?![a-z0-9_:@%]|[.,][0-9])"
)
_ENGLISH = Gate(
    r"(?:(?<=[ /\-])|(?<![a-z0-9_.\-/@ァ-ヴー一-龥]))(ref(?:erence)?s?|no|nr|number|num|id|code|identifier|#)"
    r"(?![a-z0-9_](?<!#[a-z0-9]))"
    r"((?:[ ](?:no|number|id|code))?\.?(?: (?:is|was)(?: the)?)?[ \t]?[:#=]?[ \t\"'(]{0,3})"
    rf"({_VALUE})",
    needs=r"(?:^|[^a-z0-9_])(?:refs?|references?|no|nr|number|num|id|code|identifier)[ .:#=\t\"'(]|#",
    within=12,
)
_JAPANESE = Gate(
    r"(番号|コード|ナンバー|no\.?|№|id|記号)"
    r"((?:[ ]?[(\[【][^()\[\]【】\n]{0,10}[)\]】])?[ \u3000\t]?(?:は|が|の|:|=|・|\||→)?"
    r"[ \u3000\t\"'「『(【]{0,3}(?:第[ \u3000]?)?)"
    rf"({_VALUE})",
    needs=r"番号|コード|ナンバー|no|№|id|記号",
    within=4,
)
_LONGEST_WORD = 16
_NUMBERED = Gate(
    r"第[ \u3000]?([0-9a-z]{1,12}(?:[\-/・][0-9a-z]{1,12}){1,3}|[0-9]{5,12})[ \u3000]?号", needs=r"第[^\n]{0,80}号"
)
_CODE = Gate(
    r"(?<![A-Za-z0-9_./\\:=\-@#%&+~$])(?:[A-Z]{1,4}(?:[0-9]{5,12}|[\-/][0-9]{4,12})(?:[\-/][0-9A-Z]{1,10}){0,3}"
    r"|[A-Z]{1,4}[0-9]{0,4}(?:[\-/][0-9A-Z]{1,12}){1,4}|[0-9]{1,4}[A-Z]{1,3}-[0-9]{3,10}"
    r"|[0-9]{2,4}-[A-Z]{1,2}-?[0-9]{4,8}|[A-Z]{2,3} [0-9]{4} [0-9]{4}(?: [0-9]{1,4})?)"
    r"(?![A-Za-z0-9_\-/\\@=:(+~]|\.[A-Za-z0-9])",
    needs=r"[A-Z]{1,4}[0-9]{5}|[A-Z][0-9]{0,4}[\-/][0-9A-Z]|[0-9][A-Z]{1,3}-[0-9]{3}"
    r"|[0-9]{2}-[A-Z]{1,2}-?[0-9]|[A-Z]{2} [0-9]{4} [0-9]{4}",
    within=13,
)
_THING = Gate(
    r"(?<![a-z0-9_.\-/@])(licen[cs]e|permit|badge|policy|plan|contract|cert|certificate|membership|member|serial|invoice|order"
    r"|docket|warrant|claim|file|case|matter|voucher|cheque|employee|staff|client|cust|customer|patient|student|ordinary"
    r"|savings|sav|handset|passport|visa|deal|facility|guarantee|loan|mandate|booking|reservation)"
    rf"(\.?[ ]?[#:]?[ ]?)({_VALUE})",
    needs=r"(?:^|[^a-z0-9_])(?:licen[cs]e|permit|badge|policy|plan|contract|cert|certificate|membership|member|serial|invoice"
    r"|order|docket|warrant|claim|file|case|matter|voucher|cheque|employee|staff|client|cust|customer|patient|student"
    r"|ordinary|savings|sav|handset|passport|visa|deal|facility|guarantee|loan|mandate|booking|reservation)[ .:#]",
    within=16,
)
"""Things that have numbers, with theirs behind them."""
_ACRONYM = Gate(r"(?<![A-Za-z0-9_\-/])([A-Z]{2,6})(?:[ :#]|: )([0-9]{8,20})(?![A-Za-z0-9.,:/%_\-])")
_SERIAL = Gate(
    r"(?<![A-Za-z0-9_./\\:\-@#%&+~$])(?:[A-Z]{1,8}[0-9]{1,12}[A-Z]|[0-9]{1,12}[A-Z]{1,8}[0-9])[A-Z0-9]{0,20}"
    r"(?![A-Za-z0-9_\-./\\@=:(+~])"
)
_ELEMENT = Gate(r"<(?:[a-z0-9]{1,8}:)?([a-z]{0,20}?)(?:id|no|nb|ref|cd|code|number|acct)>([^<>\n]{3,40})</")
_OF_OFFICE = Gate(
    r"(?:(?<![一-龥0-9])[一-龥]{1,2}-[0-9]{2,8}(?:-[0-9]{2,10}){1,3}"
    r"|(?<![一-龥ァ-ヴー0-9a-z])(?![約翌昨各毎計同全])[一-龥ァ-ヴ][0-9]{3,8}-[0-9]{4,10}|(?<![ァ-ヴー0-9a-z])[ァ-ヴ]-[0-9]{2,8}-[0-9]{2,8}"
    r"|(?<![0-9a-z\-])[a-z]{0,2}[0-9]{1,4}-[一-龥ァ-ヴ]{1,3}-[0-9]{2,8})(?![0-9\-])"
)
_BEHIND_NAME = Gate(r"[^\W\d_][ ]?\(([a-z]{0,3}-?[0-9]{3,8}(?:-[0-9]{2,8}){0,2})[)、]")
_NUMBER_OF_STAFF = "(?:[0-9]{5,8}|[0-9]{2}-[0-9]{4,6}|[a-z]{1,2}-?[0-9]{3,6})"
_FULL_NAME = "([一-龥々ヶ]{1,4}|[ァ-ヴー]{2,8})[ \u3000]([一-龥々ぁ-んァ-ヴー]{1,5}|[ァ-ヴー]{2,12})"
_BESIDE_NAME = (
    Gate(
        rf"(?:^|\n|[\t|])[ \u3000]?({_NUMBER_OF_STAFF})(?:[ \t\u3000]{{1,4}}|[ ]?[|][ ]?){_FULL_NAME}"
        r"(?=[ \u3000\t\n|]|$)",
        needs=r"[0-9]{3}[ \u3000\t|]{1,4}[一-龥々ヶァ-ヴー]{1,8}[ \u3000]",
    ),
    Gate(
        rf"(?:^|[\n\t|,])[ ]?{_FULL_NAME}[ ]?[\t|,][ ]?([0-9]{{5,8}})(?=[ ]?[\t|,\n])",
        needs=r"[\t|,][ ]?[0-9]{5,8}[ ]?[\t|,\n]",
    ),
)
"""In the field beside somebody's full name."""
_OF_STAFF = Gate(
    r"(?:(?<![a-z])(?:by|staff|teller|operator|op|emp)|(?:入館|社員|職員|行員|身分)証|担当|行員)(?:番号)?"
    r"[ \u3000:(]{1,2}([a-z]-?[0-9]{4,6})(?![0-9a-z\-])"
    r"|(?:(?<![a-z])(?:teller|supervisor|operator|emp(?:loyee)?|badge)[ #:.no]{1,4}"
    r"|(?:職員|行員|社員|従業員)[ \u3000:])([0-9]{4,8})(?![0-9a-z,\-/:]|[ ]?(?:名|人|円|people|members|in |were|have))"
)
_COUNTED = "[件名人円年月日時分回個%行万千]"
_BY_STAFF = Gate(
    r"(?:(?:承認|起票|検印|精査|担当|操作|照合|役席|従業|オペレータ|処理者|入力者)[者員ー]?(?:id)?[ \u3000:=/]{0,2}"
    r"|ログイン[ \u3000:=]{1,2}|(?<![a-z])(?:officer|clerk|approver|maker|checker|reviewer"
    r"|(?:keyed|approved|released|verified|entered|checked|authori[sz]ed|signed|posted|overridden) by)[ :#=]{1,2})"
    rf"([0-9]{{4,8}})(?![0-9a-z.\-:]|[,/][0-9]|[ ]?{_COUNTED})"
)
"""Beside what somebody of the bank does."""
_BESIDE_SURNAME = Gate(
    rf"(?<![一-龥ァ-ヴー々])([一-龥々]{{2,3}})[ ]?([0-9]{{5,8}})(?![0-9a-z.\-:]|[,/][0-9]|[ ]?{_COUNTED})"
    r"|(?<![0-9a-z,.\-/:])([0-9]{5,8})([一-龥々]{2,3})(?=[がはのをにさ様、。 \n]|$)"
)
_IN_KANJI = Gate(
    r"(?:no\.?|番号|№)[ \u3000:=]{0,2}(?!第)([一-龥ァ-ヴ]{1,4}(?:[a-z]{1,2}-?|-)?[0-9]{2,8}(?:-[0-9]{2,8}){0,2})"
    r"(?![0-9年月日件名])"
)
"""Numbers of contracts that begin with what they are about: 管理番号遺-1184."""
_FIELD = Gate(
    r"(?<![a-z])(?:emp|shain|syain|staff|gyou?in|k(?:oky|y)aku|cust|client|cli|member|mbr|kaiin|keiyaku|contract|loan|yuu?shi"
    r"|policy|shou?ken|kou?za|acct?|account|payer|payee|holder|cif|claim|appl|moushikomi|uketsuke|denpyou?|tel|ext)"
    r"[_\-]?(?:no|num|nbr|number|id|cd|code|bangou?)[\"']?[ ]?[=:][ ]?[\"'(]{0,2}"
    r"([a-z]{0,3}-?[0-9][0-9a-z\-]{2,20})(?![0-9a-z.:/])"
)
"""Fields of software, in English and in romaji, their words run together: empNo, shainBango."""
_SAFE = Gate(
    r"(?:safe(?:ty)?(?: deposit)? ?box(?:es)?(?: no\.?| number)?|貸金庫(?:番号)?)[ \u3000#:第no.]{1,4}"
    r"([a-z]?-?[0-9]{2,5}(?:-[0-9a-z]{1,4})?)(?![0-9])"
)
_RUN_TOGETHER = Gate(
    r"(?<![a-z0-9_./\\:\-@#%&+~$=])(?:cif|cust|acct|emp|id|no|mbr|mem|ref|dl|acc)[0-9]{5,14}(?![a-z0-9_\-./\\@=:])"
)
"""A label and its number, typed without a space."""
_NAME_OF_FILE = Gate(
    r"[/\\_\- (\[\"']([a-z]{0,3}[0-9]{4,14}(?:[\-_][0-9]{3,10})?)(?:[_\-][a-z]{2,20}){0,2}\."
    r"(?:pdf|tiff?|jpe?g|png|csv|tsv|xlsx?|docx?|txt"
    r"|zip|dat|eml|msg|xml|json|mp3|wav|bmp|gif|heic|p7m)(?![a-z0-9])"
)
"""Files that are named by whose they are: P4400-81732.pdf."""
_COUNTS = "数額計済高率量値"
"""What such words end with counts."""
_NAME_BEFORE = re.compile("(?:[一-龥々ヶァ-ヴー]+|[a-z]+)\\Z")
_POSITIONAL = Gate(r"[(\[,][ ]?['\"]([0-9]{6,12})['\"](?=[ ]?[,)\]])")
"""Values of statements and lists, which have no names."""
_IN_PATH = Gate(
    r"/(?:cif|kyc|customers?|applicants?|borrowers?|members?|clients?|users?|kokyaku|contracts?|policies|loans?|orders?|claims?)"
    r"/([a-z\-]{0,6}[0-9][a-z0-9\-]{3,24})(?![a-z0-9.\-])"
)
_FIRST_OF_LINE = Gate(
    r"(?:^|\n)([0-9]{5,10})(?:[ \t]{1,4}(?=[ァ-ヴー]{2,12}[ \u3000)])|/(?=[一-龥ァ-ヴー]|[a-z]{2,14} ))"
)
_HYPHENED = Gate(r"(?<![0-9a-z\-/.])[0-9]{3,4}-[0-9]{5,8}(?![0-9a-z\-])")
_GROUPED = Gate(
    r"(?<![0-9.])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![0-9])"
    r"|(?<![0-9])[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}(?![0-9])"
)
"""Brazilian numbers of people (CPF) and firms (CNPJ)."""
_MESSAGE = re.compile("[A-Z]{2,5}[0-9]{3,6}-?[EWISAF]$|[0-9]{8}T[0-9]{6}")
_PREFIX = re.compile("[A-Za-z]+")
_DAY = re.compile(
    r"(?:19|20)[0-9]{2}(?:[\-/.]?(?:0?[1-9]|1[0-2]))?(?:[\-/.]?(?:0?[1-9]|[12][0-9]|3[01]))?$"
    r"|[0-9]{1,2}[/.\-][0-9]{1,2}(?:[/.\-][0-9]{2,4})?$"
)
_VERSION = re.compile(r"v?[0-9]{1,3}(?:\.[0-9]{1,5}){1,3}$|0x|[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{32}")
_QUANTITY = re.compile(
    r"[ ]?(?:円|万|億|千|件|個|名|人|回|%|年|月|日|時|分|秒|行|枚|社|歳|才|kb|mb|gb|ms|sec|yen|jpy|usd|days?|hours?"
    r"|times|people|items|rows|lines|users|of [0-9])"
)
_FEWEST_DIGITS = 3
_FEWEST_OF_CODE = 5
_SHORTEST_SERIAL = 8
_NUMBERED_THINGS = listed(
    "membership member customer client account order ticket case claim policy contract invoice file loan card employee"
    " staff badge reference ref application booking request serial"
)
_BARE_NUMBER_WORDS = listed("no number num nr")
_LABEL = re.compile(r"(.{1,24}?)[ _]?(?:番号|コード|ナンバー|no\.?|№|id|ref(?:erence)?|number|code|#)")
_ENDINGS = ("番号", "コード", "ナンバー", "no", "no.", "№", "id", "ref", "reference", "number", "code", "#")
_WHOLE_LABELS = listed("コード ref reference no. id")
_LETTERS = ascii_lowercase + "'’"
_OF_WORDS = re.compile("[a-z0-9_.@ァ-ヴー一-龥]")
_NOT_PLAIN = str.maketrans("", "", " -/.")
_NOT_DIGITS = str.maketrans("", "", ascii_lowercase + "-_/. ")
_TIME = re.compile(
    r"(?:19|20)[0-9]{6}(?:[\-_]?[0-9]{4,9})?$|1[4-9][0-9]{8}(?:[0-9]{3})?$|[0-9]{6}[\-_][0-9]{6}$"
    r"|[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])$"
)
_LIKE_A_HASH = re.compile("[0-9a-f]{8,}")


@cache
def owned_by_nobody() -> tuple[frozenset[str], tuple[str, ...], frozenset[str]]:
    """What numbers itself: first parts of labels, in English and (by their endings) in Japanese, prefixes of codes."""
    content = yaml.load(
        files("sakimori.content").joinpath("boundary", "references.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader
    )
    return listed(content["english"]), tuple(content["japanese"].split()), listed(content["codes"])


def detect_references(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    english, japanese, codes = owned_by_nobody()
    reach = 0
    for match in _ENGLISH.finditer(text):
        before = _word_before(text, reach, match.start())
        if before is None or (match[1] == "#" and before not in _NUMBERED_THINGS):
            continue
        reach = match.end()
        if before not in english and _is_reference(text, match, bare=_is_bare(match), told=before != ""):
            yield _hit(match, 3)
    if not text.isascii():
        reach = 0
        for match in _JAPANESE.finditer(text):
            before = text[max(reach, match.start() - _LONGEST_WORD) : match.start()].rstrip(" ")
            reach = match.end()
            if not before.endswith(japanese) and _is_reference(text, match, bare=False, told=True):
                yield _hit(match, 3)
        for match in _NUMBERED.finditer(text):
            digits = sum(map(str.isdigit, match[1]))
            if digits >= _FEWEST_DIGITS + match[1].replace("-", "").isdecimal() and not text[: match.start()].endswith(
                japanese
            ):
                yield _hit(match, 1)
    for match in _CODE.finditer(folded.cased):
        found = match[0]
        if sum(map(str.isdigit, found)) >= _FEWEST_OF_CODE and _is_free(found, codes):
            yield Hit(*match.span(), Kind.CUSTOMER, "reference", _plain(found.lower()))
    yield from _by_form(folded, codes)


def _by_form(folded: Folded, codes: frozenset[str]) -> Iterator[Hit]:
    """Numbers behind what has numbers, behind abbreviations and names, and serial numbers."""
    text = folded.text
    for match in _THING.finditer(text):
        value = match[3]
        digits = sum(map(str.isdigit, value))
        least = _FEWEST_OF_CODE if value.isdecimal() else _FEWEST_DIGITS
        if (
            match[2]
            and digits >= least
            and not (_DAY.match(value) or _VERSION.match(value) or _QUANTITY.match(text, match.end()))
        ):
            yield _hit(match, 3)
    for match in _ACRONYM.finditer(folded.cased):
        if match[1] not in codes and not _DAY.match(match[2]):
            yield _hit(match, 2)
    for match in _SERIAL.finditer(folded.cased):
        if _is_serial(match[0]) and _is_free(match[0], codes):
            yield Hit(*match.span(), Kind.DEVICE, "serial", match[0].lower())
    for match in _ELEMENT.finditer(text):
        value = match[2]
        if match[1] not in owned_by_nobody()[0] and sum(map(str.isdigit, value)) > _FEWEST_DIGITS and " " not in value:
            yield _hit(match, 2)
    for match in _GROUPED.finditer(text):
        yield Hit(*match.span(), Kind.TAXID, "reference", _plain(match[0]))
    for match in _OF_OFFICE.finditer(text):
        yield _hit(match, 0)
    for match in _BEHIND_NAME.finditer(text):
        if not _DAY.match(match[1]) and _is_behind_name(text, match, codes):
            yield _hit(match, 1)
    for pattern, number, name in zip(_BESIDE_NAME, (1, 3), (2, 1), strict=True):
        for match in pattern.finditer(text):
            if not match[number].endswith("00") and not is_compound(match[name] + match[name + 1]):
                yield _hit(match, number)
    for match in _OF_STAFF.finditer(text):
        yield _hit(match, 1 if match[1] else 2)
    for match in _BESIDE_SURNAME.finditer(text):
        number, name = (2, 1) if match[1] else (3, 4)
        if match[name] in japanese_lexicon().surnames and not match[number].endswith("00"):
            yield _hit(match, number)
    for pattern in (_BY_STAFF, _SAFE, _FIELD):
        for match in pattern.finditer(text):
            yield _hit(match, 1)
    for match in _IN_KANJI.finditer(text):
        if not is_compound(match[1].rstrip("0123456789-" + ascii_lowercase)):
            yield _hit(match, 1)
    for match in _RUN_TOGETHER.finditer(text):
        if _is_free(match[0], codes):
            yield _hit(match, 0)
    for match in _NAME_OF_FILE.finditer(text):
        if len(match[1].translate(_NOT_DIGITS)) >= _FEWEST_OF_CODE and not (
            _DAY.match(match[1]) or _TIME.match(match[1]) or _LIKE_A_HASH.fullmatch(match[1])
        ):
            yield _hit(match, 1)
    for pattern in (_POSITIONAL, _IN_PATH, _FIRST_OF_LINE):
        for match in pattern.finditer(text):
            if not _DAY.match(match[1]):
                yield _hit(match, 1)
    for match in _HYPHENED.finditer(text):
        if not _DAY.match(match[0]):
            yield Hit(*match.span(), Kind.ACCOUNT, "reference", _plain(match[0]))


def _word_before(text: str, reach: int, start: int) -> str | None:
    """The word before a label that begins at ``start``; empty if there is none, None if the label is part of a name."""
    sign = text[start - 1 : start]
    if not sign or sign not in " /-":
        return ""
    stem = text[max(reach, start - 1 - _LONGEST_WORD) : start - 1]
    rest = stem.rstrip(_LETTERS)
    word = "" if rest and _OF_WORDS.match(rest, len(rest) - 1) else stem[len(rest) :]
    return word if word or sign == " " else None


def _is_behind_name(text: str, match: re.Match[str], codes: frozenset[str]) -> bool:
    """Whether a number in brackets is that of what is named before them."""
    number = match[1]
    digits = len(number.translate(_NOT_DIGITS))
    if not number.isdecimal():
        prefix = _PREFIX.match(number)
        is_letter = prefix is not None and len(prefix[0]) == 1 and "-" in number
        return digits > _FEWEST_DIGITS and (is_letter or _is_free(number, codes))
    if digits != _FEWEST_OF_CODE:
        return digits > _FEWEST_OF_CODE
    name = _NAME_BEFORE.search(text, max(0, match.start() - _LONGEST_WORD), match.start() + 1)
    if name is None:
        return False
    if name[0].isascii():
        return name[0] in english_lexicon().surnames and name[0] not in english_lexicon().words
    return name[0][-1] not in _COUNTS and not is_compound(name[0])


def _is_free(code: str, codes: frozenset[str]) -> bool:
    """Whether no standard, vendor or catalogue gives codes such as this."""
    prefix = _PREFIX.search(code)
    return (prefix is None or prefix[0].upper() not in codes) and not _MESSAGE.match(code)


def _is_serial(code: str) -> bool:
    """Capitals and digits that change place at least twice, and are no hash."""
    letters = sum(map(str.isalpha, code))
    turns = sum(one.isalpha() != other.isalpha() for one, other in pairwise(code))
    is_hash = len(code) in (8, 16, 24) and not code.strip("0123456789ABCDEF")
    return len(code) >= _SHORTEST_SERIAL and len(code) - letters >= 2 and turns >= 2 and not is_hash


def _is_bare(match: re.Match[str]) -> bool:
    """Whether ``no 12`` could be a sentence: nothing but a space between a word that counts and the value."""
    return match[1] in _BARE_NUMBER_WORDS and not match[2].strip()


def _is_reference(text: str, match: re.Match[str], *, bare: bool, told: bool) -> bool:
    """``told``: a word stands before the label."""
    value = match[3]
    digits = sum(map(str.isdigit, value))
    if digits < _FEWEST_DIGITS or _DAY.match(value) or _VERSION.match(value) or _QUANTITY.match(text, match.end()):
        return False
    return not bare or (told and (digits > _FEWEST_DIGITS + 1 or not value.isdecimal()))


def is_reference_label(name: str) -> bool:
    """Whether a folded head of a column or name of a member ends like a label of references."""
    if name in _WHOLE_LABELS:
        return True
    if not name.endswith(_ENDINGS) or not (match := _LABEL.fullmatch(name)):
        return False
    english, japanese, _ = owned_by_nobody()
    first = match[1].rstrip(" _-")
    return not first.endswith(japanese) and re.split(r"[ _\-]", first)[-1] not in english


def _hit(match: re.Match[str], group: int) -> Hit:
    return Hit(match.start(group), match.end(group), Kind.CUSTOMER, "reference", _plain(match[group]))


def _plain(value: str) -> str:
    return value.translate(_NOT_PLAIN)
