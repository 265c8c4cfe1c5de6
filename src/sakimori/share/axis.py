"""Round ticks on a time axis, in the readers' zone."""

from sakimori.core import Nanos, rfc3339

_SECOND = 1_000_000_000
_STEPS = [1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400]
_MOST = 9


def ticks(start: Nanos, end: Nanos) -> list[Nanos]:
    """At most nine round times within, or a few more on a span of many years."""
    step = next((step for step in _STEPS if (end - start) / (step * _SECOND) <= _MOST), _STEPS[-1]) * _SECOND
    first = -(-start // step) * step
    return list(range(first, end, step))[:400]


def label(time: Nanos, *, span: Nanos, offset_hours: int) -> str:
    """As fine as the span asks for."""
    stamp = rfc3339(time + offset_hours * 3600 * _SECOND)
    if span > 20 * 3600 * _SECOND:
        return stamp[:10] if span > 3 * 86_400 * _SECOND else stamp[5:16].replace("T", " ")
    return stamp[11:19] if span < 600 * _SECOND else stamp[11:16]
