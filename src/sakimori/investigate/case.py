"""What an investigator gets: an incident, its findings, and read-only evidence of one institution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sakimori.core import Nanos
from sakimori.records import Entity, EventKind, Finding, Incident, record

_MARGIN: Nanos = 24 * 3600 * 10**9
"""How far before and after the incident a search may look."""
_MOST_FOUND = 20


@record
class EvidenceEvent:
    """One kept event, as its source had it."""

    event_id: str
    tenant: str
    time: Nanos
    kind: EventKind
    fields: dict[str, str]
    """Cells by field name (see ``records.encode_cell``)."""


class EvidencePort(Protocol):
    """Read-only access to what one institution kept. Answers nothing of any other."""

    def event(self, event_id: str) -> EvidenceEvent | None:
        """The whole event; None where it was not kept."""
        ...

    def search(self, entity: Entity, *, start: Nanos, end: Nanos, limit: int) -> Sequence[EvidenceEvent]:
        """Events that mention ``entity``, from ``start`` to before ``end``, earliest first, at most ``limit``."""
        ...


class NoFurtherEvidence:
    """For findings that came without their events: what the findings quote is all there is."""

    def event(self, event_id: str) -> EvidenceEvent | None:
        return None

    def search(self, entity: Entity, *, start: Nanos, end: Nanos, limit: int) -> Sequence[EvidenceEvent]:
        return ()


@dataclass(frozen=True, slots=True)
class Case:
    incident: Incident
    findings: tuple[Finding, ...]
    """The incident's findings."""
    evidence: EvidencePort

    def __post_init__(self) -> None:
        """Raises ValueError where institutions would mix."""
        if any(finding.tenant != self.incident.tenant for finding in self.findings):
            raise ValueError(f"case {self.incident.id} has findings of another institution")


class Exhibits:
    """The events that may be cited in one case: those of its findings, and those that its searches brought up."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._findings: dict[str, list[Finding]] = {}
        self._shown: dict[str, EvidenceEvent | None] = {}
        for finding in case.findings:
            for event_id in finding.event_ids:
                self._findings.setdefault(event_id, []).append(finding)

    def findings_of(self, event_id: str) -> Sequence[Finding]:
        """The case's findings that rest on an event."""
        return self._findings.get(event_id, ())

    def event(self, event_id: str) -> EvidenceEvent | None:
        """None where the event is not among the exhibits, or belongs to another institution."""
        if event_id not in self._shown and event_id in self._findings:
            kept = self._case.evidence.event(event_id)
            self._shown[event_id] = self._own(kept) if kept else self._quoted(event_id)
        return self._shown.get(event_id)

    def search(self, entity: Entity, *, start: Nanos, end: Nanos) -> list[EvidenceEvent]:
        """Events near the incident that mention ``entity``; from now on they are exhibits."""
        earliest, latest = self._case.incident.first_time - _MARGIN, self._case.incident.last_time + _MARGIN
        start, end = max(start, earliest), min(end, latest)
        if start >= end:
            return []
        found = self._case.evidence.search(entity, start=start, end=end, limit=_MOST_FOUND)
        own = [event for event in found[:_MOST_FOUND] if self._own(event)]
        for event in own:
            self._shown.setdefault(event.event_id, event)
        return own

    def _own(self, event: EvidenceEvent) -> EvidenceEvent | None:
        return event if event.tenant == self._case.incident.tenant else None

    def _quoted(self, event_id: str) -> EvidenceEvent:
        """The event as far as the findings quote it."""
        quotes = [
            item for finding in self._findings[event_id] for item in finding.evidence if item.event_id == event_id
        ]
        return EvidenceEvent(
            event_id=event_id,
            tenant=self._case.incident.tenant,
            time=quotes[0].time,
            kind=EventKind(product="", channel="", code=""),
            fields={name: cell for quote in quotes for name, cell in quote.fields.items()},
        )
