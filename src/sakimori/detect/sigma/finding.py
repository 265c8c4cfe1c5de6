"""Findings out of hits, and the entities of events (``content/mappings/entities.yaml``)."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

from sakimori.detect.sigma.plan import Header
from sakimori.records import (
    Entity,
    EntityType,
    EventBatch,
    EventKind,
    Evidence,
    Finding,
    cell_texts,
    entity_named,
    finding_id,
)


@dataclass(frozen=True, slots=True)
class EntityFields:
    """Which fields of an event name which entities."""

    fields: tuple[tuple[EntityType, str], ...]
    fallbacks: tuple[tuple[EntityType, str], ...]
    """Read for a type of which ``fields`` name nothing in the event."""
    exceptions: Mapping[str, frozenset[str]]
    """Field → events in which it names something else: their codes, or ``product/channel``."""

    @staticmethod
    @cache
    def packaged() -> "EntityFields":
        text = files("sakimori.content").joinpath("mappings", "entities.yaml").read_text("utf-8")
        plain = cast("dict[str, Any]", yaml.safe_load(text))
        return EntityFields(
            fields=_pairs(plain["fields"]),
            fallbacks=_pairs(plain["fallback"]),
            exceptions={name: frozenset(map(str, codes)) for name, codes in plain["except"].items()},
        )

    @property
    def names(self) -> frozenset[str]:
        """All fields that may name an entity."""
        return frozenset(name for _, name in (*self.fields, *self.fallbacks))

    def of(self, cells: Mapping[str, str], kind: EventKind) -> tuple[Entity, ...]:
        """The entities of an event with these cells, in order of the data file, each once."""
        found: dict[Entity, None] = {}
        events = {kind.code, f"{kind.product}/{kind.channel}"}
        self._collect(self.fields, cells, events, found)
        named = {entity.type for entity in found}
        self._collect([item for item in self.fallbacks if item[0] not in named], cells, events, found)
        return tuple(found)

    def _collect(
        self,
        fields: Iterable[tuple[EntityType, str]],
        cells: Mapping[str, str],
        events: Set[str],
        found: dict[Entity, None],
    ) -> None:
        for kind, name in fields:
            cell = cells.get(name)
            if cell is None or not events.isdisjoint(self.exceptions.get(name, ())):
                continue
            for text in cell_texts(cell):
                if entity := entity_named(kind, text):
                    found[entity] = None


def _pairs(plain: Mapping[str, Iterable[object]]) -> tuple[tuple[EntityType, str], ...]:
    return tuple((EntityType(kind), str(name)) for kind, names in plain.items() for name in names)


def evidence(batch: EventBatch, row: int, cells: Mapping[str, str], shown: Iterable[str]) -> Evidence:
    return Evidence(
        event_id=batch.event_id(row),
        time=batch.time(row),
        fields={name: cells[name] for name in shown if name in cells},
    )


def finding(
    header: Header,
    *,
    tenant: str,
    source: str,
    evidence: Sequence[Evidence],
    entities: Iterable[Entity],
    count: int,
) -> Finding:
    """What the rule claims of the events in ``evidence`` (in order of time; the first ones of ``count``)."""
    return Finding(
        id=finding_id(tenant, header.id, tuple(item.event_id for item in evidence)),
        tenant=tenant,
        rule_id=header.id,
        title=header.title,
        title_ja=header.title_ja,
        severity=header.severity,
        first_time=min(item.time for item in evidence),
        last_time=max(item.time for item in evidence),
        tactics=header.tactics,
        techniques=header.techniques,
        entities=tuple(dict.fromkeys(entities)),
        evidence=tuple(evidence),
        count=count,
        source=source,
    )
