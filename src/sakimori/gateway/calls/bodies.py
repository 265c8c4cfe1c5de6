"""Bodies of requests in memory: bounded together and for each institution, so that nobody fills it for all."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from sakimori.gateway.calls.writer import BUSY
from sakimori.gateway.refusal import Refusal

_MOST = 256 * 2**20
_MOST_OF_ONE = 64 * 2**20
"""Bytes of an institution's calls under way: four of the longest bodies, or a thousand ordinary ones."""
_SECONDS = 10


class Bodies:
    """Of one gateway, from their first byte until their calls have ended. Used from one event loop."""

    def __init__(self, *, most: int = _MOST, most_of_one: int = _MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._total = 0
        self._held: Counter[str] = Counter()

    @contextmanager
    def of(self, institution: str) -> Generator["Body"]:
        """The body of one call, for as long as it is needed."""
        body = Body(self, institution)
        try:
            yield body
        finally:
            self._total -= body.length
            self._held[institution] -= body.length
            if not self._held[institution]:
                del self._held[institution]

    def grow(self, institution: str, length: int) -> None:
        """Raises Refusal where there is no room for that much more."""
        if self._total + length > self._most or self._held[institution] + length > self._most_of_one:
            message = "Bodies of requests under way take all the memory that the gateway has for them; ask again."
            raise Refusal(503, BUSY, message, retry_after=_SECONDS, may_retry=True)
        self._total += length
        self._held[institution] += length


class Body:
    def __init__(self, bodies: Bodies, institution: str) -> None:
        self._bodies = bodies
        self._institution = institution
        self.length = 0
        """Bytes that are here."""

    def grow(self, length: int) -> None:
        """So many bytes more have come. Raises Refusal where there is no room for them."""
        self._bodies.grow(self._institution, length)
        self.length += length
