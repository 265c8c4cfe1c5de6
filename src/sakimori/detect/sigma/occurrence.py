"""What correlations work on: a rule that held for an event, or a correlation that held for several."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sakimori.core import Nanos
from sakimori.detect.sigma.text import fold
from sakimori.records import Entity, EventRef, Evidence, as_plain, from_plain

LONGEST_CELL = 8192
"""In characters. Of longer cells a correlation keeps a digest, or nothing; the event itself is kept elsewhere."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    rule: str
    """Id of the rule or correlation."""
    tenant: str
    source: str
    time: Nanos
    event: EventRef
    """The event; of a correlation, the last of its events."""
    values: Mapping[str, str]
    """Cells by Sigma's field names: those that some correlation groups by or measures."""
    entities: tuple[Entity, ...]
    evidence: tuple[Evidence, ...]
    count: int = 1
    """How many events it stands for."""

    @property
    def order(self) -> tuple[Nanos, str, int]:
        """Time, then place in the source."""
        return self.time, self.event.digest, self.event.offset


def kept_cell(cell: str) -> str:
    """The cell itself, or what stands for a long one: equal for equal texts, whatever their case."""
    if len(cell) <= LONGEST_CELL:
        return cell
    return "blake2b:" + blake2b(fold(cell).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def kept_evidence(evidence: Evidence) -> Evidence:
    """Without the fields whose cells are long."""
    if all(len(cell) <= LONGEST_CELL for cell in evidence.fields.values()):
        return evidence
    fields = {name: cell for name, cell in evidence.fields.items() if len(cell) <= LONGEST_CELL}
    return Evidence(event_id=evidence.event_id, time=evidence.time, fields=fields)


def to_plain(item: Occurrence) -> list[Any]:
    """The JSON form."""
    entities = [as_plain(entity) for entity in item.entities]
    evidence = [as_plain(entry) for entry in item.evidence]
    event = item.event.event_id
    return [item.rule, item.tenant, item.source, item.time, event, dict(item.values), entities, evidence, item.count]


def occurrence_from_plain(plain: Any) -> Occurrence:
    """The inverse of ``to_plain``. Raises ValueError, TypeError or InputError where it is not its output."""
    rule, tenant, source, time, event, values, entities, evidence, count = plain
    return Occurrence(
        rule,
        tenant,
        source,
        time,
        EventRef.parse(event),
        values,
        tuple(from_plain(Entity, entity) for entity in entities),
        tuple(from_plain(Evidence, entry) for entry in evidence),
        count,
    )
