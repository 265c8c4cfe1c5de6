"""Which words name nobody and nothing of an institution: English and computing, and what is built of such words.

Machine text is read the other way round than prose: what stands where an identifier could stand is one unless all of
its words are known here (content/boundary/words-en.txt and words-technical.txt).
"""

import re
from functools import cache, lru_cache
from importlib.resources import files

from sakimori.gateway.boundary.detectors.words.capitals import is_word
from sakimori.gateway.boundary.detectors.words.lexicon import english, listed

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_BUCKET = 2
"""First letters that a bucket of words shares."""


@cache
def _technical() -> dict[str, str]:
    """Words by their first two letters, each set apart by spaces: a tenth of the memory that a set of them takes."""
    text = files("sakimori.content").joinpath("boundary", "words-technical.txt").read_text("utf-8")
    buckets: dict[str, list[str]] = {}
    for line in text.splitlines():
        for word in line.split() if not line.startswith("#") else ():
            buckets.setdefault(word[:_BUCKET], []).append(word)
    return {first: f" {' '.join(words)} " for first, words in buckets.items()}


@cache
def customary_names() -> frozenset[str]:
    """Words that people call machines after (content/boundary/machine-names.txt), small letters."""
    lines = files("sakimori.content").joinpath("boundary", "machine-names.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def is_listed(word: str) -> bool:
    """Whether a word of small letters and digits stands in a list, as it is."""
    return word in english().words or f" {word} " in _technical().get(word[:_BUCKET], "")


@lru_cache(16_384)
def is_known(word: str) -> bool:
    """Whether a word of small letters is no name: listed, or built of a listed one (``restarted``)."""
    lexicon = english()
    if is_listed(word):
        return True
    if word in lexicon.given or word in lexicon.surnames:
        return False
    return is_word(word, lexicon) or any(
        word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM and is_listed(word[: -len(ending)])
        for ending in _ENDINGS
    )


_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "er", "ers", "able", "less")
_SHORTEST_STEM = 4
_JOINED = listed(
    "name names user users id ids host hosts path dir file files port key keys db data time date size type list set"
    " get map log info num count url addr server client admin app web net sys auth pass word code group conf cfg"
)


@lru_cache(8_192)
def pieces_of(name: str) -> tuple[str, ...]:
    """The words of an identifier in small letters, and its numbers: ``dbUser_name2`` -> db, user, name, 2."""
    return tuple(piece.lower() for piece in _PIECES.findall(name))


@lru_cache(16_384)
def is_built(word: str) -> bool:
    """Whether a word is known, or two known ones written together of which one is common in names of fields."""
    return is_known(word) or any(
        (word[cut:] in _JOINED and _is_word(word[:cut])) or (word[:cut] in _JOINED and _is_word(word[cut:]))
        for cut in range(2, len(word) - 1)
    )


def _is_word(word: str) -> bool:
    """Of two letters nearly anything stands for something in computing."""
    return is_listed(word) if len(word) > _BUCKET else word in _JOINED or word in english().words
