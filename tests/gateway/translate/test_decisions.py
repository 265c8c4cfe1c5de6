"""Decisions at providers that lack them."""

import pytest

from sakimori.gateway.endpoints import DECISIONS
from sakimori.gateway.refusal import Refusal


@pytest.mark.parametrize("path", ["responses", "chat/completions"])
def test_no_probability_is_invented(path: str) -> None:
    with pytest.raises(Refusal, match="probabilities that are asked for cannot be had") as refused:
        DECISIONS.translate[path]({"questions": [{"type": "predicate", "instructions": "Is it phishing?"}]})
    assert refused.value.param == "questions"
