"""Finding many patterns in many texts at once.

The texts of a field lie end to end in one buffer (as Arrow keeps a dictionary). All literals of the field are looked
for in one pass of Hyperscan over that buffer; whether a hit lies within one text, and at its start or end where it has
to, is arithmetic on offsets afterwards. So a text without hits costs nothing in Python. Case is folded in the buffer
beforehand, which makes Hyperscan's own idea of case irrelevant. Regular expressions are scanned text by text.
"""

import hashlib
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hyperscan
import numpy as np
import numpy.typing as npt

from sakimori import compiled
from sakimori.detect.sigma.pattern import Place, Regex

Ints = npt.NDArray[np.int64]

_LONGEST_LITERAL = 4096
"""In bytes. Hyperscan refuses somewhat longer ones."""

_MOST_STEPS = 5000
"""Of an expression as RE2 compiles it. From somewhat more, Hyperscan takes minutes over ``evil.{0,900}foo``."""

_AT_START = frozenset({Place.STARTS, Place.EQUALS})
_AT_END = frozenset({Place.ENDS, Place.EQUALS})

_REGEX_FLAGS = {
    "i": hyperscan.HS_FLAG_CASELESS,
    "m": hyperscan.HS_FLAG_MULTILINE,
    "s": hyperscan.HS_FLAG_DOTALL,
}
_FORMAT = f"2 {version('hyperscan')} {platform.machine()}".encode()


def _flags(regex: Regex) -> int:
    flags = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
    for letter in regex.flags:
        flags |= _REGEX_FLAGS[letter]
    return flags


def scannable(literal: bytes) -> bool:
    """Whether a ``LiteralScanner`` takes it: not too long, and free of NUL, at which Hyperscan's binding cuts it."""
    return 0 < len(literal) <= _LONGEST_LITERAL and b"\0" not in literal


def _source(regex: Regex) -> bytes:
    return regex.source.encode("utf-8", "surrogatepass").replace(b"\0", rb"\x00")


def _large_program(regex: Regex) -> Any:
    """The expression for RE2, where Hyperscan may take minutes to compile it; else None."""
    if "{" not in regex.source:
        return None
    import re2  # here, because few need it and it takes its time

    options = re2.Options()
    options.log_errors = False
    program = re2.compile((f"(?{regex.flags})" if regex.flags else "") + regex.source, options)
    return program if program.programsize > _MOST_STEPS else None


def check_regex(regex: Regex) -> None:
    """Raises ValueError where it cannot be matched in linear time. RE2 must have taken it before."""
    if _large_program(regex) is not None:
        return
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(expressions=[_source(regex)], ids=[0], elements=1, flags=[_flags(regex)])
    except hyperscan.error as error:
        raise ValueError(f"regular expression '{regex.source}' cannot be used: {error}") from error


class Databases:
    """Compiled Hyperscan databases, kept in a folder (if given one) under a digest of what they are made of."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def literals(self, literals: Sequence[bytes]) -> hyperscan.Database:
        """Reports every end of every literal, by its position in ``literals``; bytes are compared as they stand."""
        return self._get(literals, [0] * len(literals), literal=True)

    def regexes(self, regexes: Sequence[Regex]) -> hyperscan.Database:
        """Reports each expression that is found in a text once, by its position in ``regexes``."""
        sources = [_source(regex) for regex in regexes]
        return self._get(sources, [_flags(regex) for regex in regexes], literal=False)

    def caseless(self, expressions: Sequence[bytes]) -> hyperscan.Database:
        """For lists of any bytes, taken as one text: reports every end of every expression, whatever ASCII's case."""
        flags = [hyperscan.HS_FLAG_CASELESS] * len(expressions)
        return self._get(expressions, flags, literal=False, mode=hyperscan.HS_MODE_VECTORED)

    def _get(
        self, sources: Sequence[bytes], flags: Sequence[int], *, literal: bool, mode: int = hyperscan.HS_MODE_BLOCK
    ) -> hyperscan.Database:
        if self._folder is None:
            return _compile(sources, flags, literal=literal, mode=mode)
        digest = hashlib.blake2b(_FORMAT + bytes([literal, mode]), digest_size=16)
        digest.update(np.array([len(sources), *map(len, sources), *flags], dtype=np.int64).tobytes())
        digest.update(b"".join(sources))
        path = self._folder / f"{digest.hexdigest()}.hs"
        database = _loaded(path, mode)
        if database is None:
            database = _compile(sources, flags, literal=literal, mode=mode)
            compiled.keep(path, hyperscan.dumpb(database))
        return database


def _loaded(path: Path, mode: int) -> hyperscan.Database | None:
    """None where it is absent, damaged, or made on another kind of processor."""
    kept = compiled.read(path)
    if kept is None:
        return None
    try:
        database = hyperscan.loadb(kept, mode)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.error:
        return None
    return database


def _compile(sources: Sequence[bytes], flags: Sequence[int], *, literal: bool, mode: int) -> hyperscan.Database:
    database = hyperscan.Database(mode=mode)
    database.compile(
        expressions=list(sources),
        ids=list(range(len(sources))),
        elements=len(sources),
        flags=list(flags),
        literal=literal,
    )
    return database


def _on_hit(index: int, _start: int, end: int, _flags: int, append: Any) -> None:
    append(end << 32 | index)


def _on_match(index: int, _start: int, _end: int, _flags: int, append: Any) -> None:
    append(index)


class LiteralScanner:
    """Literals with the place where each must stand in a text."""

    def __init__(self, literals: Sequence[bytes], places: Sequence[Place], databases: Databases) -> None:
        self._database = databases.literals(literals) if literals else None
        self._lengths = np.array([len(literal) for literal in literals], dtype=np.int64)
        self._at_start = np.array([place in _AT_START for place in places], dtype=np.bool_)
        self._at_end = np.array([place in _AT_END for place in places], dtype=np.bool_)

    def any(self, data: bytes) -> bool:
        """Whether any literal occurs in ``data``, wherever."""
        hits: list[int] = []
        if self._database is not None and data:
            self._database.scan(data, _on_hit, context=hits.append)
        return bool(hits)

    def scan(self, data: bytes, offsets: Ints) -> tuple[Ints, Ints]:
        """(text, literal) of every hit, repeated hits included. Text ``i`` is ``data[offsets[i]:offsets[i + 1]]``."""
        hits: list[int] = []
        if self._database is not None and data:
            self._database.scan(data, _on_hit, context=hits.append)
        if not hits:
            return _NONE, _NONE
        packed = np.array(hits, dtype=np.int64)
        literal = packed & 0xFFFFFFFF
        end = packed >> 32
        text = np.searchsorted(offsets, end, side="left") - 1
        start = end - self._lengths[literal]
        begin = offsets[text]
        fits = np.where(self._at_start[literal], start == begin, start >= begin)
        fits &= ~self._at_end[literal] | (end == offsets[text + 1])
        return text[fits], literal[fits]


_NONE: Ints = np.empty(0, dtype=np.int64)


class RegexScanner:
    def __init__(self, regexes: Sequence[Regex], databases: Databases) -> None:
        programs = [_large_program(regex) for regex in regexes]
        self._large = [(index, program) for index, program in enumerate(programs) if program is not None]
        self._small = [index for index, program in enumerate(programs) if program is None]
        self._database = databases.regexes([regexes[index] for index in self._small]) if self._small else None

    def scan(self, text: bytes) -> list[int]:
        """The expressions found in ``text``, by position."""
        found: list[int] = []
        if self._database is not None:
            self._database.scan(text, _on_match, context=found.append)
        hits = [self._small[index] for index in found]
        if self._large:
            content = text.decode("utf-8", "replace")
            hits += [index for index, program in self._large if program.search(content)]
        return hits
