"""Texts as Hyperscan reads them: their bytes, and the way back from offsets in these to code points.

Each thread remembers the texts that it read last with what was found in them, since all detectors look at the same.
"""

import re
import threading
from collections.abc import Mapping, Sequence

from sakimori.gateway.boundary.detectors.search.reach import Reach

_FIRST_BYTES = bytes(not 0x80 <= byte < 0xC0 for byte in range(256))
"""1 for bytes that begin a code point."""
_SURROGATE = re.compile("[\ud800-\udfff]")
GROUPS = 6
"""Databases that patterns are divided among: together they take half as long to make as one, and no longer to scan."""
_TEXTS = 6
"""That each thread remembers: the views of one text, and of what is decoded from it."""


class Scanned:
    """What is known of one text and one group of patterns."""

    __slots__ = ("ends", "reaches", "windows")

    def __init__(self, ends: Mapping[int, list[int] | None], reaches: Sequence[Reach]) -> None:
        self.ends = ends
        """Of each pattern that may match, where its finds end, in code points and in order; None: anywhere."""
        self.reaches = reaches
        self.windows: dict[int, list[tuple[int, int, int]]] = {}
        """Kept here by gates."""


class Encoded:
    """A text as Hyperscan reads it."""

    __slots__ = ("_firsts", "data", "scanned", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = _encoded(text)
        self.scanned: list[Scanned | None] = [None] * GROUPS
        """By group of patterns; None: not yet."""
        self._firsts: bytes | None = None

    def code_points(self, ends: list[int]) -> list[int]:
        """Offsets in code points. ``ends``: in bytes, ascending, none of them within a code point."""
        if len(self.data) == len(self.text) or not ends:
            return ends
        if self._firsts is None:
            self._firsts = self.data.translate(_FIRST_BYTES)
        count = self._firsts.count
        points: list[int] = []
        byte = point = 0
        for end in ends:
            if end != byte:
                point += count(1, byte, end)
                byte = end
            points.append(point)
        return points


class _Recent(threading.local):
    def __init__(self) -> None:
        self.texts: list[Encoded] = []
        """The newest first."""


RECENT = _Recent()


def encoded(text: str) -> Encoded:
    texts = RECENT.texts
    for known in texts:
        if known.text is text or known.text == text:
            return known
    texts.insert(0, Encoded(text))
    del texts[_TEXTS:]
    return texts[0]


def forget() -> None:
    """Let go of what this thread read last: long texts are not kept until others come."""
    RECENT.texts.clear()


def _encoded(text: str) -> bytes:
    """In UTF-8, which has no lone surrogates: no pattern names one."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode("utf-8")
