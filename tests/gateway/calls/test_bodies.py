"""Room for bodies: what is taken is given back, and never more than there is."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.calls.bodies import Bodies
from sakimori.gateway.refusal import Refusal


def test_one_institution_leaves_room_for_another() -> None:
    bodies = Bodies(most=100, most_of_one=60)
    with bodies.of("aozora") as first, bodies.of("aozora") as second, bodies.of("midori") as other:
        first.grow(50)
        with pytest.raises(Refusal, match="ask again") as refused:
            second.grow(20)
        assert (refused.value.status, refused.value.code, refused.value.may_retry) == (503, "gateway_busy", True)
        second.grow(10)
        other.grow(40)
        with pytest.raises(Refusal):
            other.grow(1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 40), max_size=5)), max_size=12))
def test_all_that_is_taken_is_given_back_whatever_was_refused(calls: list[tuple[str, list[int]]]) -> None:
    bodies = Bodies(most=100, most_of_one=60)
    for institution, pieces in calls:
        with ExitStack() as stack:
            body = stack.enter_context(bodies.of(institution))
            for piece in pieces:
                try:
                    body.grow(piece)
                except Refusal:
                    break
            assert body.length <= 60
    with bodies.of("a") as one, bodies.of("b") as other:
        one.grow(60)
        other.grow(40)
