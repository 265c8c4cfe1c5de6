"""The circuit breaker: who keeps failing is left alone, and comes back through one call at a time."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sakimori.core import ManualClock
from sakimori.gateway.providers.breaker import FIRST_PAUSE, IN_A_ROW, LATEST, LONGEST_PAUSE, Breaker, State, Ticket

SECOND = 1_000_000_000


def failing(breaker: Breaker, times: int = IN_A_ROW) -> None:
    for _ in range(times):
        ticket = breaker.admit()
        assert ticket is not None
        breaker.failed(ticket)


def admitted(breaker: Breaker) -> Ticket:
    ticket = breaker.admit()
    assert ticket is not None
    return ticket


def test_failures_in_a_row_open_it_and_one_answer_closes_it_again() -> None:
    clock = ManualClock(0)
    breaker = Breaker(clock)
    failing(breaker)
    assert breaker.state is State.OPEN
    assert breaker.admit() is None
    assert breaker.wait == FIRST_PAUSE
    clock.set(FIRST_PAUSE)
    assert breaker.state is State.HALF_OPEN
    probe = admitted(breaker)
    assert breaker.admit() is None, "one call at a time may try"
    breaker.succeeded(probe)
    assert breaker.state is State.CLOSED
    assert breaker.admit()


def test_half_of_the_latest_calls_failing_opens_it() -> None:
    breaker = Breaker(ManualClock(0))
    for _ in range(LATEST // 2):
        breaker.succeeded(admitted(breaker))
        assert breaker.state is State.CLOSED
        breaker.failed(admitted(breaker))
    assert breaker.state is State.OPEN


def test_each_failed_try_doubles_the_pause_up_to_a_minute() -> None:
    clock = ManualClock(0)
    breaker = Breaker(clock)
    failing(breaker)
    pauses: list[int] = []
    for _ in range(8):
        pauses.append(breaker.wait)
        clock.set(clock.now() + breaker.wait)
        failing(breaker, 1)
    assert pauses == sorted(pauses)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


def test_what_was_under_way_when_it_opened_neither_closes_it_nor_opens_it_for_longer() -> None:
    breaker = Breaker(ManualClock(0))
    before = [admitted(breaker) for _ in range(3)]
    failing(breaker)
    breaker.succeeded(before[0])
    breaker.failed(before[1])
    assert (breaker.state, breaker.wait) == (State.OPEN, FIRST_PAUSE)


def test_streams_that_all_break_off_do_not_keep_it_closed_by_their_beginnings() -> None:
    clock = ManualClock(0)
    breaker = Breaker(clock)
    failing(breaker)
    for relapse in range(1, 4):
        clock.set(clock.now() + breaker.wait)
        breaker.began(probe := admitted(breaker))
        assert breaker.state is State.CLOSED
        other = admitted(breaker)
        breaker.failed(probe)
        assert breaker.wait == 2**relapse * FIRST_PAUSE
        breaker.failed(other)
        assert breaker.wait == 2**relapse * FIRST_PAUSE
    clock.set(clock.now() + breaker.wait)
    breaker.began(probe := admitted(breaker))
    breaker.succeeded(probe)
    breaker.failed(admitted(breaker))
    assert breaker.state is State.CLOSED, "one whole answer ends the probation"


def test_a_try_that_nobody_waited_for_makes_room_for_another() -> None:
    clock = ManualClock(0)
    breaker = Breaker(clock)
    failing(breaker)
    clock.set(FIRST_PAUSE)
    probe = admitted(breaker)
    breaker.dropped(probe)
    assert breaker.admit()


def test_who_asked_for_rest_rests_and_is_not_ill() -> None:
    clock = ManualClock(0)
    breaker = Breaker(clock)
    breaker.rest(3)
    breaker.rest(1)
    assert breaker.state is State.CLOSED
    assert breaker.admit() is None
    clock.set(3 * SECOND)
    assert breaker.admit()


@given(st.floats(0, 1e6))
def test_no_provider_can_ask_to_be_left_alone_for_longer_than_a_minute(seconds: float) -> None:
    breaker = Breaker(ManualClock(0))
    breaker.rest(seconds)
    assert breaker.wait <= LONGEST_PAUSE


class Anything(RuleBasedStateMachine):
    """Whatever calls do, and however the clock is set."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(10**18)
        self.breaker = Breaker(self.clock)
        self.under_way: list[Ticket] = []

    @rule(seconds=st.integers(-100, 100))
    def time_passes(self, seconds: int) -> None:
        self.clock.set(self.clock.now() + seconds * SECOND)

    @rule()
    def a_call_is_made(self) -> None:
        state, passes = self.breaker.state, self.breaker.passes
        ticket = self.breaker.admit()
        assert (ticket is not None) == passes
        assert not (state is State.OPEN and ticket)
        if ticket is not None:
            if state is State.HALF_OPEN:
                assert self.breaker.admit() is None
            self.under_way.append(ticket)

    @precondition(lambda self: self.under_way)
    @rule(how=st.sampled_from(["succeeded", "failed", "dropped"]), which=st.integers(0, 10**6))
    def a_call_ends(self, how: str, which: int) -> None:
        ticket = self.under_way.pop(which % len(self.under_way))
        getattr(self.breaker, how)(ticket)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 10**6))
    def an_answer_begins(self, which: int) -> None:
        self.breaker.began(self.under_way[which % len(self.under_way)])

    @rule(seconds=st.integers(0, 10_000))
    def rest_is_asked_for(self, seconds: int) -> None:
        self.breaker.rest(seconds)

    @invariant()
    def nothing_lasts_longer_than_a_minute(self) -> None:
        assert 0 <= self.breaker.wait <= LONGEST_PAUSE

    def teardown(self) -> None:
        """Once all calls ended and time passed, a call gets through: nothing is stuck."""
        for ticket in self.under_way:
            self.breaker.dropped(ticket)
        self.clock.set(2 * 10**18)
        assert self.breaker.admit() is not None


TestAnything = Anything.TestCase
