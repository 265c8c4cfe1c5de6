"""Times as logs write them."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sakimori.core import Nanos, parse_rfc3339


def time_of(value: Any) -> Nanos | None:
    """RFC 3339 and its usual variants; None for anything else, and for what 64 bits of nanoseconds cannot hold."""
    return _parsed_time(value) if value.__class__ is str and len(value) <= LONGEST_TIME else None


LONGEST_TIME = 64
"""Characters. The cache below keeps what it was asked, and a hostile log may ask for megabytes."""


@lru_cache(8192)  # a log says the same second many times over
def _parsed_time(text: str) -> Nanos | None:
    try:
        time = parse_rfc3339(text)
    except ValueError:
        return None
    return time if -(2**63) <= time < 2**63 else None


SECONDS = 1_000_000_000
"""Nanoseconds. Milliseconds are ``SECONDS // 1000``, and so on."""

_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{0,30})?\Z")


def epoch_time(value: Any, unit: int = SECONDS) -> Nanos | None:
    """A number, or text that spells one, of units of so many nanoseconds since 1970; None for anything else."""
    if value.__class__ not in (int, float, str):
        return None
    text = repr(value) if value.__class__ is not str else value
    return _in_range(int(Decimal(text) * unit)) if len(text) <= LONGEST_TIME and _NUMBER.match(text) else None


def local_time(moment: datetime, fraction: Nanos = 0) -> Nanos | None:
    """A moment in its zone (UTC where it has none), with this much below the second."""
    try:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:  # at the ends of the calendar
        return None
    return _in_range((moment.replace(microsecond=0) - _EPOCH) // timedelta(seconds=1) * SECONDS + fraction)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _in_range(time: Nanos) -> Nanos | None:
    return time if -(2**63) <= time < 2**63 else None


_OFFSET = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2}):?(\d{2})?\Z")
_ABBREVIATIONS = {
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "JST": 9, "CET": 1, "CEST": 2,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
"""Hours east of Greenwich: those of RFC 5322 (4.3), of Japan and of central Europe. Others are ambiguous."""


@lru_cache(1024)
def zone_of(name: str) -> tzinfo | None:
    """``+09:00``, ``GMT+9``, ``JST`` or ``Asia/Tokyo``; None where it names no zone for sure."""
    if name in _ABBREVIATIONS:
        return timezone(timedelta(hours=_ABBREVIATIONS[name]))
    if match := _OFFSET.match(name):
        hours, minutes = int(match[2]), int(match[3] or 0)
        east = timedelta(hours=hours, minutes=minutes) * (-1 if match[1] == "-" else 1)
        return timezone(east) if hours < 24 and minutes < 60 else None
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # no such zone, no such name, a folder
        return None
