"""Software, not trust, decides whether a claim is proved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import rfc3339
from sakimori.investigate.case import Exhibits
from sakimori.investigate.citations import SHORTEST_PART, doubt, prove_claims, prove_proposals
from sakimori.records import Citation, Claim, Command, Entity, EntityType, Proposal, Severity, encode_cell

from .stories import (
    FOREIGN,
    IMPACT,
    LOGON,
    LSASS,
    MINUTE,
    MOVE,
    ORDINARY,
    SHADOWS,
    START,
    THEFT,
    case_of,
    event,
    kept_events,
)
from .stories import finding as finding_about


def exhibits() -> Exhibits:
    return Exhibits(case_of(THEFT, IMPACT, MOVE))


def cite(event_id: str, field: str, value: str) -> Citation:
    return Citation(event_id=event_id, field=field, value=value)


def test_a_true_citation_holds() -> None:
    assert doubt(cite(LSASS.event_id, "SourceUser", "BANK\\sato"), exhibits()) is None


def test_a_part_of_a_value_holds_if_it_is_long_enough() -> None:
    assert doubt(cite(SHADOWS.event_id, "CommandLine", "delete shadows"), exhibits()) is None
    assert doubt(cite(SHADOWS.event_id, "CommandLine", "delete"), exhibits()) is not None


@pytest.mark.parametrize(
    ("citation", "why"),
    [
        (cite("ev-" + "cd" * 12 + "-1", "Image", "x"), "not in this case"),
        (cite("garbage", "Image", "x"), "not in this case"),
        (cite(ORDINARY.event_id, "CommandLine", "ipconfig"), "not in this case"),
        (cite(FOREIGN.event_id, "User", "sato"), "not in this case"),
        (cite(LSASS.event_id, "CommandLine", "x"), "not in the event"),
        (cite(LSASS.event_id, "SourceUser", "BANK\\mori"), "not what the event says"),
        (cite(LSASS.event_id, "SourceUser", "bank\\SATO"), "not what the event says"),
        (cite(LSASS.event_id, "SourceUser", ""), "not what the event says"),
    ],
)
def test_a_false_citation_does_not(citation: Citation, why: str) -> None:
    found = doubt(citation, exhibits())
    assert found is not None
    assert why in found.english


def test_an_event_of_another_institution_is_no_evidence_even_where_a_finding_names_it() -> None:
    stray = finding_about(FOREIGN, Severity.HIGH, "impact", [])
    found = doubt(cite(FOREIGN.event_id, "User", "sato"), Exhibits(case_of(stray)))
    assert found is not None


def test_an_event_may_be_cited_once_a_search_has_brought_it_up() -> None:
    shown = exhibits()
    citation = cite(ORDINARY.event_id, "CommandLine", "ipconfig")
    assert doubt(citation, shown) is not None
    found = shown.search(Entity(type=EntityType.HOST, value="dc-01.bank.example"), start=0, end=2**62)
    assert [each.event_id for each in found] == [ORDINARY.event_id]
    assert doubt(citation, shown) is None


def test_a_search_never_brings_up_another_institutions_events_and_stays_near_the_incident() -> None:
    kept = kept_events()
    shown = Exhibits(case_of(THEFT, evidence=kept))
    assert FOREIGN.event_id not in {e.event_id for e in shown.search(THEFT.entities[1], start=0, end=2**62)}
    (_, start, end, limit) = kept.asked[0]
    assert rfc3339(start) == "2026-11-19T01:01:00.000Z"
    assert end == START + MINUTE + 24 * 60 * MINUTE
    assert limit <= 20
    assert shown.search(THEFT.entities[1], start=10, end=5) == []


def test_a_claim_needs_every_one_of_its_citations() -> None:
    good = cite(LSASS.event_id, "SourceUser", "BANK\\sato")
    bad = cite(LSASS.event_id, "SourceUser", "BANK\\mori")
    claims = [
        Claim(statement="a", statement_ja="a", citations=(good,)),
        Claim(statement="b", statement_ja="b", citations=(good, bad)),
        Claim(statement="c", statement_ja="c", citations=()),
    ]
    proved, dropped = prove_claims(claims, exhibits())
    assert [claim.statement for claim in proved] == ["a"]
    assert [drop.claim.statement for drop in dropped] == ["b", "c"]
    assert all(drop.reason and drop.reason_ja for drop in dropped)


def proposal(command: Command, type: EntityType, value: str, *citations: Citation) -> Proposal:
    return Proposal(command=command, target=Entity(type=type, value=value), reason="r", citations=citations)


HOST, USER = EntityType.HOST, EntityType.USER
ISOLATE, DISABLE = Command.ISOLATE_HOST, Command.DISABLE_ACCOUNT


@pytest.mark.parametrize(
    "wish",
    [
        proposal(ISOLATE, HOST, "ws-01.bank.example", cite(LSASS.event_id, "Computer", "WS-01.bank.example")),
        proposal(DISABLE, USER, "sato", cite(LSASS.event_id, "SourceUser", "BANK\\sato")),
        proposal(DISABLE, USER, "adm-ito", cite(LOGON.event_id, "TargetUserName", "adm-ito")),
    ],
)
def test_a_proposal_whose_cited_event_names_the_target_stands(wish: Proposal) -> None:
    assert prove_proposals([wish, wish], exhibits()) == ((wish,), ())


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (proposal(ISOLATE, HOST, "dc-01.bank.example"), "cites no event"),
        (
            proposal(ISOLATE, HOST, "dc-01.bank.example", cite(LSASS.event_id, "Computer", "WS-01.bank.example")),
            "names the target",
        ),
        (
            proposal(ISOLATE, HOST, "dc-01.bank.example", cite(LSASS.event_id, "Computer", "dc-01.bank.example")),
            "not what the event says",
        ),
        (
            proposal(ISOLATE, HOST, "ws-01", cite(LSASS.event_id, "Computer", "WS-01.bank.example")),
            "names the target",
        ),
        (
            proposal(ISOLATE, HOST, "delete shadows", cite(SHADOWS.event_id, "CommandLine", "delete shadows")),
            "names the target",
        ),
        (proposal(ISOLATE, USER, "sato", cite(LSASS.event_id, "SourceUser", "BANK\\sato")), "not a containment step"),
        (
            proposal(
                Command.RELEASE_HOST, HOST, "ws-01.bank.example", cite(LSASS.event_id, "Computer", "WS-01.bank.example")
            ),
            "not a containment step",
        ),
    ],
)
def test_a_proposal_that_no_event_ties_to_its_target_is_dropped(wish: Proposal, why: str) -> None:
    proved, (dropped,) = prove_proposals([wish], exhibits())
    assert proved == ()
    assert why in dropped.reason


def test_an_event_that_no_finding_rests_on_ties_no_proposal() -> None:
    shown = exhibits()
    shown.search(Entity(type=HOST, value="dc-01.bank.example"), start=0, end=2**62)
    wish = proposal(ISOLATE, HOST, "dc-01.bank.example", cite(ORDINARY.event_id, "Computer", "dc-01.bank.example"))
    assert prove_proposals([wish], shown)[0] == ()


@given(st.lists(st.text(max_size=20), max_size=4), st.text(max_size=20))
def test_a_citation_holds_exactly_if_the_event_says_so(texts: list[str], value: str) -> None:
    about = event(1, {"Computer": "a", "Payload": encode_cell(texts)})
    kept = kept_events()
    kept.events[about.event_id] = about
    shown = Exhibits(case_of(finding_about(about, Severity.HIGH, "impact", []), evidence=kept))
    true = value != "" and (value in texts or (len(value) >= SHORTEST_PART and any(value in text for text in texts)))
    assert (doubt(cite(about.event_id, "Payload", value), shown) is None) == true
