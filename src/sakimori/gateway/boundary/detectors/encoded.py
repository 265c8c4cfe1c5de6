"""Identifiers in encoded text: Base64, percent escapes, HTML character references, ``\\uXXXX``.

What an encoded run says is looked at by the other detectors; if it holds an identifier, the whole run is claimed. Names
that only their surroundings would tell are not looked for: decoded bytes have none.
"""

import base64
import binascii
import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, count, islice
from typing import NamedTuple
from urllib.parse import unquote

from sakimori.gateway.boundary.detectors.detector import Detector
from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.fold import Folded, fold
from sakimori.gateway.boundary.span import Hit, Kind

_BASE64 = Gate(r"[A-Za-z0-9+/](?<![A-Za-z0-9+/=][A-Za-z0-9+/])[A-Za-z0-9+/]{15,20000}={0,2}")
_ESCAPES: tuple[tuple[Gate, str, Callable[[str], str]], ...] = (
    (Gate(r"%[0-9A-Fa-f]{2}"), " \t\r\n\"'<>&?=;", unquote),
    (
        Gate(r"&(?:#[0-9]{2,7}|#[xX][0-9a-fA-F]{2,6}|commat|period|hyphen|lowbar);"),
        " \t\r\n\"'<>、。「」",
        html.unescape,
    ),
    (
        Gate(r"\\u[0-9A-Fa-f]{4}"),
        " \t\r\n\"',:{}[]",
        lambda text: _UNICODE.sub(lambda code: chr(int(code[1], 16)), text),
    ),
)
"""How a run is told, what ends it on either side, and how it is read."""
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_LONGEST = 4096
_LEAST_PRINTABLE = 0.95
_MOST_ALONE, _TOGETHER = 50, 100
"""Runs of a text that are looked at one by one, and how many of the others at once: a look costs what a line does."""
_VAGUE = frozenset(
    {Kind.NAME, Kind.PLACE, Kind.ORG, Kind.TITLE, Kind.DATE, Kind.AGE, Kind.NATIONALITY, Kind.URL, Kind.HOST}
)


class _Run(NamedTuple):
    start: int
    end: int
    detector: str
    says: str


def encoded_detector(rules: Iterable[tuple[str, Detector]]) -> Detector:
    """A detector that looks into encoded runs with ``rules``."""
    detectors = [detector for _, detector in rules]

    def telling(texts: Sequence[str]) -> set[int]:
        """Which of the texts, by their numbers, hold an identifier."""
        folded = fold("\n\n".join(texts))
        hits = [hit for detector in detectors for hit in detector(folded) if hit.kind not in _VAGUE]
        begins = list(accumulate((len(text) + 2 for text in texts), initial=0))
        return {bisect_right(begins, folded.original(hit.start, hit.end)[0]) - 1 for hit in hits}

    def detect(folded: Folded) -> Iterator[Hit]:
        runs = chain(_in_base64(folded.cased), _escaped(folded.cased))
        for number in count():
            together = list(islice(runs, 1 if number < _MOST_ALONE else _TOGETHER))
            if not together:
                return
            told = telling([run.says for run in together])
            for start, end, detector, _ in (together[number] for number in sorted(told)):
                yield Hit(start, end, Kind.SECRET, detector, folded.text[start:end])

    return detect


def _in_base64(text: str) -> Iterator[_Run]:
    for run in _BASE64.finditer(text):
        decoded = _from_base64(run[0])
        if decoded:
            yield _Run(run.start(), run.end(), "base64", decoded)


def _escaped(text: str) -> Iterator[_Run]:
    for gate, stops, read in _ESCAPES:
        reach = 0
        for escape in gate.finditer(text):
            if escape.start() >= reach:
                start, reach = _extent(text, escape.start(), escape.end(), stops, reach)
                yield _Run(start, reach, "escaped", read(text[start:reach]))


def _extent(text: str, start: int, end: int, stops: str, least: int) -> tuple[int, int]:
    first, last = start, end
    while first > least and start - first < _LONGEST and text[first - 1] not in stops:
        first -= 1
    while last < len(text) and last - end < _LONGEST and text[last] not in stops:
        last += 1
    return first, last


def _from_base64(run: str) -> str | None:
    """The text in a Base64 run (UTF-8, or UTF-16 as PowerShell takes it); None if it holds no text."""
    bare = run.rstrip("=")
    try:
        data = base64.b64decode(bare[: len(bare) - (len(bare) % 4 == 1)] + "=" * (-len(bare) % 4))
    except binascii.Error:
        return None
    for encoding in ("utf-16-le", "utf-8") if b"\0" in data else ("utf-8",):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text and sum(
            character.isprintable() or character in "\r\n\t" for character in text
        ) >= _LEAST_PRINTABLE * len(text):
            return text
    return None
