"""Which findings belong together: shared entities, weighed by rarity, nearness in time and severity.

Two findings that share an entity attract each other with

    base(entity type) * rarity(entity) * severity(weaker of the two) * 2 ** (-gap / HALF_LIFE)

summed over the entities that they share (at most 1), and are one story from ``THRESHOLD`` up. Only neighbours in time
are compared, per entity and once among the severe findings alone, so the work is linear in mentions and chatter between
two steps of an attacker does not tear them apart. Findings below MEDIUM attach to a story; they neither start one nor
join two.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from sakimori.core import Nanos
from sakimori.records import Entity, EntityType, Finding, Severity

HALF_LIFE: Nanos = 4 * 3600 * 10**9
"""Attraction halves with every such span between the end of one finding and the start of the next."""
THRESHOLD = 0.2
HORIZON: Nanos = math.ceil(HALF_LIFE * math.log2(1 / THRESHOLD))
"""Findings further apart than this (9 h 17 min) never attract each other enough."""

_BASE = {
    EntityType.HOST: 1.0,
    EntityType.USER: 1.0,
    EntityType.HASH: 0.7,
    EntityType.IP: 0.5,
    EntityType.DOMAIN: 0.5,
    EntityType.URL: 0.5,
    EntityType.MAIL: 0.5,
}
"""Process and file names repeat across any estate: they join nothing."""
_SEVERITY = {
    Severity.INFORMATIONAL: 0.4,
    Severity.LOW: 0.5,
    Severity.MEDIUM: 0.6,
    Severity.HIGH: 1.0,
    Severity.CRITICAL: 1.0,
}
_USUAL_SPREAD = 4
"""An entity seen with so many others in everyday findings is still rare."""
_LEAST_RARITY = 0.25
"""Even an account seen everywhere joins severe findings that follow each other within the hour."""

SIGNIFICANT = Severity.MEDIUM

Pair = tuple[int, int]


def rarities(findings: Sequence[Finding]) -> dict[Entity, float]:
    """Entities that everyday findings show with many others (an admin account, a server that all use): 0.25 to 1.

    Any other entity is rare: 1. Counted over findings below HIGH: an account that ransomware uses on a thousand hosts
    in an hour is not thereby a common one. Hosts are counted by the users seen on them, everything else by the hosts
    it is seen on.
    """
    seen_with: defaultdict[Entity, set[Entity]] = defaultdict(set)
    for finding in findings:
        if finding.severity >= Severity.HIGH:
            continue
        hosts = [entity for entity in finding.entities if entity.type is EntityType.HOST]
        users = [entity for entity in finding.entities if entity.type is EntityType.USER]
        for entity in finding.entities:
            seen_with[entity].update(users if entity.type is EntityType.HOST else hosts)
    return {
        entity: max(_LEAST_RARITY, 1 / (1 + math.log2(len(others) / _USUAL_SPREAD)))
        for entity, others in seen_with.items()
        if len(others) > _USUAL_SPREAD
    }


def attractions(findings: Sequence[Finding], rarity: dict[Entity, float]) -> dict[Pair, float]:
    """Attraction (0 to 1) of the pairs of significant findings that are neighbours by some entity. ``findings`` is in
    order of time; pairs are indexes into it, smaller first."""
    shared: defaultdict[Pair, set[Entity]] = defaultdict(set)
    for level in (SIGNIFICANT, Severity.HIGH):
        for entity, mentions in _mentions(findings, lambda finding, level=level: finding.severity >= level).items():
            for pair in _neighbours(findings, mentions):
                shared[pair].add(entity)
    return {pair: _attraction(findings[pair[0]], findings[pair[1]], shared[pair], rarity) for pair in shared}


def attachments(findings: Sequence[Finding], rarity: dict[Entity, float]) -> dict[int, int]:
    """For each finding below SIGNIFICANT, the significant one that attracts it most, if any does enough."""
    shared: defaultdict[Pair, set[Entity]] = defaultdict(set)
    for entity, mentions in _mentions(findings, lambda _: True).items():
        for minor, major in _nearest_significant(findings, mentions):
            shared[minor, major].add(entity)
    best: dict[int, tuple[float, int]] = {}
    for (minor, major), entities in shared.items():
        strength = _attraction(findings[minor], findings[major], entities, rarity)
        if strength >= THRESHOLD:
            best[minor] = max(best.get(minor, (0.0, 0)), (strength, -major))
    return {minor: -negative for minor, (_, negative) in best.items()}


def _mentions(findings: Sequence[Finding], wanted: Callable[[Finding], bool]) -> dict[Entity, list[int]]:
    mentions: defaultdict[Entity, list[int]] = defaultdict(list)
    for index, finding in enumerate(findings):
        if wanted(finding):
            for entity in dict.fromkeys(finding.entities):
                if entity.type in _BASE:
                    mentions[entity].append(index)
    return mentions


def _neighbours(findings: Sequence[Finding], mentions: Sequence[int]) -> Iterator[Pair]:
    """Each mention with the one before it and with the one so far that lasts longest."""
    latest = mentions[0]
    for before, index in itertools.pairwise(mentions):
        yield before, index
        if latest != before:
            yield latest, index
        if findings[index].last_time > findings[latest].last_time:
            latest = index


def _nearest_significant(findings: Sequence[Finding], mentions: Sequence[int]) -> Iterator[tuple[int, int]]:
    for order in (mentions, mentions[::-1]):
        nearest: int | None = None
        for index in order:
            if findings[index].severity >= SIGNIFICANT:
                nearest = index
            elif nearest is not None:
                yield index, nearest


def _attraction(one: Finding, other: Finding, shared: Iterable[Entity], rarity: dict[Entity, float]) -> float:
    gap = max(0, one.first_time - other.last_time, other.first_time - one.last_time)
    weight = math.fsum(_BASE[entity.type] * rarity.get(entity, 1.0) for entity in shared)
    severity = min(_SEVERITY[one.severity], _SEVERITY[other.severity])
    return min(1.0, weight) * severity * 2 ** (-gap / HALF_LIFE)
