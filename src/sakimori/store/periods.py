"""The periods over which budgets are counted: minutes, days and months of UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sakimori.core import Nanos
from sakimori.records import Window

_NANOS_PER_SECOND = 1_000_000_000
NANOS_PER_MINUTE: Nanos = 60 * _NANOS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Period:
    key: str
    end: Nanos


def periods(at: Nanos) -> dict[Window, Period]:
    """The periods of UTC in which a moment lies."""
    return _of_minute(at // NANOS_PER_MINUTE)


@lru_cache(maxsize=256)
def _of_minute(minute: int) -> dict[Window, Period]:
    moment = datetime.fromtimestamp(minute * 60, UTC)
    midnight = moment.replace(hour=0, minute=0)
    month = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return {
        Window.MINUTE: Period(f"{moment:%Y-%m-%dT%H:%M}Z", (minute + 1) * NANOS_PER_MINUTE),
        Window.DAY: Period(f"{moment:%Y-%m-%d}", _since_epoch(midnight + timedelta(days=1))),
        Window.MONTH: Period(f"{moment:%Y-%m}", _since_epoch(month)),
    }


def _since_epoch(moment: datetime) -> Nanos:
    return int(moment.timestamp()) * _NANOS_PER_SECOND
