"""Blocks of an address as letters, signatures and forms have them: a line of the street, some more, one of the country.

The lines between the first and the last belong to the address whatever they say, and short lines right above it are
who lives there.
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import english
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_COUNTRY_LINE = re.compile(
    r"(?:^|\n)[>?, \t]*([^\W\d_][^\n\d()>:;=]{2,40}?)(?: \([^()\n]{2,20}\))?(?: ([0-9]{4,6}))?[ \t\r]*(?=\n|$)"
)
_POST_CODE = r"(?:[a-z]{2}[, ]{1,2}[0-9]{5}(?:-[0-9]{4})?|[a-z]{1,2}[0-9][0-9a-z]? [0-9][a-z]{2})"
_POST_LINE = Gate(
    rf"(?:^|\n)[>?, \t]{{0,40}}((?:[^\W\d_][^\n\d()>:;=]{{1,30}}[, ]{{1,2}})?{_POST_CODE})[ \t\r]{{0,40}}(?=\n|$)",
    needs=rf"{_POST_CODE}[ \t\r]{{0,40}}(?:\n|$)",
)
"""A town with a state and a ZIP code, or with a British postcode."""
_STREET_LINE = re.compile(r"[>?, \t]*(?=[^\n]*[0-9])(?=[^\n]*[^\W\d_]{2})[^\n:;=@{}\[\]|]{5,80}$")
_LINE_OF_ADDRESS = re.compile(r"[>?, \t]*[^\n:;=@{}\[\]|\"]{1,50}$")
_ABOVE = re.compile(r"[>? \t]*([^\W\d_][^\n:;=@{}\[\]|\"!?0-9]{2,48}[^\W_])[ \t\r]*$")
_AFTER_COUNTRY = frozenset("0123456789)")
_LONGEST = 120
"""Code points of a line that names a country, with what may stand around it."""
_LINES = 5
_LINES_ABOVE = 3


def detect_letterheads(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    if text.count("\n") < 2:
        return
    for country in (*_countries(text), *_POST_LINE.finditer(text)):
        lines = _lines_before(text, country.start(1))
        street = next(
            (number for number, (first, last) in enumerate(lines[:_LINES]) if _is_street(text, first, last)), None
        )
        if street is None or not all(_LINE_OF_ADDRESS.match(text, *line) for line in lines[:street]):
            continue
        # A line with a flat or a box can stand below the street.
        if street + 1 < len(lines) and _is_street(text, *lines[street + 1]):
            street += 1
        if street + 1 < len(lines) and _is_street(text, *lines[street + 1]):
            street += 1
        for first, last in lines[: street + 1]:
            yield from _line(text, first, last, Kind.ADDRESS)
        if country.re is _POST_LINE.pattern:
            yield Hit(*country.span(1), Kind.ADDRESS, "letterhead", country[1])
        elif country[2]:
            yield Hit(*country.span(2), Kind.POSTCODE, "letterhead", country[2])
        for first, last in lines[street + 1 : street + 1 + _LINES_ABOVE]:
            above = _ABOVE.match(text, first, last)
            if above is None:
                break
            yield Hit(*above.span(1), Kind.NAME, "letterhead", above[1])


def _countries(text: str) -> Iterator[re.Match[str]]:
    """Lines that name a country, or another place."""
    places = english().places
    start = 0
    for line in text.split("\n"):
        if len(line) <= _LONGEST:
            bare = line.strip(" \t\r>?,")
            # What the pattern allows behind the name ends like this.
            if bare in places or bare[-1:] in _AFTER_COUNTRY:
                country = _COUNTRY_LINE.match(text, max(0, start - 1))
                if country and country[1].strip() in places:
                    yield country
        start += len(line) + 1


def _is_street(text: str, first: int, last: int) -> bool:
    return _STREET_LINE.match(text, first, last) is not None


def _lines_before(text: str, position: int) -> list[tuple[int, int]]:
    """Lines above that of ``position``, the nearest first, up to an empty one after the first."""
    lines: list[tuple[int, int]] = []
    end = text.rfind("\n", 0, position)
    while end > 0 and len(lines) < _LINES + _LINES_ABOVE:
        start = text.rfind("\n", 0, end) + 1
        if text[start:end].strip(" >?\t\r"):
            lines.append((start, end))
        end = start - 1
    return lines


def _line(text: str, first: int, last: int, kind: Kind) -> Iterator[Hit]:
    while first < last and text[first] in " \t>?,":
        first += 1
    while last > first and text[last - 1] in " \t\r,":
        last -= 1
    if first < last:
        yield Hit(first, last, kind, "letterhead", text[first:last])
