"""Verdict rules: software decides disposition, severity and route from the incident's floor and the proved claims.

An investigator's opinion only weighs where its own claims were proved, can raise but never lower, and never closes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sakimori.investigate.case import Exhibits
from sakimori.records import Claim, Disposition, Finding, Incident, Route, Severity

_ALARMED = (Disposition.MALICIOUS, Disposition.SUSPICIOUS)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model thinks, with its own proved claims."""

    disposition: Disposition
    severity: Severity
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Ruled:
    disposition: Disposition
    severity: Severity
    route: Route
    reasons: tuple[str, ...]
    """Names of the rules that applied, in order: disposition, severity, route."""


def decide(incident: Incident, claims: Sequence[Claim], opinion: Opinion | None, exhibits: Exhibits) -> Ruled:
    """``claims`` are all proved claims: the investigation's own facts and, where there is one, the opinion's."""
    floor = incident.severity
    disposition, because = _disposition(floor, claims, opinion, exhibits)
    severity, raised = _severity(floor, opinion)
    route, therefore = _route(disposition, floor=floor, severity=severity)
    overruled = opinion is not None and opinion.disposition is not disposition
    reasons = (because, *(["opinion-overruled"] if overruled else []), *raised, therefore)
    return Ruled(disposition=disposition, severity=severity, route=route, reasons=reasons)


def _disposition(
    floor: Severity, claims: Sequence[Claim], opinion: Opinion | None, exhibits: Exhibits
) -> tuple[Disposition, str]:
    severe = [finding for finding in _proved_findings(claims, exhibits) if finding.severity >= Severity.HIGH]
    tactics = {tactic for finding in severe for tactic in finding.tactics}
    if any(finding.severity is Severity.CRITICAL for finding in severe):
        return Disposition.MALICIOUS, "critical-finding-proved"
    if floor >= Severity.HIGH and len(severe) > 1 and len(tactics) > 1:
        return Disposition.MALICIOUS, "severe-story-proved"
    if opinion and opinion.claims:
        opined = max((f.severity for f in _proved_findings(opinion.claims, exhibits)), default=Severity.INFORMATIONAL)
        if opinion.disposition is Disposition.MALICIOUS and opined >= Severity.HIGH:
            return Disposition.MALICIOUS, "severe-finding-proved-and-judged-malicious"
        if opinion.disposition is Disposition.MALICIOUS and floor <= Severity.MEDIUM:
            return Disposition.MALICIOUS, "minor-and-judged-malicious"
        if opinion.disposition is Disposition.BENIGN and floor <= Severity.MEDIUM:
            return Disposition.BENIGN, "minor-and-judged-benign"
        if opinion.disposition is Disposition.UNDETERMINED and floor <= Severity.MEDIUM:
            return Disposition.UNDETERMINED, "judged-undetermined"
    if severe:
        return Disposition.SUSPICIOUS, "severe-finding-proved"
    if claims:
        return Disposition.SUSPICIOUS, "minor-finding-proved"
    return Disposition.UNDETERMINED, "nothing-proved"


def _severity(floor: Severity, opinion: Opinion | None) -> tuple[Severity, tuple[str, ...]]:
    """Never below the floor; at most one above it, for an alarmed opinion with proof."""
    if opinion is None or not opinion.claims or opinion.disposition not in _ALARMED:
        return floor, ()
    if opinion.severity > floor:
        return Severity(floor + 1), ("severity-raised",)
    return floor, ()


def _route(disposition: Disposition, *, floor: Severity, severity: Severity) -> tuple[Route, str]:
    match disposition:
        case Disposition.MALICIOUS if floor >= Severity.HIGH:
            return Route.RESPOND, "malicious-proved-respond"
        case Disposition.MALICIOUS:
            return Route.PERSON, "minor-needs-person"
        case Disposition.SUSPICIOUS if severity >= Severity.HIGH:
            return Route.PERSON, "severe-needs-person"
        case Disposition.SUSPICIOUS:
            return Route.WATCH, "minor-is-watched"
        case Disposition.BENIGN:
            return Route.SUGGEST_CLOSING, "benign-suggest-closing"
        case Disposition.UNDETERMINED:
            return Route.PERSON, "undetermined-needs-person"


def _proved_findings(claims: Iterable[Claim], exhibits: Exhibits) -> list[Finding]:
    found = {
        finding.id: finding
        for claim in claims
        for citation in claim.citations
        for finding in exhibits.findings_of(citation.event_id)
    }
    return list(found.values())
