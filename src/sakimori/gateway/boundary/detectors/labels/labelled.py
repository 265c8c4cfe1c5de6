"""What stands beside a label: ``口座番号：1234567``, ``Name: …``, ``"customer_id": "…"``, ``担当は山田です``.

Labels are data (content/boundary/labels.yaml): a kind, the shape of the value (see ``labelled_values``), the spellings.
All labels are found in one pass; beside each, its shape is tried where the value would begin.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml

from sakimori.gateway.boundary.detectors.labels.labelled_values import NEEDS_SIGN, SHAPES, Shape
from sakimori.gateway.boundary.detectors.numbers.references import detect_references, is_reference_label
from sakimori.gateway.boundary.detectors.search.anchors import Anchors
from sakimori.gateway.boundary.detectors.words.numerals import with_digits
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_SEPARATOR = re.compile(
    r"(?:[ \u3000]?[(\[][^()\[\]\n0-9]{0,16}[)\]])?"
    r"[ \u3000\"'*_\]】>|\\」』`)]{0,4}(?:\((?=no|第|番号))?"
    r"(?:\(?(?:の番号|番号|のno\.?)(?=[ \u3000:はが0-9]))?[ \u3000]?"
    r"(?P<sign>=>|->|[:=|→>\t#※]|は|が|の|第|to\b|is\b|are\b|no\.?:?(?![a-z])|番号|,(?=\")|-(?= )|・)?"
    r"[ \u3000\"'*_\[\\「『【<|#:=(、`]{0,5}(?:\n[ \u3000>*]{0,4}(?=[^\n]))?"
)
_SEPARATORS = str.maketrans("", "", " -")
_WIDE = ("\u3000", "\t")
_BEFORE_LABEL = ("", "\n", "\u3000", "\t")
_REFERENCE = (Kind.CUSTOMER, "id")
_ASCII_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


class _Label(NamedTuple):
    kind: Kind
    shape: str
    spelling: str
    find: Shape
    needs_sign: bool
    bounds: str
    begins_word: bool
    """Nothing of a Latin word may stand before it, ``ends_word``: behind it."""
    ends_word: bool


@cache
def _labels() -> tuple[Anchors, list[_Label]]:
    rows: list[tuple[str, str, str]] = yaml.load(
        files("sakimori.content").joinpath("boundary", "labels.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader
    )
    labels: dict[str, tuple[Kind, str]] = {}
    for kind, shape, spellings in rows:
        for spelling in spellings.split("|"):
            label = spelling.strip()
            for form in (
                {label, label.replace(" ", "_"), label.replace(" ", ""), label.replace(" ", "-")}
                if label.isascii()
                else {label}
            ):
                labels.setdefault(form, (Kind(kind), shape))
    ordered = sorted(labels.items())
    return Anchors([spelling for spelling, _ in ordered]), [_label(*label) for label in ordered]


def _label(spelling: str, told: tuple[Kind, str]) -> _Label:
    kind, shape = told
    name, _, bounds = shape.partition(" ")
    begins, ends = spelling[0] in _ASCII_WORD, spelling[-1] in _ASCII_WORD
    return _Label(kind, shape, spelling, SHAPES[name], name in NEEDS_SIGN, "|" + bounds, begins, ends)


def detect_labelled(folded: Folded) -> Iterator[Hit]:
    """What stands beside labels that a list holds, and beside others that end like labels (see ``references``)."""
    text = folded.text
    anchors, labels = _labels()
    view: str | None = None
    reach = 0
    for start, end, number in anchors.find(text):
        if end <= reach and start < reach:
            continue  # within a longer label or value
        kind, _, _, find, needs_sign, bounds, begins_word, ends_word = labels[number]
        if begins_word and text[start - 1 : start] in _ASCII_WORD:
            continue
        if ends_word and text[end : end + 1] in _ASCII_WORD:
            continue
        separator = _SEPARATOR.match(text, end)
        if separator is None:
            continue
        sign, value = separator["sign"], separator.end()
        told = sign or _told_by_space(folded.cased, start, end, separator[0])
        place = None
        if told or not needs_sign:
            if view is None:
                view = with_digits(text)
            place = find(folded, view, value, told + bounds)
        if place:
            first, last = place
            reach = max(reach, last)
            yield Hit(first, last, kind, "label", _plain(text[first:last]))
        elif sign or value - end > 1:
            reach = max(reach, end)
    yield from detect_references(folded)


def _plain(value: str) -> str:
    return value.translate(_SEPARATORS) if value.isascii() else value


def _told_by_space(cased: str, start: int, end: int, between: str) -> str:
    """What separates a label from its value where no sign does: a quote, a line's end, the space of a form's column."""
    if '"' in between:
        return "quote"
    if "\n" in between or (cased[end : end + 1] in _WIDE and cased[max(0, start - 1) : start] in _BEFORE_LABEL):
        return "line"
    return ""


@cache
def _by_spelling() -> dict[str, tuple[Kind, str]]:
    return {label.spelling: (label.kind, label.shape) for label in _labels()[1]}


def is_label(name: str) -> bool:
    """Whether a folded text is one label and nothing else."""
    return name in _by_spelling() or is_reference_label(name)


def beside_label(folded: Folded, view: str, label: str, start: int, end: int) -> Iterator[Hit]:
    """What a value between two places is, which stands under ``label``. ``view``: the text with digits for numerals."""
    kind, shape = _by_spelling().get(label, _REFERENCE)
    name, _, bounds = shape.partition(" ")
    cell = Folded(folded.text[start:end], folded.cased[start:end])
    place = SHAPES[name](cell, view[start:end], 0, ":|" + bounds)
    if place:
        yield Hit(start + place[0], start + place[1], kind, "label", _plain(cell.text[slice(*place)]))


def detect_member(name: str, value: Folded) -> Iterator[Hit]:
    """What the value of a JSON member is, told by the member's name (folded)."""
    prefix = f'"{name}": "'
    for hit in detect_labelled(Folded(prefix + value.text, prefix + value.cased)):
        if hit.start >= len(prefix):
            yield hit._replace(start=hit.start - len(prefix), end=hit.end - len(prefix))
