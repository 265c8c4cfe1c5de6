"""Literals looked for all at once: where each of many words stands in a text, in one pass of Hyperscan."""

import threading
from collections.abc import Sequence

import hyperscan


class Anchors:
    """Finds literals in folded texts. Safe to use from several threads."""

    def __init__(self, literals: Sequence[str]) -> None:
        self._lengths = [len(literal) for literal in literals]
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        encoded = [literal.encode("utf-8") for literal in literals]
        self._database.compile(
            expressions=encoded, ids=list(range(len(encoded))), elements=len(encoded), flags=0, literal=True
        )
        self._local = threading.local()

    def find(self, text: str) -> list[tuple[int, int, int]]:
        """(start, end, number of the literal), ordered by start and then by length, longest first."""
        data = text.encode("utf-8", "surrogatepass")
        found: list[tuple[int, int]] = []

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((end, number))

        self._database.scan(data, match_event_handler=note, scratch=self._scratch())
        if not found:
            return []
        if len(data) > len(text):
            found = _in_code_points(data, found)
        places = [(end - self._lengths[number], end, number) for end, number in found]
        places.sort(key=lambda place: (place[0], -place[1]))
        return places

    def _scratch(self) -> hyperscan.Scratch:
        """Hyperscan wants one per thread."""
        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch


def _in_code_points(data: bytes, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ends of literals, counted in code points; in UTF-8 no literal ends within one."""
    points: list[tuple[int, int]] = []
    byte = point = 0
    for end, number in sorted(found):
        point += len(data[byte:end].decode("utf-8", "surrogatepass"))
        byte = end
        points.append((point, number))
    return points
