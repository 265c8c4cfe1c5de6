"""Gates: patterns that are only searched for in texts where they can match.

One pass of Hyperscan over a text tells which of all gated patterns may match in it (prefilter mode: look-arounds are
approximated, nothing is missed). The few that may are then searched for by ``re``, which knows exactly where.
"""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import hyperscan

_patterns: list[re.Pattern[str]] = []
_GROUPS = 6
"""Databases that patterns are divided among: together they take half as long to make as one, and no longer to scan."""
_AT_ONCE = 2


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
    """Takes a second to make."""

    def __init__(self) -> None:
        numbered = list(enumerate(_patterns))
        groups = [numbered[first::_GROUPS] for first in range(_GROUPS)]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="boundary-gates") as threads:
            self._databases = list(threads.map(_compiled, groups))
        self._local = threading.local()

    def possible(self, text: str) -> frozenset[int]:
        found: set[int] = set()

        def note(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.add(number)

        # UTF-8 mode wants valid UTF-8; lone surrogates match nothing that a pattern names.
        data = text.encode("utf-8", "replace")
        for database, scratch in zip(self._databases, self._scratches(), strict=True):
            database.scan(data, match_event_handler=note, scratch=scratch)
        return frozenset(found)

    def _scratches(self) -> list[hyperscan.Scratch]:
        """Hyperscan wants one per thread."""
        scratches: list[hyperscan.Scratch] | None = getattr(self._local, "scratches", None)
        if scratches is None:
            scratches = self._local.scratches = [hyperscan.Scratch(database) for database in self._databases]
        return scratches


_ready: list[_Gates] = []
_lock = threading.Lock()


def prepare() -> None:
    """Make what texts are scanned with, which takes a second: now, so that the first text need not wait for it."""
    with _lock:
        if not _ready:
            _ready.append(_Gates())


@lru_cache(8)
def _possible(text: str) -> frozenset[int]:
    prepare()
    return _ready[0].possible(text)


def _compiled(group: list[tuple[int, re.Pattern[str]]]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[_for_hyperscan(pattern.pattern) for _, pattern in group],
        ids=[number for number, _ in group],
        elements=len(group),
        flags=hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_UTF8,
    )
    return database


def _for_hyperscan(pattern: str) -> bytes:
    """The pattern in PCRE's spelling: code points instead of ``\\uXXXX``, classes that know more than ASCII widened."""
    pattern = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: f"\\x{{{code[1]}}}", pattern)
    pattern = pattern.replace("[^\\W\\d_]", "[a-zA-Z\\x{80}-\\x{10ffff}]").replace(
        "[^\\W_]", "[a-zA-Z0-9\\x{80}-\\x{10ffff}]"
    )
    return pattern.encode("utf-8")
