"""Names in small letters, as people write them in chats: unknown words where one is expected (``lives in harburg``)."""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.words.lexicon import english
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "er", "ers")
_EXPECTED = re.compile(
    r"(?<![\w'’])(?:in|from|to|at|near|by|is|am|for|with|me|named|called|met|visit|visited) "
    r"([a-z]{4,}(?:[ \-][a-z]{2,}){0,3})(?![a-z]*[\w@/\\.]*[0-9@/\\_])"
)
_ALONE = re.compile(r"(?:^|[:\uff1a])[ \t]*([a-z]{3,}(?: [a-z]{3,}){1,2})[ \t]*$", re.MULTILINE)
"""Words with a line, or the value of a label, to themselves."""
_WORD = re.compile("[a-z]+(?:-[a-z]+)*")


def detect_small_names(folded: Folded) -> Iterator[Hit]:
    for expected in _EXPECTED.finditer(folded.text):
        start = end = expected.start(1)
        for word in _WORD.finditer(folded.text, *expected.span(1)):
            if word[0] in english().joining and end > start:
                continue
            if is_common(word[0]):
                break
            end = word.end()
        if end > start:
            yield Hit(start, end, Kind.NAME, "name-small", folded.text[start:end])
    for alone in _ALONE.finditer(folded.text):
        if not any(is_common(word) for word in alone[1].split()):
            yield Hit(*alone.span(1), Kind.NAME, "name-small", alone[1])


def is_common(word: str) -> bool:
    """Whether a word in small letters, or each of its parts, is an English one that is no name."""
    words = english().words
    parts = re.split(r"[\-'’]", word)
    return all(
        part in words or any(part.endswith(ending) and part.removesuffix(ending) in words for ending in _ENDINGS)
        for part in parts
        if len(part) > 1
    )
