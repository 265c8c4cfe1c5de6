"""What happens next: a queue of things to do at simulated times."""

import heapq
from collections.abc import Callable

Deed = Callable[[int], None]
"""Called with the time it was due."""


class Schedule:
    def __init__(self) -> None:
        self._queue: list[tuple[int, int, Deed]] = []
        self._count = 0

    def at(self, when: int, deed: Deed) -> None:
        """Do ``deed`` at ``when``; equal times in the order in which they were scheduled."""
        self._count += 1
        heapq.heappush(self._queue, (when, self._count, deed))

    def run(self, until: int) -> None:
        """Do everything due up to and including ``until``."""
        queue = self._queue
        while queue and queue[0][0] <= until:
            when, _, deed = heapq.heappop(queue)
            deed(when)
