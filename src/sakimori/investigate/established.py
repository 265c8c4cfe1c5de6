"""What software itself establishes of a case: claims from the findings' evidence, and containment that they support."""

from collections import Counter
from dataclasses import dataclass

from sakimori.investigate.case import Case, Exhibits
from sakimori.investigate.fields import entity_value
from sakimori.investigate.statements import statement_for
from sakimori.records import Citation, Claim, Command, Entity, EntityType, Finding, Proposal, Severity

_MOST_CLAIMS = 200
_TAKEN_OVER = {"initial-access", "credential-access", "lateral-movement", "exfiltration", "impact"}
"""Tactics that an account cannot be made to serve without being in the intruder's hands."""


@dataclass(frozen=True, slots=True)
class Established:
    """What software itself established of a case, and the containment that follows should it be malicious."""

    claims: tuple[Claim, ...]
    proposals: tuple[Proposal, ...]


def establish(case: Case, exhibits: Exhibits) -> Established:
    """One claim per finding and distinct sentence, the most severe findings' first kept, told in order of time."""
    claims: dict[str, tuple[Finding, Claim]] = {}
    proposals: list[Proposal] = []
    severest = sorted(case.findings, key=lambda finding: (-finding.severity, finding.first_time, finding.id))
    for finding in severest:
        for event_id in dict.fromkeys(finding.event_ids):
            event = exhibits.event(event_id)
            statement = statement_for(event) if event else None
            if event is None or statement is None:
                continue
            claim = statement.claim(event, finding)
            if len(claims) < _MOST_CLAIMS:
                claims.setdefault(claim.statement, (finding, claim))
            if finding.severity >= Severity.HIGH:
                proposals += _containment(finding, claim, statement.host(event), statement.account(event))
    told = sorted(claims.values(), key=lambda pair: (pair[0].first_time, -pair[0].severity, pair[0].id))
    return Established(claims=tuple(claim for _, claim in told), proposals=_distinct(proposals))


def _containment(finding: Finding, claim: Claim, host: Citation | None, account: Citation | None) -> list[Proposal]:
    proposals: list[Proposal] = []
    if host:
        target = Entity(type=EntityType.HOST, value=entity_value(EntityType.HOST, host.value))
        proposals.append(_proposal(Command.ISOLATE_HOST, target, host, claim))
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
