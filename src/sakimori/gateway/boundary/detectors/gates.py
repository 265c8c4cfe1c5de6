"""Gates: patterns that are only searched for in texts where they can match.

One pass of Hyperscan over a text tells which of many gated patterns may match in it (prefilter mode: look-arounds are
approximated, nothing is missed). The few that may are then searched for by ``re``, which knows exactly where.
"""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import hyperscan

_GROUPS = 6
"""Databases that patterns are divided among: together they take half as long to make as one, and no longer to scan."""
_AT_ONCE = 2
_CAPITAL = re.compile(r"(?<!\\)[A-Z]")
_COUNT = re.compile(r"(?<!\\x)(?<!\\)\{(\d+)(?:,(\d*))?\}")
_MOST_COUNTED = 8
_NOT_BEFORE = re.compile(r"\A\(\?<!\[(?!\^)((?:[^\]\\]|\\.)+)\]\)")
_NOT_AFTER = re.compile(r"\(\?!\[(?!\^)((?:[^\]\\]|\\.)+)\]\)\Z")

_groups: list[list[str]] = [[] for _ in range(_GROUPS)]
_scanners: list["_Scanner"] = []
_lock = threading.Lock()


class Gate:
    """A pattern with ``finditer`` and ``search`` as ``re`` has them. Made when its module is imported."""

    def __init__(self, pattern: str, *, needs: str | None = None) -> None:
        """``needs``: a simpler pattern that matches in every text in which ``pattern`` does: Hyperscan looks for it."""
        self.pattern = re.compile(pattern)
        self._group = _group_of(pattern)
        self._number = len(_groups[self._group])
        _groups[self._group].append(needs or pattern)

    def may_match(self, text: str) -> bool:
        """Whether it may; where the pattern has no look-arounds, whether it does."""
        return self._number in _possible(self._group, text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.pattern.finditer(text) if self.may_match(text) else iter(())

    def search(self, text: str, position: int = 0) -> re.Match[str] | None:
        return self.pattern.search(text, position) if self.may_match(text) else None


def prepare() -> None:
    """Make what texts are scanned with, which takes half a second: now, so that the first text need not wait for it."""
    with _lock:
        if not _scanners:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="boundary-gates") as threads:
                _scanners.extend(threads.map(_Scanner, _groups))


class _Scanner:
    """Tells which patterns of a group may match in a text. Safe to use from several threads."""

    def __init__(self, group: list[str]) -> None:
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[_for_hyperscan(pattern) for pattern in group],
            ids=list(range(len(group))),
            elements=len(group),
            flags=hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_UTF8,
        )
        self._local = threading.local()

    def possible(self, data: bytes) -> frozenset[int]:
        found: list[int] = []
        self._database.scan(data, match_event_handler=_note, context=found.append, scratch=self._scratch())
        return frozenset(found)

    def _scratch(self) -> hyperscan.Scratch:
        """Hyperscan wants one per thread."""
        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch


def _note(number: int, _start: int, _end: int, _flags: int, append: Any) -> None:
    append(number)


@lru_cache(64)
def _possible(group: int, text: str) -> frozenset[int]:
    if not _scanners:
        prepare()
    # UTF-8 mode wants valid UTF-8; lone surrogates match nothing that a pattern names.
    return _scanners[group].possible(text.encode("utf-8", "replace"))


def _group_of(pattern: str) -> int:
    """Patterns with capitals are looked for in texts with their capitals, others without: they share no passes."""
    first = 0 if _CAPITAL.search(pattern) else 2 if pattern.isascii() else 4
    return first + (len(_groups[first]) > len(_groups[first + 1]))


def _for_hyperscan(pattern: str) -> bytes:
    """The pattern in PCRE's spelling: code points instead of ``\\uXXXX``, classes that know more than ASCII widened.

    Long repetitions become endless ones, which match in more texts: to count is what makes an automaton large. What
    must not stand at either end is read as something else standing there: look-arounds would be passed over.
    """
    pattern = _NOT_BEFORE.sub(r"(?:^|[^\1])", pattern)
    pattern = _NOT_AFTER.sub(r"(?:[^\1]|$)", pattern)
    pattern = _COUNT.sub(_uncounted, pattern)
    pattern = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: f"\\x{{{code[1]}}}", pattern)
    pattern = pattern.replace("[^\\W\\d_]", "[a-zA-Z\\x{80}-\\x{10ffff}]").replace(
        "[^\\W_]", "[a-zA-Z0-9\\x{80}-\\x{10ffff}]"
    )
    return pattern.encode("utf-8")


def _uncounted(count: re.Match[str]) -> str:
    least, most = int(count[1]), int(count[2] or count[1])
    return count[0] if most <= _MOST_COUNTED else f"{{{min(least, _MOST_COUNTED)},}}"
