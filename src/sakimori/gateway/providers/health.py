"""Which providers may be called now: not those that the operator cut off, nor those that keep failing.

Failures are evidence of the institution whose calls they are: it may be its requests that a provider cannot take. So
each institution has a breaker of its own, and a provider is left alone by all only while it keeps failing for several.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sakimori.core import Clock, Nanos
from sakimori.gateway.providers.breaker import Breaker, State
from sakimori.observe import Event, Level, Model, log

_SEVERAL = 2
"""Institutions for which a provider must keep failing to be left alone by the others, too."""


@dataclass(frozen=True)
class ProviderAvoided(Event, id="gateway.provider_avoided", level=Level.WARNING):
    """A provider keeps failing: calls go to others until it answers again."""

    provider: Model


@dataclass(frozen=True)
class ProviderBack(Event, id="gateway.provider_back", level=Level.INFO):
    """It answers again."""

    provider: Model


@dataclass(frozen=True, slots=True)
class Record:
    """What this process saw of a provider since it started."""

    state: State
    """Where it stands with the institution for which it fares worst."""
    answered: int
    failed: int
    last_failure: str | None
    """The code of it."""
    last_failure_at: Nanos | None


class Health:
    """Of each provider, as this process sees it. Used from one thread; others may ask what is usable."""

    def __init__(self, names: Iterable[str], clock: Clock) -> None:
        self._clock = clock
        self._breakers: dict[str, dict[str, Breaker]] = {name: {} for name in names}
        """By provider and institution."""
        self._failing: dict[str, frozenset[str]] = dict.fromkeys(self._breakers, frozenset())
        """Institutions whose breaker was not closed when last looked at, by provider."""
        self._answered = dict.fromkeys(self._breakers, 0)
        self._failed = dict.fromkeys(self._breakers, 0)
        self._last: dict[str, tuple[str, Nanos]] = {}
        self._avoided: set[str] = set()
        self.cut: frozenset[str] = frozenset()
        """Those that the operator cut off."""

    def breaker(self, name: str, institution: str) -> Breaker:
        known = self._breakers[name]
        if institution not in known:
            known[institution] = Breaker(self._clock)
        return known[institution]

    def usable(self, name: str, institution: str) -> bool:
        return name not in self.cut and self.breaker(name, institution).passes and len(self._waits(name)) < _SEVERAL

    def wait(self, name: str, institution: str) -> Nanos:
        """How long no call of the institution passes; 0: one may now."""
        several = self._waits(name)[_SEVERAL - 1 :]
        return max(self.breaker(name, institution).wait, *several[:1], 0)

    def answered(self, name: str, institution: str) -> None:
        """Count an answer."""
        self._answered[name] += 1
        self._tell(name, institution)

    def failed(self, name: str, institution: str, code: str) -> None:
        """Count a failure."""
        self._failed[name] += 1
        self._last[name] = code, self._clock.now()
        self._tell(name, institution)

    def records(self) -> dict[str, Record]:
        return {
            name: Record(
                self._worst(name), self._answered[name], self._failed[name], *self._last.get(name, (None, None))
            )
            for name in self._breakers
        }

    def _worst(self, name: str) -> State:
        states = {self._breakers[name][institution].state for institution in self._failing[name]}
        return next((state for state in (State.OPEN, State.HALF_OPEN) if state in states), State.CLOSED)

    def _waits(self, name: str) -> list[Nanos]:
        """For how long the breakers that are open will be, the longest first."""
        breakers = (self._breakers[name][institution] for institution in self._failing[name])
        return sorted((breaker.wait for breaker in breakers if breaker.state is State.OPEN), reverse=True)

    def _tell(self, name: str, institution: str) -> None:
        closed = self.breaker(name, institution).state is State.CLOSED
        self._failing[name] = self._failing[name] - {institution} if closed else self._failing[name] | {institution}
        is_avoided = bool(self._failing[name])
        if is_avoided and name not in self._avoided:
            self._avoided.add(name)
            log(ProviderAvoided(provider=name))
        elif not is_avoided and name in self._avoided:
            self._avoided.discard(name)
            log(ProviderBack(provider=name))
