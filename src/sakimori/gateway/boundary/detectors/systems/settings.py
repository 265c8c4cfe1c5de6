"""Values of settings, fields and options, told by the words of their names: ``smtp_user: …``, ``--bind-pw …``.

The name tells the kind (``telling``), ``values`` what of the text behind it is the value.
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.systems.connections import NOBODY
from sakimori.gateway.boundary.detectors.systems.values import (
    is_joined,
    is_port,
    stands_for_value,
    value_at,
    whole_value,
)
from sakimori.gateway.boundary.detectors.words.looks import Shape, shape_of
from sakimori.gateway.boundary.detectors.words.telling import TELLING_END, told_by
from sakimori.gateway.boundary.detectors.words.vocabulary import is_known
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_SETTING = Gate(
    r"([a-z_](?<![a-z0-9_.\-$%@][a-z_])[a-z0-9_.\-]{1,60}+)[\"'\])]{0,3}+[ \t]{0,32}+"
    r"(:=|=>|==?|:(?![:/\\]))[ \t]{0,8}+",
    wants=rf"(?:auth|sid|nonce|ticket|{TELLING_END})[\"'\])]{{0,3}}[ \t]*[:=]",
    within=100,
)
_CALL = Gate(r"(?<![A-Za-z])([A-Z]{3,10})\((?=['A-Za-z0-9])")
"""Keywords of mainframes and queue managers with their operands."""
_ELEMENT = Gate(r"<([a-z][a-z0-9_.\-:]{1,60})>(?=[^<\s])", wants=rf"{TELLING_END}>", within=64)
_NAMED = Gate(
    r"(?:key|name)[\"']?\s{0,3}[=:]\s{0,3}[\"']?([a-z][a-z0-9_.\-:]{1,60})[\"']?[\s,]{1,20}[\"']?value[\"']?\s{0,3}[=:]\s{0,3}",
    wants=rf"{TELLING_END}[\"']?[\s,]{{1,20}}[\"']?value[\"']?\s{{0,3}}[=:]",
)
_REGISTRY = Gate(r"/v ([a-z][a-z0-9_]{1,40})(?: /t [a-z_]{1,20})? /d ")
_ARGUMENT = Gate(r"[a-z_]\(\s{0,4}[\"']([a-z][a-z0-9_.\-]{1,60})[\"']\s{0,4},\s{0,4}(?=[\"'])")
"""``define('DB_PASSWORD', '…')`` and its like."""
_REGISTERED = Gate(
    r"(?<![a-z0-9])([a-z][a-z0-9_]{1,40})[ \t]{1,12}reg_(?:expand_|multi_)?sz[ \t]{1,12}",
    needs=r"[ \t]reg_(?:expand_|multi_)?sz[ \t]",
)
_FORMS = (
    (_CALL, True),
    (_ELEMENT, False),
    (_NAMED, False),
    (_REGISTRY, False),
    (_ARGUMENT, False),
    (_REGISTERED, False),
)
"""And whether the form needs capitals."""
_PHRASE = Gate(
    r"<(?:[a-z:]{1,30} [^<>\n]{0,60}?(?:name|key)=\"([a-z][a-z0-9_.\-:]{1,60})\"[^<>\n]{0,40}"
    r"|([a-z][a-z0-9_.\-:]{1,60}))>"
    r"([^<\s][^<\n]{0,80} [^<\n]{1,60})</",
    needs=r">[^<\s][^<\n]{0,80} [^<\n]{1,60}</",
)
"""Elements of XML whose text is several words."""
_OPTION = Gate(r"(?<![^ \t\n\"'(\[,])(--?|/)([a-z][a-z0-9\-_]{0,40}+)(?:[ \t]{1,3}+|[=:][ \t]?)(?![\-|>&])")
_DIRECTIVE = Gate(
    r"(?:^|\n)[ \t]{0,32}([a-z][a-z0-9_.\-]{2,40}+)[ \t]{1,32}+(?=[^\s=:\-])"
    r"(?:(?:[05789]|local|remote|cipher|simple|ascii-text|hexadecimal|plain-text) )?",
    wants=rf"(?:^|\n)[ \t]*[a-z0-9_.\-]*{TELLING_END}[ \t]",
    within=76,
)
_STATEMENT = Gate(
    r"(?<![a-z0-9_])(?:user|role|login|username|account|acct|host|hostname|server|node|machine|peer|owner|member)"
    r"[ \t]{1,3}[`\"'\[]?([a-z0-9][a-z0-9.\-]{0,60}[_0-9][a-z0-9_.\-]{0,60})"
)
_CHANGED = re.compile(r"\"[^\"\n]{0,200}\" ?[=\-]> ?(?=\")")
"""From what a value changes, before what it changes to."""
_ENDS_LINE = re.compile(r"[a-z0-9\-]+[ \t]*;?[ \t\r]*(?:\n|$)")
_HOST_NAME = Gate(
    r"(?<![a-z])(?:host|node|computer|system)-?name[ \t]{1,3}([a-z][a-z0-9]*(?:-[a-z0-9]+)+)(?=;?[ \t\r]*(?:\n|$))"
)
_GRANTEE = Gate(
    r"(?:(?<![a-z])grant [^;\n]{1,120}? to|(?<![a-z])(?:to|user|role|login))\s{1,3}[`\"'\[]?([a-z][a-z0-9_.\-]{1,60})"
    r"[`\"'\]]?(?:@[^\s]{1,60})?(?:\s{1,3}(?:identified|using [\"']|with (?:password|grant))|;)",
    needs=r"identified|using [\"']|with (?:password|grant)|grant [^;\n]{1,120}? to\s",
)
"""Of statements of SQL."""
_BEGINS_LINE = re.compile(r"[ \t\-*#>\"']*(?:\n|[{,;(\[|]|$)")
_SENTENCE = re.compile(r"[a-z]+ [a-z]+")
_WORD = re.compile(r"[a-z]+(?![a-z0-9!#$%&*+@_\-])")
_OF_SESSIONS = ("session", "auth", "sid", "nonce", "ticket", "cookie", "_key", "-key")
_OF_TABLES = tuple(
    f"{of}{sign}key"
    for of in (
        "cache",
        "primary",
        "foreign",
        "sort",
        "partition",
        "registry",
        "index",
        "idempotency",
        "routing",
        "row",
        "object",
        "group",
        "public",
        "host",
        "message",
        "hash",
        "dedup",
        "unique",
        "reg",
        "pub",
        "s3",
        "issue",
    )
    for sign in "_-"
)
_OPAQUE = re.compile(r"[\"']?(?=[a-z_\-]{0,40}[0-9])(?=[0-9.:_\-]{0,40}[a-z])[a-z0-9._+/=\-]{16,}")
"""What their values look like where they are none of the common words that also stand there."""
_INDENT = 24
_SHORT = 2
_USER_LETTERS = frozenset({"u", "l", "ru"})
_PASSWORD_LETTERS = frozenset({"p", "w", "a", "x", "rp"})
_HOST_LETTERS = frozenset({"h", "s", "t", "n", "r", "d", "i", "b"})
_LOOK_BACK = 300
_USER_OPTION = Gate(r"\s(?:-u|-l|--user(?:name)?|/u|/user|-user(?:name)?|/ru|--login)[ :=]")
_PASSWORD_PROGRAM = re.compile(
    r"\b(?:sshpass|redis-cli|docker login|podman login|helm registry|mysql|az login|ldap[a-z]+|ipmitool|snmp[a-z]+"
    r"|smbclient|7z|zip|unzip|keytool|psexec|winrs|mongosh?|mongodump|nxc|crackmapexec|impacket)\b"
)
_LOGIN_PROGRAM = re.compile(
    r"\b(?:mysql[a-z]*|psql|mongo(?:sh|dump)?|curl|ssh|scp|sftp|smbclient|sqlcmd|ftp|rdesktop)\b"
)


def detect_settings(folded: Folded) -> Iterator[Hit]:
    text, cased = folded.text, folded.cased
    for match in _SETTING.finditer(text):
        kind = told_by(cased[match.start(1) : match.end(1)])
        if kind is None and match[1].endswith(_OF_SESSIONS) and _OPAQUE.match(text, match.end()):
            kind = Kind.SECRET if not match[1].endswith(_OF_TABLES) else None
        if kind is not None:
            loose = match[2] == ":" and text[match.end() - 1] == " "
            if not (loose and kind is Kind.SECRET and _goes_on(text, match)):
                yield from value_at(folded, match.end(), kind, loose=loose, name=match[1])
                changed = _CHANGED.match(text, match.end()) if kind is Kind.SECRET else None
                if changed:
                    yield from value_at(folded, changed.end(), kind, name=match[1])
    for pattern, capitals in _FORMS:
        for match in pattern.finditer(cased if capitals else text):
            kind = told_by(cased[match.start(1) : match.end(1)])
            if kind is not None:
                yield from value_at(folded, match.end(), kind)
    for match in _OPTION.finditer(text):
        is_letter = len(match[2]) <= _SHORT
        kind = _of_letter(text, match) if is_letter else told_by(cased[match.start(2) : match.end(2)])
        if kind is not None and text[match.end() : match.end() + 1].isascii():
            told = not is_letter and kind is Kind.HOST
            told = told or (is_letter and bool(_LOGIN_PROGRAM.search(_command(text, match))))
            yield from value_at(folded, match.end(), kind, told=told, name=match[2])
    for match in _DIRECTIVE.finditer(text):
        kind = told_by(cased[match.start(1) : match.end(1)])
        if kind is not None and not (kind is Kind.SECRET and _is_word_at(text, match.end())):
            yield from value_at(folded, match.end(), kind, told=_ENDS_LINE.match(text, match.end()) is not None)
    for match in _PHRASE.finditer(text):
        name = 1 if match[1] else 2
        if told_by(cased[match.start(name) : match.end(name)]) is Kind.SECRET and not stands_for_value(match[3]):
            yield Hit(*match.span(3), Kind.SECRET, "setting", match[3])
    for match in _HOST_NAME.finditer(text):
        yield Hit(*match.span(1), Kind.HOST, "statement", match[1])
    for match in _GRANTEE.finditer(text):
        if match[1] not in NOBODY and (not is_known(match[1]) or is_joined(match[1])):
            yield Hit(*match.span(1), Kind.USER, "statement", match[1])
    for match in _STATEMENT.finditer(text):
        if shape_of(match[1]) is not Shape.HARMLESS or is_joined(match[1]):
            kind = told_by(match[0].split()[0]) or Kind.USER
            yield Hit(*match.span(1), kind, "statement", match[1])


def detect_named(name: str, value: Folded) -> Iterator[Hit]:
    """What of the value of a JSON member must not leave, told by the member's name (capitals as they were)."""
    kind = told_by(name)
    if kind is not None:
        yield from whole_value(value, kind)


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Whether a name and its colon are words within a sentence."""
    begins_line = _BEGINS_LINE.match(text[max(0, match.start() - _INDENT) : match.start()][::-1]) is not None
    sentence = None if begins_line else _SENTENCE.match(text, match.end())
    return sentence is not None and all(map(is_known, sentence[0].split()))


def _is_word_at(text: str, start: int) -> bool:
    word = _WORD.match(text, start)
    return word is not None and is_known(word[0])


def _command(text: str, option: re.Match[str]) -> str:
    """What of its line stands before an option."""
    return text[max(text.rfind("\n", 0, option.start()) + 1, option.start() - _LOOK_BACK) : option.start() + 1]


def _of_letter(text: str, match: re.Match[str]) -> Kind | None:
    """What an option of a letter or two takes, in the command that it stands in."""
    letter = match[2]
    if letter in _USER_LETTERS:
        return Kind.USER
    if letter in _PASSWORD_LETTERS and not is_port(text, match.end()):
        command = _command(text, match)
        if letter == "rp" or _USER_OPTION.search(command) or _PASSWORD_PROGRAM.search(command):
            return Kind.SECRET
        return None
    return Kind.HOST if letter in _HOST_LETTERS else None
