"""Citations, checked by software: what an investigator says counts only where events of the case prove it."""

from collections.abc import Iterable
from dataclasses import dataclass

from sakimori.investigate.case import Exhibits
from sakimori.investigate.fields import names_target
from sakimori.records import (
    Citation,
    Claim,
    Command,
    DroppedClaim,
    DroppedProposal,
    EntityType,
    Proposal,
    Severity,
    cell_texts,
)

SHORTEST_PART = 8
"""A part of a value proves something from this many characters on; a shorter value must be the whole one."""

_TARGET_TYPES = {Command.ISOLATE_HOST: EntityType.HOST, Command.DISABLE_ACCOUNT: EntityType.USER}
"""What may be proposed, and at what it must be aimed. Undoing is never an investigator's wish."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why something was not proved, in both languages."""

    english: str
    japanese: str


_UNCITED = Doubt("it cites no event", "根拠となるイベントが示されていない")
_NO_EVENT = Doubt("a cited event is not in this case's evidence", "引用されたイベントはこの案件の証拠にない")
_NO_FIELD = Doubt("a cited field is not in the event", "引用された項目がイベントにない")
_OTHER_VALUE = Doubt("a cited value is not what the event says", "引用された値がイベントの値と異なる")
_SHORT_PART = Doubt(
    f"a cited part of a value is shorter than {SHORTEST_PART} characters",
    f"引用された値の一部が{SHORTEST_PART}文字未満である",
)
_COMMAND = Doubt("it is not a containment step of this kind of target", "この対象への封じ込め措置ではない")
_UNTIED = Doubt(
    "no cited event of a finding from medium severity up names the target", "中以上の検知のイベントに対象の名がない"
)


def doubt(citation: Citation, exhibits: Exhibits) -> Doubt | None:
    """Why a citation does not hold; None where it does."""
    event = exhibits.event(citation.event_id)
    if event is None:
        return _NO_EVENT
    cell = event.fields.get(citation.field)
    if cell is None:
        return _NO_FIELD
    texts = cell_texts(cell)
    if citation.value in texts and citation.value:
        return None
    if not citation.value or not any(citation.value in text for text in texts):
        return _OTHER_VALUE
    return _SHORT_PART if len(citation.value) < SHORTEST_PART else None


def prove_claims(claims: Iterable[Claim], exhibits: Exhibits) -> tuple[tuple[Claim, ...], tuple[DroppedClaim, ...]]:
    """The claims of which every citation holds, and the others with what was wrong first."""
    proved: list[Claim] = []
    dropped: list[DroppedClaim] = []
    for claim in claims:
        wrong = _first_doubt(claim.citations, exhibits)
        if wrong is None:
            proved.append(claim)
        else:
            dropped.append(DroppedClaim(claim=claim, reason=wrong.english, reason_ja=wrong.japanese))
    return tuple(proved), tuple(dropped)


def prove_proposals(
    proposals: Iterable[Proposal], exhibits: Exhibits
) -> tuple[tuple[Proposal, ...], tuple[DroppedProposal, ...]]:
    """The proposals whose citations hold and tie the target to a finding's event, one per command and target."""
    proved: dict[tuple[Command, str], Proposal] = {}
    dropped: list[DroppedProposal] = []
    for proposal in proposals:
        wrong = _first_doubt(proposal.citations, exhibits) or _aim(proposal, exhibits)
        if wrong is None:
            proved.setdefault((proposal.command, str(proposal.target)), proposal)
        else:
            dropped.append(DroppedProposal(proposal=proposal, reason=wrong.english, reason_ja=wrong.japanese))
    return tuple(proved.values()), tuple(dropped)


def _first_doubt(citations: Iterable[Citation], exhibits: Exhibits) -> Doubt | None:
    doubts = [doubt(citation, exhibits) for citation in citations]
    return next((each for each in doubts if each), None) if doubts else _UNCITED


def _aim(proposal: Proposal, exhibits: Exhibits) -> Doubt | None:
    if _TARGET_TYPES.get(proposal.command) is not proposal.target.type:
        return _COMMAND
    tied = any(
        names_target(citation.field, citation.value, proposal.target)
        and any(finding.severity >= Severity.MEDIUM for finding in exhibits.findings_of(citation.event_id))
        for citation in proposal.citations
    )
    return None if tied else _UNTIED
