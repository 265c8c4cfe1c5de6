"""Times after patterns of Java's ``SimpleDateFormat``, as CEF and LEEF use them: ``MMM dd yyyy HH:mm:ss zzz``."""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import lru_cache

from sakimori.collect.times import LONGEST_TIME, local_time, zone_of
from sakimori.core import Nanos

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PIECES = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<letter>[A-Za-z])(?P=letter)*|[^A-Za-z']+")
_TWO_DIGITS = r"([0-9]{1,2})"
_LETTERS = {
    "y": r"([0-9]{4})",
    "M": _TWO_DIGITS,
    "d": _TWO_DIGITS,
    "H": _TWO_DIGITS,
    "h": _TWO_DIGITS,
    "m": _TWO_DIGITS,
    "s": _TWO_DIGITS,
    "S": r"([0-9]{1,9})",
    "a": r"([AaPp][Mm])",
    "E": r"([A-Za-z]{3,9})",
    "z": r"([A-Za-z0-9/_+:-]{1,40})",
    "Z": r"(Z|[+-][0-9]{2}:?[0-9]{2})",
    "X": r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)",
}


@lru_cache(8192)
def time_by(pattern: str, text: str, zone: tzinfo | None = None) -> Nanos | None:
    """What ``text`` says after ``pattern``; where it names no zone, ``zone`` counts, else UTC.

    None where it does not fit, the pattern has letters that are not known here, or no year is said: to guess one would
    put an old log's events into this year.
    """
    if len(pattern) > LONGEST_TIME or len(text) > LONGEST_TIME:
        return None
    expression, letters = _compiled(pattern)
    match = expression.match(text) if expression else None
    return _time(dict(zip(letters, match.groups(), strict=True)), zone) if match else None


@lru_cache(256)
def _compiled(pattern: str) -> tuple[re.Pattern[str] | None, str]:
    """The expression, and for each of its groups the letter that it stands for."""
    expression, letters, end = "", "", 0
    for piece in _PIECES.finditer(pattern):
        if piece.start() != end:
            return None, ""  # a quote that does not close
        end = piece.end()
        letter = piece["letter"]
        if letter is None:
            quoted = piece["quoted"]
            literal = piece[0] if quoted is None else quoted.replace("''", "'") or "'"
            expression += r"\s+".join(map(re.escape, re.split(r"\s+", literal)))
        elif letter not in _LETTERS or letter in letters:
            return None, ""
        else:
            named_month = letter == "M" and len(piece[0]) > 2
            short_year = letter == "y" and len(piece[0]) == 2
            letters += letter
            expression += r"([A-Za-z]{3,9})\.?" if named_month else _TWO_DIGITS if short_year else _LETTERS[letter]
    return (re.compile(expression + r"\Z"), letters) if end == len(pattern) else (None, "")


def _time(said: Mapping[str, str], zone: tzinfo | None) -> Nanos | None:
    if not {"y", "M", "d"} <= said.keys():
        return None
    named = said.get("z") or said.get("Z") or said.get("X")
    if named:
        zone = zone_of(named)
        if zone is None:
            return None
    year = int(said["y"])
    month = said["M"]
    hour = int(said.get("H") or said.get("h") or 0)
    if "a" in said and "H" not in said:
        hour = hour % 12 + 12 * (said["a"].lower() == "pm")
    try:
        moment = datetime(
            year + (2000 if year < 70 else 1900) if len(said["y"]) == 2 else year,
            int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1,
            int(said["d"]),
            hour,
            int(said.get("m") or 0),
            min(59, int(said.get("s") or 0)),  # a leap second
            tzinfo=zone,
        )
    except ValueError:
        return None
    return local_time(moment, int(said.get("S", "0").ljust(9, "0")) if "S" in said else 0)


def first_time(patterns: tuple[str, ...], text: str, zone: tzinfo | None = None) -> Nanos | None:
    """After the first of several patterns that fits."""
    return next((time for pattern in patterns if (time := time_by(pattern, text, zone)) is not None), None)


NAMED_MONTH = tuple(f"MMM dd yyyy HH:mm:ss{rest}" for rest in ("", " zzz", ".SSS", ".SSS zzz"))
"""How CEF ("Date Formats") and LEEF (``devTime``) write times besides milliseconds; without a year they say nothing."""
