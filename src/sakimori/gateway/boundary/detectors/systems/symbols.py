"""Keys without a name: letters, digits and signs run together as in no word and no address (``Autumn!Leaf3``)."""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.words.vocabulary import is_known
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_BREAK = re.compile(r"[!#$^*~?+%&@;}{](?<=[A-Za-z0-9].)(?=[A-Za-z0-9])")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$^*~?+%&@_\-;}{]{5,63}")
_BACKWARDS = re.compile(r"[A-Za-z0-9!#$^*~?+%&@_\-;}{]*")
_OF_CODE = frozenset(";{}")
_NOT_BEFORE = frozenset("/?&#%.@$\\")
_OTHERWISE = re.compile(r"%[0-9A-Fa-f]{2}|&|@[A-Za-z0-9\-]+$")
"""Percent escapes, character references and parameters, mail."""
_LETTERS = re.compile("[A-Za-z]+")
_LONGEST = 64
_FEW = 2
_MANY_WORDS = 4


def detect_symbols(folded: Folded) -> Iterator[Hit]:
    text = folded.cased
    reach = 0
    for sign in _BREAK.finditer(text):
        if sign.start() < reach:
            continue
        start = sign.start()
        before = _BACKWARDS.match(text[max(reach, start - _LONGEST) : start][::-1])
        start -= before.end() if before else 0
        match = _RUN.match(text, start)
        if match is None:
            continue
        reach = match.end()
        if not (start and text[start - 1] in _NOT_BEFORE) and _is_key(match[0]):
            yield Hit(start, reach, Kind.SECRET, "symbols", folded.text[start:reach])


def _is_key(run: str) -> bool:
    if _OTHERWISE.search(run):
        return False
    words = _LETTERS.findall(run)
    digits = sum(map(str.isdigit, run))
    unknown = any(len(word) > 1 and not is_known(word.lower()) for word in words)
    mixed = any(map(str.isupper, run)) and any(map(str.islower, run))
    if _OF_CODE.intersection(run):
        return mixed and digits >= _FEW and unknown and len(words) <= _MANY_WORDS
    return (digits > 0 and (unknown or (mixed and bool(words)))) or (unknown and mixed)
