"""The strict form in which a model answers (its JSON schema goes to the provider), and what is made of it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sakimori.investigate.conclude import Opined
from sakimori.investigate.fields import one_line
from sakimori.records import Citation, Claim, Command, Disposition, Entity, EntityType, Proposal, Severity, entity_value

Sentence = Annotated[str, Field(max_length=600)]

_TARGETS = {"isolate_host": EntityType.HOST, "disable_account": EntityType.USER}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CitationAnswer(_Strict):
    event_id: Annotated[str, Field(max_length=64)]
    field: Annotated[str, Field(max_length=128)]
    value: Annotated[str, Field(max_length=1000)]


class ClaimAnswer(_Strict):
    statement: Sentence
    statement_ja: Sentence
    citations: Annotated[list[CitationAnswer], Field(max_length=12)]


class ProposalAnswer(_Strict):
    command: Literal["isolate_host", "disable_account"]
    target: Annotated[str, Field(max_length=255)]
    reason: Sentence
    reason_ja: Sentence
    citations: Annotated[list[CitationAnswer], Field(max_length=12)]


class Answer(_Strict):
    """The result of the investigation."""

    disposition: Literal["malicious", "suspicious", "benign", "undetermined"]
    severity: Literal["informational", "low", "medium", "high", "critical"]
    claims: Annotated[list[ClaimAnswer], Field(max_length=40)]
    proposals: Annotated[list[ProposalAnswer], Field(max_length=40)]

    def opined(self, model: str) -> Opined:
        return Opined(
            model=one_line(model, longest=100),
            disposition=Disposition(self.disposition),
            severity=Severity[self.severity.upper()],
            claims=tuple(
                Claim(
                    statement=one_line(claim.statement),
                    statement_ja=one_line(claim.statement_ja),
                    citations=_citations(claim.citations),
                    worded_by_model=True,
                )
                for claim in self.claims
            ),
            proposals=tuple(
                Proposal(
                    command=Command(proposal.command),
                    target=Entity(
                        type=_TARGETS[proposal.command],
                        value=entity_value(_TARGETS[proposal.command], one_line(proposal.target)),
                    ),
                    reason=one_line(proposal.reason),
                    reason_ja=one_line(proposal.reason_ja),
                    citations=_citations(proposal.citations),
                )
                for proposal in self.proposals
            ),
        )


def _citations(answers: list[CitationAnswer]) -> tuple[Citation, ...]:
    return tuple(Citation(event_id=each.event_id, field=each.field, value=each.value) for each in answers)
