"""Correlations: what several events of a group mean together, within a span of time.

Events come in any order (a scan reads one log after the other, agents deliver late). Each group keeps what it has not
yet used up, in order of time, so the outcome does not depend on a clock. What the specification leaves open is decided
in ``docs/sigma.md``; what a window amounts to is in ``measure``.

A measure that more occurrences can only fulfil is answered the moment it is fulfilled; the finding then stands for all
windows that hold its occurrences. One that more occurrences can spoil is answered when its window,
which begins with the group's first unused occurrence, is over: ``lateness`` after its end by the group's own time, when
``advance`` says so, or at ``flush``.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import orjson

from sakimori.core import Nanos
from sakimori.detect.sigma.finding import finding
from sakimori.detect.sigma.group import Group
from sakimori.detect.sigma.measure import Item, Measure, Tally
from sakimori.detect.sigma.occurrence import Occurrence, occurrence_from_plain, to_plain
from sakimori.detect.sigma.plan import Correlation
from sakimori.detect.sigma.text import fold
from sakimori.records import Evidence, Finding, cell_texts, parse_object

MOST_GROUPS = 100_000
"""Per correlation; beyond, the group that was quiet longest is closed."""
MOST_KEPT = 1_000_000
"""Occurrences per correlation; beyond, the groups that were quiet longest are closed."""
MOST_EVIDENCE = 50
"""Events whose evidence a finding carries: the first ones and the last; ``count`` counts them all."""
MOST_ENTITIES = 200

_STATE = "sakimori.sigma-correlation-state/2"


class Correlator:
    """All correlations of a plan and their state."""

    def __init__(self, correlations: Sequence[Correlation], *, lateness: Nanos | None = None) -> None:
        """``correlations``: those referred to come before those that refer. ``lateness`` None: nothing is too late."""
        arrival: dict[str, Nanos] = {}
        self._windows: list[_Windows] = []
        for correlation in correlations:
            # A finding that waits for the end of its window is late, by that much, for correlations above it.
            own = None if lateness is None else max(arrival.get(rule, lateness) for rule in correlation.rules)
            window = _Windows(correlation, own)
            self._windows.append(window)
            if own is not None:
                arrival[correlation.header.id] = own + (0 if window.rising else correlation.timespan)
        self._by_id = {window.correlation.header.id: window for window in self._windows}
        self._listeners: dict[str, list[_Windows]] = {}
        for window in self._windows:
            for rule in dict.fromkeys(window.correlation.rules):
                self._listeners.setdefault(rule, []).append(window)
        self.fields = frozenset(name for correlation in correlations for name in _fields(correlation))
        """Sigma field names whose values occurrences must carry."""

    @property
    def forgotten(self) -> int:
        """How many occurrences were given up because of the bounds or for lateness."""
        return sum(window.forgotten for window in self._windows)

    def listens(self, rule: str) -> bool:
        return rule in self._listeners

    def add(self, occurrence: Occurrence) -> list[Finding]:
        """Take one occurrence; the findings that it completes, those of inner correlations first."""
        found: list[Finding] = []
        for window in self._listeners.get(occurrence.rule, ()):
            for fired in window.add(occurrence):
                found += self._report(window, fired)
        return found

    def advance(self, now: Nanos) -> list[Finding]:
        """Time has come to be ``now``: close the windows to which nothing belongs that is late within the statement.

        Without a stated lateness nothing is ever over, and nothing happens.
        """
        return [
            finding
            for window in self._windows
            for fired in window.advance(now)
            for finding in self._report(window, fired)
        ]

    def flush(self) -> list[Finding]:
        """Close every window, as if all input had come."""
        return [
            finding for window in self._windows for fired in window.close() for finding in self._report(window, fired)
        ]

    def _report(self, window: "_Windows", fired: "_Fired") -> list[Finding]:
        correlation = window.correlation
        merged = fired.merged(correlation)
        own = finding(
            correlation.header,
            tenant=merged.tenant,
            source=merged.source,
            evidence=merged.evidence,
            entities=merged.entities,
            count=merged.count,
        )
        return [*([] if correlation.silent else [own]), *self.add(merged)]

    def state(self) -> bytes:
        """Everything that ``restore`` and ``merge`` need, as JSON."""
        return orjson.dumps(
            {"schema": _STATE, "windows": {key: window.to_plain() for key, window in self._by_id.items()}}
        )

    def restore(self, data: bytes) -> None:
        """Replace the state by what ``state`` gave; correlations that are no longer there are left out.

        Raises:
            InputError: not such a state.
        """
        for window in self._windows:
            window.clear()
        self.merge(data)

    def merge(self, data: bytes) -> list[Finding]:
        """Take over what another worker's ``state`` gave, and what both know together.

        Workers that shared out the groups between them have no group in common, and nothing is found that neither
        found alone.

        Raises:
            InputError: not such a state.
        """
        found: list[Finding] = []
        for key, plain in parse_object(data, what=_STATE).get("windows", {}).items():
            window = self._by_id.get(key)
            for fired in window.merge(plain) if window else ():
                found += self._report(self._by_id[key], fired)
        return found


@dataclass(frozen=True, slots=True)
class _Fired:
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


class _Windows:
    """One correlation's groups."""

    def __init__(self, correlation: Correlation, lateness: Nanos | None) -> None:
        self.correlation = correlation
        self.forgotten = 0
        self._measure = Measure(correlation)
        self.rising = self._measure.rising
        self._lateness = lateness
        self._span = correlation.timespan
        self.clear()

    def clear(self) -> None:
        self._groups: OrderedDict[Key, Group] = OrderedDict()
        """The group that was heard of longest ago comes first."""
        self._kept = 0
        self._now: Nanos = -(1 << 63)
        """The latest time that ``advance`` gave."""
        self._due: Nanos | None = None
        """Before that time ``advance`` has nothing to do; None: unknown."""

    def add(self, occurrence: Occurrence) -> list[_Fired]:
        values = self._group_values(occurrence)
        item = None if values is None else self._measure.item(occurrence)
        if values is None or item is None:
            return []
        key = (occurrence.tenant, *map(fold, values.values()))
        return [*self._take(key, item), *self._bounded()]

    def _take(self, key: Key, item: Item) -> list[_Fired]:
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(self._span)
        self._groups.move_to_end(key)
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
        if self._due is not None:
            self._due = min(self._due, self._over(group))
        return fired

    def _bounded(self) -> list[_Fired]:
        fired: list[_Fired] = []
        while len(self._groups) > MOST_GROUPS or (self._kept > MOST_KEPT and len(self._groups) > 1):
            _, group = self._groups.popitem(last=False)
            self._kept -= len(group.items)
            if self.rising:
                self.forgotten += len(group.items)
            fired += self._close_all(group)
        return fired

    def advance(self, now: Nanos) -> list[_Fired]:
        self._now = max(self._now, now)
        if self._lateness is None or (self._due is not None and now < self._due):
            return []
        fired: list[_Fired] = []
        for key, group in list(self._groups.items()):
            before = len(group.items)
            if not self.rising:
                fired += self._close_old(group)
            fired += self._trim(group)
            self._kept += len(group.items) - before
            if not group.items and self._over(group) <= self._now:
                del self._groups[key]
        self._due = min((self._over(group) for group in self._groups.values()), default=None)
        return _in_order(fired)

    def _over(self, group: Group) -> Nanos:
        """When time next changes something about the group."""
        lateness = self._lateness or 0
        if group.items and not self.rising:
            return group.items[0].time + self._span + lateness + 1
        # An answered window absorbs what comes late for as long as anything that belongs to it is taken.
        return group.newest + 2 * self._span + lateness + 1

    def close(self) -> list[_Fired]:
        """What ends with the input, in order of time. Afterwards nothing is left."""
        fired = [fired for group in self._groups.values() for fired in self._close_all(group)]
        self.clear()
        return _in_order(fired)

    def _group_values(self, occurrence: Occurrence) -> dict[str, str] | None:
        """Group-by name → text; None where the event lacks one."""
        values: dict[str, str] = {}
        for name in self.correlation.group_by:
            cell = self._measure.cell(occurrence, name)
            texts = cell_texts(cell) if cell is not None else []
            if not texts:
                return None
            values[name] = texts[0]
        return values

    def _rise(self, group: Group, at: int) -> list[_Fired]:
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

    def _close_old(self, group: Group) -> list[_Fired]:
        fired: list[_Fired] = []
        if self._lateness is not None:
            horizon = self._horizon(group)
            while group.items and group.items[0].time < horizon:
                fired += self._close_first(group)
        return fired

    def _close_all(self, group: Group) -> list[_Fired]:
        fired: list[_Fired] = []
        while group.items and not self.rising:
            fired += self._close_first(group)
        return fired

    def _close_first(self, group: Group) -> list[_Fired]:
        """Take the first window out, and answer for it."""
        first = group.items[0].time
        window = group.use_up(first, first + self._span)
        shown = self._measure.answer(window, Tally(window))
        return [self._fired(shown)] if shown else []

    def _fired(self, shown: Sequence[Item]) -> _Fired:
        return _Fired(self._group_values(shown[-1].occurrence) or {}, shown)

    def _horizon(self, group: Group) -> Nanos:
        return max(group.newest, self._now) - self._span - (self._lateness or 0)

    def _trim(self, group: Group) -> list[_Fired]:
        if self._lateness is not None:
            group.forget_before(self._horizon(group), items=self.rising)
        self.forgotten += group.condense(by_rule=self._measure.ordered)
        fired: list[_Fired] = []
        while group.full:
            if self.rising:
                self.forgotten += group.drop_oldest()
            else:
                fired += self._close_first(group)
        return fired

    def to_plain(self) -> dict[str, Any]:
        groups = [
            [list(key), [_item_to_plain(item) for item in group.items], group.covered, group.newest]
            for key, group in self._groups.items()
        ]
        return {"now": self._now, "groups": groups}

    def merge(self, plain: Any) -> list[_Fired]:
        fired: list[_Fired] = []
        self._now = max(self._now, plain["now"])
        self._due = None
        for key, items, covered, newest in plain["groups"]:
            group = self._groups.setdefault(tuple(key), Group(self._span))
            group.newest = max(group.newest, newest)
            for first, last in covered:
                group.cover(first, last)
            for item in items:
                fired += self._take(tuple(key), self._item_from_plain(item))
        return [*fired, *self._bounded()]

    def _item_from_plain(self, plain: Any) -> Item:
        occurrence, size, total, labels, count = plain
        return Item(occurrence_from_plain(occurrence), size, _number(total), labels, count)


def _item_to_plain(item: Item) -> list[Any]:
    return [to_plain(item.occurrence), item.size, str(item.total), item.labels, item.count]


def _number(text: str) -> int | Fraction:
    value = Fraction(text)
    return value.numerator if value.denominator == 1 else value


def _in_order(fired: Iterable[_Fired]) -> list[_Fired]:
    return sorted(fired, key=lambda item: item.items[-1].occurrence.order)


def _fields(correlation: Correlation) -> Iterable[str]:
    yield from correlation.group_by
    yield from (name for _, names in correlation.aliases for _, name in names)
    yield from correlation.fields
