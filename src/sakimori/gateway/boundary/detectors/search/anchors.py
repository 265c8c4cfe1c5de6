"""Literals looked for all at once: where each of many words stands in a text, in one pass of Hyperscan."""

import threading
from collections.abc import Sequence
from operator import itemgetter

import hyperscan

from sakimori.gateway.boundary.detectors.search.reading import Encoded, encoded

_START = itemgetter(0)


class Anchors:
    """Finds literals in folded texts. Safe to use from several threads."""

    def __init__(self, literals: Sequence[str]) -> None:
        self._lengths = [len(literal) for literal in literals]
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        encoded = [Encoded(literal).data for literal in literals]
        self._database.compile(
            expressions=encoded, ids=list(range(len(encoded))), elements=len(encoded), flags=0, literal=True
        )
        self._local = threading.local()

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """(start, end, number of the literal), ordered by start and then by length, longest first."""
        read = encoded(text)
        found: list[tuple[int, int]] = []

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((end, number))

        self._database.scan(read.data, match_event_handler=note, scratch=self._scratch())
        found.sort()
        ends = read.code_points([end for end, _ in found])
        lengths = self._lengths
        places = [(end - lengths[number], end, number) for end, (_, number) in zip(ends, found, strict=True)]
        places.reverse()
        places.sort(key=_START)  # what ends last stays first
        return places

    def _scratch(self) -> hyperscan.Scratch:
        """Hyperscan wants one per thread."""
        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch
