"""Secrets as people write them to each other: ``the password is sunflower``, 「初期PWは Hanabi2024 です」.

A word such as ``password`` is looked for; the value is what its sentence says it is, quoted phrases included. Common
words are taken only where nothing else can be meant: at the end of the clause and no state of a password.
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.systems.given_secrets import detect_given_secrets
from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.detectors.words.looks import Shape, shape_of
from sakimori.gateway.boundary.detectors.words.vocabulary import is_known
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_TELLING = Gate(
    r"(?:passwords?|passwd|passphrase|pass ?code|passcode|pwd|pw|psk|secret|api ?key|access key|token|creds?"
    r"|credentials?|(?:wi-?fi|encryption|license|recovery|unlock|shared) key|pin|otp|login|one-?time (?:code|pin)"
    r"|(?:verification|alarm|door|gate|entry|safe|vault|lock|access) code|r[ow]community"
    r"|community(?: string)?|code ?word|パスワード|パスフレーズ|パスコード|パス|暗証(?:番号)?|合い?言葉|合い?ことば"
    r"|秘密の(?:質問の)?答え|シークレット|トークン|apiキー|アクセスキー|ワンタイム|認証コード|確認コード|暗号化?キー|共有鍵|秘密鍵|共通鍵"
    r"|ログイン情報|認証(?:情報)?|キー)(?![a-z])"
)
_SAID = re.compile(
    r"(?:[ ](?!is\b|was\b|to\b)[a-z0-9'\u2019.\-_]+){0,8}?[ ]?"
    r"(?:(?:is now|is still|is|was|are|to be|to|as|into|=):?|:|->|→)[ ]{1,2}"
    r"(?:set to |now |just |still |simply |again )?"
)
_DIRECTIVE = re.compile(r"[ \t]+(?:(?:[05789]|plaintext|ascii|encrypted|clear)[ \t]+)?")
_SAID_JA = re.compile(
    r"(?:[（(][^）)\n]{0,20}[)）])?[^\n。、!-~「『]{0,14}?"
    r"(?:は|が|を|も|って|として|、|:|=|→|に|で|[ \u3000])?[ \u3000(]{0,2}(?=[!-'*-~「『])"
)
_OPENING = {
    "「": "」",
    "『": "』",
    '"': '"',
    "'": "'",
    "`": "`",
    "\u201c": "\u201d",
    "\u2018": "\u2019",
    "【": "】",
}
_IS = re.compile(r"(?:[（(][^）)]*[)）])?(?:は|が|:|=|→|[ \u3000])*")
_RUN = re.compile(r"[!-~\u00c0-\u024f]{3,64}")
_RUN_WEAKLY = re.compile(r"[\"'`(\[]?((?:(?![\"'`=<>(\[])[!-~\u00c0-\u024f]){3,64})(?![=(])")
_SPACED = re.compile(r"[0-9](?:[ \-][0-9]){3,11}(?![0-9])")
"""Digits as they are dictated."""
_WEAKLY = (
    re.compile(r"(?: [a-z0-9'\u2019._\-]+){0,8} ?\("),
    re.compile(r"(?: [a-z0-9'\u2019._\-]+){0,8}, ?"),
    re.compile(r"(?![a-z0-9_\-])[^\n。=:\"]{0,60}?(?: [=→] ?|: )"),
    re.compile(r"['\u2019]?s?(?: [a-z]+){2,6} (?:one|same|usual|old) "),
)
"""What stands between the word and a value that the sentence does not quite say to be it: ``pin you gave me, …``."""
_WEAKLY_JA = re.compile("[^\n。!-~]{1,30} ?(?=[!-~])")
_MADE = re.compile(r"[a-z]+[\-_.][a-z]+(?:[\-_./][a-z0-9]+)+$")
"""Words joined, as phrases are that people make up."""
_OPAQUE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[a-z]{0,20}[0-9])[0-9a-z_\-]{20,64}")
"""What tokens look like."""
_PHRASE_JA = re.compile(
    "は ?([\u3041-\u30fe\u4e00-\u9fff]{2,12}[0-9]{1,6}(?!文字|桁|回|日|[かヶカケ]月|年|世代|以|分|時)"
    "[\u3041-\u30fe\u4e00-\u9fff]{0,2}?)(?=[(（。、\n]|です|だ|$)"
)
_WORDS = re.compile(r"[a-z]+(?: [a-z]+){1,4}(?=[,.;!?\n]|$)")
_STATES = listed(
    "required expired invalid incorrect wrong missing reset changed unknown empty hidden weak strong secure safe"
    " unsafe correct valid old new same different unique long short complex simple stored saved sent shared leaked"
    " compromised public private local default temporary blank null none lost forgotten hashed encrypted visible"
    " exposed case sensitive reused rotated revoked locked disabled enabled active inactive fine ok okay ready known"
    " set not no being never always gone stale mandatory optional the a an it that this there here what why how my"
    " your our his her their in on at via by from with for of to be you me us him them access log login sign all any"
    " one two some authentication please do don dont also only still already now then and or but if when as is was"
    " were are has have had will would could should must can may might about after before under over below above true"
    " false yes prod production"
)
_SENTENCE = re.compile(r"[^\n。]{0,80}")
_MOST = 64
_LEAST = 3


def detect_spoken_secrets(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    reach = 0
    for match in _TELLING.finditer(text):
        start, end = match.span()
        if start < reach or (text[start - 1 : start].isalnum() and text[start].isascii() and text[start - 1].isascii()):
            continue
        pair = _PAIR.match(text, end) if text.find("/", end, end + _WITHIN_PAIR) >= 0 else None
        if pair and _is_odd(pair[2]):
            reach = pair.end(2)
            yield Hit(*pair.span(1), Kind.USER, "spoken", pair[1])
            yield Hit(*pair.span(2), Kind.SECRET, "spoken", pair[2])
            continue
        place = _said(folded, match[0], end) or _weakly_said(text, match[0], end)
        if place is not None:
            reach = place[1]
            yield Hit(*place, Kind.SECRET, "spoken", text[place[0] : place[1]])

    yield from detect_given_secrets(folded)


def _said(folded: Folded, telling: str, end: int) -> tuple[int, int] | None:
    """Where the value stands that is said to be what the word before ``end`` tells."""
    text = folded.text
    phrase = _PHRASE_JA.match(text, end)
    if phrase:
        return phrase.span(1)
    said = _SAID.match(text, end)
    place = _value(folded, said.end(), spoken=True) if said else None
    if place is None and (ja := _SAID_JA.match(text, end)) and (not telling.isascii() or not ja[0].isascii()):
        place = _value(folded, ja.end(), spoken=True)
        value = text[place[0] : place[1]] if place else ""
        if not (value.isascii() or _IS.fullmatch(ja[0]) or (telling not in _SHORT and any(map(str.isdigit, value)))):
            place = None
    if place is None and (directive := _DIRECTIVE.match(text, end)) and telling not in ("login", "token", "pin"):
        place = _value(folded, directive.end(), spoken=False)
    return place


def _weakly_said(text: str, telling: str, end: int) -> tuple[int, int] | None:
    """As ``_said``, where only the looks of a value tell that it is one."""
    if telling == "token":
        opaque = _OPAQUE.match(text, end + 1)
        return opaque.span() if opaque else None
    if telling in ("login", "community"):
        return None
    directive = _DIRECTIVE.match(text, end) if telling.startswith("p") else None
    ways = _WEAKLY if telling.isascii() else (_WEAKLY_JA,)
    for between in (directive, *(way.match(text, end) for way in ways)):
        run = _RUN_WEAKLY.match(text, between.end()) if between else None
        value = run[1].rstrip(".,;:!?)]}") if run else ""
        is_odd = any(map(str.isdigit, value)) and between is not directive and shape_of(value) in _NO_WORDS
        is_odd = is_odd or (telling in _OF_DIGITS and _DIGITS.fullmatch(value) is not None)
        if run and (is_odd or _MADE.match(value)):
            return run.start(1), run.start(1) + len(value)
    return None


_SHORT = ("キー", "パス")
"""That longer words end with."""
_OF_DIGITS = ("pin", "passcode", "pass code", "otp")
_DIGITS = re.compile("[0-9]{4,12}")
_NO_WORDS = (Shape.HOST, Shape.USER, Shape.KEY, Shape.COUNTED)


_PAIR = re.compile(
    r"[^\n。]{0,40}?(?<![a-z0-9.\-/\\])([a-z][a-z0-9._\-\\]{2,30}) ?/ ?([!-.0-~\u00c0-\u024f]{5,40})(?=[\s、。,]|$)"
)
"""An account and its password."""
_WITHIN_PAIR = 80
"""From the word to the sign between them, at most."""


def _is_odd(value: str) -> bool:
    unknown = not all(map(is_known, re.findall("[a-z]{2,}", value)))
    return unknown or any(map(str.isdigit, value)) or any(c in "!#$%^&*@+_?~" for c in value)


def _value(folded: Folded, start: int, *, spoken: bool) -> tuple[int, int] | None:
    """What stands at ``start`` if it can be a secret. ``spoken``: the sentence says that it is one."""
    text = folded.text
    opening = text[start : start + 1]
    if opening in _OPENING:
        closing = text.find(_OPENING[opening], start + 1, start + _MOST)
        if closing - start > _LEAST:
            return start + 1, closing
        return None
    spaced = _SPACED.match(text, start) if spoken else None
    if spaced:
        return spaced.span()
    run = _RUN.match(text, start)
    if run is None:
        return None
    end = run.end()
    while (
        end > start and text[end - 1] in ".,;:!?)]}'\"/" and not (text[end - 1] == "!" and text[end : end + 1] == ".")
    ):
        end -= 1
    value = text[start:end]
    if (
        len(value) < _LEAST
        or value in _STATES
        or value.startswith(("-", "<", "$", "{", "[", "(", "%", "/", "=", "|", "&"))
    ):
        return None
    if value.isdigit():
        return (start, end) if len(value) >= _LEAST and spoken else None
    word = value.strip("'\u2019")
    if not word.isalpha():
        told = any(map(str.isdigit, value)) or any(c in "!#$%^&*@+_?~-" for c in value)
        unknown = any(not is_known(w) for w in re.findall("[a-z]+", value) if len(w) > 1) or not value.isascii()
        odd = any(map(str.isdigit, value)) or unknown or (spoken and any(c in "!#$%^&*@+?~" for c in value))
        return (start, end) if told and odd and "://" not in value and not value.startswith("http") else None
    if not is_known(word):
        return start, end
    if not spoken:
        return None
    phrase = _WORDS.match(text, start)
    if phrase and not _STATES.intersection(phrase[0].split()):
        return phrase.span()
    ends = end == len(text) or text[end] in ".,;!?\n"
    if ends and not word.endswith(("ed", "ing", "ly", "able", "ive", "ous", "ful", "al", "ent")):
        return start, end
    return None
