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
    if "\n" not in text:
        return
    view: str | None = None
    labels: list[str | Kind] = []
    separator = ""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        fields = _fields(text, start, end, separator) if separator else []
        if fields and len(fields) == len(labels):
            view = with_digits(text) if view is None else view
            for label, (first, last) in zip(labels, fields, strict=True):
                if isinstance(label, Kind):
                    yield from cell(folded, first, last, label)
                elif label and first < last:
                    yield from beside_label(folded, view, label, first, last)
        else:
            separator, labels = _head(folded, start, end) or (separator, labels)
        start = end + 1


def _head(folded: Folded, start: int, end: int) -> tuple[str, list[str | Kind]] | None:
    """The separator and, for each column, its label (empty where it is none); None if the line is no head."""
    text = folded.text
    is_plain: bool | None = None
    if end - start > _LONGEST_HEAD:
        return None
    for separator in _SEPARATORS:
        first = text.find(separator, start, end)
        if first < 0 or text.find(separator, end, end + 1 + _LONGEST_HEAD) < 0:
            continue
        if is_plain is None:
            is_plain = _CODE.search(text, start, end) is None
        fields = _fields(text, start, end, separator)
        labels = (
            [_label(folded, begin, stop) for begin, stop in fields]
            if is_plain
            else [
                name if len(name) <= _LONGEST_LABEL and _is_label(name) else ""
                for name in (text[begin:stop] for begin, stop in fields)
            ]
        )
        told = sum(map(bool, labels))
        if told >= 2 and told * 2 >= len(labels) - 1:
            return separator, labels
    return None


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
