"""Machines, accounts and keys by their looks: runs of Latin letters and digits that are no word.

Each distinct run of a text is judged once (``looks``). What looks like a machine, an account or a key goes in any text.
Unknown letters alone go where people do not write prose: in commands, settings, logs and code, in Japanese sentences,
and behind words such as ``host`` and ``on``. Names of fields, functions, variables, options and files stay.
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.words.lexicon import listed
from sakimori.gateway.boundary.detectors.words.looks import Shape, is_romaji, shape_of
from sakimori.gateway.boundary.detectors.words.telling import told_by
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_RUN = re.compile(r"[A-Za-z0-9]+(?:[._\-]+[A-Za-z0-9]+)*")
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
_PREVIOUS_BACKWARDS = re.compile(r"[ \t=:(\[\"'/\\]{1,6}([A-Za-z0-9_\-]*[A-Za-z])")
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
_LEADS = listed("on from for to host server user account machine node login box vm named called")
_WITHIN_URL = re.compile(r"[^\s\"'<>=]*/[^\s\"'<>/]*//:")
_ROUND = 120
"""Characters on either side that tell in what kind of text a run stands."""
_LOOK_BACK = 48
_LONGEST = 128
_ACRONYM = 5
_MUCH_COUNTED = re.compile(r"[a-z]{4}[0-9]{3,5}$")
_KINDS = {Shape.HOST: Kind.HOST, Shape.USER: Kind.USER, Shape.KEY: Kind.SECRET}
_FEW_WORDS = 3
_MOST_REMEMBERED = 16_384
_harmless: set[str] = set()
"""Runs that were judged so before, in any text: what is looked up at once needs no judging."""


def detect_runs(folded: Folded) -> Iterator[Hit]:
    text = folded.text if _WIDE.search(folded.cased) else folded.cased
    surroundings: _Surroundings | None = None
    for match in _RUN.finditer(text):
        run = match[0]
        if run in _harmless:
            continue
        shape = shape_of(run) if len(run) <= _LONGEST else Shape.HARMLESS
        if shape is Shape.HARMLESS:
            if len(run) <= _LOOK_BACK and len(_harmless) < _MOST_REMEMBERED:
                _harmless.add(run)
            continue
        surroundings = surroundings or _Surroundings(text)
        start, end = match.span()
        if text[start - 1 : start] == "\\" and _ESCAPED.match(text, start - 1):
            start += 1
        kind = _judge(text, start, end, shape, surroundings)
        if kind is not None:
            yield Hit(start, end, kind, "run", run.lower())


def _judge(text: str, start: int, end: int, shape: Shape, surroundings: "_Surroundings") -> Kind | None:
    """What a run is where it stands; None where it may stay."""
    follows = _FOLLOWS.match(text, end)
    if follows:
        if follows["port"]:
            return Kind.HOST
        if follows["account"]:
            return Kind.USER
        if follows["name"] and not (follows["name"] == "(" and shape is Shape.KEY):
            return None
    before = text[start - 1 : start]
    strong = _KINDS.get(shape)
    if before and before in "-./\\$%{<`#+@":
        if before in "-.+%" or (strong is None and before != "@"):
            return None
        if follows and before in "/\\" and shape is Shape.HOST and follows[0] in ("/", "\\"):
            return None
        if before == "/" and shape is not Shape.KEY and surroundings.holds_url and _is_within_url(text, start):
            return None
    if strong is not None:
        return strong
    previous = _previous(text, start)
    told = told_by(previous) if previous else None
    if shape is Shape.COUNTED:
        if told is None and _MUCH_COUNTED.search(text[start:end]) and surroundings.is_machine_text(start, end):
            return Kind.NAME
        return told
    is_led = told is not None or previous in _LEADS
    if follows and follows["field"] and not is_led:
        return None
    run = text[start:end]
    if told is not None:
        return told
    if told_by(run) is not None or (run.isupper() and len(run) <= _ACRONYM):
        return None
    if surroundings.is_japanese(start, end):
        is_name = (
            run.islower()
            or shape is Shape.COMPOUND
            or (run.isupper() and len(run) >= _ACRONYM and is_romaji(run.lower()))
        )
        return Kind.NAME if is_name else None
    is_name = shape is Shape.COMPOUND or is_led or is_romaji(run)
    is_plain = run.islower() or (is_led and shape is Shape.COMPOUND)
    if surroundings.is_machine_text(start, end) or (is_plain and is_name):
        return Kind.NAME
    return None


def _previous(text: str, start: int) -> str:
    """The word before, in small letters, where only white space, a sign or a quotation mark stands between."""
    match = _PREVIOUS_BACKWARDS.match(text[max(0, start - _LOOK_BACK) : start][::-1])
    return match[1][::-1].lower() if match else ""


def _is_within_url(text: str, start: int) -> bool:
    """Whether a run stands in the path of an address."""
    return _WITHIN_URL.match(text[max(0, start - _LONGEST) : start][::-1]) is not None


class _Surroundings:
    """What kind of text the parts of a text are; lines are looked at once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._is_ascii = text.isascii()
        self._machine: dict[tuple[int, int], bool] = {}
        self.holds_url = "://" in text

    def is_japanese(self, start: int, end: int) -> bool:
        return not self._is_ascii and _JAPANESE.search(self._text, max(0, start - _ROUND), end + _ROUND) is not None

    def is_machine_text(self, start: int, end: int) -> bool:
        """Whether the line, or of a long one the part around, is none that people write for people."""
        text = self._text
        begin = text.rfind("\n", max(0, start - _ROUND), start) + 1
        stop = text.find("\n", end, end + _ROUND)
        if not begin:
            begin = max(0, start - _ROUND) // _LOOK_BACK * _LOOK_BACK
        if stop < 0:
            stop = (end + _ROUND) // _LOOK_BACK * _LOOK_BACK
        known = self._machine.get((begin, stop))
        if known is None:
            known = self._machine[begin, stop] = _is_machine_line(text[begin:stop])
        return known


def _is_machine_line(line: str) -> bool:
    if _MARKS.search(line):
        return True
    words = line.lower().split()
    if len(words) <= 1:
        return any(sign in line for sign in ",|=:/")
    return len(words) >= _FEW_WORDS and not _PROSE.intersection(words) and not line.rstrip().endswith((".", "!", "?"))
