"""Which raw JSON records can hold a keyword at all.

Keywords ask about every field, so to look for them in columns would need a column for each field of each event. Instead
the raw records are searched for a piece of each keyword that JSON cannot spell in any other way than it stands there;
only records that have one are taken apart. Those that may spell text otherwise (``_SPELLED_OTHERWISE``), or hold one of
the few characters outside ASCII whose case folds into it, are taken apart too.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np

from sakimori.detect.sigma.pattern import Pattern, Text
from sakimori.detect.sigma.scan import Databases
from sakimori.detect.sigma.text import FOLDED_INTO_ASCII

_STANDS = re.compile(r"[A-Za-z0-9 ._-][A-Za-z0-9 ._:-]{3,}")
"""Characters that no writer of JSON has reason to escape. A colon only within: JSON's own colons follow a quote."""
_NUMBERS = re.compile(r"[0-9A-Fa-fx.+-]*")
"""May be spelled otherwise in the record: ``1e2`` is 100, and masks become hexadecimal."""
_SPELLED_OTHERWISE = (
    rb"\\u00(?:2[0de]|3[0-9a]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a])",  # one of those characters by its number
    rb"(?:&|\\u0026)#",  # likewise in XML, as some records hold event data
    rb"\[\s*[0-9]{1,3}\s*,",  # text as the numbers of its bytes: the journal, where one of them is not printable
    rb"_TRANSPORT\"\s*:\s*\"audit\"",  # values in hexadecimal digits: audit records in the journal
    rb"msg=audit\(",
)


class KeywordFilter:
    def __init__(self, pieces: Sequence[str], databases: Databases) -> None:
        self.pieces = tuple(pieces)
        """At least one stands in each text that a keyword holds for, in some case; of four or more ASCII characters."""
        odd = [spelling for letter in FOLDED_INTO_ASCII for spelling in (letter, f"\\u{ord(letter):04x}")]
        # IIS writes a space as +
        literals = [re.escape(text.encode()).replace(rb"\ ", rb"[ +]") for text in (*pieces, *odd)]
        self._database = databases.caseless([*literals, *_SPELLED_OTHERWISE])

    @staticmethod
    def of(keywords: Iterable[Pattern], databases: Databases) -> "KeywordFilter | None":
        """None where there are no keywords, or one of them has no piece to search for."""
        pieces = [_piece(keyword) for keyword in keywords]
        return KeywordFilter([*dict.fromkeys(filter(None, pieces))], databases) if pieces and all(pieces) else None

    def rows(self, records: Sequence[bytes]) -> list[int]:
        """The records, by position and in order, that may hold a keyword; certainly all that do."""
        cells: set[int] = set()
        found = cast(
            "bytes", list(records)
        )  # a list is what a vectored database takes, though its stub does not say so
        self._database.scan(found, _on_hit, context=cells.add)  # no piece reaches across the braces between two records
        if not cells:
            return []
        starts = np.cumsum([0, *map(len, records)], dtype=np.int64)
        begins = np.array(sorted(cells), dtype=np.int64) << _CELL
        first = np.searchsorted(starts, begins, side="left") - 1
        last = np.searchsorted(starts, begins + (1 << _CELL) - 1, side="left") - 1
        rows = {row for a, b in zip(first.tolist(), last.tolist(), strict=True) for row in range(max(a, 0), b + 1)}
        return sorted(rows - {len(records)})

    def occurs(self, texts: bytes) -> bool:
        """Whether any of these texts, end to end, may hold a keyword; certainly if one does."""
        if not texts:
            return False
        found = set[int]()
        self._database.scan(cast("bytes", [texts]), _on_hit, context=found.add)
        return bool(found)


_CELL = 8
"""Hits are told apart by 2 ** 8 bytes, so that a flood of them stays bounded."""


def _on_hit(_index: int, _start: int, end: int, _flags: int, add: Any) -> None:
    add(end >> _CELL)


def _piece(keyword: Pattern) -> str:
    """The longest part of a keyword that must stand in a record as it is; empty where there is none."""
    if not isinstance(keyword, Text):
        return ""
    literals = [piece for piece in keyword.pieces if isinstance(piece, str)]
    parts = [match[0].rstrip(":") for literal in literals for match in _STANDS.finditer(literal)]
    return max((part for part in parts if len(part) > 3 and not _NUMBERS.fullmatch(part)), key=len, default="")
