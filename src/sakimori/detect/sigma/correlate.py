"""Correlations: what several events of a group mean together, within a span of time.

Events come in any order (a scan reads one log after the other, agents deliver late). Each group keeps what it has not
yet used up, in order of time, so the outcome does not depend on a clock. What the specification leaves open is decided:

- Two occurrences lie in one window if their times differ by at most ``timespan`` (the edge is in).
- An event that lacks a ``group-by`` field takes no part. Groups are compared without case, and never across tenants.
- An event counts once for a rule, however often it is handed in.
- A condition that more occurrences can only fulfil (``gt``, ``gte``) is answered the moment it is fulfilled. The
  finding then stands for the whole window that begins with its first occurrence: others of the group are absorbed.
- A condition that more occurrences can spoil (``lt``, ``lte``, ``eq``, ``neq``) is answered when the window, which
  begins with the group's first unused occurrence, is over: ``lateness`` after its end by the group's own time, or at
  ``flush``.
- ``temporal_ordered`` counts the longest run of its rules, in the order listed, by different events; events at the
  same time count as in order.
- A correlation's own finding occurs, for correlations above it, at the time of its last event.

With ``lateness``, a group forgets what lies further back than ``timespan`` plus ``lateness`` from its newest
occurrence. The group's own time decides, so a forged time of one host cannot age those of another.
"""

import bisect
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sakimori.core import Nanos
from sakimori.detect.sigma.finding import finding
from sakimori.detect.sigma.plan import Correlation, Threshold
from sakimori.detect.sigma.text import fold
from sakimori.records import Entity, EventRef, Evidence, Finding, as_plain, cell_texts, from_plain, parse_object

MOST_GROUPS = 100_000
"""Per correlation; beyond, the group that was quiet longest is forgotten."""
MOST_KEPT = 20_000
"""Occurrences per group; beyond, the oldest is forgotten."""
MOST_EVIDENCE = 50
"""Events whose evidence a finding carries; ``count`` counts them all."""

_STATE = "sakimori.sigma-correlation-state/1"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A rule that held for an event, or a correlation that held for several."""

    rule: str
    tenant: str
    source: str
    time: Nanos
    values: Mapping[str, str]
    """Cells by Sigma's field names: those that some correlation groups by or counts."""
    entities: tuple[Entity, ...]
    evidence: tuple[Evidence, ...]
    count: int = 1

    @property
    def order(self) -> tuple[Nanos, str, int]:
        """Time, then place in the source."""
        last = EventRef.parse(self.evidence[-1].event_id)
        return self.time, last.digest, last.offset


@dataclass(slots=True)
class _Group:
    kept: list[Occurrence] = field(default_factory=list[Occurrence])
    """Unused occurrences in order."""
    covered: list[tuple[Nanos, Nanos]] = field(default_factory=list[tuple[Nanos, Nanos]])
    """First and last time of the windows that findings stand for."""
    newest: Nanos = -(1 << 63)


class Correlator:
    """All correlations of a plan and their state."""

    def __init__(self, correlations: Sequence[Correlation], *, lateness: Nanos | None = None) -> None:
        """``correlations``: those referred to come before those that refer. ``lateness`` None: nothing is too late."""
        self._windows = [_Windows(correlation, lateness) for correlation in correlations]
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

    def flush(self) -> list[Finding]:
        """Close every window, as if all input had come."""
        found: list[Finding] = []
        for window in self._windows:
            for fired in window.close():
                found += self._report(window, fired)
        return found

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
        """Everything that ``restore`` needs, as JSON."""
        return orjson.dumps(
            {"schema": _STATE, "windows": {key: window.to_plain() for key, window in self._by_id.items()}}
        )

    def restore(self, data: bytes) -> None:
        """Replace the state by what ``state`` gave; correlations that are no longer there are left out.

        Raises:
            InputError: not such a state.
        """
        plain = parse_object(data, what=_STATE)
        for key, groups in plain.get("windows", {}).items():
            if key in self._by_id:
                self._by_id[key].from_plain(groups)


@dataclass(frozen=True, slots=True)
class _Fired:
    group: Mapping[str, str]
    """Group-by name → value, as the last occurrence has it."""
    occurrences: Sequence[Occurrence]

    def merged(self, correlation: Correlation) -> Occurrence:
        last = self.occurrences[-1]
        evidence: dict[str, Evidence] = {}
        for occurrence in self.occurrences:
            for item in occurrence.evidence:
                evidence.setdefault(item.event_id, item)
        return Occurrence(
            rule=correlation.header.id,
            tenant=last.tenant,
            source=self.occurrences[0].source,
            time=last.time,
            values={**last.values, **self.group},
            entities=tuple(dict.fromkeys(entity for item in self.occurrences for entity in item.entities)),
            evidence=tuple(list(evidence.values())[:MOST_EVIDENCE]),
            count=sum(item.count for item in self.occurrences),
        )


Key = tuple[str, ...]


class _Windows:
    """One correlation's groups."""

    def __init__(self, correlation: Correlation, lateness: Nanos | None) -> None:
        self.correlation = correlation
        self.forgotten = 0
        self._lateness = lateness
        self._span = correlation.timespan
        self._rising = all(threshold.operator in ("gt", "gte") for threshold in correlation.thresholds)
        self._aliases = {alias: dict(names) for alias, names in correlation.aliases}
        self._positions = {rule: position for position, rule in enumerate(correlation.rules)}
        self._groups: OrderedDict[Key, _Group] = OrderedDict()
        """The group that was heard of longest ago comes first."""

    def add(self, occurrence: Occurrence) -> list[_Fired]:
        values = self._group_values(occurrence)
        if values is None:
            return []
        key = (occurrence.tenant, *map(fold, values.values()))
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group()
            if len(self._groups) > MOST_GROUPS:
                self.forgotten += len(self._groups.popitem(last=False)[1].kept)
        self._groups.move_to_end(key)
        group.newest = max(group.newest, occurrence.time)
        if self._lateness is not None and occurrence.time < group.newest - self._span - self._lateness:
            self.forgotten += 1
            return []
        if any(first <= occurrence.time <= last for first, last in group.covered):
            return []
        at = bisect.bisect_right(group.kept, occurrence.order, key=lambda item: item.order)
        if at and group.kept[at - 1].order == occurrence.order and self._known(group, occurrence, at):
            return []
        group.kept.insert(at, occurrence)
        fired = self._rise(group, at) if self._rising else self._close_old(group)
        self._trim(group)
        return fired

    def close(self) -> list[_Fired]:
        """What ends with the input, in order of time. Afterwards nothing is left."""
        fired: list[_Fired] = []
        if not self._rising:
            for group in self._groups.values():
                while group.kept:
                    fired += self._close_first(group)
        self._groups.clear()
        return sorted(fired, key=lambda item: item.occurrences[-1].order)

    def _group_values(self, occurrence: Occurrence) -> dict[str, str] | None:
        """Group-by name → text; None where the event lacks one."""
        values: dict[str, str] = {}
        for name in self.correlation.group_by:
            cell = occurrence.values.get(self._aliases.get(name, {}).get(occurrence.rule, name))
            texts = cell_texts(cell) if cell is not None else []
            if not texts:
                return None
            values[name] = texts[0]
        return values

    def _known(self, group: _Group, occurrence: Occurrence, at: int) -> bool:
        """Whether the same event was already taken for the same rule."""
        begin = bisect.bisect_left(group.kept, occurrence.order, key=lambda item: item.order)
        return any(item.rule == occurrence.rule for item in group.kept[begin:at])

    def _rise(self, group: _Group, at: int) -> list[_Fired]:
        """Whether the occurrence now at position ``at`` completes a window."""
        limit = group.kept[at].time + self._span
        for end in range(at, len(group.kept)):
            if group.kept[end].time > limit:
                break
            begin = bisect.bisect_left(group.kept, group.kept[end].time - self._span, key=lambda item: item.time)
            window = group.kept[begin : end + 1]
            if self._holds(window):
                fired = self._fired(window)
                first = fired.occurrences[0].time
                group.covered.append((first, first + self._span))
                group.kept = [item for item in group.kept if not first <= item.time <= first + self._span]
                return [fired]
        return []

    def _close_old(self, group: _Group) -> list[_Fired]:
        fired: list[_Fired] = []
        if self._lateness is not None:
            while group.kept and group.kept[0].time + self._span + self._lateness < group.newest:
                fired += self._close_first(group)
        return fired

    def _close_first(self, group: _Group) -> list[_Fired]:
        """Take the first window out, and answer for it."""
        end = bisect.bisect_right(group.kept, group.kept[0].time + self._span, key=lambda item: item.time)
        window, group.kept = group.kept[:end], group.kept[end:]
        return [self._fired(window)] if self._holds(window) else []

    def _fired(self, window: Sequence[Occurrence]) -> _Fired:
        shown = self._longest_run(window) if self.correlation.type == "temporal_ordered" else window
        return _Fired(self._group_values(window[-1]) or {}, shown)

    def _trim(self, group: _Group) -> None:
        if self._lateness is not None:
            horizon = group.newest - self._span - self._lateness
            keep = bisect.bisect_left(group.kept, horizon, key=lambda item: item.time)
            if self._rising and keep:
                del group.kept[:keep]
            group.covered = [window for window in group.covered if window[1] >= horizon]
        if len(group.kept) > MOST_KEPT:
            self.forgotten += len(group.kept) - MOST_KEPT
            del group.kept[: len(group.kept) - MOST_KEPT]

    def _holds(self, window: Sequence[Occurrence]) -> bool:
        measure = self._measure(window)
        return all(_compare(measure, threshold) for threshold in self.correlation.thresholds)

    def _measure(self, window: Sequence[Occurrence]) -> int:
        match self.correlation.type:
            case "event_count":
                return len({item.evidence[-1].event_id for item in window})
            case "value_count":
                cells = (item.values.get(self.correlation.field or "") for item in window)
                return len({fold(text) for cell in cells if cell is not None for text in cell_texts(cell)})
            case "temporal":
                return len({item.rule for item in window})
            case _:
                return len(self._longest_run(window))

    def _longest_run(self, window: Sequence[Occurrence]) -> tuple[Occurrence, ...]:
        """Different events that fulfil most of the rules, one after the other in the correlation's order.

        Of runs of one length the one that begins last.
        """
        ordered = sorted(window, key=lambda item: (item.time, self._positions[item.rule], item.order))
        runs: list[tuple[Occurrence, ...]] = [()] * len(self._positions)
        """By the position of the last rule."""
        before: dict[str, list[tuple[Occurrence, ...]]] = {}
        for item in ordered:
            # Two rules that held for one event are no two steps: build on what was known before that event.
            known = before.setdefault(item.evidence[-1].event_id, list(runs))
            position = self._positions[item.rule]
            run = (*max(known[:position], key=_preference, default=()), item)
            if len(run) >= len(runs[position]):
                runs[position] = run
        return max(runs, key=_preference)

    def to_plain(self) -> list[Any]:
        return [
            [list(key), [as_plain_occurrence(item) for item in group.kept], group.covered, group.newest]
            for key, group in self._groups.items()
        ]

    def from_plain(self, plain: Iterable[Any]) -> None:
        self._groups = OrderedDict(
            (
                tuple(key),
                _Group([occurrence_from_plain(item) for item in kept], [(a, b) for a, b in covered], newest),
            )
            for key, kept, covered, newest in plain
        )


def _preference(run: Sequence[Occurrence]) -> tuple[int, Nanos]:
    return len(run), run[0].time if run else 0


def _compare(measure: int, threshold: Threshold) -> bool:
    value = threshold.value
    match threshold.operator:
        case "gt":
            return measure > value
        case "gte":
            return measure >= value
        case "lt":
            return measure < value
        case "lte":
            return measure <= value
        case "eq":
            return measure == value
        case _:
            return measure != value


def _fields(correlation: Correlation) -> Iterable[str]:
    yield from correlation.group_by
    yield from (name for _, names in correlation.aliases for _, name in names)
    if correlation.field:
        yield correlation.field


def as_plain_occurrence(item: Occurrence) -> list[Any]:
    entities = [as_plain(entity) for entity in item.entities]
    evidence = [as_plain(entry) for entry in item.evidence]
    return [item.rule, item.tenant, item.source, item.time, dict(item.values), entities, evidence, item.count]


def occurrence_from_plain(plain: Any) -> Occurrence:
    rule, tenant, source, time, values, entities, evidence, count = plain
    return Occurrence(
        rule,
        tenant,
        source,
        time,
        values,
        tuple(from_plain(Entity, entity) for entity in entities),
        tuple(from_plain(Evidence, entry) for entry in evidence),
        count,
    )
