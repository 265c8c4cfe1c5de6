"""What a principal may do: questions to the policies in ``content/policies/access``."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from sakimori.access.policy import AttributeValue, Authorisation, Policies, PolicyEntity, Uid
from sakimori.access.principal import Principal
from sakimori.core import ExitCode, InputError, SakimoriError

_MOST = 4096
"""Decisions kept in memory."""


class Right(StrEnum):
    """What commands and services ask about. Each is an action in the schema."""

    READ_INCIDENTS = "read_incidents"
    READ_RAW_RECORDS = "read_raw_records"
    SCAN_TELEMETRY = "scan_telemetry"
    READ_RESPONSES = "read_responses"
    ASK_APPROVAL = "ask_approval"
    APPROVE_ACTION = "approve_action"
    UNDO_RESPONSE = "undo_response"
    READ_LEDGER = "read_ledger"
    VERIFY_LEDGER = "verify_ledger"
    SEAL_LEDGER = "seal_ledger"
    COSIGN_LEDGER = "cosign_ledger"
    ERASE_LEDGER_CONTENT = "erase_ledger_content"
    ACCEPT_LEDGER_LOSS = "accept_ledger_loss"
    REVEAL_TOKENS = "reveal_tokens"
    CALL_MODELS = "call_models"
    SEND_ALERTS = "send_alerts"
    RECEIVE_ALERTS = "receive_alerts"
    SERVE_GATEWAY = "serve_gateway"
    MANAGE_KEYS = "manage_keys"
    MANAGE_PEOPLE = "manage_people"
    REQUEST_GRANTS = "request_grants"
    MANAGE_GRANTS = "manage_grants"
    MANAGE_INSTITUTIONS = "manage_institutions"
    MANAGE_PROVIDERS = "manage_providers"
    READ_PROVIDERS = "read_providers"
    READ_GRANTS = "read_grants"
    READ_PROGRAMME = "read_programme"
    EXPLAIN_ACCESS = "explain_access"
    ROTATE_SECRETS = "rotate_secrets"
    MANAGE_BOUNDARY = "manage_boundary"


_KINDS: Mapping[Right, str] = {
    Right.READ_INCIDENTS: "Incident",
    Right.READ_RAW_RECORDS: "Evidence",
    Right.READ_RESPONSES: "Response",
    Right.ASK_APPROVAL: "Response",
    Right.APPROVE_ACTION: "Response",
    Right.UNDO_RESPONSE: "Response",
    Right.READ_LEDGER: "Ledger",
    Right.VERIFY_LEDGER: "Ledger",
    Right.SEAL_LEDGER: "Ledger",
    Right.COSIGN_LEDGER: "Ledger",
    Right.ERASE_LEDGER_CONTENT: "Ledger",
    Right.ACCEPT_LEDGER_LOSS: "Ledger",
    Right.REVEAL_TOKENS: "Vault",
}
"""Type of what a right is about; the others are about an institution."""
KINDS = ("institution", *sorted({kind.lower() for kind in _KINDS.values()}))
"""What a resource can be, as people write it: ``incident:in-1``."""


class Denied(SakimoriError):
    """A policy said no."""

    exit_code = ExitCode.DENIED


@dataclass(frozen=True, slots=True)
class Resource:
    """What somebody wants to do something to."""

    kind: str
    """An entity type of the schema: ``Incident``."""
    id: str
    institution: str

    @staticmethod
    def about(right: Right, institution: str, id: str | None = None) -> "Resource":
        """What a right is about in an institution: one thing, or (None) all of its kind."""
        return Resource(_KINDS.get(right, "Institution"), institution if id is None else id, institution)

    @staticmethod
    def parse(text: str, institution: str) -> "Resource":
        """Read ``institution:NAME``, or another kind of thing in the institution: ``incident:in-1``.

        Raises:
            InputError: there is no such kind.
        """
        kind, _, id = text.partition(":")
        if kind not in KINDS or not id:
            kinds = ", ".join(KINDS)
            raise InputError(f"'{text}' names nothing that rights are about: write KIND:ID, KIND one of {kinds}")
        return Resource(kind.capitalize(), id, id if kind == "institution" else institution)


class Rights:
    """Policies parsed once, and their answers to what is asked again. Safe to share between threads.

    An answer follows from the policies and the question alone: whoever is removed, revoked or given another role is
    another principal to ask about, so that nothing kept here outlives what it was said of.
    """

    def __init__(self, policies: Policies | None = None) -> None:
        self._policies = policies or Policies.shipped("access")
        self._answers = lru_cache(_MOST)(self._decided)

    def decide(self, principal: Principal, right: Right, resource: Resource) -> Authorisation:
        """May the principal do this? Whatever cannot be evaluated is denied."""
        return self._answers(principal, right, resource)

    def may(self, principal: Principal, right: Right) -> Authorisation:
        """``decide`` for the principal's own institution, as services ask for each request."""
        return self.decide(principal, right, Resource.about(right, principal.tenant))

    def require(self, principal: Principal, right: Right, resource: Resource) -> None:
        """Raises Denied, with the policies' own sentences, where the principal may not."""
        answer = self.decide(principal, right, resource)
        if not answer.allowed:
            grounds = " ".join(f"{text.en} ({text.name})" for text in answer.policies)
            raise Denied(f"{principal.actor} may not {right.value} {resource.kind.lower()}:{resource.id}: {grounds}")

    def _decided(self, principal: Principal, right: Right, resource: Resource) -> Authorisation:
        who, what = _uid(principal), Uid(resource.kind, resource.id)
        entities = self._policies.entities(
            (PolicyEntity(who, _attributes(principal)), PolicyEntity(what, {"institution": resource.institution}))
        )
        return self._policies.decide(principal=who, action=right.value, resource=what, context={}, entities=entities)


def _uid(principal: Principal) -> Uid:
    return Uid(principal.kind.capitalize(), f"{principal.tenant}/{principal.id}")


def _attributes(principal: Principal) -> dict[str, AttributeValue]:
    known: dict[str, AttributeValue] = {"institution": principal.tenant}
    if principal.kind == "person":
        roles = [str(role) for role in sorted(principal.roles)]
        return {**known, "roles": roles, "signs": principal.signs, "active": principal.active}
    if principal.kind == "key":
        return {**known, "scopes": sorted(principal.scopes), "active": principal.active}
    return known
