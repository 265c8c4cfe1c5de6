"""What a provider's oversight says, taken apart: facts that are words and ids, never its free text.

Shapes: the OpenAI Python SDK 3.5, ``types/safety/safety_alert.py``, ``types/safety/safety_case.py``,
``types/webhooks/safety_identifier_blocked_webhook_event.py``, ``types/admin/organization/audit_log_list_response.py``.
"""

import fnmatch
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import cast

import yaml

from sakimori.core import Nanos
from sakimori.records import Entity, EntityType, Finding, Severity, canonical_json, entity_named, finding_id

PRODUCT = "OpenAI"
_NANOS_PER_SECOND = 1_000_000_000
_LAST_SECOND = 253_402_300_799
"""Of the year 9999."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
_WORD = re.compile(r"[a-z][a-z0-9_.]{0,99}")
_UNREADABLE = "unreadable"


class Kind(StrEnum):
    AUDIT = "audit"
    """An entry of the organisation's audit log."""
    ALERT = "alert"
    """The provider thinks that a model, under our key, may do what it should not."""
    CASE = "case"
    """The provider warned of one of our safety identifiers, or deactivated it."""
    BLOCK = "block"
    """The provider blocked a request of one of our safety identifiers."""


_TITLES = {
    Kind.AUDIT: ("{product} organisation: {what}", "{product} 組織の監査ログ: {what}"),
    Kind.ALERT: ("{product} safety alert: {what}", "{product} の安全アラート: {what}"),
    Kind.CASE: ("{product} safety case: {what} of one of our users", "{product} の安全ケース: 利用者への {what}"),
    Kind.BLOCK: ("{product} blocked a request: {what}", "{product} が要求を遮断: {what}"),
}


@dataclass(frozen=True, slots=True)
class Observed:
    kind: Kind
    id: str
    """The provider's, by which it is known when it comes again."""
    time: Nanos
    """When it happened, as the provider says; when it was taken in where that cannot be read."""
    what: str
    """The provider's word for it: an event type, an error type, a notice, a category."""
    facts: Mapping[str, str]
    """For the ledger: words and ids."""
    entities: tuple[Entity, ...] = ()

    def finding(self, tenant: str) -> Finding:
        rule = f"openai.{self.kind}.{self.what}"
        english, japanese = (text.format(product=PRODUCT, what=self.what) for text in _TITLES[self.kind])
        return Finding(
            id=finding_id(tenant, rule, (self.id,)),
            tenant=tenant,
            rule_id=rule,
            title=english,
            title_ja=japanese,
            severity=_severity(self.kind, self.what),
            first_time=self.time,
            last_time=self.time,
            entities=self.entities,
            source=f"{PRODUCT} {self.kind} {self.id}",
            product=PRODUCT,
        )


def audit_entry(entry: object, now: Nanos) -> Observed:
    """One entry of the audit log. What cannot be read is observed as such: nothing of the log goes missing."""
    actor = _member(entry, "actor")
    session, key = _member(actor, "session"), _member(actor, "api_key")
    people = (_member(session, "user"), _member(key, "user"))
    users = [_text(person, "email") for person in people]
    found = (entity_named(EntityType.USER, email) for email in users if email)
    address = entity_named(EntityType.IP, _text(session, "ip_address"))
    facts = {
        "actor": _word(actor, "type"),
        "user": next((id for person in people if (id := _id(person, "id"))), ""),
        "key": _id(key, "id"),
        "service_account": _id(_member(key, "service_account"), "id"),
        "project": _id(_member(entry, "project"), "id"),
    }
    entities = (*(entity for entity in found if entity), *([address] if address else []))
    return _observed(Kind.AUDIT, entry, "effective_at", _word(entry, "type"), facts, entities, now)


def alert(answer: object, now: Nanos) -> Observed:
    """A safety alert as it was fetched."""
    paused = _member(answer, "request_paused")
    facts = {
        "model": _id(answer, "model"),
        "request": _id(answer, "request_id"),
        "response": _id(answer, "response_id"),
        "request_paused": str(paused).lower() if isinstance(paused, bool) else "",
    }
    return _observed(Kind.ALERT, answer, "created_at", _word(answer, "error_type"), facts, (), now)


def case(answer: object, now: Nanos) -> Observed:
    """A safety case as it was fetched."""
    facts = {"safety_identifier": _id(answer, "entity_identifier")}
    return _observed(Kind.CASE, answer, "created_at", _word(_member(answer, "notice"), "type"), facts, (), now)


def block(event: object, now: Nanos) -> Observed:
    """The webhook event ``safety_identifier.blocked``, which says all there is to say."""
    data = _member(event, "data")
    facts = {
        "safety_identifier": _id(data, "safety_identifier"),
        "model": _id(data, "model"),
        "project": _id(data, "project_id"),
        "request": _id(data, "request_id"),
    }
    return _observed(Kind.BLOCK, event, "created_at", _word(data, "safety_category"), facts, (), now)


def announced_only(kind: Kind, id: str, at: Nanos) -> Observed:
    """Something that was announced and never could be fetched."""
    return Observed(kind, id, at, "not_available", {})


def is_id(text: object) -> bool:
    """Whether this can be an id of the provider's, so that it may stand in a URL and in the ledger."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def _observed(
    kind: Kind,
    source: object,
    clock: str,
    what: str,
    facts: Mapping[str, str],
    entities: tuple[Entity, ...],
    now: Nanos,
) -> Observed:
    seconds, id = _member(source, clock), _id(source, "id")
    readable = isinstance(seconds, int) and not isinstance(seconds, bool) and 0 <= seconds <= _LAST_SECOND
    return Observed(
        kind=kind,
        id=id or hashlib.sha256(canonical_json(source)).hexdigest(),
        time=cast("int", seconds) * _NANOS_PER_SECOND if readable else now,
        what=(what if id and readable else "") or _UNREADABLE,
        facts={name: fact for name, fact in facts.items() if fact},
        entities=entities,
    )


def _member(source: object, name: str) -> object:
    return cast("dict[str, object]", source).get(name) if isinstance(source, dict) else None


def _text(source: object, name: str) -> str:
    value = _member(source, name)
    return value if isinstance(value, str) else ""


def _id(source: object, name: str) -> str:
    value = _text(source, name)
    return value if is_id(value) else ""


def _word(source: object, name: str) -> str:
    value = _text(source, name)
    return value if _WORD.fullmatch(value) else ""


def _severity(kind: Kind, what: str) -> Severity:
    if what == _UNREADABLE:
        return Severity.MEDIUM
    return next(severity for pattern, severity in _policy()[kind] if fnmatch.fnmatchcase(what, pattern))


@cache
def _policy() -> Mapping[Kind, list[tuple[str, Severity]]]:
    text = files("sakimori.content").joinpath("policies", "oversight.yaml").read_text("utf-8")
    plain = cast("dict[str, dict[str, str]]", yaml.safe_load(text))
    return {
        Kind(kind): [(pattern, Severity[level.upper()]) for pattern, level in lines.items()]
        for kind, lines in plain.items()
    }
