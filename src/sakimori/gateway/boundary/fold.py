"""Folding: one spelling for a detector to look at, and the way back to the code points of the input.

Full-width and other compatibility forms become their plain forms (NFKC, Unicode Standard Annex 15), digits of any
script those of ASCII, capitals small letters, typographic dashes ``-``, and invisible format characters vanish. Most
characters fold to exactly one, so that offsets stay as they are; only texts with others pay for an offset map.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

_FOLDING_BLOCKS = (
    range(0x80, 0x3400),
    range(0xA640, 0xAC00),
    range(0xF900, 0x10000),
    range(0x10400, 0x10600),
    range(0x1D400, 0x1D800),
    range(0x1EE00, 0x1F300),
    range(0x2F800, 0x2FA20),
)
"""Where characters live that have a compatibility form or a small letter and that a name, number or key could use."""
_ASTRAL = 0x10000
_ASTRAL_EXPANDING = "\U0001f100-\U0001f2ff"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef"
_MARKS = "\u0300-\u034e\u0350-\u036f\u3099\u309a\uff9e\uff9f"


_UNUSUAL = re.compile("[^\x00-\x7f\u3001\u3002\u3005\u3007\u300c-\u300f\u3041-\u3093\u30a1-\u30fc\u4e00-\u9fff]+")
"""Of the rest, what Japanese is mostly written with, only ASCII capitals fold."""
_NARROW_CAPITALS = {chr(0xFF21 + n): chr(0x41 + n) for n in range(26)}
_MOST_REPLACED = 24
"""A pass over the text for each of so many different characters costs less than one that looks at each of the text."""
_GREEK_OR_CYRILLIC = re.compile("[\u0370-\u04ff]")
_MIXED = re.compile("[a-z0-9][@._-]?[\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][@._-]?[a-z0-9]")
_GREEK_OR_CYRILLIC_WORD = re.compile("[a-z0-9@._\u0370-\u03ff\u0400-\u04ff-]+")
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u04bb\u0432\u043a\u043c\u043d\u0442\u0433\u0455\u0501\u03b1\u03b2\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3",
    "aceopxyijshbkmhtrsdabeikvoptuxy",
)


def _fold_character(character: str) -> str:
    if character in _DASHES:
        return "-"
    if character.isdecimal():  # of whatever script
        return str(unicodedata.decimal(character))
    folded = unicodedata.normalize("NFKC", character).lower()
    return "-" if folded in _DASHES and folded else folded


@cache
def _tables() -> tuple[dict[int, str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """How characters fold one to one; a pattern of those for which ``str.lower`` is not enough; a pattern that tells
    whether a text has characters that fold otherwise; one that finds these."""
    single: dict[int, str] = {}
    expanding: list[str] = []
    for block in _FOLDING_BLOCKS:
        for code in block:
            folded = _fold_character(chr(code))
            if len(folded) == 1 and folded != chr(code):
                single[code] = folded
            elif len(folded) != 1 and code < _ASTRAL:
                expanding.append(chr(code))
    others = "".join(re.escape(character) for character in expanding) + _ASTRAL_EXPANDING
    irregular = re.compile(f"[{_INVISIBLE}{_MARKS}{others}]")
    sequence = re.compile(f"[^{_MARKS}{_INVISIBLE}][{_MARKS}]+|[{_INVISIBLE}{_MARKS}{others}]")
    # Of characters beyond the basic plane a pattern names whole ranges: only then are its sets looked up at once.
    runs = "".join(
        re.escape(chr(code)) for code, folded in single.items() if code < _ASTRAL and chr(code).lower() != folded
    )
    return single, re.compile(f"[{runs}\U00010000-\U0010ffff]+"), irregular, sequence


@dataclass(frozen=True, slots=True)
class Folded:
    text: str
    """What detectors look at: folded, in small letters."""
    cased: str
    """The same, code point by code point, with capitals as they were: names are told by them."""
    starts: list[int] | None = None
    """For each folded character where its original begins; None: offsets are those of the input."""
    ends: list[int] | None = None
    """For each folded character where its original ends."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The code points of the input behind ``text[start:end]`` (not empty)."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> Folded:
    if text.isascii():
        return Folded(text.lower(), text)
    unusual = "".join(set("".join(_UNUSUAL.findall(text))))
    if not unusual:
        return Folded(text.lower(), text)
    _, _, irregular, sequence = _tables()
    plain = _plain(text, unusual)
    if not irregular.search(unusual):
        folded = plain.lower()
        if _GREEK_OR_CYRILLIC.search(_plain(unusual, unusual).lower()):
            folded = _unmask(folded)
        return Folded(folded, _narrow(text, unusual))
    pieces: list[str] = []
    cased: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    for match in sequence.finditer(text):
        pieces.append(plain[position : match.start()].lower())
        cased.append(text[position : match.start()])
        starts.extend(range(position, match.start()))
        ends.extend(range(position + 1, match.start() + 1))
        composed = _composed(match[0])
        folded = composed.lower()
        pieces.append(folded)
        cased.append(composed if len(composed) == len(folded) else folded)
        starts.extend([match.start()] * len(folded))
        ends.extend([match.end()] * len(folded))
        position = match.end()
    pieces.append(plain[position:].lower())
    cased.append(text[position:])
    starts.extend(range(position, len(text)))
    ends.extend(range(position + 1, len(text) + 1))
    return Folded(_unmask("".join(pieces)), _narrow("".join(cased), unusual), starts, ends)


def _plain(text: str, unusual: str) -> str:
    """The text with each character that folds to one other than its small letter as that. ``unusual``: those that may,
    once each."""
    single, runs, _, _ = _tables()
    others = "".join(runs.findall(unusual))
    if len(others) > _MOST_REPLACED:
        return runs.sub(lambda run: run[0].translate(single), text)
    for character in others:
        text = text.replace(character, single.get(ord(character), character))
    return text


def _narrow(text: str, unusual: str) -> str:
    """Full-width capitals as ASCII ones; other characters that capitals are told from stay as they are."""
    for character in unusual:
        if character in _NARROW_CAPITALS:
            text = text.replace(character, _NARROW_CAPITALS[character])
    return text


def _unmask(folded: str) -> str:
    """Words that mix ASCII letters with Greek or Cyrillic look-alikes, in ASCII (Unicode Technical Standard 39)."""
    if not _MIXED.search(folded):
        return folded
    return _GREEK_OR_CYRILLIC_WORD.sub(
        lambda word: word[0].translate(_LOOK_ALIKES) if _MIXED.search(word[0]) else word[0], folded
    )


def _composed(sequence: str) -> str:
    """A character with its marks, or one that becomes several, in its plain form; nothing for an invisible one."""
    if len(sequence) == 1 and re.match(f"[{_INVISIBLE}]", sequence):
        return ""
    return unicodedata.normalize("NFKC", sequence)


def joins_words(character: str) -> bool:
    """Whether a character beside a token could be read as part of it, or change how the token itself folds."""
    folded = fold(character).text
    return not folded or _tables()[2].search(character) is not None or _is_word(folded)


def _is_word(folded: str) -> bool:
    return any(c.isascii() and (c.isalnum() or c in "_-\\") for c in folded)
