"""Addresses of e-mail as people write, say and disguise them."""

import pytest
from tests.gateway.boundary.rules import hidden


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Write to o'brien+loans@bank.example.", "o'brien+loans@bank.example"),
        ("My mail's siobhan dot odowd at kestrelair dot ie. Cheers", "siobhan dot odowd at kestrelair dot ie"),
        ("it is t underscore mori at aozora dot co dot jp", "t underscore mori at aozora dot co dot jp"),
        ("連絡は info[at]aozora.example まで", "info[at]aozora.example"),
        ("yamada (at) aozora (dot) co (dot) jp", "yamada (at) aozora (dot) co (dot) jp"),
    ],
)
def test_addresses_stay_here(text: str, address: str) -> None:
    assert address in hidden(text)


@pytest.mark.parametrize(
    "text",
    [
        "look at the dot on the map",
        "we meet at noon dot",
        "call me at (at) the desk",
        "The chart at top has a dot in red.",
    ],
)
def test_sentences_about_dots_leave(text: str) -> None:
    assert not hidden(text)
