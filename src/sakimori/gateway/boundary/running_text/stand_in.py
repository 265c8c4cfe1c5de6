"""``ja_ginza`` as a stand-in on English texts, where no English model is installed: what of its guesses is kept.

It takes whole clauses for names. Of each, what lies between the first and the last word that could be part of one is
kept: a word that is no common English one, or has a capital that no sentence asks for.
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.running_text.english import is_common

_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_DAYS = frozenset(
    {
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        *("january", "february", "march", "april", "may", "june", "july", "august"),
        *("september", "october", "november", "december"),
    }
)
_SENTENCE_ENDS = ".!?:;\n"


def name_within(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The name in ``text[start:end]``; None where only common words stand there. Common words at its edges go."""
    telling = list(_telling(text, start, end))
    return (telling[0].start(), telling[-1].end()) if telling else None


def _telling(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    for word in _WORD.finditer(text, start, end):
        low = word[0].lower()
        if low in _DAYS or len(low) == 1:
            continue
        before = text[: word.start()].rstrip(" \"'([“‘")[-1:] if word.start() else ""
        opens = not before or before in _SENTENCE_ENDS
        if (word[0][0].isupper() and not opens) or not is_common(low):
            yield word
