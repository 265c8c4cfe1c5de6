"""How often calls may be tried again: providers in trouble must not be sent several times the calls as well."""

from sakimori.core import Clock, Nanos

_OF_CALLS = 0.2
"""Retries per call."""
_MOST = 1000.0
"""What 5,000 calls bring: where a provider hangs, all that wait for it fail at one moment, before its breaker opens."""
_AT_FIRST = 10.0
_SECONDS_EACH: Nanos = 10_000_000_000
"""A gateway with few calls gets one as often as this besides: with 20 % of nothing it could never fail over."""


class RetryBudget:
    """A token bucket, as in Finagle: every call brings a fifth of a retry, every retry costs one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = _AT_FIRST
        self._refilled_at = clock.now()

    def called(self) -> None:
        """Note a call: its first attempt."""
        self._add(_OF_CALLS)

    def take(self) -> bool:
        """Whether one more attempt may be made; it is paid for if so."""
        now = self._clock.now()
        self._add(max(0, now - self._refilled_at) / _SECONDS_EACH)
        self._refilled_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _add(self, retries: float) -> None:
        self._left = min(_MOST, self._left + retries)
