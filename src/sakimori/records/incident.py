"""Incidents: findings judged to be one story (OCSF Incident Finding, class 2005)."""

from enum import StrEnum
from typing import ClassVar

from sakimori.core import Nanos
from sakimori.records.codec import record
from sakimori.records.finding import Entity, Severity


class IncidentStatus(StrEnum):
    """OCSF ``status_id`` 1, 2 and 4 in words; a case is resolved by a person, never by a model."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"


@record
class Incident:
    SCHEMA: ClassVar[str] = "sakimori.incident/1"

    id: str
    """Derived from its first finding: stable while the incident grows."""
    tenant: str
    title: str
    """What happened, where and by whom, in English."""
    title_ja: str
    severity: Severity
    """The deterministic floor: the highest severity among its findings, raised by how the story develops."""
    score: float
    """0 to 100, for ordering a queue."""
    first_time: Nanos
    last_time: Nanos
    finding_ids: tuple[str, ...]
    """In order of time."""
    entities: tuple[Entity, ...]
    """The entities that join the findings, most shared first."""
    tactics: tuple[str, ...] = ()
    """In order of first appearance: the story in ATT&CK's words."""
    techniques: tuple[str, ...] = ()
    status: IncidentStatus = IncidentStatus.NEW
    merged_into: str | None = None
    """Set when the incident turned out to be part of an older one; readers follow it."""
    follows: str | None = None
    """An earlier, resolved incident whose story goes on in this one: a resolved case is never reopened silently."""
