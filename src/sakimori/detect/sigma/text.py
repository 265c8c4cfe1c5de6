"""How Sigma compares text: case folding, wildcards, numbers.

Decided here, since the specification only says "case-insensitive" and "single character":

- Case is Unicode *simple* case folding (CaseFolding.txt, C and S), character by character: ``Ａ`` equals ``ａ``, the
  Kelvin sign equals ``k``; ``ß`` does not equal ``ss``, and full-width ``ａ`` does not equal ASCII ``a``. Folding one
  character at a time is what makes folding a part of a text the same as a part of the folded text.
- ``?`` is one Unicode code point, ``*`` any number of them, line ends included.
- A number in a rule equals a text that spells an equal number as JSON would (``1``, ``1.0``, ``1e0``, not ``01``).
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from fractions import Fraction
from functools import cache, lru_cache


class Wild(IntEnum):
    """A wildcard in a pattern."""

    ANY = 0
    """``*``"""
    ONE = 1
    """``?``"""


Piece = str | Wild


FOLDED_INTO_ASCII = "\u017f\u212a"
"""The characters outside ASCII whose fold is within: long s and the Kelvin sign."""


def _simple_fold(character: str) -> str:
    full = character.casefold()
    if len(full) == 1:
        return full
    lower = character.lower()
    return lower if len(lower) == 1 else character


@cache
def _cased() -> str:
    """All characters with case. There are none beyond plane 1."""
    return "".join(c for c in map(chr, range(0x20000)) if c.lower() != c or c.casefold() != c)


@cache
def _folds() -> dict[int, str]:
    return {ord(character): _simple_fold(character) for character in _cased()}


@cache
def _odd() -> re.Pattern[str]:
    """Characters whose lower case is not their fold, depends on their neighbours, or is longer or shorter in UTF-8."""
    odd = "".join(character for character in _cased() if not _lowers_evenly(character))
    return re.compile(f"[{re.escape(odd)}]")


def _lowers_evenly(character: str) -> bool:
    lower = character.lower()
    return character != "Σ" and lower == _simple_fold(character) and len(lower.encode()) == len(character.encode())


def fold(text: str) -> str:
    """``text`` with case taken out of it; as many characters as before."""
    return text.lower() if text.isascii() or not _odd().search(text) else text.translate(_folds())


def fold_evenly(data: bytes) -> bytes | None:
    """``fold`` for UTF-8, where every character keeps its length in bytes; None where some does not."""
    if data.isascii():
        return data.lower()
    text = data.decode("utf-8", "surrogatepass")
    return None if _odd().search(text) else text.lower().encode("utf-8", "surrogatepass")


_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")


@lru_cache(8192)
def number(text: str) -> int | Fraction | None:
    """The number that ``text`` spells as JSON would, exactly; None where it spells none."""
    if not _NUMBER.fullmatch(text) or len(text) > 400:
        return None
    value = Fraction(text)
    return value.numerator if value.denominator == 1 else value


def exact(value: float) -> int | Fraction:
    """A rule's number as it is written in decimal, not as a binary fraction comes near it. It must be finite."""
    return value if isinstance(value, int) else Fraction(repr(value))


class Glob:
    """A compiled wildcard pattern. Matches in time linear in the text for every pattern without ``?``."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """``pieces`` alternate freely; literals are compared as they stand (fold both sides before)."""
        parts: list[list[Piece]] = [[]]
        for piece in pieces:
            if piece is Wild.ANY:
                parts.append([])
            else:
                parts[-1].append(piece)
        self._segments = [
            re.compile("".join("." if p is Wild.ONE else re.escape(str(p)) for p in part), re.DOTALL) for part in parts
        ]
        self._last_width = sum(1 if p is Wild.ONE else len(str(p)) for p in parts[-1])

    def matches(self, text: str) -> bool:
        """Whether the whole of ``text`` fits the pattern. Each segment takes the first place where it fits."""
        first, *rest = self._segments
        if not rest:
            return first.fullmatch(text) is not None
        start = first.match(text)
        if start is None:
            return False
        at = start.end()
        for segment in rest[:-1]:
            found = segment.search(text, at)
            if found is None:
                return False
            at = found.end()
        tail = len(text) - self._last_width
        return tail >= at and rest[-1].match(text, tail) is not None
