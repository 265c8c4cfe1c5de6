"""Which providers an institution's calls may go to: what fails for one says little of what happens to others."""

import pytest

from sakimori.core import ManualClock
from sakimori.gateway.providers.breaker import FIRST_PAUSE, IN_A_ROW, State
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


def test_who_rests_at_a_providers_wish_keeps_nobody_else_from_it(health: Health) -> None:
    health.breaker("p", "aozora").rest(30)
    assert not health.usable("p", "aozora")
    assert health.usable("p", "midori")


def test_a_provider_that_is_cut_off_is_so_for_everybody(health: Health) -> None:
    health.cut = frozenset({"p"})
    assert not health.usable("p", "aozora")
    assert not health.usable("p", "midori")
