"""Simulated time: integers, milliseconds since the Unix epoch, UTC."""

import random
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
JST = timezone(timedelta(hours=9))

_DAY_LENGTH = 10 * HOUR
# June has no public holidays in Japan, so every weekday is a banking day.
_BANKING_DAYS = [day for day in range(1, 31) if datetime(2026, 6, day, tzinfo=JST).weekday() < 5]


def banking_day(seed: int) -> tuple[int, int]:
    """Opening (08:30 JST) and end (18:30 JST) of a weekday that the seed chooses."""
    day = random.Random(f"{seed}/day").choice(_BANKING_DAYS)
    opening = int(datetime(2026, 6, day, 8, 30, tzinfo=JST).timestamp()) * SECOND
    return opening, opening + _DAY_LENGTH


def rfc3339(at: int) -> str:
    """``2026-06-01T23:30:00.123Z``."""
    return f"{_second(at // SECOND)}.{at % SECOND:03d}Z"


def sysmon_time(at: int) -> str:
    """``2026-06-01 23:30:00.123``: how Sysmon writes ``UtcTime``."""
    return f"{_second(at // SECOND).replace('T', ' ')}.{at % SECOND:03d}"


def jst(at: int) -> datetime:
    return datetime.fromtimestamp(at / SECOND, JST)


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
