"""The last step of every investigation: check citations, apply the verdict rules, write the verdict."""

import hashlib
from dataclasses import dataclass

from sakimori.core import Nanos
from sakimori.investigate.case import Case, Exhibits
from sakimori.investigate.citations import prove_claims, prove_proposals
from sakimori.investigate.established import Established
from sakimori.investigate.rules import Opinion, decide
from sakimori.investigate.summary import summarise
from sakimori.records import Claim, Disposition, DroppedProposal, Incident, Proposal, Route, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Opined:
    """A model's answer, nothing of it checked."""

    model: str
    """The model that the provider says answered."""
    disposition: Disposition
    severity: Severity
    claims: tuple[Claim, ...]
    proposals: tuple[Proposal, ...]


def conclude(case: Case, exhibits: Exhibits, established: Established, opined: Opined | None, *, now: Nanos) -> Verdict:
    """What software established stands whatever a model says: a model adds to it and takes nothing away."""
    facts, doubted_facts = prove_claims(established.claims, exhibits)
    claims, dropped = prove_claims(opined.claims if opined else (), exhibits)
    opinion = Opinion(disposition=opined.disposition, severity=opined.severity, claims=claims) if opined else None
    proved = _distinct((*facts, *claims))
    ruled = decide(case.incident, proved, opinion, exhibits)

    proposals, dropped_proposals = prove_proposals(
        (*established.proposals, *(opined.proposals if opined else ())), exhibits
    )
    if ruled.route is not Route.RESPOND:
        wished = {proposal for proposal in proposals if opined and proposal in opined.proposals}
        dropped_proposals += tuple(_premature(proposal) for proposal in proposals if proposal in wished)
        proposals = ()

    investigator = "model" if opined else "offline"
    english, japanese = summarise(case.incident, ruled, proved, model=opined.model if opined else None)
    return Verdict(
        id=_id(case.incident, investigator, now),
        tenant=case.incident.tenant,
        incident_id=case.incident.id,
        investigator=investigator,
        model=opined.model if opined else None,
        disposition=ruled.disposition,
        severity=ruled.severity,
        route=ruled.route,
        summary=english,
        summary_ja=japanese,
        claims=proved,
        dropped=(*doubted_facts, *dropped),
        proposals=proposals,
        reasons=ruled.reasons,
        made_at=now,
        dropped_proposals=dropped_proposals,
    )


def _premature(proposal: Proposal) -> DroppedProposal:
    return DroppedProposal(
        proposal=proposal,
        reason="the verdict rules do not let this incident be answered without a person",
        reason_ja="判定規則により、このインシデントへの対応は人が決める",
    )


def _distinct(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    first: dict[str, Claim] = {}
    for claim in claims:
        first.setdefault(claim.statement, claim)
    return tuple(first.values())


def _id(incident: Incident, investigator: str, made_at: Nanos) -> str:
    text = "\0".join((incident.tenant, incident.id, investigator, str(made_at)))
    return "vd-" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
