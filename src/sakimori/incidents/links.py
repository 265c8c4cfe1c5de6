"""Which findings belong together: shared entities, weighed by rarity, nearness in time and severity.

Two findings that share an entity attract each other with

    base(entity type) * rarity(entity) * weight(less severe of the two) * 2 ** (-gap / HALF_LIFE)

summed over the entities that they share (at most 1), and are one story from ``THRESHOLD`` up. Only neighbours in time
are compared, per entity and once among the severe findings alone, so the work is linear in mentions and chatter between
two steps of an attacker does not tear them apart. Findings below MEDIUM attach to a story; they neither start one nor
join two.

It is done twice: a medium finding in the company of a critical one (a remote command just before the host's files are
encrypted) is no everyday matter, so the second time each finding weighs as much as the severest that the first time
joined it to.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

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
_WEIGHT = {
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


def rarities(findings: Sequence[Finding], weighs: Sequence[Severity]) -> dict[Entity, float]:
    """Entities that everyday findings show with many others (an admin account, a server that all use): 0.25 to 1.

    Any other entity is rare: 1. Counted over findings that weigh less than HIGH: an account that ransomware uses on a
    thousand hosts in an hour is not thereby a common one. Hosts are counted by the users seen on them, everything else
    by the hosts it is seen on.
    """
    seen_with: defaultdict[Entity, set[Entity]] = defaultdict(set)
    for finding, weight in zip(findings, weighs, strict=True):
        if weight >= Severity.HIGH:
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


def joined(findings: Sequence[Finding], weighs: Sequence[Severity]) -> list[Pair]:
    """The pairs of significant findings that attract each other enough. ``findings`` is in order of time; pairs are
    indexes into it, smaller first; ``weighs`` is the severity that each counts for."""
    rarity = rarities(findings, weighs)
    shared: defaultdict[Pair, set[Entity]] = defaultdict(set)
    for level in (SIGNIFICANT, Severity.HIGH):
        for entity, mentions in _mentions(findings, [weight >= level for weight in weighs]).items():
            for pair in _neighbours(findings, mentions):
                shared[pair].add(entity)
    return [
        (one, other)
        for (one, other), entities in shared.items()
        if min(_WEIGHT[weighs[one]], _WEIGHT[weighs[other]])
        * _nearness(findings[one], findings[other], entities, rarity)
        >= THRESHOLD
    ]


def attached(findings: Sequence[Finding], weighs: Sequence[Severity]) -> dict[int, int]:
    """For each finding below SIGNIFICANT, the significant one that attracts it most, if any does enough."""
    rarity = rarities(findings, weighs)
    shared: defaultdict[Pair, set[Entity]] = defaultdict(set)
    for entity, mentions in _mentions(findings, [True] * len(findings)).items():
        for minor, major in _nearest_significant(findings, mentions):
            shared[minor, major].add(entity)
    best: dict[int, tuple[float, int]] = {}
    for (minor, major), entities in shared.items():
        strength = _WEIGHT[weighs[minor]] * _nearness(findings[minor], findings[major], entities, rarity)
        if strength >= THRESHOLD:
            best[minor] = max(best.get(minor, (0.0, 0)), (strength, -major))
    return {minor: -negative for minor, (_, negative) in best.items()}


def _mentions(findings: Sequence[Finding], wanted: Sequence[bool]) -> dict[Entity, list[int]]:
    mentions: defaultdict[Entity, list[int]] = defaultdict(list)
    for index, finding in enumerate(findings):
        if wanted[index]:
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


def _nearness(one: Finding, other: Finding, shared: Iterable[Entity], rarity: dict[Entity, float]) -> float:
    gap = max(0, one.first_time - other.last_time, other.first_time - one.last_time)
    weight = math.fsum(_BASE[entity.type] * rarity.get(entity, 1.0) for entity in shared)
    return min(1.0, weight) * 2 ** (-gap / HALF_LIFE)
