"""Which words a part's events cannot hold, told without reading them.

Four bytes that stand side by side are a *gram*. A part keeps a bit map of its cells' grams, hashed, case taken out. A
word that stands in a cell has all its grams there, so one whose grams are not all on the map stands in none. The
reverse is not certain (it is a Bloom filter with one hash function): then the cells themselves are asked.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

_GRAM = 4
_MOST_BITS = 20
"""Logarithm of the largest map's size in bits."""
_ROOM = 16
"""Bits of a map for each gram on it, short of the largest."""
_BLOCK = 1024 * 1024
_KNUTH = np.uint32(2_654_435_761)
"""Multiplicative hashing (Knuth, The Art of Computer Programming, 6.4): the upper bits are well mixed."""
_FOLDED_INTO_ASCII = (("\u017f".encode(), b"s"), ("\u212a".encode(), b"k"))
"""The long s and the Kelvin sign: all characters outside ASCII whose simple case folding is within."""

_Numbers = npt.NDArray[np.uint32]


def gram_map(texts: Iterable[bytes]) -> bytes:
    """The map of texts in UTF-8; grams that reach across the end of a cell within a text do no harm."""
    seen = np.zeros(1 << _MOST_BITS, np.bool_)
    for block in _blocks(texts):
        for begin in range(0, len(block), _BLOCK):
            seen[_hashed(block[begin : begin + _BLOCK + _GRAM - 1]) >> np.uint32(32 - _MOST_BITS)] = True
    found = np.flatnonzero(seen)
    bits = min(_MOST_BITS, max(_ROOM * len(found) - 1, 255).bit_length())
    seen = np.zeros(1 << bits, np.bool_)
    seen[found >> (_MOST_BITS - bits)] = True
    return np.packbits(seen, bitorder="little").tobytes()


def may_contain(grams: bytes, words: tuple[str, ...]) -> bool:
    """False only if no text on the map contains any of these words, in whatever case.

    Raises:
        ValueError: a word has fewer than four characters, or others than ASCII.
    """
    hashed, starts = _asked(words)
    if not grams or not len(starts):
        return bool(words)
    bits = min(32, (8 * len(grams)).bit_length() - 1)
    place = hashed >> np.uint32(32 - bits)
    there = np.frombuffer(grams, np.uint8)[place >> 3] >> (place & 7) & 1
    return bool(np.minimum.reduceat(there, starts).any())


def _blocks(texts: Iterable[bytes]) -> Iterable[bytes]:
    """The texts, folded, brought together where they are small."""
    held: list[bytes] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= _BLOCK:
            yield _folded(b"".join(held))
            held, size = [], 0
    yield _folded(b"".join(held))


def _folded(text: bytes) -> bytes:
    for character, letter in _FOLDED_INTO_ASCII:
        text = text.replace(character, letter)
    return text.lower()


def _hashed(text: bytes) -> _Numbers:
    """The hash of each gram."""
    return np.ndarray(max(0, len(text) - _GRAM + 1), "<u4", text, strides=1) * _KNUTH


@lru_cache(256)
def _asked(words: tuple[str, ...]) -> tuple[_Numbers, npt.NDArray[np.int64]]:
    """The hashes of all words' grams, and where each word's begin."""
    if not all(word.isascii() and len(word) >= _GRAM for word in words):
        raise ValueError("a word to look for has fewer than four characters, or others than ASCII")
    hashed = [_hashed(word.lower().encode()) for word in words]
    starts = np.cumsum([0, *map(len, hashed)], dtype=np.int64)[:-1]
    return np.concatenate([*hashed, np.zeros(0, np.uint32)]), starts
