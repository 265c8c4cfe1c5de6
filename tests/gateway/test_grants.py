"""Which grant a call falls under: exactly what one grant allows together, and a sentence where none does."""

from dataclasses import replace
from decimal import Decimal

import pytest

from sakimori.gateway import grants
from sakimori.gateway.refusal import Refusal
from sakimori.records import DataClass, Grant, GrantState, Limit, Window

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

    def fit(model: str, purpose: str, data: DataClass = DataClass.STRUCTURED) -> list[str]:
        return [grant.id for grant in grants.fitting(both, model=model, purpose=purpose, data_class=data)]

    assert fit("large", "triage") == ["triage"]
    assert fit("large", "research", DataClass.FREE_TEXT) == ["research"]
    for model, purpose, data in (
        ("small", "research", DataClass.STRUCTURED),
        ("large", "triage", DataClass.FREE_TEXT),
    ):
        with pytest.raises(Refusal, match="No grant of your institution allows"):
            fit(model, purpose, data)


def test_the_purpose_may_be_left_out_where_there_is_one() -> None:
    assert grants.purpose_of([TRIAGE], None) == "triage"
    with pytest.raises(Refusal, match="granted: research, triage"):
        grants.purpose_of([TRIAGE, RESEARCH], None)
