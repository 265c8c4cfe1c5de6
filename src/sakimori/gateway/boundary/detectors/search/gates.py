"""Gates: patterns that ``re`` searches for only where they can match.

How to add one. Make a ``Gate`` where you would write ``re.compile``, at the top of a module of this package (so that it
is compiled with the others), and use its ``finditer`` and ``search``. Their matches are those of ``re``; what is saved
is looking where there are none. A gate costs 0.1 µs in a text in which it stays shut, some 2 µs at a place where it
may match. Where you only ask whether a text has a word at all, make a ``Sign``: its places are not even counted.

One pass of Hyperscan over a text tells where each gate may match, and ``re``, which knows exactly, looks at these
places (``reach`` says how). So a pattern is cheap where Hyperscan can tell a good deal of it: let it begin with, or
hold, characters that are rare in ordinary text. Hyperscan makes nothing of

- look-arounds within the pattern. At its ends it knows those of one character, ``(?<![a-z])`` and ``(?![0-9])``, and
  whatever is looked ahead at last, ``(?= Ltd)``. ``[0-9](?<![a-z][0-9])`` counts as ``(?<![a-z])[0-9]``;
- repetitions without a bound (``+``): ``re`` looks at the whole line, or at the whole text where the pattern can match
  line feeds (``\\s``, ``[^"]``). Write ``{1,40}``.

``needs`` is a simpler pattern that lies within every match, or within what the pattern looks ahead at: name it where
the telling part stands at the end. Say with ``within`` how near to the beginning of the match it ends, if it is near,
so that ``re`` need not begin far back. ``wants`` narrows: of many matches only those that have it matter (of all
settings, those whose names tell something). A pattern with capitals is for texts with their capitals
(``Folded.cased``), any other for texts in small letters. Patterns have no flags. ``tests/…/test_gates.py`` compares
every gate with ``re`` over many texts; it finds new ones by itself.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from operator import itemgetter

from sakimori.gateway.boundary.detectors.search.reach import NEAR, Reach
from sakimori.gateway.boundary.detectors.search.reading import RECENT, Scanned, forget
from sakimori.gateway.boundary.detectors.search.scanning import Wanted, keep_in, prepare, register, scanned

_FAR = 200
_Window = tuple[int, int, int]
"""Matches begin from the first place to the last, and are decided before the third."""
_LAST = itemgetter(1)
_NOTHING: Iterator[re.Match[str]] = iter(())


class Sign:
    """A pattern of which only counts whether a text has it. Made when its module is imported."""

    _once = True

    def __init__(self, pattern: str, *, needs: str | None = None, within: int | None = None) -> None:
        """``needs``: a simpler pattern, within every match or what it looks ahead at: Hyperscan looks for it.

        ``within``: it ends in the first so many code points of the match.
        """
        self.source = pattern
        self._group, self._number = register(Wanted(pattern, needs, within, self._once))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.source)

    def may_match(self, text: str) -> bool:
        """Whether it may; where the pattern has no look-arounds, whether it does."""
        return self._number in scanned(self._group, text).ends


class Gate(Sign):
    """A pattern with ``finditer`` and ``search`` as ``re`` has them. Made when its module is imported."""

    _once = False

    def __init__(
        self, pattern: str, *, needs: str | None = None, wants: str | None = None, within: int | None = None
    ) -> None:
        """``wants``: as ``needs``, but a match may be without it: nobody wants such ones, and they may stay away."""
        super().__init__(pattern, needs=needs or wants, within=within)
        self.wants = wants

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        for read in RECENT.texts:  # as ``scanned`` does: most gates are shut in most texts, and asked in all
            if read.text is text and (found := read.scanned[self._group]) is not None:
                break
        else:
            found = scanned(self._group, text)
        if self._number not in found.ends:
            return _NOTHING
        return self._matches(text, iter(self._windows(text, found)), 0)

    def search(self, text: str, position: int = 0) -> re.Match[str] | None:
        found = scanned(self._group, text)
        if self._number not in found.ends:
            return None
        windows = self._windows(text, found)
        first = bisect_left(windows, position, key=_LAST)
        return next(self._matches(text, islice(windows, first, None), position), None)

    def _windows(self, text: str, found: Scanned) -> list[_Window]:
        number = self._number
        windows = found.windows.get(number)
        if windows is None:
            windows = found.windows[number] = _windows(text, found.ends[number], found.reaches[number])
        return windows

    def _matches(self, text: str, windows: Iterator[_Window], position: int) -> Iterator[re.Match[str]]:
        search = self.pattern.search
        for first, last, limit in windows:
            if first > position:
                position = first
            while position <= last:
                if limit - last > _FAR + 4 * (last - position):
                    # A search would go on far behind the window.
                    places = range(position, last + 1)
                    match = next(filter(None, (self.pattern.match(text, place) for place in places)), None)
                else:
                    match = search(text, position, limit)
                if match is None:
                    break
                start, end = match.span()
                if start > last:
                    break
                yield match
                position = end if end > start else start + 1


def _windows(text: str, ends: list[int] | None, reach: Reach) -> list[_Window]:
    """Where to look. Windows that touch each other are one, so that nothing is looked at twice."""
    length = len(text)
    before, after, in_line = reach
    if ends is None or (before is None and not in_line):
        return [(0, length, length)]
    if before is not None and after is not None:
        return _bounded(length, ends, before, after)
    windows: list[_Window] = []
    first = last = limit = -1
    line = known = 0
    for end in ends:
        if before is not None:
            begin = max(0, end - before)
        else:
            upto = max(known, end - NEAR)
            line = text.rfind("\n", known, upto) + 1 or line
            begin, known = line, upto
        if begin > last + 1 or last < 0:
            if last >= 0:
                windows.append((first, last, limit))
            first = begin
        last = end
        if not in_line:
            limit = length
        elif end > limit - NEAR:
            line_end = text.find("\n", end)
            limit = length if line_end < 0 else min(length, line_end + NEAR)
    windows.append((first, last, limit))
    return windows


def _bounded(length: int, ends: list[int], before: int, after: int) -> list[_Window]:
    """Where matches begin and end near to what was found."""
    windows: list[_Window] = []
    first, last = max(0, ends[0] - before), ends[0]
    for end in ends:
        if end - before > last + 1:
            windows.append((first, last, min(length, last + after)))
            first = end - before
        last = end
    windows.append((first, last, min(length, last + after)))
    return windows


__all__ = ["Gate", "Sign", "forget", "keep_in", "prepare"]
