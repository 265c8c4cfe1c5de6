"""Lists of names and numbers that are kept as keyed hashes only: an institution's customers, by the million.

A text is looked through in one pass for every length that an entry has. A multilinear hash of each stretch (Carter &
Wegman 1979; secret odd multipliers, modulo 2^64), computed for all positions at once, is looked up in a Bloom filter;
what passes is confirmed by HMAC-SHA256 cut to 64 bits. Neither says what an entry is to anybody without the key.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import cast

import numpy as np
import numpy.typing as npt

from sakimori.gateway.boundary.fold import Folded, fold
from sakimori.gateway.boundary.span import Hit, Kind

LONGEST = 48
"""Code points of an entry, folded."""
SHORTEST_ASCII = 4
SHORTEST = 2
_BITS_PER_ENTRY = 32
_FEWEST_BITS = 1 << 13
_MIX = np.uint64(0xFF51AFD7ED558CCD)  # of MurmurHash3's finaliser

Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class KeyedList:
    """Immutable; safe to use from several threads."""

    kind: Kind
    lengths: tuple[int, ...]
    """That entries have, in code points, longest first."""
    digests: Words
    """HMACs of the entries, cut to 64 bits, sorted."""
    filter: npt.NDArray[np.uint8]
    """The Bloom filter: a power of two of bits, two of them set for each entry."""

    @property
    def entries(self) -> int:
        return len(self.digests)

    @staticmethod
    def of(key: bytes, kind: Kind, entries: Iterable[str]) -> tuple["KeyedList", int]:
        """The list, and how many entries were left out: too short to tell anything apart, or too long."""
        by_length: dict[int, list[str]] = {}
        left_out = 0
        for form in {form for entry in entries for form in _forms(entry)}:
            shortest = SHORTEST_ASCII if form.isascii() else SHORTEST
            if shortest <= len(form) <= LONGEST:
                by_length.setdefault(len(form), []).append(form)
            else:
                left_out += 1
        total = sum(map(len, by_length.values()))
        bits = max(_FEWEST_BITS, 1 << (total * _BITS_PER_ENTRY - 1).bit_length()) if total else _FEWEST_BITS
        filter = np.zeros(bits // 8, np.uint8)
        multipliers = _multipliers(key)
        digests: list[int] = []
        for length, forms in by_length.items():
            hashes = _finished(_of_equal_length(forms, multipliers), length)
            for position in _positions(hashes, bits):
                np.bitwise_or.at(filter, position >> np.uint64(3), _bit(position))
            digests += [_digest(key, form) for form in forms]
        sorted_digests = np.array(sorted(digests), np.uint64)
        return KeyedList(kind, tuple(sorted(by_length, reverse=True)), sorted_digests, filter), left_out

    def to_bytes(self) -> bytes:
        buffer = BytesIO()
        np.savez(
            buffer,
            kind=np.array(self.kind.value),
            lengths=np.array(self.lengths, np.int64),
            digests=self.digests,
            filter=self.filter,
            allow_pickle=False,
        )
        return buffer.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> "KeyedList":
        """Raises ValueError or KeyError where this is no list."""
        with np.load(BytesIO(data), allow_pickle=False) as parts:
            lengths = tuple(int(length) for length in parts["lengths"])
            return KeyedList(Kind(str(parts["kind"])), lengths, parts["digests"], parts["filter"])


class KeyedLists:
    """A detector: finds entries of an institution's lists."""

    def __init__(self, key: bytes, lists: Iterable[KeyedList]) -> None:
        self._key = key
        self._multipliers = _multipliers(key)
        self._lists = tuple(found for found in lists if found.entries)
        self._longest = max((found.lengths[0] for found in self._lists), default=0)

    def __call__(self, folded: Folded) -> Iterator[Hit]:
        text = folded.text
        if not self._lists or not text:
            return
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
        sums = codes * self._multipliers[0]
        wanted = {length for found in self._lists for length in found.lengths}
        for length in range(1, min(self._longest, len(text)) + 1):
            if length > 1:
                sums = sums[:-1] + codes[length - 1 :] * self._multipliers[length - 1]
            if length in wanted:
                hashes = _finished(sums, length)
                for found in self._lists:
                    if length in found.lengths:
                        yield from self._of_length(found, text, hashes, length)

    def _of_length(self, found: KeyedList, text: str, hashes: Words, length: int) -> Iterator[Hit]:
        first, second = _positions(hashes, len(found.filter) * 8)
        passing = np.flatnonzero(_is_set(found.filter, first))
        passing = passing[_is_set(found.filter, second[passing])]
        for start in cast("list[int]", passing.tolist()):
            form = text[start : start + length]
            if _free_standing(text, start, start + length) and self._has(found, form):
                yield Hit(start, start + length, found.kind, "list", _value(form))

    def _has(self, found: KeyedList, form: str) -> bool:
        digest = np.uint64(_digest(self._key, form))
        at = int(np.searchsorted(found.digests, digest))
        return at < len(found.digests) and found.digests[at] == digest


def _forms(entry: str) -> set[str]:
    """The spellings of an entry that are looked for: as it is, and without spaces where it is Japanese."""
    folded = " ".join(fold(entry).text.split())
    return {folded} if folded.isascii() else {folded, folded.replace(" ", "")}


def _value(form: str) -> str:
    return form if form.isascii() else form.replace(" ", "")


def _digest(key: bytes, form: str) -> int:
    return int.from_bytes(hmac.digest(key, form.encode("utf-8", "surrogatepass"), "sha256")[:8], "big")


def _multipliers(key: bytes) -> Words:
    stretched = hashlib.shake_256(b"boundary list multipliers\0" + key).digest(8 * LONGEST)
    return np.frombuffer(stretched, np.uint64) | np.uint64(1)


def _of_equal_length(forms: list[str], multipliers: Words) -> Words:
    length = len(forms[0])
    joined = "".join(forms).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, np.uint32).astype(np.uint64).reshape(len(forms), length)
    return cast("Words", (codes * multipliers[:length]).sum(axis=1, dtype=np.uint64))


def _finished(sums: Words, length: int) -> Words:
    mixed = (sums ^ (sums >> np.uint64(33)) ^ np.uint64(length)) * _MIX
    return cast("Words", mixed ^ (mixed >> np.uint64(29)))


def _positions(hashes: Words, bits: int) -> tuple[Words, Words]:
    mask = np.uint64(bits - 1)
    return hashes & mask, (hashes >> np.uint64(32)) & mask


def _bit(position: Words) -> npt.NDArray[np.uint8]:
    return np.left_shift(1, position & np.uint64(7), dtype=np.uint64).astype(np.uint8)


def _is_set(filter: npt.NDArray[np.uint8], position: Words) -> npt.NDArray[np.bool_]:
    return (filter[position >> np.uint64(3)] & _bit(position)) != 0


def _free_standing(text: str, start: int, end: int) -> bool:
    """Whether no ASCII letter or digit goes on at either edge."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (_word(text[start]) and _word(before)) and not (_word(text[end - 1]) and _word(after))


def _word(character: str) -> bool:
    return character.isascii() and character.isalnum()
