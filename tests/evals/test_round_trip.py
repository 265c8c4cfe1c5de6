"""The round trip as an evaluation: what is restorable comes back, and the tally would say if it did not."""

import pytest

from sakimori.evals import round_trip
from sakimori.gateway.boundary import Passage


def test_what_a_played_model_does_to_tokens_brings_every_value_back() -> None:
    tally = round_trip.play(300, seed=7)
    assert (tally.conversations, tally.wrong, tally.leaked) == (300, 0, 0)
    assert tally.restorable > 600
    assert tally.invented > 100


def test_a_value_that_does_not_come_back_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgets(_passage: Passage, text: str) -> str:
        return text

    monkeypatch.setattr(Passage, "receive", forgets)
    tally = round_trip.play(20)
    assert tally.wrong > 10
    assert tally.leaked > 0
