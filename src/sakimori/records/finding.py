"""Findings: one detector's claim with the events it rests on (OCSF Detection Finding, class 2004)."""

import hashlib
from enum import IntEnum, StrEnum
from typing import ClassVar

from sakimori.core import Nanos
from sakimori.records.codec import record


class Severity(IntEnum):
    """OCSF ``severity_id``."""

    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5

    @property
    def label(self) -> str:
        return self.name.lower()


class EntityType(StrEnum):
    HOST = "host"
    USER = "user"
    IP = "ip"
    DOMAIN = "domain"
    URL = "url"
    FILE = "file"
    HASH = "hash"
    PROCESS = "process"
    MAIL = "mail"


@record
class Entity:
    """Something that events are about, spelled one way so that two mentions of it are equal."""

    type: EntityType
    value: str
    """Lower case; hosts as they name themselves (FQDN where they do), users without their domain."""

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


@record
class Evidence:
    """One event that a finding rests on."""

    event_id: str
    time: Nanos
    fields: dict[str, str]
    """The matched fields and their values, as they stand in the event."""


@record
class Finding:
    SCHEMA: ClassVar[str] = "sakimori.finding/1"

    id: str
    tenant: str
    rule_id: str
    """The detector's own stable id of the claim (a Sigma rule's UUID)."""
    title: str
    title_ja: str = ""
    """Empty where the rule has no Japanese title: then the title stands for both."""
    severity: Severity
    first_time: Nanos
    last_time: Nanos
    tactics: tuple[str, ...] = ()
    """ATT&CK tactic short names, e.g. ``lateral-movement``."""
    techniques: tuple[str, ...] = ()
    """ATT&CK technique ids, e.g. ``T1021.002``."""
    entities: tuple[Entity, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    count: int = 1
    """How many events the claim stands for; ``evidence`` may hold fewer (the first ones)."""
    source: str = ""
    """Path of the source of the first event, through archives."""
    product: str = ""
    """Whose claim it is, where it is an alert of another product: the product's name. Empty: Sakimori's own."""

    @property
    def event_ids(self) -> tuple[str, ...]:
        return tuple(item.event_id for item in self.evidence)


def finding_id(tenant: str, rule_id: str, event_ids: tuple[str, ...]) -> str:
    """The same claim on the same events has the same id, so that scanning twice finds nothing new.

    Of another product's alert, its own id stands for the events: one alert is one finding however often it is sent.
    """
    text = "\0".join((tenant, rule_id, *event_ids))
    return "fn-" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
