"""Time as a dependency. All times are integers: nanoseconds since the Unix epoch, UTC."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

Nanos = int
"""Nanoseconds since 1970-01-01T00:00:00Z (may be negative)."""

NANOS_PER_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"[.,](\d+)")


class Clock(Protocol):
    def now(self) -> Nanos: ...


class SystemClock:
    def now(self) -> Nanos:
        return time.time_ns()


class ManualClock:
    """A clock that stands still until it is moved: replays, tests, the cyber range."""

    def __init__(self, start: Nanos) -> None:
        self._now = start

    def now(self) -> Nanos:
        return self._now

    def set(self, now: Nanos) -> None:
        self._now = now


def rfc3339(time_ns: Nanos) -> str:
    """``2026-11-22T01:02:03.456Z``: milliseconds, or as many digits as the value has."""
    seconds, fraction = divmod(time_ns, NANOS_PER_SECOND)
    stamp = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{fraction:09d}".rstrip("0")
    return f"{stamp}.{digits.ljust(3, '0')}Z"


def parse_rfc3339(text: str) -> Nanos:
    """Parse an RFC 3339 date-time, keeping nanoseconds; without an offset it is taken as UTC.

    Raises:
        ValueError: not a date-time.
    """
    nanos = 0
    if match := _FRACTION.search(text):
        nanos = int(match[1][:9].ljust(9, "0"))
        text = text[: match.start()] + text[match.end() :]
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * NANOS_PER_SECOND + nanos
