"""Which providers an institution's calls may go to: what fails for one says little of what happens to others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import ManualClock
from sakimori.gateway.providers import health as rule
from sakimori.gateway.providers.breaker import FIRST_PAUSE, IN_A_ROW, REMEMBERED, State
from sakimori.gateway.providers.health import Health


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(10**18)


@pytest.fixture
def health(clock: ManualClock) -> Health:
    return Health(["p"], clock)


def fail(health: Health, institution: str, times: int = IN_A_ROW) -> None:
    for _ in range(times):
        ticket = health.breaker("p", institution).admit()
        assert ticket is not None
        health.breaker("p", institution).failed(ticket)
        health.failed("p", institution, "provider_error")


def answer(health: Health, institution: str) -> bool:
    """Whether a call was let through; if so, it was answered."""
    ticket = health.admit("p", institution)
    if ticket is None:
        return False
    health.breaker("p", institution).succeeded(ticket)
    health.answered("p", institution)
    return True


def test_one_institutions_failures_take_a_provider_from_no_other(health: Health) -> None:
    fail(health, "aozora")
    assert not health.usable("p", "aozora")
    assert health.usable("p", "midori")
    assert health.wait("p", "midori") == 0
    assert health.records()["p"].state is State.OPEN


def test_what_keeps_failing_for_two_is_left_alone_by_all(health: Health, clock: ManualClock) -> None:
    fail(health, "aozora")
    clock.set(clock.now() + FIRST_PAUSE // 2)
    fail(health, "midori")
    assert not health.usable("p", "sakura")
    assert health.wait("p", "sakura") == FIRST_PAUSE // 2
    clock.set(clock.now() + FIRST_PAUSE // 2)
    assert health.usable("p", "sakura")
    assert health.records()["p"].state is State.OPEN
    clock.set(clock.now() + FIRST_PAUSE // 2)
    assert health.records()["p"].state is State.HALF_OPEN


def test_two_who_make_it_fail_on_purpose_take_it_from_nobody_whom_it_answers(health: Health) -> None:
    for honest in ("midori", "sakura"):
        assert answer(health, honest)
    fail(health, "aozora")
    fail(health, "kuroi")
    for institution in ("midori", "sakura", "hinode"):
        assert health.usable("p", institution)
        assert health.wait("p", institution) == 0
    assert not health.usable("p", "aozora")


def test_whom_it_answered_lately_is_kept_from_it_by_no_number_of_others(health: Health, clock: ManualClock) -> None:
    assert answer(health, "midori")
    for number in range(20):
        fail(health, f"kuroi-{number}")
    assert health.usable("p", "midori")
    assert not health.usable("p", "sakura")
    clock.set(clock.now() + REMEMBERED + 1)
    for number in range(20):
        fail(health, f"kuroi-{number}", 1)  # the one call at a time that may try
    assert not health.usable("p", "midori"), "that it was answered is long ago"


def test_an_outage_is_one_failed_call_for_each_and_then_none(health: Health) -> None:
    """In one, whoever was answered before fails once, and from then on leaves it alone as the others do."""
    institutions = [f"bank-{number}" for number in range(30)]
    for institution in institutions:
        assert answer(health, institution)
    for institution in ("bank-0", "bank-1", "bank-2"):
        fail(health, institution)
    for institution in institutions[3:]:
        fail(health, institution, 1)
    assert not any(health.usable("p", institution) for institution in institutions)


def test_now_and_then_one_call_finds_out_whether_it_is_well_for_others(health: Health, clock: ManualClock) -> None:
    for times in (IN_A_ROW, 1, 1):  # left alone for longer each time
        clock.set(clock.now() + health.wait("p", "kuroi"))
        fail(health, "aozora", times)
        fail(health, "kuroi", times)
    assert health.wait("p", "aozora") == 4 * FIRST_PAUSE
    assert health.wait("p", "midori") == FIRST_PAUSE
    assert not answer(health, "midori")
    clock.set(clock.now() + FIRST_PAUSE)
    assert answer(health, "midori")
    assert answer(health, "midori")
    assert not answer(health, "sakura"), "one was let through a moment ago"
    clock.set(clock.now() + FIRST_PAUSE)
    assert answer(health, "sakura")
    assert answer(health, "hinode"), "it answers as many as it fails for"


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, REMEMBERED // 4)), max_size=80))
def test_nobody_is_kept_from_a_provider_that_answered_him_last(told: list[tuple[int, bool, int]]) -> None:
    clock = ManualClock(10**18)
    health = Health(["p"], clock)
    last: dict[int, tuple[bool, int]] = {}
    for number, well, passed in told:
        clock.set(clock.now() + passed)
        ticket = health.breaker("p", str(number)).admit()
        if ticket is None:
            continue
        if well:
            health.breaker("p", str(number)).succeeded(ticket)
            health.answered("p", str(number))
        else:
            health.breaker("p", str(number)).failed(ticket)
            health.failed("p", str(number), "provider_error")
        last[number] = well, clock.now()
        open_now = [str(one) for one in last if health.breaker("p", str(one)).state is State.OPEN]
        for other, (answered, at) in last.items():
            if answered and clock.now() - at <= REMEMBERED:
                assert health.usable("p", str(other))
        if len(open_now) < 2:
            assert health.usable("p", "who knows nothing")


def test_what_it_remembers_of_thousands_of_institutions_has_bounds(health: Health, clock: ManualClock) -> None:
    evidence = health._evidence["p"]  # pyright: ignore[reportPrivateUsage]
    for number in range(12_000):
        assert answer(health, f"bank-{number}")
    assert len(evidence.breakers) <= rule._MOST_BREAKERS  # pyright: ignore[reportPrivateUsage]
    clock.set(clock.now() + REMEMBERED + 1)
    for number in range(2_000):
        assert answer(health, f"other-{number}")
    assert len(evidence.breakers) < 5_000
    assert len(evidence.answered) == 2_000


def test_who_never_calls_again_does_not_stay_among_those_it_fails_for(health: Health, clock: ManualClock) -> None:
    fail(health, "aozora")
    clock.set(clock.now() + FIRST_PAUSE + REMEMBERED + 1)
    assert health.records()["p"].state is State.CLOSED
    assert answer(health, "midori")
    assert not health._evidence["p"].failing  # pyright: ignore[reportPrivateUsage]


def test_who_rests_at_a_providers_wish_keeps_nobody_else_from_it(health: Health) -> None:
    health.breaker("p", "aozora").rest(30)
    assert not health.usable("p", "aozora")
    assert health.usable("p", "midori")


def test_a_provider_that_is_cut_off_is_so_for_everybody(health: Health) -> None:
    health.cut = frozenset({"p"})
    assert not health.usable("p", "aozora")
    assert not health.usable("p", "midori")
