"""Machines, accounts and keys by their looks: runs of Latin letters and digits that are no word.

Each distinct run of a text is judged once (``looks``). What looks like a machine, an account or a key goes in any text.
Unknown letters alone go where people do not write prose: in commands, settings, logs and code, in Japanese sentences,
and behind words such as ``host`` and ``on``. Names of fields, functions, variables, options and files stay.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.detectors.words.looks import Shape, is_romaji, shape_of
from sakimori.gateway.boundary.detectors.words.telling import told_by
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]*")
"""With the signs at its end, which belong to the sentence: to leave them out here takes longer."""
_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
_JAPANESE = re.compile("[\u3041-\u30fe\u4e00-\u9fff]")
_FOLLOWS = re.compile(
    r"(?P<port>:(?:/(?!/)|[0-9]{2,5}(?![0-9:.a-zA-Z])))|(?P<account>@[A-Za-z0-9])"
    r"|(?P<name>\((?![0-9]{1,3}\.[0-9])|[\"'\]]{0,2}[ \t]{0,4}[+:]?=)"
    r"|(?P<field>[\"'\]]{0,2}[ \t]{0,4}:(?![/\\0-9A-Za-z])|[/\\])"
)
"""What a run is, told by what follows: a machine with a port, an account at one, the name of something, of a field."""
_ESCAPED = re.compile(r"\\[nrt][A-Z0-9]")
"""A line break as JSON and code write it, before a word."""
_MARKS = re.compile(
    # What a mark has in its middle comes first, so that the search skips from one to the next.
    r"[=\-/:\\;{}\"'|(](?:(?<=[A-Za-z0-9_]=)[^=]|(?<=\s-)-?[A-Za-z]|(?<=\s/)[A-Za-z]{1,12}:|(?<=:)//|(?<=\\)\\"
    r"|(?<=[;{}])|(?<=[\"']):|(?<=\|)\s|(?<=[A-Za-z]\())"
)
_PROSE = listed(
    "the a an is are was were be been being of and or this that these those it its we you i he she they him his her"
    " our your my please have has had will would can could should must not but if when which who there here do does"
    " did about into because than then so as"
)
_LEADS = listed("on from by for to host server user account machine node login box vm named called")
_WITHIN_URL = re.compile(r"[^\s\"'<>=]*/[^\s\"'<>/]*//:")
_ROUND = 120
"""Characters on either side that tell in what kind of text a run stands."""
_STEP = 48
"""By which parts of a line move, so that runs near to each other stand in the same."""
_LOOK_BACK = 48
_LONGEST = 128
_ACRONYM = 5
_ON = listed("on from onto ftp sftp telnet ssh ping traceroute tracert nslookup rlogin rsh spawn rebooted")
_ANSWERS = re.compile(
    r":[/~]|(?:(?:,| and|, and) [a-z]{2,12}){0,5},? (?:(?:is|are|was|went|came|still|not) )?"
    r"(?:answering|responding|unreachable|down|up|offline|online|rebooted)(?![a-z])"
)
"""What is said of machines."""
_WHO = listed("agent operator teller analyst colleague with by as account login")
_SOFTWARE = re.compile(
    r"(?:win|windows|rhel|centos|ubuntu|debian|sles|office|ie|edge|java|jdk|jre|php|python|perl|ruby|http|sql|oracle|db|was"
    r"|ios|macos|android|exchange|sharepoint|outlook|chrome|firefox|covid|phase|round|channel|port)[0-9]+$"
)
_NUMBERED = re.compile(r"[A-Za-z]{1,2}[0-9]{5,8}")
"""Accounts of employees, which are no names of settings."""
_MUCH_COUNTED = re.compile(r"[a-z]{4}[0-9]{3,5}$")
_KINDS = {Shape.HOST: Kind.HOST, Shape.USER: Kind.USER, Shape.KEY: Kind.SECRET}
_BETWEEN = " \t=:([\"'/\\"
_MOST_BETWEEN = 6
_MAY_FOLLOW = frozenset(("", *":@(\"']+=/\\"))
"""What ``_FOLLOWS`` begins with but for a blank; nothing where there are two."""
_FEW_WORDS = 3
_MOST_REMEMBERED = 32_768
_harmless: set[str] = set()
"""Runs that were judged so before, in any text: what is looked up at once needs no judging."""


class _Look(NamedTuple):
    """What a run that is no word is, wherever it stands."""

    shape: Shape
    kind: Kind | None
    """By its shape alone."""
    tells: bool
    """It tells what others are (``dbhost``), or is an acronym."""
    is_plain: bool
    """In small letters."""
    is_name: bool
    """It could be a name in prose."""
    is_name_in_japanese: bool


@lru_cache(_MOST_REMEMBERED)
def _look_of(run: str) -> _Look:
    shape = shape_of(run) if len(run) <= _LONGEST else Shape.HARMLESS
    if shape is Shape.HARMLESS:
        return _HARMLESS
    is_compound, is_upper = shape is Shape.COMPOUND, run.isupper()
    return _Look(
        shape,
        _KINDS.get(shape),
        tells=told_by(run) is not None or (is_upper and len(run) <= _ACRONYM),
        is_plain=run.islower(),
        is_name=is_compound or is_romaji(run),
        is_name_in_japanese=is_compound
        or run.islower()
        or (is_upper and len(run) >= _ACRONYM and is_romaji(run.lower())),
    )


_HARMLESS = _Look(Shape.HARMLESS, None, tells=False, is_plain=False, is_name=False, is_name_in_japanese=False)


def detect_runs(folded: Folded) -> Iterator[Hit]:
    text = folded.text if _WIDE.search(folded.cased) else folded.cased
    surroundings: _Surroundings | None = None
    this: re.Match[str] | None = None
    for match in _RUN.finditer(text):
        last, this = this, match
        found = match[0]
        if found in _harmless:
            continue
        run = found.rstrip("._-")
        look = _look_of(run)
        if look is _HARMLESS:
            if len(found) <= _LOOK_BACK and len(_harmless) < _MOST_REMEMBERED:
                _harmless.add(found)
            continue
        surroundings = surroundings or _Surroundings(text)
        start = match.start()
        end = start + len(run)
        if text[start - 1 : start] == "\\" and _ESCAPED.match(text, start - 1):
            start, run = start + 1, run[1:]
            look = _look_of(run)
        kind = _judge(text, start, end, look, last, surroundings) if look is not _HARMLESS else None
        if kind is not None:
            yield Hit(start, end, kind, "run", run.lower())


def _judge(
    text: str, start: int, end: int, look: _Look, last: re.Match[str] | None, surroundings: "_Surroundings"
) -> Kind | None:
    """What a run is where it stands; None where it may stay. ``last``: the run before."""
    shape = look.shape
    follows = _FOLLOWS.match(text, end) if text[end : end + 2].lstrip(" \t")[:1] in _MAY_FOLLOW else None
    if follows:
        if follows["port"]:
            return Kind.HOST
        if follows["account"]:
            return Kind.USER
        if follows["name"] == "(":
            if shape is not Shape.KEY and "-" not in text[start:end]:
                return None
        elif follows["name"] and not (shape is Shape.USER and _NUMBERED.fullmatch(text, start, end)):
            return None
    before = text[start - 1 : start]
    if before and before in "-./\\$%{<`#+@":
        if before in "-.+%" or (look.kind is None and before != "@"):
            return None
        if follows and before in "/\\" and shape is Shape.HOST and follows[0] in ("/", "\\"):
            return None
        if before == "/" and shape is not Shape.KEY and surroundings.holds_url and _is_within_url(text, start):
            return None
    if look.kind is not None:
        return look.kind
    previous = _word_before(text, start, last) if last else ""
    told = told_by(previous) if previous else None
    if shape is Shape.ROLE:
        is_machine = previous in _ON or _ANSWERS.match(text, end) is not None
        return told or (Kind.HOST if is_machine else None)
    if shape is Shape.COUNTED:
        run = text[start:end]
        if previous in _ON and run.isupper() and run.isalnum() and not _SOFTWARE.match(run.lower()):
            return Kind.HOST
        if previous in _WHO and "_" in run:
            return Kind.USER
        if told is None and _MUCH_COUNTED.search(text[start:end]) and surroundings.is_machine_text(start, end):
            return Kind.NAME
        return told
    is_led = told is not None or previous in _LEADS
    if follows and follows["field"] and not is_led:
        return None
    if told is not None or look.tells:
        return told
    if surroundings.is_japanese(start, end):
        return Kind.NAME if look.is_name_in_japanese else None
    is_plain = look.is_plain or (is_led and shape is Shape.COMPOUND)
    if (is_plain and (is_led or look.is_name)) or surroundings.is_machine_text(start, end):
        return Kind.NAME
    if look.is_plain and _ANSWERS.match(text, end):
        return Kind.HOST
    return None


def _word_before(text: str, start: int, last: re.Match[str]) -> str:
    """The word before, in small letters, where only white space, a sign or a quotation mark stands between."""
    between = text[last.end() : start]
    if between != " " and (not between or len(between) > _MOST_BETWEEN or between.strip(_BETWEEN)):
        return ""
    return last[0].rpartition(".")[2].lstrip("0123456789_-").lower()


def _is_within_url(text: str, start: int) -> bool:
    """Whether a run stands in the path of an address."""
    return _WITHIN_URL.match(text[max(0, start - _LONGEST) : start][::-1]) is not None


class _Surroundings:
    """What kind of text the parts of a text are, asked for from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._is_ascii = text.isascii()
        self._line = (0, -1)
        self._part = (0, -1)
        self._is_machine = False
        self.holds_url = "://" in text

    def is_japanese(self, start: int, end: int) -> bool:
        return not self._is_ascii and _JAPANESE.search(self._text, max(0, start - _ROUND), end + _ROUND) is not None

    def is_machine_text(self, start: int, end: int) -> bool:
        """Whether the line, or of a long one the part around, is none that people write for people."""
        text = self._text
        begin, stop = self._line
        if start > stop:
            stop = text.find("\n", end)
            self._line = begin, stop = text.rfind("\n", 0, start) + 1, stop if stop >= 0 else len(text) + _ROUND
        if start - begin >= _ROUND:
            begin = (start - _ROUND) // _STEP * _STEP
        if stop - end >= _ROUND:
            stop = (end + _ROUND) // _STEP * _STEP
        if (begin, stop) != self._part:
            self._part = begin, stop
            self._is_machine = _is_machine_line(text[begin:stop])
        return self._is_machine


def _is_machine_line(line: str) -> bool:
    if _MARKS.search(line):
        return True
    words = line.lower().split()
    if len(words) <= 1:
        return any(sign in line for sign in ",|=:/")
    return len(words) >= _FEW_WORDS and words[-1][-1] not in ".!?" and _PROSE.isdisjoint(words)
