"""Which providers may be called now: not those that the operator cut off, nor those that keep failing.

Failures are evidence of the institution whose calls they are: it may be its requests that a provider cannot take. So
each institution has a breaker of its own. A provider is left alone by others only while it keeps failing for at least
two institutions, and for more of them than it answered lately; never by one that it answered last; and one call of the
others is let through now and then, so that institutions which make it fail on purpose keep nobody from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sakimori.core import Clock, Nanos
from sakimori.gateway.providers.breaker import FIRST_PAUSE, REMEMBERED, Breaker, State, Ticket
from sakimori.observe import Event, Level, Model, log

_SEVERAL = 2
"""Institutions for which a provider must keep failing to be left alone by the others, too."""
_MOST_BREAKERS = 10_000
"""Of one provider. Those that have nothing to say go first; of more institutions than these, the longest known."""
_MANY = 64
"""Institutions that a provider fails for; weighing more than these takes a while, and is done now and then only."""
_NOW_AND_THEN: Nanos = 100_000_000


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


class _Evidence:
    """What all institutions know of one provider, as one process sees it."""

    def __init__(self) -> None:
        self.breakers: dict[str, Breaker] = {}
        """By institution."""
        self.look_again_at = _MOST_BREAKERS // 10
        """So many breakers, and those with nothing to say are dropped."""
        self.failing: frozenset[str] = frozenset()
        """Institutions whose breaker is not closed."""
        self.answered: dict[str, Nanos] = {}
        """When institutions were answered last, the latest at the end, if nothing failed since."""
        self.avoided_until: Nanos = 0
        """Until when institutions that know nothing of it leave it alone."""
        self.tried_at: Nanos = 0
        """When one of them was let through, or it began to be left alone."""
        self.weighed_at: Nanos = 0

    def answered_lately(self, institution: str, now: Nanos) -> bool:
        at = self.answered.get(institution)
        return at is not None and 0 <= now - at <= REMEMBERED


class Health:
    """Of each provider, as this process sees it. Used from one thread; others may ask what is usable."""

    def __init__(self, names: Iterable[str], clock: Clock) -> None:
        self._clock = clock
        self._evidence = {name: _Evidence() for name in names}
        self._answered = dict.fromkeys(self._evidence, 0)
        self._failed = dict.fromkeys(self._evidence, 0)
        self._last: dict[str, tuple[str, Nanos]] = {}
        self._avoided: set[str] = set()
        self.cut: frozenset[str] = frozenset()
        """Those that the operator cut off."""

    def breaker(self, name: str, institution: str) -> Breaker:
        evidence = self._evidence[name]
        known = evidence.breakers.get(institution)
        if known is None:
            if len(evidence.breakers) >= evidence.look_again_at:
                self._drop_some(evidence)
            known = evidence.breakers[institution] = Breaker(self._clock)
        return known

    def usable(self, name: str, institution: str) -> bool:
        return name not in self.cut and not self.wait(name, institution) and self._own(name, institution)

    def wait(self, name: str, institution: str) -> Nanos:
        """How long no call of the institution passes; 0: one may now."""
        breaker = self._evidence[name].breakers.get(institution)
        return max(0 if breaker is None else breaker.wait, self._others_say(name, institution))

    def admit(self, name: str, institution: str) -> Ticket | None:
        """Let a call of the institution through, or None."""
        if not self.usable(name, institution):
            return None
        evidence, now = self._evidence[name], self._clock.now()
        if now < evidence.avoided_until and not evidence.answered_lately(institution, now):
            evidence.tried_at = now
        return self.breaker(name, institution).admit()

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
            for name in self._evidence
        }

    def _own(self, name: str, institution: str) -> bool:
        breaker = self._evidence[name].breakers.get(institution)
        return breaker is None or breaker.passes

    def _others_say(self, name: str, institution: str) -> Nanos:
        """For how long the provider is left alone since it fails for others; 0: it is not, or one call may try it."""
        evidence, now = self._evidence[name], self._clock.now()
        if now >= evidence.avoided_until or evidence.answered_lately(institution, now):
            return 0
        # A clock that was set back makes nothing last longer.
        since_tried = now - evidence.tried_at
        until_tried = FIRST_PAUSE - since_tried if since_tried >= 0 else 0
        return max(0, min(evidence.avoided_until - now, until_tried))

    def _worst(self, name: str) -> State:
        states = {breaker.state for _, breaker in self._open(self._evidence[name])}
        return next((state for state in (State.OPEN, State.HALF_OPEN) if state in states), State.CLOSED)

    def _open(self, evidence: _Evidence) -> list[tuple[str, Breaker]]:
        """Breakers that are not closed, without those that say nothing of now."""
        known = ((institution, evidence.breakers.get(institution)) for institution in evidence.failing)
        return [(name, breaker) for name, breaker in known if breaker is not None and not breaker.has_nothing_to_say]

    def _tell(self, name: str, institution: str) -> None:
        evidence, now, breaker = self._evidence[name], self._clock.now(), self.breaker(name, institution)
        evidence.answered.pop(institution, None)
        if breaker.answers:
            evidence.answered[institution] = now
        if (breaker.state is State.CLOSED) == (institution in evidence.failing):
            evidence.failing ^= {institution}
        if evidence.failing or evidence.avoided_until:
            self._weigh(evidence, now)
        is_avoided = bool(evidence.failing)
        if is_avoided and name not in self._avoided:
            self._avoided.add(name)
            log(ProviderAvoided(provider=name))
        elif not is_avoided and name in self._avoided:
            self._avoided.discard(name)
            log(ProviderBack(provider=name))

    def _weigh(self, evidence: _Evidence, now: Nanos) -> None:
        """Set until when institutions that know nothing of the provider leave it alone."""
        if len(evidence.failing) > _MANY and 0 <= now - evidence.weighed_at < _NOW_AND_THEN:
            return
        evidence.weighed_at = now
        is_open = self._open(evidence)
        evidence.failing = frozenset(institution for institution, _ in is_open)
        self._forget_old_answers(evidence, now)
        waits = sorted((breaker.wait for _, breaker in is_open if breaker.state is State.OPEN), reverse=True)
        # With the waits of so many over, it fails for no more of them than it answers.
        enough = max(_SEVERAL - 1, len(evidence.answered))
        until = now + waits[enough] if len(waits) > enough else 0
        if until and now >= evidence.avoided_until:
            evidence.tried_at = now
        evidence.avoided_until = until

    def _forget_old_answers(self, evidence: _Evidence, now: Nanos) -> None:
        for institution, at in list(evidence.answered.items()):
            if 0 <= now - at <= REMEMBERED:
                return
            del evidence.answered[institution]

    def _drop_some(self, evidence: _Evidence) -> None:
        """Forget institutions of which there is nothing to say, and if they are still too many, the longest known."""
        kept = [(name, breaker) for name, breaker in list(evidence.breakers.items()) if not breaker.has_nothing_to_say]
        evidence.breakers = dict(kept[-(_MOST_BREAKERS * 9 // 10) :])
        evidence.look_again_at = min(_MOST_BREAKERS, max(_MOST_BREAKERS // 10, 2 * len(evidence.breakers)))
        self._forget_old_answers(evidence, self._clock.now())
