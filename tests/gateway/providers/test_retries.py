"""The budget of retries: a fifth of calls, whatever happens."""

from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import ManualClock
from sakimori.gateway.providers.retries import RetryBudget


@given(st.lists(st.booleans(), max_size=500))
def test_retries_are_never_more_than_a_fifth_of_calls_and_a_few_at_first(is_call: list[bool]) -> None:
    budget = RetryBudget(ManualClock(0))
    calls = retries = 0
    for call in is_call:
        if call:
            budget.called()
            calls += 1
        else:
            retries += budget.take()
    assert retries <= 10 + 0.2 * calls


def test_all_calls_that_hung_at_one_moment_can_fail_over() -> None:
    budget = RetryBudget(ManualClock(0))
    for _ in range(1000):
        budget.called()
    assert all(budget.take() for _ in range(200))


def test_a_gateway_with_hardly_any_calls_can_fail_over_now_and_then() -> None:
    clock = ManualClock(0)
    budget = RetryBudget(clock)
    while budget.take():
        pass
    clock.set(5 * 10**9)
    assert not budget.take()
    clock.set(11 * 10**9)
    assert budget.take()
    clock.set(0)
    assert not budget.take(), "a clock that was set back brings nothing"
