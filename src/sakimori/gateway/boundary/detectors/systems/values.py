"""What of the text behind a name is its value, and whether it is one that must not leave.

Of machines and accounts a value that is one known word stays; of secrets only what stands for a value (``${PASSWORD}``,
``None``, ``<secret>``) or says that there is one (``required``).
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.systems.connections import NOBODY
from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.detectors.words.looks import Shape, shape_of
from sakimori.gateway.boundary.detectors.words.vocabulary import is_known
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_BARE = re.compile(r"[^\s\"'`,;&<>|(){}\[\]、。」』]{1,401}+")
_BARE_SECRET = re.compile(r"[^\s\"'`,;<>|、。」』]{1,401}+")
_QUOTED = re.compile(r"\\?([\"'`])((?:[^\"'`\\\n]|\\.|(?!\1)[\"'`]){0,400}?)\\?\1")
_OPENING = frozenset("\\\"'`")
_SCHEME = re.compile(r"(?:basic|bearer|digest|negotiate|ntlm|pass|static|plain)[: ]{1,2}(?=[!-~]{4})")
_GOES_ON = re.compile(r"(?:[;,][^\s;,=\"'<>]+)+(?=;?(?:[\s\"'<>]|$))")
"""Behind a sign that parts settings, where no setting follows."""
_MORE_WORDS = re.compile(r"(?: [a-z0-9]+){1,3}(?=[ \t]*(?:\n|$))")
_STANDS_FOR = re.compile(
    r"(?!\$[0-9a-z]{1,8}\$|\{[a-z0-9]{2,10}\}[a-z0-9+/])[$%{<*\[(]"
    r"|(?:os\.|process\.|env[.\[(]|getenv|var\.|secrets?\.|self\.|this\.|request\.|vault:|config\.|settings\.)"
    r"|x{3,}$|\.{3}|[a-z_.]+\([^)]*(?:\)(?:\.[a-z_.()]*)?)?$|file:|/run/|/etc/|/var/|/opt/|/home/|[a-z]:\\|~/|\*+$|-+$"
)
_ATTRIBUTE = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)+$")
_SAYS_NOTHING = listed(
    "true false null none nil yes no on off undefined string str required optional expired invalid incorrect wrong"
    " missing reset changed change unknown empty hidden redacted masked must should is was not has have the a an and"
    " or of for to in text varchar char int integer bytes bool any object secret password passwd token default blank"
    " prompt ask auto env file plain basic bearer digest ntlm negotiate kerberos md5 sha256 sha512 hash hashed"
    " encrypted plaintext hex ascii never always disabled enabled failed failure success accepted rejected denied per"
    " limit input output tokens count you your we our it this that will can may if when please see been be sent stored"
    " rotation"
)
_PORT = re.compile(r"[0-9]{1,5}(?::[0-9]{1,5})?$|[0-9.]+[a-z]?$")
_NAME = re.compile(r"(?:(?<![a-z0-9/.\\])|(?<=\.\\))[a-z0-9][a-z0-9._\-$]*(?![a-z0-9]|://)")
_HYPHENATED = re.compile(r"(?=[^0-9])[a-z0-9]{2,}(?:-[a-z0-9]+)+$")
_JOINED = re.compile(r"[a-z]{2,}[_\-][a-z]{2,}(?:[_\-][a-z0-9]+)*$|[a-z]{3,}[0-9]{1,4}$")
_OPENED_BY = {")": "(", "]": "[", "}": "{"}
_LONGEST = 400
_LONGEST_CELL = 40
_MOST_NAMES = 6
_SHORT = 2
_SHORTEST_PIN = 4


def value_at(
    folded: Folded, start: int, kind: Kind, *, loose: bool = False, told: bool = False, name: str = ""
) -> Iterator[Hit]:
    """What must not leave of the value at ``start``.

    ``loose``: it stands behind a colon and a space, as words of a sentence can. ``told``: nothing but one of the
    kind can stand there. ``name``: of the field or option.
    """
    text = folded.text
    scheme = _SCHEME.match(text, start)
    start = scheme.end() if scheme else start
    quoted = _QUOTED.match(text, start) if text[start : start + 1] in _OPENING else None
    if quoted:
        begin, end = quoted.span(2)
    else:
        bare = (_BARE_SECRET if kind is Kind.SECRET else _BARE).match(text, start)
        if bare is None or bare.end() - start > _LONGEST:
            return
        begin, end = bare.span()
        if kind is Kind.SECRET:
            more = _GOES_ON.match(text, end)
            end = _closed(text, begin, more.end() if more else end)
    while end > begin and text[end - 1] in ".:,":
        end -= 1
    value = text[begin:end]
    if not value or value in _SAYS_NOTHING or (not quoted and value.rstrip("s") == name.rstrip("s")):
        return
    if kind is Kind.SECRET:
        if _is_secret(value, is_quoted=quoted is not None):
            end = _phrase_end(text, end) if loose and not quoted else end
            yield Hit(begin, end, kind, "setting", text[begin:end])
    elif quoted or text[end : end + 1] != "(":
        told = told or quoted is not None or (text[start - 1] in "=:" and not loose and len(name) > _SHORT)
        yield from _names(folded, begin, end, kind, told=told)


def cell(folded: Folded, begin: int, end: int, kind: Kind) -> Iterator[Hit]:
    """What must not leave of a table's cell, in a column of machines, accounts or secrets."""
    text = folded.text
    value = text[begin:end]
    if kind is Kind.SECRET:
        if tells_secret(value) and " " not in value and value.isascii() and not value.isalpha():
            yield Hit(begin, end, kind, "column", value)
    elif value.isascii():
        yield from _names(folded, begin, end, kind, told=True)
    elif " " not in value and any("a" <= character <= "z" for character in value) and len(value) <= _LONGEST_CELL:
        yield Hit(begin, end, kind, "column", value)


def whole_value(folded: Folded, kind: Kind) -> Iterator[Hit]:
    """What must not leave of a text that is one value."""
    text = folded.text
    if kind is not Kind.SECRET:
        yield from _names(folded, 0, len(text), kind, told=True)
    elif tells_secret(text):
        yield Hit(0, len(text), kind, "setting", text)


def stands_for_value(value: str) -> bool:
    """Whether what stands behind a name of secrets is none: a variable, a type, ``required`` (folded)."""
    return value in _SAYS_NOTHING or _STANDS_FOR.match(value) is not None


def tells_secret(value: str) -> bool:
    """Whether a whole value under a name of secrets is one (folded)."""
    return value not in _SAYS_NOTHING and len(value) <= _LONGEST and _is_secret(value, is_quoted=True)


def is_port(text: str, start: int) -> bool:
    """Whether the value at ``start`` is a port or a version, which options of passwords also take (``-p 8080:80``)."""
    value = _BARE.match(text, start)
    return value is not None and _PORT.match(value[0]) is not None


def is_joined(name: str) -> bool:
    """Whether a name of small letters is words joined, or a word and a number, as accounts are: ``loan_app``."""
    return _JOINED.match(name) is not None


def _closed(text: str, begin: int, end: int) -> int:
    """Without brackets at the end that were opened before the value."""
    while end > begin and text[end - 1] in _OPENED_BY:
        closing = text[end - 1]
        if text.count(closing, begin, end) <= text.count(_OPENED_BY[closing], begin, end):
            break
        end -= 1
    return end


def _is_secret(value: str, *, is_quoted: bool) -> bool:
    if _STANDS_FOR.match(value) or not any(map(str.isalnum, value)):
        return False
    if value.isdigit():
        return len(value) >= _SHORTEST_PIN
    return is_quoted or not (_ATTRIBUTE.match(value) or value.endswith(")"))


def _phrase_end(text: str, end: int) -> int:
    """Where a secret of several words ends; it ends the line."""
    more = _MORE_WORDS.match(text, end)
    return more.end() if more and not _SAYS_NOTHING.intersection(more[0].split()) else end


def _names(folded: Folded, begin: int, end: int, kind: Kind, *, told: bool) -> Iterator[Hit]:
    """Each machine or account in a value; ``name:secret`` is taken apart. ``told``: it can be nothing but one."""
    text = folded.text
    if text[begin:end] in NOBODY or text.count(" ", begin, end) >= _MOST_NAMES:
        return
    for match in _NAME.finditer(text, begin, end):
        name = match[0].rstrip(".-_$")
        stop = match.start() + len(name)
        if name in NOBODY or not any(map(str.isalpha, name)):
            continue
        if name.isalpha() and (len(name) < _SHORT or (is_known(name) and not (told and kind is Kind.USER))):
            continue
        is_machine = told and kind is Kind.HOST and _HYPHENATED.match(name)
        if not is_machine and _is_harmless(folded.cased[match.start() : stop], kind):
            continue
        yield Hit(match.start(), stop, kind, "setting", name)
        if kind is Kind.USER and text[stop : stop + 1] == ":" and stop + 1 < end:
            yield Hit(stop + 1, end, Kind.SECRET, "setting", text[stop + 1 : end])
            return


def _is_harmless(name: str, kind: Kind) -> bool:
    if name.isalpha():
        return not name.islower() and shape_of(name) is Shape.HARMLESS
    return shape_of(name) is Shape.HARMLESS and not (kind is Kind.USER and is_joined(name.lower()))
