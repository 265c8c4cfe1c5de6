"""Lanes: the texts of an answer that arrive in pieces, restored as they come.

A lane holds back only what could still become a token, in any spelling that a passage restores (capitals, full width,
invisible characters, a markdown backslash). However a text is cut, its lane says the same. Where the text is JSON,
values are put back escaped as the string needs in which their token stands, also in JSON within JSON. Letters that JSON
spells ``\\u0041`` are not looked behind.
"""

import json
import re
from typing import TYPE_CHECKING

from sakimori.gateway.boundary.fold import fold
from sakimori.gateway.boundary.span import Kind

if TYPE_CHECKING:
    from sakimori.gateway.boundary.passage import Passage

_KINDS = sorted((kind.value.lower() for kind in Kind), key=len, reverse=True)
_CODE_LETTERS = 12
_DIGIT, _LETTER = "[0-9]", "[0-9a-hjkmnp-tv-z]"
_MOST_BACKSLASHES = 2
_MOST_ESCAPED_BACKSLASHES = 16
_TOKEN = re.compile(
    rf"({'|'.join(_KINDS)})(\\{{0,{_MOST_ESCAPED_BACKSLASHES}}}_|-)({_DIGIT}{_LETTER}{{{_CODE_LETTERS - 1}}})"
)
"""``TOKEN_LIKE``, with the backslashes that a markdown one becomes in JSON: two, in JSON within JSON four."""
_LONGEST_TOKEN = len(_KINDS[0]) + _MOST_ESCAPED_BACKSLASHES + 1 + _CODE_LETTERS
_LONGEST_HELD = 4_096
"""Code points; only invisible characters can make a token so long. What is longer is let go as it stands."""
_LONGEST_OPENING = 256
_QUOTE_OR_BACKSLASHES = re.compile(r'\\+"?|"')
_SPACE = r"(?:\s|\\+[nrt])"
_OPENS_JSON = re.compile(rf"{_SPACE}*[{{\[](?:{_SPACE}|[\[{{\]}}0-9.,eE+\-]|true|false|null|NaN|Infinity)*")
"""What may stand before the first quote of a JSON text, while a bracket of it is open."""
_MAY_OPEN_JSON = re.compile(rf"{_SPACE}*\\*(?:[{{\[]|\Z)")


def _beginnings(pieces: list[str]) -> str:
    """A pattern of the first piece, the first two, and so on."""
    pattern = ""
    for piece in reversed(pieces):
        pattern = f"{piece}(?:{pattern})?" if pattern else piece
    return pattern


_SEPARATOR_BEGINS = rf"\\{{1,{_MOST_ESCAPED_BACKSLASHES}}}"
_CODE_BEGINS = _beginnings([_DIGIT, *[_LETTER] * (_CODE_LETTERS - 2)])
_AFTER_KIND = rf"(?:{_SEPARATOR_BEGINS}(?:_(?:{_CODE_BEGINS})?)?|[_-](?:{_CODE_BEGINS})?)"
_BEGINS_TOKEN = re.compile(rf"(?:{'|'.join(_beginnings([*kind, _AFTER_KIND]) for kind in _KINDS)})\Z")
"""At the end of a folded text: what is no token yet and could become one."""
_OF_TOKENS = frozenset("0123456789abcdefghijklmnopqrstuvwxyz-_\\")


def may_hold_token(text: str) -> bool:
    """False where a lane would say the whole text as it stands."""
    if text.isascii() and "_" not in text and "-" not in text:
        return False
    return _TOKEN.search(fold(text).text) is not None


class Lane:
    """One text of an answer: ``feed`` it its pieces, then ``flush`` it once."""

    def __init__(self, passage: "Passage", *, is_json: bool) -> None:
        """``is_json``: the text is known to be JSON; else its beginning decides (``{"``, ``[{``, …)."""
        self._passage = passage
        self._held = ""
        self._levels = _Levels(is_json=is_json)

    def feed(self, text: str) -> str:
        """What can be said now that this piece is there."""
        return self._say(self._held + text, is_last=False) if text else ""

    def flush(self) -> str:
        """The rest: the text has ended."""
        return self._say(self._held, is_last=True)

    def _say(self, text: str, *, is_last: bool) -> str:
        folded = fold(text)
        said: list[str] = []
        position = passed = looked_at = 0
        match = _TOKEN.search(folded.text)
        while match is not None:
            start, end = folded.original(*match.span())
            if end == len(text) and not is_last:
                break  # a combining mark may follow, which belongs to the last letter
            self._levels.pass_by(text[passed:start])
            passed = start
            if self._is_token(match):
                self._levels.pass_by(text[start:end])
                passed = end
                value = self._value_of(match)
                if value is not None:
                    said += (text[position:start], value)
                    position = end
                looked_at = match.end()
            else:
                looked_at = match.start() + 1
            match = _TOKEN.search(folded.text, looked_at)
        held = len(text)
        if not is_last and folded.text:
            if match is None and folded.text[-1] in _OF_TOKENS:
                match = _BEGINS_TOKEN.search(folded.text, max(looked_at, len(folded.text) - _LONGEST_TOKEN))
            if match is not None:
                held = max(position, folded.original(*match.span())[0])
                held = held if len(text) - held <= _LONGEST_HELD else len(text)
        self._held = text[held:]
        self._levels.pass_by(text[passed:held])
        said.append(text[position:held])
        return "".join(said)

    def _is_token(self, match: re.Match[str]) -> bool:
        backslashes, rest = divmod(len(match[2]) - 1, 1 << self._levels.depth)
        return not rest and backslashes <= _MOST_BACKSLASHES

    def _value_of(self, match: re.Match[str]) -> str | None:
        """What the token stands for, as it must be written here; None where it never went out."""
        token = f"{match[1]}_{match[3]}".upper()
        value = self._passage.tokens.get(token)
        if value is None:
            self._passage.invented.add(token)
            return None
        self._passage.restored += 1
        for _ in range(self._levels.depth):
            value = json.dumps(value, ensure_ascii=False)[1:-1]
        return value


class _Levels:
    """In how many JSON strings, one within the other, the reader of a text stands."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json: list[bool | None] = [True if is_json else None]
        """For the text and for each string that is open: whether it is JSON itself; None where that is unknown."""
        self._opening = ""
        """What the innermost text began with, while it is not known."""
        self._backslashes = 0
        """Of them the text so far ends with so many."""

    @property
    def depth(self) -> int:
        return len(self._is_json) - 1

    def pass_by(self, text: str) -> None:
        if not text or self._is_json[0] is False:
            return
        position = trailing = 0
        for match in _QUOTE_OR_BACKSLASHES.finditer(text):
            is_quote = match[0][-1] == '"'
            backslashes = len(match[0]) - is_quote + (0 if match.start() else self._backslashes)
            if is_quote:
                self._open_with(text[position : match.start()])
                position = match.end()
                self._quote(backslashes)
            elif match.end() == len(text):
                trailing = backslashes
        self._open_with(text[position:])
        self._backslashes = trailing

    def _open_with(self, text: str) -> None:
        if self._is_json[-1] is None:
            self._opening += text
            if len(self._opening) > _LONGEST_OPENING or not _MAY_OPEN_JSON.match(self._opening):
                self._is_json[-1] = False

    def _quote(self, backslashes: int) -> None:
        """A quotation mark with so many backslashes before it: it opens or ends a string, or is a letter of one."""
        level = 0
        while True:
            if self._is_json[level] is None:
                self._is_json[level] = _opens_json(self._opening.rstrip("\\"))
            if not self._is_json[level]:
                return
            if level == self.depth:
                if backslashes:
                    self._is_json[level] = False
                else:
                    self._is_json.append(None)
                    self._opening = ""
                return
            if backslashes % 2 == 0:
                del self._is_json[level + 1 :]
                return
            backslashes //= 2
            level += 1


def _opens_json(text: str) -> bool:
    opened, closed = (sum(map(text.count, brackets)) for brackets in ("[{", "]}"))
    return opened > closed and _OPENS_JSON.fullmatch(text) is not None
