"""Which providers may be called now: not those that the operator cut off, nor those that keep failing."""

from collections.abc import Iterable
from dataclasses import dataclass

from sakimori.core import Clock, Nanos
from sakimori.gateway.providers.breaker import Breaker, State
from sakimori.observe import Event, Level, Model, log


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
    answered: int
    failed: int
    last_failure: str | None
    """The code of it."""
    last_failure_at: Nanos | None


class Health:
    """Of each provider, as this process sees it. Used from one thread; others may ask what is usable."""

    def __init__(self, names: Iterable[str], clock: Clock) -> None:
        self._clock = clock
        self._breakers = {name: Breaker(clock) for name in names}
        self._answered = dict.fromkeys(self._breakers, 0)
        self._failed = dict.fromkeys(self._breakers, 0)
        self._last: dict[str, tuple[str, Nanos]] = {}
        self._avoided: set[str] = set()
        self.cut: frozenset[str] = frozenset()
        """Those that the operator cut off."""

    def breaker(self, name: str) -> Breaker:
        return self._breakers[name]

    def usable(self, name: str) -> bool:
        return name not in self.cut and self._breakers[name].passes

    def answered(self, name: str) -> None:
        """Count an answer."""
        self._answered[name] += 1
        self._tell(name)

    def failed(self, name: str, code: str) -> None:
        """Count a failure."""
        self._failed[name] += 1
        self._last[name] = code, self._clock.now()
        self._tell(name)

    def records(self) -> dict[str, Record]:
        return {
            name: Record(breaker.state, self._answered[name], self._failed[name], *self._last.get(name, (None, None)))
            for name, breaker in self._breakers.items()
        }

    def _tell(self, name: str) -> None:
        is_avoided = self._breakers[name].state is not State.CLOSED
        if is_avoided and name not in self._avoided:
            self._avoided.add(name)
            log(ProviderAvoided(provider=name))
        elif not is_avoided and name in self._avoided:
            self._avoided.discard(name)
            log(ProviderBack(provider=name))
