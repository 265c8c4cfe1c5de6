"""One correlation's groups and their windows, as occurrences come and time passes.

A group has a time of its own: that of its newest event, and what has passed by the caller's clock since that event was
heard of. So a host whose clock is wrong, a source that was cut off for hours and a log that is read long after it was
written are correlated like any other, and nobody's wrong time ages another's events.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import orjson

from sakimori.core import InputError, Nanos
from sakimori.detect.sigma import expression
from sakimori.detect.sigma.group import Group
from sakimori.detect.sigma.measure import Item, Measure, Tally
from sakimori.detect.sigma.occurrence import Occurrence, occurrence_from_plain, to_plain
from sakimori.detect.sigma.plan import Correlation
from sakimori.detect.sigma.text import fold
from sakimori.records import EventRef, Evidence, parse_object

MOST_GROUPS = 100_000
"""Per correlation; beyond, the group that was quiet longest is closed."""
MOST_KEPT = 1_000_000
"""Occurrences per correlation; beyond, the groups that were quiet longest are closed."""
MOST_EVIDENCE = 50
"""Events whose evidence a finding carries: the first ones and the last; ``count`` counts them all."""
MOST_ENTITIES = 200


@dataclass(frozen=True, slots=True)
class Fired:
    group: Mapping[str, str]
    """Group-by name → value, as the last occurrence has it."""
    items: Sequence[Item]

    def merged(self, correlation: Correlation) -> Occurrence:
        last = self.items[-1].occurrence
        evidence: dict[str, Evidence] = {}
        for item in self.items:
            for entry in item.occurrence.evidence:
                evidence.setdefault(entry.event_id, entry)
        shown = list(evidence.values())
        if len(shown) > MOST_EVIDENCE:
            shown = [*shown[: MOST_EVIDENCE - 1], shown[-1]]
        entities = dict.fromkeys(entity for item in self.items for entity in item.occurrence.entities)
        return Occurrence(
            rule=correlation.header.id,
            tenant=last.tenant,
            source=self.items[0].occurrence.source,
            time=last.time,
            event=last.event,
            values={**last.values, **self.group},
            entities=tuple(entities)[:MOST_ENTITIES],
            evidence=tuple(shown),
            count=max(sum(item.count for item in self.items), len(shown)),
        )


Key = tuple[str, ...]

_SCHEMA = "sakimori.sigma-group/1"
_NEVER: Nanos = 1 << 63


@dataclass(frozen=True, slots=True)
class StatePart:
    """What is known of one group of one correlation: the unit in which state is saved, restored and merged."""

    key: str
    """Names the group: the same in every process, printable ASCII, of bounded length."""
    value: bytes | None
    """JSON; None: the group is no more."""
    sources: frozenset[str] = frozenset()
    """The sources of the events that it holds: the first 24 hex digits of their SHA-256."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """A part, read."""

    correlation: str
    definition: str
    """Digest of all that decides what the correlation finds."""
    group: Key
    items: Sequence[Item]
    covered: Sequence[tuple[Nanos, Nanos]]
    newest: Nanos


class Windows:
    """One correlation's groups."""

    def __init__(self, correlation: Correlation, lateness: Nanos | None) -> None:
        self.correlation = correlation
        self.forgotten = 0
        self._measure = Measure(correlation)
        self.rising = self._measure.rising
        self._lateness = lateness
        self._span = correlation.timespan
        self.definition = _definition(correlation)
        self._changed: set[Key] | None = None
        """Groups that changed since ``changes`` was asked; None: nobody asks."""
        self.clear()

    def clear(self) -> None:
        self._groups: OrderedDict[Key, Group] = OrderedDict()
        """The group that was heard of longest ago comes first."""
        self._kept = 0
        self._now: Nanos = -_NEVER
        """The time that ``advance`` gave last."""
        self._fresh: set[Key] = set()
        """Groups that were heard of since."""
        self._due: Nanos = _NEVER
        """Before that time ``advance`` has nothing to do, but for the fresh ones."""

    def add(self, occurrence: Occurrence) -> list[Fired]:
        values = self._measure.group(occurrence)
        item = None if values is None else self._measure.item(occurrence)
        if values is None or item is None:
            return []
        key = (occurrence.tenant, *map(fold, values.values()))
        return [*self._take(key, item), *self._bounded()]

    def _take(self, key: Key, item: Item) -> list[Fired]:
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(self._span)
        self._groups.move_to_end(key)
        self._fresh.add(key)
        self._note(key)
        group.newest = max(group.newest, item.time)
        if self._lateness is not None and item.time < self._horizon(group):
            self.forgotten += 1
            return []
        if group.covers(item.time):
            return []
        before = len(group.items)
        at = group.insert(item, apart=self.correlation.type != "event_count")
        if at is None:
            return []
        fired = self._rise(group, at) if self.rising else self._close_old(group)
        fired += self._trim(group)
        self._kept += len(group.items) - before
        return fired

    def _bounded(self) -> list[Fired]:
        fired: list[Fired] = []
        while len(self._groups) > MOST_GROUPS or (self._kept > MOST_KEPT and len(self._groups) > 1):
            key = next(iter(self._groups))
            group = self._remove(key)
            self._kept -= len(group.items)
            if self.rising:
                self.forgotten += len(group.items)
            fired += self._close_all(group)
        return fired

    def _remove(self, key: Key) -> Group:
        self._note(key)
        self._fresh.discard(key)
        return self._groups.pop(key)

    def _note(self, key: Key) -> None:
        if self._changed is not None:
            self._changed.add(key)

    def advance(self, now: Nanos) -> list[Fired]:
        if self._lateness is None:
            return []
        self._now = now
        for key in self._fresh:
            group = self._groups[key]
            ahead = group.newest - now
            group.ahead = ahead if group.ahead is None else max(group.ahead, ahead)
            self._due = min(self._due, self._over(group, group.ahead))
        self._fresh.clear()
        if now < self._due:
            return []
        fired: list[Fired] = []
        due = _NEVER
        for key, group in list(self._groups.items()):
            assert group.ahead is not None  # none is fresh
            if self._over(group, group.ahead) <= now:
                self._note(key)
                before = len(group.items)
                if not self.rising:
                    fired += self._close_old(group)
                fired += self._trim(group)
                self._kept += len(group.items) - before
                if not group.items and self._over(group, group.ahead) <= now:
                    self._remove(key)
                    continue
            due = min(due, self._over(group, group.ahead))
        self._due = due
        return in_order(fired)

    def _over(self, group: Group, ahead: Nanos) -> Nanos:
        """When, by the caller's clock, time next changes something about the group."""
        # An answered window absorbs what comes late for as long as anything that belongs to it is taken.
        waiting = group.items and not self.rising
        end = group.items[0].time + self._span if waiting else group.newest + 2 * self._span
        return end + (self._lateness or 0) + 1 - ahead

    def close(self) -> list[Fired]:
        """What ends with the input, in order of time. Afterwards nothing is left."""
        fired = [fired for group in self._groups.values() for fired in self._close_all(group)]
        for key in self._groups:
            self._note(key)
        self.clear()
        return in_order(fired)

    def _rise(self, group: Group, at: int) -> list[Fired]:
        """Whether the item now at position ``at`` completes a window."""
        if self._measure.is_hopeless(group.tally):
            return []
        for begin, end, tally in group.windows(at):
            if self._measure.may_end(group.items, end, tally) and (
                shown := self._measure.answer(group.items[begin:end], tally)
            ):
                fired = self._fired(shown)
                group.use_up(shown[0].time, shown[-1].time)
                return [fired]
        return []

    def _close_old(self, group: Group) -> list[Fired]:
        fired: list[Fired] = []
        if self._lateness is not None:
            horizon = self._horizon(group)
            while group.items and group.items[0].time < horizon:
                fired += self._close_first(group)
        return fired

    def _close_all(self, group: Group) -> list[Fired]:
        fired: list[Fired] = []
        while group.items and not self.rising:
            fired += self._close_first(group)
        return fired

    def _close_first(self, group: Group) -> list[Fired]:
        """Take the first window out, and answer for it."""
        first = group.items[0].time
        window = group.use_up(first, first + self._span)
        shown = self._measure.answer(window, Tally(window))
        return [self._fired(shown)] if shown else []

    def _fired(self, shown: Sequence[Item]) -> Fired:
        return Fired(self._measure.group(shown[-1].occurrence) or {}, shown)

    def _horizon(self, group: Group) -> Nanos:
        own = group.newest if group.ahead is None else max(group.newest, self._now + group.ahead)
        return own - self._span - (self._lateness or 0)

    def _trim(self, group: Group) -> list[Fired]:
        if self._lateness is not None:
            group.forget_before(self._horizon(group), items=self.rising)
        self.forgotten += group.condense(by_rule=self._measure.ordered)
        fired: list[Fired] = []
        while group.full:
            if self.rising:
                self.forgotten += group.drop_oldest()
            else:
                fired += self._close_first(group)
        return fired

    def state(self) -> list[StatePart]:
        return [self._part(key) for key in self._groups]

    def changes(self) -> list[StatePart]:
        """What changed since this was asked last, or since ``follow_changes``; at first, everything."""
        if self._changed is None:
            self.follow_changes()
            return self.state()
        changed, self._changed = self._changed, set()
        return [self._part(key) for key in sorted(changed)]

    def follow_changes(self) -> None:
        self._changed = set()

    def _part(self, key: Key) -> StatePart:
        digest = blake2b(orjson.dumps(key), digest_size=16).hexdigest()
        name = f"{self.correlation.header.id}/{digest}"
        group = self._groups.get(key)
        if group is None:
            return StatePart(name, None)
        plain = {
            "schema": _SCHEMA,
            "correlation": self.correlation.header.id,
            "definition": self.definition,
            "group": key,
            "items": [_item_to_plain(item) for item in group.items],
            "covered": group.covered,
            "newest": group.newest,
        }
        cited = (EventRef.parse(entry.event_id) for item in group.items for entry in item.occurrence.evidence)
        return StatePart(name, orjson.dumps(plain), frozenset(ref.digest for ref in cited))

    def merge(self, state: GroupState) -> list[Fired]:
        group = self._groups.setdefault(state.group, Group(self._span))
        group.newest = max(group.newest, state.newest)
        self._fresh.add(state.group)
        self._note(state.group)
        for first, last in state.covered:
            group.cover(first, last)
        fired = [fired for item in state.items for fired in self._take(state.group, item)]
        return [*fired, *self._bounded()]


def read_part(part: StatePart) -> GroupState:
    """Raises InputError where the part's value is not what ``state`` or ``changes`` gave."""
    plain = parse_object(part.value or b"", what=_SCHEMA)
    if plain.get("schema") != _SCHEMA:
        raise InputError(f"expected a {_SCHEMA} document, got {plain.get('schema')!r}: another version wrote it")
    try:
        return GroupState(
            correlation=plain["correlation"],
            definition=plain["definition"],
            group=tuple(plain["group"]),
            items=[_item_from_plain(item) for item in plain["items"]],
            covered=[(first, last) for first, last in plain["covered"]],
            newest=plain["newest"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{_SCHEMA}: not what was written there: {error}") from error


def _definition(correlation: Correlation) -> str:
    asked = correlation.condition
    plain = [
        correlation.type,
        correlation.rules,
        correlation.group_by,
        correlation.timespan,
        [[threshold.operator, str(threshold.value)] for threshold in correlation.thresholds],
        correlation.fields,
        correlation.aliases,
        correlation.percentile,
        None if asked is None else expression.to_plain(asked),
    ]
    return blake2b(orjson.dumps(plain), digest_size=16).hexdigest()


def _item_to_plain(item: Item) -> list[Any]:
    return [to_plain(item.occurrence), item.size, str(item.total), item.labels, item.count]


def _item_from_plain(plain: Any) -> Item:
    occurrence, size, total, labels, count = plain
    return Item(occurrence_from_plain(occurrence), size, _number(total), labels, count)


def _number(text: str) -> int | Fraction:
    value = Fraction(text)
    return value.numerator if value.denominator == 1 else value


def in_order(fired: Iterable[Fired]) -> list[Fired]:
    return sorted(fired, key=lambda item: item.items[-1].occurrence.order)
