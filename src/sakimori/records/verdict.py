"""Verdicts: what an investigator concluded, and what software could prove of it."""

from enum import StrEnum
from typing import ClassVar

from sakimori.core import Nanos
from sakimori.records.codec import record
from sakimori.records.finding import Entity, Severity
from sakimori.records.response import Command


class Disposition(StrEnum):
    MALICIOUS = "malicious"
    SUSPICIOUS = "suspicious"
    BENIGN = "benign"
    UNDETERMINED = "undetermined"


class Route(StrEnum):
    """Where an incident goes next. There is no route that closes it: a person does."""

    RESPOND = "respond"
    PERSON = "person"
    WATCH = "watch"
    SUGGEST_CLOSING = "suggest_closing"


@record
class Citation:
    """The event and field value that prove a claim."""

    event_id: str
    field: str
    value: str
    """The field's value, or a part of it, exactly as it stands in the event."""


@record
class Claim:
    """One statement of an investigation."""

    statement: str
    statement_ja: str
    citations: tuple[Citation, ...]
    worded_by_model: bool = False
    """Its citations are proved all the same; what follows from them is the model's word."""


@record
class DroppedClaim:
    """A statement that was not proved; kept so that a reader sees what was left out."""

    claim: Claim
    reason: str
    reason_ja: str = ""


@record
class Proposal:
    """An investigator's wish for a containment step. It has no power: policy decides."""

    command: Command
    target: Entity
    reason: str
    """In English; ``reason_ja`` says the same in Japanese."""
    citations: tuple[Citation, ...] = ()
    reason_ja: str = ""


@record
class DroppedProposal:
    """A wish without proof that ties its target to an event of the incident; kept for the reader."""

    proposal: Proposal
    reason: str
    reason_ja: str = ""


@record
class Verdict:
    SCHEMA: ClassVar[str] = "sakimori.verdict/1"

    id: str
    tenant: str
    incident_id: str
    investigator: str
    """``offline`` or ``model``."""
    model: str | None
    """The model that the provider says answered; None: no model was used."""
    disposition: Disposition
    severity: Severity
    """Never below the incident's own."""
    route: Route
    summary: str
    summary_ja: str
    claims: tuple[Claim, ...]
    dropped: tuple[DroppedClaim, ...]
    proposals: tuple[Proposal, ...]
    reasons: tuple[str, ...]
    """Why this disposition and route: the names of the verdict rules that applied, in order."""
    made_at: Nanos
    dropped_proposals: tuple[DroppedProposal, ...] = ()
