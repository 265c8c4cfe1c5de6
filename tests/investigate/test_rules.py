"""The second promise: whatever a model says, the floor holds and nothing is closed."""

from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.investigate.case import Exhibits
from sakimori.investigate.established import establish
from sakimori.investigate.rules import Opinion, Ruled, decide
from sakimori.records import Claim, Disposition, Finding, Route, Severity

from .stories import IMPACT, MOVE, THEFT, case_of

FINDINGS = st.lists(
    st.builds(replace, st.sampled_from([THEFT, IMPACT, MOVE]), severity=st.sampled_from(Severity)),
    min_size=1,
    max_size=3,
    unique_by=lambda finding: cast("Finding", finding).id,
)


def judged(
    findings: list[Finding],
    disposition: Disposition | None,
    severity: Severity = Severity.INFORMATIONAL,
    *,
    cited: int = 9,
) -> Ruled:
    """The ruling on the facts of ``findings`` and an opinion that proves the first ``cited`` of them too."""
    case = case_of(*findings)
    exhibits = Exhibits(case)
    claims = establish(case, exhibits).claims
    opinion = Opinion(disposition=disposition, severity=severity, claims=claims[:cited]) if disposition else None
    return decide(case.incident, claims, opinion, exhibits)


@given(FINDINGS, st.sampled_from(Disposition), st.sampled_from(Severity), st.integers(0, 3))
def test_no_opinion_lowers_severity_or_closes_what_is_severe(
    findings: list[Finding], disposition: Disposition, severity: Severity, cited: int
) -> None:
    floor = max(finding.severity for finding in findings)
    ruled = judged(findings, disposition, severity, cited=cited)
    assert floor <= ruled.severity <= min(floor + 1, Severity.CRITICAL)
    if floor >= Severity.HIGH:
        assert ruled.route in (Route.RESPOND, Route.PERSON)
        assert ruled.disposition is not Disposition.BENIGN


@given(FINDINGS, st.sampled_from(Disposition), st.sampled_from(Severity), st.integers(0, 3))
def test_no_opinion_talks_away_what_software_proved_malicious(
    findings: list[Finding], disposition: Disposition, severity: Severity, cited: int
) -> None:
    if judged(findings, None).route is Route.RESPOND:
        assert judged(findings, disposition, severity, cited=cited).route is Route.RESPOND


@given(FINDINGS, st.sampled_from(Disposition), st.sampled_from(Severity))
def test_an_opinion_without_proof_changes_nothing(
    findings: list[Finding], disposition: Disposition, severity: Severity
) -> None:
    with_opinion, without = judged(findings, disposition, severity, cited=0), judged(findings, None)
    assert (with_opinion.disposition, with_opinion.severity, with_opinion.route) == (
        without.disposition,
        without.severity,
        without.route,
    )


@given(FINDINGS)
def test_nothing_proved_goes_to_a_person(findings: list[Finding]) -> None:
    case = case_of(*findings)
    none: tuple[Claim, ...] = ()
    ruled = decide(case.incident, none, Opinion(Disposition.MALICIOUS, Severity.CRITICAL, none), Exhibits(case))
    assert (ruled.disposition, ruled.route) == (Disposition.UNDETERMINED, Route.PERSON)


MINOR = [replace(MOVE, severity=Severity.MEDIUM)]
SEVERE = [THEFT]


@pytest.mark.parametrize(
    ("findings", "opinion", "severity", "disposition", "route", "rule"),
    [
        (SEVERE, Disposition.MALICIOUS, 4, Disposition.MALICIOUS, Route.RESPOND, "judged-malicious"),
        (SEVERE, Disposition.BENIGN, 1, Disposition.SUSPICIOUS, Route.PERSON, "opinion-overruled"),
        (SEVERE, Disposition.UNDETERMINED, 4, Disposition.SUSPICIOUS, Route.PERSON, "opinion-overruled"),
        (MINOR, Disposition.BENIGN, 1, Disposition.BENIGN, Route.SUGGEST_CLOSING, "minor-and-judged-benign"),
        (MINOR, Disposition.UNDETERMINED, 3, Disposition.UNDETERMINED, Route.PERSON, "judged-undetermined"),
        (MINOR, Disposition.MALICIOUS, 5, Disposition.MALICIOUS, Route.PERSON, "minor-and-judged-malicious"),
        (MINOR, Disposition.SUSPICIOUS, 5, Disposition.SUSPICIOUS, Route.PERSON, "severity-raised"),
        (MINOR, Disposition.SUSPICIOUS, 3, Disposition.SUSPICIOUS, Route.WATCH, "minor-is-watched"),
    ],
)
def test_what_an_opinion_with_proof_adds(
    findings: list[Finding], opinion: Disposition, severity: int, disposition: Disposition, route: Route, rule: str
) -> None:
    ruled = judged(findings, opinion, Severity(severity))
    assert (ruled.disposition, ruled.route) == (disposition, route)
    assert any(rule in reason for reason in ruled.reasons)
