"""A circuit breaker: a provider that keeps failing is left alone for a while, then asked by one call at a time.

A pure state machine (Nygard, "Release It!"). Closed: calls pass. After failures in a row, or when half of the latest
calls failed, it opens: none passes. Once its pause is over it is half open: one call at a time may try; an answer
closes it, a failure opens it again for twice as long. An answer that only began lets calls pass on probation: the first
failure then opens it again, so that streams which all break off do not keep it closed by their beginnings. A provider
that asked to be left alone (``retry-after``) rests without being taken for ill.
"""

from array import array
from dataclasses import dataclass
from enum import StrEnum

from sakimori.core import Clock, Nanos

IN_A_ROW = 5
"""Failures, one after the other, that open it."""
LATEST = 20
"""Outcomes that are looked at, if they are this many, for whether half of them are failures."""
FIRST_PAUSE: Nanos = 2_000_000_000
LONGEST_PAUSE: Nanos = 60_000_000_000
REMEMBERED: Nanos = 30_000_000_000
"""What happened longer ago says nothing of now."""
_NANOS_PER_SECOND = 1_000_000_000


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """Of one call that was let through. Goes back to one of ``succeeded``, ``failed``, ``dropped``, perhaps after
    ``began``."""

    generation: int
    """How often the breaker had opened before: calls from before then say nothing of now."""


class Breaker:
    """Used from one thread; others may look at ``state``, ``passes`` and ``wait``."""

    __slots__ = (
        "_clock",
        "_generation",
        "_in_a_row",
        "_on_probation",
        "_opened_at",
        "_outcomes",
        "_pause",
        "_probe",
        "_rest",
        "_resting_from",
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._generation = 0
        self._opened_at: Nanos | None = None
        self._pause = FIRST_PAUSE
        self._resting_from: Nanos = 0
        self._rest: Nanos = 0
        self._probe: Ticket | None = None
        self._on_probation = False
        self._in_a_row = 0
        self._outcomes = array("q")
        """When the latest happened, doubled; one more where it was an answer. Every institution has one of these."""

    @property
    def state(self) -> State:
        if self._opened_at is None:
            return State.CLOSED
        return State.OPEN if self._left(self._opened_at, self._pause) else State.HALF_OPEN

    @property
    def passes(self) -> bool:
        """Whether a call would be let through at this moment."""
        return not self.wait and not (self._probe is not None and self._opened_at is not None)

    @property
    def wait(self) -> Nanos:
        """How long nothing passes; 0: something may now."""
        pause = 0 if self._opened_at is None else self._left(self._opened_at, self._pause)
        return max(pause, self._left(self._resting_from, self._rest))

    @property
    def answers(self) -> bool:
        """Whether the last that is known of the provider is an answer, or nothing is."""
        return self._opened_at is None and not self._in_a_row

    @property
    def has_nothing_to_say(self) -> bool:
        """Whether all that it knows is long past, so that a new one would do as well."""
        if self.wait or (self._outcomes and self._is_recent(self._outcomes[-1] >> 1)):
            return False
        return self._opened_at is None or not self._is_recent(self._opened_at + self._pause)

    def admit(self) -> Ticket | None:
        """Let a call through, or None."""
        if not self.passes:
            return None
        ticket = Ticket(self._generation)
        if self._opened_at is not None:
            self._probe = ticket
        return ticket

    def began(self, ticket: Ticket) -> None:
        """The first of an answer is there."""
        if not self._is_late(ticket) and self._opened_at is not None:
            self._opened_at = self._probe = None
            self._on_probation = True
            del self._outcomes[:]

    def succeeded(self, ticket: Ticket) -> None:
        """The provider answered, be it by refusing what it was asked."""
        if self._is_late(ticket):
            return
        self._note(answered=True)
        self._in_a_row = 0
        self._on_probation = False
        self._pause = FIRST_PAUSE
        if self._opened_at is not None:
            self._opened_at = self._probe = None
            del self._outcomes[:]

    def failed(self, ticket: Ticket) -> None:
        """It did not answer, with something that is none, or not to the end."""
        if self._is_late(ticket):
            return
        self._note(answered=False)
        self._in_a_row += 1
        if self._opened_at is not None or self._on_probation:
            self._open(min(2 * self._pause, LONGEST_PAUSE))
        elif self._in_a_row >= IN_A_ROW or self._half_failed():
            self._open(FIRST_PAUSE)

    def dropped(self, ticket: Ticket) -> None:
        """Nobody waited for what would have become of it."""
        if self._probe is ticket:
            self._probe = None

    def rest(self, seconds: float) -> None:
        """The provider asked not to be called for so long."""
        now, asked = self._clock.now(), int(seconds * _NANOS_PER_SECOND)
        if asked > self._left(self._resting_from, self._rest):
            self._resting_from, self._rest = now, min(asked, LONGEST_PAUSE)

    def _open(self, pause: Nanos) -> None:
        self._generation += 1
        self._opened_at, self._pause, self._probe = self._clock.now(), pause, None
        self._on_probation = False
        self._in_a_row = 0
        del self._outcomes[:]

    def _is_late(self, ticket: Ticket) -> bool:
        return ticket.generation != self._generation

    def _note(self, *, answered: bool) -> None:
        self._outcomes.append(self._clock.now() << 1 | answered)
        if len(self._outcomes) > LATEST:
            del self._outcomes[0]

    def _half_failed(self) -> bool:
        recent = [outcome & 1 for outcome in self._outcomes if self._is_recent(outcome >> 1)]
        return len(recent) == LATEST and 2 * recent.count(0) >= LATEST

    def _is_recent(self, at: Nanos) -> bool:
        return 0 <= self._clock.now() - at <= REMEMBERED

    def _left(self, since: Nanos, length: Nanos) -> Nanos:
        passed = self._clock.now() - since
        # A clock that was set back makes nothing last longer.
        return max(0, length - passed) if passed >= 0 else 0
