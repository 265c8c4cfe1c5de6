"""Which grant a call falls under: exactly what one grant allows together, and a sentence where none does."""

from dataclasses import replace
from decimal import Decimal

import pytest

from sakimori.gateway import grants
from sakimori.gateway.refusal import Refusal
from sakimori.records import DataClass, Grant, GrantState, Limit, Media, Window

TRIAGE = Grant(
    id="triage",
    tenant="銀行",
    state=GrantState.READY,
    models=("small", "large"),
    purposes=("triage",),
    data_classes=(DataClass.STRUCTURED,),
    limits=(Limit(window=Window.DAY, yen=Decimal(1)),),
    not_before=10,
    not_after=20,
)
RESEARCH = replace(
    TRIAGE,
    id="research",
    models=("large",),
    purposes=("research",),
    data_classes=(DataClass.STRUCTURED, DataClass.FREE_TEXT),
    hosted_tools=("web_search",),
    media=(Media.IMAGE,),
)


@pytest.mark.parametrize("state", GrantState)
def test_calls_are_made_under_grants_that_were_provisioned(state: GrantState) -> None:
    usable = state in (GrantState.PROVISIONED, GrantState.READY)
    assert bool(grants.in_force([replace(TRIAGE, state=state)], 15)) == usable


@pytest.mark.parametrize(("now", "valid"), [(9, False), (10, True), (19, True), (20, False)])
def test_a_grant_holds_from_its_beginning_and_until_its_end(now: int, valid: bool) -> None:
    assert bool(grants.in_force([TRIAGE], now)) == valid


def test_what_two_grants_allow_apart_they_do_not_allow_together() -> None:
    both = [TRIAGE, RESEARCH]

    def fit(model: str, purpose: str, data: DataClass = DataClass.STRUCTURED, *tools: str) -> list[str]:
        found = grants.fitting(both, model=model, purpose=purpose, data_class=data, hosted_tools=tools)
        return [grant.id for grant in found]

    assert fit("large", "triage") == ["triage"]
    assert fit("large", "research", DataClass.FREE_TEXT, "web_search") == ["research"]
    for model, purpose, data, *tools in (
        ("small", "research", DataClass.STRUCTURED),
        ("large", "triage", DataClass.FREE_TEXT),
        ("large", "triage", DataClass.STRUCTURED, "web_search"),
        ("large", "research", DataClass.STRUCTURED, "web_search", "mcp"),
    ):
        with pytest.raises(Refusal, match="No grant of your institution allows"):
            fit(model, purpose, data, *tools)


def test_what_a_request_carries_besides_text_must_be_granted() -> None:
    both = [TRIAGE, replace(RESEARCH, purposes=("triage",))]

    def fit(*media: str) -> list[str]:
        found = grants.fitting(both, model="large", purpose="triage", data_class=DataClass.STRUCTURED, media=media)
        return [grant.id for grant in found]

    assert fit() == ["research", "triage"]
    assert fit("image") == ["research"]
    with pytest.raises(Refusal, match="allows audio, image content"):
        fit("image", "audio")
    assert grants.media(both) == {"image"}
    assert grants.hosted_tools(both) == {"web_search"}


def test_the_purpose_may_be_left_out_where_there_is_one() -> None:
    assert grants.purpose_of([TRIAGE], None) == "triage"
    with pytest.raises(Refusal, match="granted: research, triage"):
        grants.purpose_of([TRIAGE, RESEARCH], None)
