"""One group of a correlation: the unused occurrences in order of time, and the windows that are answered for.

However much comes, a group stays bounded: a crowd of occurrences is condensed, so that what happened within a
thousandth of the timespan becomes one item and a flood of one thing does not push out another.
"""

import bisect
from collections.abc import Iterator, Sequence

from sakimori.core import Nanos
from sakimori.detect.sigma.measure import Item, Tally

MOST_ITEMS = 20_000
CROWD = 2048
"""A group with more items than this is condensed."""
MOST_LABELS = 10_000
"""Different values that one condensed item keeps."""
MOST_COVERED = 20_000


class _Sliding:
    """The tally over ``items[begin:end]``, whose items lie within the span of the last of them."""

    __slots__ = ("begin", "end", "tally")

    def __init__(self, begin: int) -> None:
        self.begin = self.end = begin
        self.tally = Tally()

    def extend(self, items: Sequence[Item], span: Nanos) -> None:
        """Take the next item in, and leave those that are too far behind it."""
        item = items[self.end]
        self.tally.add(item)
        self.end += 1
        while items[self.begin].time < item.time - span:
            self.tally.remove(items[self.begin])
            self.begin += 1


class Group:
    def __init__(self, span: Nanos) -> None:
        self.items: list[Item] = []
        """In order; change it through the methods."""
        self.covered: list[tuple[Nanos, Nanos]] = []
        """First and last time of the windows that were answered for, in order, apart from each other."""
        self.newest: Nanos = -(1 << 63)
        """The latest time that it has heard of."""
        self.ahead: Nanos | None = None
        """How far its own time is ahead of the clock by which it was heard of; None: not known yet."""
        self._span = span
        self.tally = Tally()
        """Of all items."""
        self._tail: _Sliding | None = None
        """The last window, while it is known."""
        self._room = CROWD

    @property
    def full(self) -> bool:
        return len(self.items) > MOST_ITEMS

    def covers(self, time: Nanos) -> bool:
        at = bisect.bisect_right(self.covered, time, key=lambda window: window[0])
        return at > 0 and self.covered[at - 1][1] >= time

    def cover(self, first: Nanos, last: Nanos) -> None:
        """Mark the time as answered for."""
        begin = bisect.bisect_left(self.covered, first, key=lambda window: window[1])
        end = bisect.bisect_right(self.covered, last, key=lambda window: window[0])
        if begin < end:
            first = min(first, self.covered[begin][0])
            last = max(last, self.covered[end - 1][1])
        self.covered[begin:end] = [(first, last)]
        if len(self.covered) > MOST_COVERED:
            del self.covered[: MOST_COVERED // 4]

    def insert(self, item: Item, *, apart: bool) -> int | None:
        """Put it in its place; None where that event is there already (with ``apart``, for the same rule)."""
        order = item.occurrence.order
        at = bisect.bisect_right(self.items, order, key=lambda known: known.occurrence.order)
        before = at
        while before and self.items[before - 1].occurrence.order == order:
            before -= 1
            if not apart or self.items[before].occurrence.rule == item.occurrence.rule:
                return None
        self.items.insert(at, item)
        self.tally.add(item)
        if at < len(self.items) - 1:
            self._tail = None
        return at

    def windows(self, at: int) -> Iterator[tuple[int, int, Tally]]:
        """The windows ``items[begin:end]`` that hold the item at position ``at``, by their last item, each tallied."""
        items, item = self.items, self.items[at]
        tail, self._tail = self._tail, None
        if tail is None or tail.end != at:
            tail = _Sliding(bisect.bisect_left(items, item.time - self._span, key=lambda known: known.time))
        sliding = tail
        while sliding.end < len(items):
            if items[sliding.end].time > item.time + self._span:
                return
            sliding.extend(items, self._span)
            if sliding.end > at:
                yield sliding.begin, sliding.end, sliding.tally
        self._tail = sliding

    def use_up(self, first: Nanos, last: Nanos) -> list[Item]:
        """Take out the window that begins at ``first``, and cover all windows that hold both ``first`` and ``last``."""
        begin = bisect.bisect_left(self.items, first, key=lambda item: item.time)
        end = bisect.bisect_right(self.items, first + self._span, key=lambda item: item.time)
        self.cover(last - self._span, first + self._span)
        return self._cut(begin, end)

    def _cut(self, begin: int, end: int) -> list[Item]:
        cut = self.items[begin:end]
        del self.items[begin:end]
        for item in cut:
            self.tally.remove(item)
        tail = self._tail
        if tail is not None and begin == 0 and end <= tail.begin:
            tail.begin -= end
            tail.end -= end
        elif cut:
            self._tail = None
        return cut

    def forget_before(self, horizon: Nanos, *, items: bool) -> None:
        """Let go of windows that are over by then and, with ``items``, of items before."""
        if items and self.items and self.items[0].time < horizon:
            self._cut(0, bisect.bisect_left(self.items, horizon, key=lambda item: item.time))
        if self.covered and self.covered[0][1] < horizon:
            del self.covered[: bisect.bisect_left(self.covered, horizon, key=lambda window: window[1])]

    def condense(self, *, by_rule: bool) -> int:
        """If it is a crowd, make one item of those that happened at nearly the same time (``by_rule``: for one rule).

        Returns how many values were lost, beyond the bound.
        """
        if len(self.items) <= self._room:
            return 0
        lost = 0
        close = self._span // 1024
        kept = [self.items[0]]
        for item in self.items[1:]:
            last = kept[-1]
            if item.time - last.time < close and not (by_rule and item.occurrence.rule != last.occurrence.rule):
                lost += last.absorb(item, MOST_LABELS)
            else:
                kept.append(item)
        self.items = kept
        self._tail = None
        self._room = max(CROWD, 2 * len(kept))
        return lost

    def drop_oldest(self) -> int:
        """Make room by a quarter; how many were dropped."""
        return sum(item.size for item in self._cut(0, len(self.items) // 4))
