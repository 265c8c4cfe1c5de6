"""What software itself establishes of a case: claims from the findings' evidence, and containment that they support."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sakimori.investigate.case import Case, EvidenceEvent, Exhibits
from sakimori.investigate.statements import Statement, statement_for
from sakimori.investigate.telling import most_telling
from sakimori.records import Citation, Claim, Command, Entity, EntityType, Finding, Proposal, Severity, entity_value

_MOST_FINDINGS = 60
_TAKEN_OVER = {"initial-access", "credential-access", "lateral-movement", "exfiltration", "impact"}
"""Tactics that an account cannot be made to serve without being in the intruder's hands."""


@dataclass(frozen=True, slots=True)
class Established:
    """What software itself established of a case, and the containment that follows should it be malicious."""

    claims: tuple[Claim, ...]
    proposals: tuple[Proposal, ...]


def establish(case: Case, exhibits: Exhibits) -> Established:
    """Claims about the most telling findings in order of time, one for each manner of statement that a finding's events
    allow; containment from all severe ones."""
    claims: dict[str, Claim] = {}
    for finding in most_telling(case.findings, _MOST_FINDINGS):
        for event, statement in _told(finding, exhibits):
            claim = statement.claim(event, finding)
            claims.setdefault(claim.statement, claim)
    proposals = [
        proposal
        for finding in sorted(case.findings, key=lambda finding: (-finding.severity, finding.first_time, finding.id))
        if finding.severity >= Severity.HIGH
        for event, statement in _told(finding, exhibits)
        for proposal in _containment(finding, event, statement)
    ]
    return Established(claims=tuple(claims.values()), proposals=_distinct(proposals))


def _told(finding: Finding, exhibits: Exhibits) -> Iterator[tuple[EvidenceEvent, Statement]]:
    """The first event of ``finding`` for each statement on each host that its events allow."""
    told: set[tuple[str, str]] = set()
    for event_id in dict.fromkeys(finding.event_ids):
        event = exhibits.event(event_id)
        statement = statement_for(event) if event else None
        if event and statement and (key := (statement.name, event.fields.get("Computer", ""))) not in told:
            told.add(key)
            yield event, statement


def _containment(finding: Finding, event: EvidenceEvent, statement: Statement) -> list[Proposal]:
    claim = statement.claim(event, finding)
    proposals: list[Proposal] = []
    if host := statement.host(event):
        target = Entity(type=EntityType.HOST, value=entity_value(EntityType.HOST, host.value))
        proposals.append(_proposal(Command.ISOLATE_HOST, target, host, claim))
    account = statement.account(event)
    if account and _TAKEN_OVER.intersection(finding.tactics):
        target = Entity(type=EntityType.USER, value=entity_value(EntityType.USER, account.value))
        if target in finding.entities:  # findings never name machine accounts or those built in
            proposals.append(_proposal(Command.DISABLE_ACCOUNT, target, account, claim))
    return proposals


def _proposal(command: Command, target: Entity, tie: Citation, claim: Claim) -> Proposal:
    return Proposal(
        command=command,
        target=target,
        reason=claim.statement,
        reason_ja=claim.statement_ja,
        citations=tuple(dict.fromkeys((tie, *claim.citations))),
    )


def _distinct(proposals: list[Proposal]) -> tuple[Proposal, ...]:
    """One per command and target, those with most severe evidence first; hosts before accounts."""
    support = Counter((proposal.command, proposal.target) for proposal in proposals)
    first: dict[tuple[Command, Entity], Proposal] = {}
    for proposal in proposals:
        first.setdefault((proposal.command, proposal.target), proposal)
    order = list(first)
    order.sort(key=lambda key: (key[0] is not Command.ISOLATE_HOST, -support[key], key[1].value))
    return tuple(first[key] for key in order)
