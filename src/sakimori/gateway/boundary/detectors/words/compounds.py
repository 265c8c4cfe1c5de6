"""Compounds: Japanese that is common words one after another, and so no name."""

from functools import lru_cache

from sakimori.gateway.boundary.detectors.words.lexicon import japanese

_LONGEST_WORD = 14
_SINGLE = "部課係室員者店長中内外約的化未"
"""Characters that are words by themselves within a compound."""


@lru_cache(8_192)
def is_compound(value: str) -> bool:
    """Whether a value is common words one after another: 口座番号, 振込先."""
    lexicon = japanese()
    reached = [True] + [False] * len(value)
    for end in range(1, len(value) + 1):
        reached[end] = any(
            reached[begin]
            and (value[begin:end] in lexicon.words or value[begin:end] in lexicon.katakana_words)
            and (end - begin > 1 or value[begin:end] in _SINGLE)
            for begin in range(max(0, end - _LONGEST_WORD), end)
        )
    return reached[-1]
