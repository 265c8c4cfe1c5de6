"""Tables as text: what stands under a label, in lines of as many fields as the line of labels (RFC 4180, tabs, |).

A column of machines, accounts or secrets is told by the words of its head (``Logged In User``), as fields are.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.labels.labelled import beside_label, is_label
from sakimori.gateway.boundary.detectors.systems.values import cell
from sakimori.gateway.boundary.detectors.words.numerals import with_digits
from sakimori.gateway.boundary.detectors.words.telling import told_by
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_SEPARATORS = (",", "\t", "|", ";")
_MOST_COLUMNS = 200
_LONGEST_HEAD = 4096
_LONGEST_LABEL = 64
_WORDS = re.compile("[a-z]{1,24}(?:[ _\\-][a-z]{1,24}){0,3}")
_CODE = re.compile(r"[(){}\[\]=<>\\?:;*'.`]")
"""Signs that heads of tables do without: names of fields stand in lines of code, too."""
_BLANK = " \u3000\r"


def detect_columns(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    last_of = [(sign, last) for sign in _SEPARATORS if (last := text.rfind(sign)) >= 0]
    if not last_of or "\n" not in text:
        return
    view: str | None = None
    labels: list[str | Kind] = []
    separator = ""
    start = 0
    for line in text.split("\n"):
        fields = _fields(text, start, start + len(line), separator) if separator and separator in line else []
        if fields and len(fields) == len(labels):
            view = with_digits(text) if view is None else view
            for label, (first, last) in zip(labels, fields, strict=True):
                if isinstance(label, Kind):
                    yield from cell(folded, first, last, label)
                elif label and first < last:
                    yield from beside_label(folded, view, label, first, last)
        elif len(line) <= _LONGEST_HEAD:
            for sign, last in last_of:
                if sign in line and last > start + len(line) and (found := _head(folded, start, line, sign)):
                    separator, labels = sign, found
                    break
        start += len(line) + 1


def _head(folded: Folded, start: int, line: str, separator: str) -> list[str | Kind]:
    """For each column its label (empty where it is none); nothing if the line is no head."""
    end = start + len(line)
    labels: list[str | Kind]
    if _CODE.search(line):
        if '"' in line:
            names = [folded.text[begin:stop] for begin, stop in _fields(folded.text, start, end, separator)]
        else:
            names = [name.strip(_BLANK) for name in line.split(separator)]
        labels = [name if len(name) <= _LONGEST_LABEL and _is_label(name) else "" for name in names]
    else:
        labels = [_label(folded, begin, stop) for begin, stop in _fields(folded.text, start, end, separator)]
    told = sum(map(bool, labels))
    return labels if told >= 2 and told * 2 >= len(labels) - 1 else []


def _label(folded: Folded, begin: int, stop: int) -> str | Kind:
    """A label of a list, or the kind that the words of a head tell; empty if neither."""
    name = folded.text[begin:stop]
    if len(name) > _LONGEST_LABEL:
        return ""
    told = told_by(folded.cased[begin:stop]) if _WORDS.fullmatch(name) else None
    if told is Kind.HOST or not _is_label(name):
        return told or ""
    return name


_is_label = lru_cache(8_192)(is_label)


def _fields(text: str, start: int, end: int, separator: str) -> list[tuple[int, int]]:
    """Where the fields of a line stand, without quotes and white space around them; empty if there are too many."""
    fields: list[tuple[int, int]] = []
    position = start
    while position <= end:
        while position < end and text[position] in _BLANK:
            position += 1
        if text.startswith('"', position, end):
            first = position + 1
            closing = text.find('"', first, end)
            while closing >= 0 and text.startswith('""', closing, end):
                closing = text.find('"', closing + 2, end)
            last = closing if closing >= 0 else end
            stop = text.find(separator, last, end)
        else:
            first = position
            stop = text.find(separator, position, end)
            last = end if stop < 0 else stop
            while last > first and text[last - 1] in _BLANK:
                last -= 1
        fields.append((first, last))
        if stop < 0:
            break
        if len(fields) > _MOST_COLUMNS:
            return []
        position = stop + 1
    return fields
