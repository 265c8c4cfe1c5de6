"""One pass of Hyperscan over a text for all gates (see ``gates``): where each of them may match.

Compiled databases are kept in a folder where one is named (``keep_in``), since to make them takes a second.
"""

import hashlib
import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import hyperscan

from sakimori import compiled
from sakimori.gateway.boundary.detectors.search.reach import looked_for
from sakimori.gateway.boundary.detectors.search.reading import GROUPS, Encoded, Scanned, encoded

_AT_ONCE = 2
_CAPITAL = re.compile(r"(?<!\\)[A-Z]")
_FEWEST, _CHARACTERS_PER_FIND = 1_000, 8
"""More finds than this are a flood: it is only told of which gates."""
_FORMAT = b"boundary 1"
_FLAGS = hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_UTF8
_FLAGS_ONCE = _FLAGS | hyperscan.HS_FLAG_SINGLEMATCH


class Wanted(NamedTuple):
    """A pattern that is looked for."""

    pattern: str
    needs: str | None
    within: int | None
    once: bool
    """Only whether it is there counts."""


_groups: list[list[Wanted]] = [[] for _ in range(GROUPS)]
_scanners: tuple["_Scanner", ...] = ()
_lock = threading.Lock()
_folder: Path | None = None


def register(wanted: Wanted) -> tuple[int, int]:
    """Add a pattern to those that are looked for. Its group, and its number there.

    Raises:
        RuntimeError: texts were scanned already, without it.
    """
    if _scanners:
        raise RuntimeError("gates and signs are made where their modules are imported, before the first text")
    group = _group_of(wanted.pattern)
    _groups[group].append(wanted)
    return group, len(_groups[group]) - 1


def scanned(group: int, text: str) -> Scanned:
    """Safe to use from several threads."""
    read = encoded(text)
    found = read.scanned[group]
    if found is None:
        found = read.scanned[group] = (_scanners or prepare())[group].scan(read)
    return found


def keep_in(folder: Path) -> None:
    """Keep databases in a folder from now on, and take them from there."""
    global _folder
    _folder = folder


def prepare() -> tuple["_Scanner", ...]:
    """Make the databases now, so that the first text need not wait: a second of CPU, or little where they are kept."""
    global _scanners
    with _lock:
        if not _scanners:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="boundary-gates") as threads:
                _scanners = tuple(threads.map(_Scanner, _groups))
        return _scanners


class _Scanner:
    """Of one group. Safe to use from several threads."""

    def __init__(self, patterns: Sequence[Wanted]) -> None:
        told = [looked_for(wanted.pattern, wanted.needs, wanted.within) for wanted in patterns]
        self._expressions = [expression for expression, _ in told]
        self._reaches = [reach for _, reach in told]
        self._every = _Database(self._expressions, [_FLAGS_ONCE if wanted.once else _FLAGS for wanted in patterns])
        self._once: _Database | None = None
        self._nothing = Scanned({}, self._reaches)

    def scan(self, text: Encoded) -> Scanned:
        """Where the patterns may match."""
        most = _FEWEST + len(text.data) // _CHARACTERS_PER_FIND
        found: list[int] = []
        if self._every.scan(text.data, found, most):
            if not found:
                return self._nothing
            found.sort()
            ends: defaultdict[int, list[int]] = defaultdict(list)
            for place, point in zip(found, text.code_points([place >> _BITS for place in found]), strict=True):
                ends[place & _NUMBER].append(point)
            return Scanned(dict(ends), self._reaches)
        return self._flooded(text.data)

    def _flooded(self, data: bytes) -> Scanned:
        """A text that is nothing but what patterns begin with: which they are, without where."""
        with _lock:
            if self._once is None:
                self._once = _Database(self._expressions, [_FLAGS_ONCE] * len(self._expressions))
        found: list[int] = []
        self._once.scan(data, found, len(self._expressions))
        return Scanned({place & _NUMBER: None for place in found}, self._reaches)


_BITS = 12
_NUMBER = (1 << _BITS) - 1


class _Database:
    def __init__(self, expressions: list[bytes], flags: list[int]) -> None:
        """``flags``: of each expression."""
        self._database = _loaded(expressions, flags)
        self._local = threading.local()

    def scan(self, data: bytes, found: list[int], most: int) -> bool:
        """Add (end in bytes, number of the pattern) as one number; False: there are more than ``most``."""
        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:  # Hyperscan wants one per thread
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        try:
            self._database.scan(data, match_event_handler=_note, context=(found, most), scratch=scratch)
        except hyperscan.ScanTerminated:
            return False
        return True


def _note(number: int, _start: int, end: int, _flags: int, context: Any) -> bool:
    found, most = context
    found.append(end << _BITS | number)
    return len(found) > most


def _loaded(expressions: list[bytes], flags: list[int]) -> hyperscan.Database:
    digest = hashlib.blake2b(_FORMAT + bytes(flags), digest_size=16)
    digest.update(b"\n".join(expressions))
    path = _folder / f"{digest.hexdigest()}.hs" if _folder else None
    kept = compiled.read(path) if path else None
    if kept is not None:
        try:
            return hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
        except hyperscan.error:  # damaged, or made on another kind of processor
            pass
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=expressions, ids=list(range(len(expressions))), elements=len(expressions), flags=flags)
    if path:
        compiled.keep(path, hyperscan.dumpb(database))
    return database


def _group_of(pattern: str) -> int:
    """Patterns with capitals are looked for in texts with their capitals, others without: they share no passes."""
    first = 0 if _CAPITAL.search(pattern) else 2 if pattern.isascii() else 4
    return first + (len(_groups[first]) > len(_groups[first + 1]))
