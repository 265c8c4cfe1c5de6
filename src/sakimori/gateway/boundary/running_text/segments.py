"""Segments: texts cut where a name cannot go on, so that what is read once is remembered by the sentence."""

import re
from collections.abc import Iterator

LONGEST = 500
"""Code points; models and the morphological analyser read such lengths in linear time and little memory."""
_END = re.compile(r"[^\n。！？!?]*[\n。！？!?]+|[^\n。！？!?]+")
_CUTS = ("、", ", ", "，", " ", "　", "，")


def segments(text: str) -> Iterator[tuple[int, str]]:
    """(offset, segment) of everything in ``text`` but blank stretches, in order. Together they are the whole text."""
    for sentence in _END.finditer(text):
        start, end = sentence.span()
        while end - start > LONGEST:
            cut = _cut(text, start, start + LONGEST)
            yield start, text[start:cut]
            start = cut
        if not text[start:end].isspace():
            yield start, text[start:end]


def _cut(text: str, start: int, end: int) -> int:
    """Behind the last comma or space of the second half, if there is one."""
    half = (start + end) // 2
    found = max(text.rfind(mark, half, end) + len(mark) if text.rfind(mark, half, end) >= 0 else 0 for mark in _CUTS)
    return found or end
