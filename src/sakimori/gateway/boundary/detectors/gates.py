"""Gates: patterns that are only searched for in texts where they can match.

One pass of Hyperscan over a text tells which of all gated patterns may match in it (prefilter mode: look-arounds are
approximated, nothing is missed). The few that may are then searched for by ``re``, which knows exactly where.
"""

import re
import threading
from collections.abc import Iterator
from functools import lru_cache

import hyperscan

_patterns: list[re.Pattern[str]] = []


class Gate:
    """A pattern with ``finditer`` and ``search`` as ``re`` has them. Made when its module is imported."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)
        self._number = len(_patterns)
        _patterns.append(self.pattern)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.pattern.finditer(text) if self._number in _possible(text) else iter(())

    def search(self, text: str, position: int = 0) -> re.Match[str] | None:
        return self.pattern.search(text, position) if self._number in _possible(text) else None


class _Gates:
    def __init__(self) -> None:
        flags = hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_UTF8
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[_for_hyperscan(pattern.pattern) for pattern in _patterns],
            ids=list(range(len(_patterns))),
            elements=len(_patterns),
            flags=flags,
        )
        self._local = threading.local()

    def possible(self, text: str) -> frozenset[int]:
        found: set[int] = set()

        def note(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.add(number)

        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        # UTF-8 mode wants valid UTF-8; lone surrogates match nothing that a pattern names.
        self._database.scan(text.encode("utf-8", "replace"), match_event_handler=note, scratch=scratch)
        return frozenset(found)


_ready: list[_Gates] = []
_lock = threading.Lock()


@lru_cache(8)
def _possible(text: str) -> frozenset[int]:
    with _lock:
        if not _ready:
            _ready.append(_Gates())
    return _ready[0].possible(text)


def _for_hyperscan(pattern: str) -> bytes:
    """The pattern in PCRE's spelling: code points instead of ``\\uXXXX``, classes that know more than ASCII widened."""
    pattern = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: f"\\x{{{code[1]}}}", pattern)
    pattern = pattern.replace("[^\\W\\d_]", "[a-zA-Z\\x{80}-\\x{10ffff}]").replace(
        "[^\\W_]", "[a-zA-Z0-9\\x{80}-\\x{10ffff}]"
    )
    return pattern.encode("utf-8")
