"""Which providers may serve a call: residency as granted, order, weights, and one sentence where none may."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import SystemClock
from sakimori.gateway.prices import PriceList
from sakimori.gateway.providers.breaker import IN_A_ROW
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.health import Health
from sakimori.gateway.providers.provider import Provider
from sakimori.gateway.providers.routing import Router
from sakimori.gateway.refusal import Refusal
from sakimori.records import Requirements

PRICES = PriceList.shipped()
ANY = Requirements()
COUNTRIES = st.frozensets(st.sampled_from(["JP", "US", "DE", "ZZ"]), min_size=1)


def provider(name: str, stored: str = "JP", processed: str = "JP", **changes: Any) -> Provider:
    fields: dict[str, Any] = {
        "kind": "compatible",
        "base_url": "http://127.0.0.1:1/v1",
        "endpoints": frozenset({"responses"}),
        "key": None,
        "stored_in": frozenset(stored.split()),
        "processed_in": frozenset(processed.split()),
        "retention": "none",
        "models": None,
        "prices": PRICES,
    }
    return Provider(name=name, **{**fields, **changes})


def router(*providers: Provider, seed: int = 0) -> tuple[Router, Health]:
    health = Health([item.name for item in providers], SystemClock())
    return Router(Providers(providers), health, Random(seed)), health


def names(found: list[Provider]) -> list[str]:
    return [item.name for item in found]


def refusal(router: Router, requirements: Requirements = ANY) -> Refusal:
    with pytest.raises(Refusal) as caught:
        router.candidates("m", "responses", requirements, institution="aozora")
    return caught.value


def test_lower_orders_come_first_and_within_one_the_weights_decide() -> None:
    asked, _ = router(provider("last", order=9), provider("big", weight=3), provider("small"))
    found = [names(asked.candidates("m", "responses", ANY, institution="aozora")) for _ in range(4000)]
    assert {order[-1] for order in found} == {"last"}
    first = Counter(order[0] for order in found)
    assert 2.6 < first["big"] / first["small"] < 3.4


def test_storing_in_the_country_is_not_processing_there() -> None:
    japan = Requirements(processed_in=("JP",))
    asked, _ = router(provider("stores", "JP", "JP US"), provider("both"))
    assert names(asked.candidates("m", "responses", japan, institution="aozora")) == ["both"]
    asked, _ = router(provider("stores", "JP", "JP US"))
    refused = refusal(asked, japan)
    assert (refused.status, refused.code) == (503, "no_provider")
    assert refused.message.endswith("processes nowhere but in JP.")
    assert names(asked.candidates("m", "responses", Requirements(stored_in=("JP",)), institution="aozora")) == [
        "stores"
    ]


@given(stored=COUNTRIES, processed=COUNTRIES, may_store=st.lists(st.sampled_from(["JP", "US"])))
def test_no_call_goes_where_its_grant_does_not_let_it(
    stored: frozenset[str], processed: frozenset[str], may_store: list[str]
) -> None:
    asked, _ = router(provider("p", " ".join(stored), " ".join(processed)))
    try:
        asked.candidates(
            "m", "responses", Requirements(stored_in=tuple(may_store), processed_in=("JP",)), institution="aozora"
        )
    except Refusal:
        assert not (stored <= set(may_store) or not may_store) or processed != {"JP"}
    else:
        assert stored <= set(may_store) or not may_store
        assert processed == {"JP"}


def test_a_provider_of_which_nothing_is_known_serves_no_grant_that_asks() -> None:
    (known,) = Providers.from_environment({"OPENAI_API_KEY": "sk-1"})
    asked, _ = router(known)
    assert names(asked.candidates("gpt-5", "responses", ANY, institution="aozora")) == ["openai"]
    for asking in (Requirements(stored_in=("US",)), Requirements(processed_in=("US",)), Requirements(retention_days=9)):
        assert refusal(asked, asking).code == "no_provider"


@pytest.mark.parametrize(
    ("changes", "requirements", "sentence"),
    [
        ({"models": {"other": "x"}}, ANY, "No provider of this gateway has this model."),
        ({"endpoints": frozenset({"embeddings"})}, ANY, "that has this model speaks responses."),
        ({}, Requirements(stored_in=("US",)), "stores nowhere but in US, as the grant requires."),
        ({"retention": "30d"}, Requirements(retention_days=29), "keeps what it gets for at most 29 days."),
        ({"retention": "unknown"}, Requirements(retention_days=0), "keeps nothing of what it gets."),
    ],
)
def test_where_none_may_one_sentence_says_what_none_meets(
    changes: dict[str, Any], requirements: Requirements, sentence: str
) -> None:
    asked, _ = router(provider("p", **changes))
    refused = refusal(asked, requirements)
    assert refused.message.endswith(sentence)
    assert refused.status == 503


def test_endpoints_that_are_translated_into_count() -> None:
    asked, _ = router(provider("p", endpoints=frozenset({"chat/completions"})))
    found = asked.candidates("m", "responses", ANY, translated=["chat/completions"], institution="aozora")
    assert names(found) == ["p"]


def test_who_was_cut_off_or_keeps_failing_is_left_out() -> None:
    asked, health = router(provider("a"), provider("b", order=2))
    health.cut = frozenset({"a"})
    assert names(asked.candidates("m", "responses", ANY, institution="aozora")) == ["b"]
    for _ in range(IN_A_ROW):
        ticket = health.breaker("b", "aozora").admit()
        assert ticket
        health.breaker("b", "aozora").failed(ticket)
    refused = refusal(asked)
    assert (refused.code, refused.may_retry) == ("provider_unavailable", True)
    assert refused.retry_after
    health.cut = frozenset({"a", "b"})
    assert refusal(asked).code == "provider_cut"
