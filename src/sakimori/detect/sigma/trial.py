"""Why a correlation fires over a run of events or does not: its rules, its groups, and which came nearest.

The engine itself runs, and what it found is what a scan finds. Beside it every group is measured window by window: of a
measure that more events can only help, the fullest window; of one that they can spoil, those that the engine closes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sigma.correlations import SigmaCorrelationRule

from sakimori.core import InputError, Nanos
from sakimori.detect.sigma.correlate import Correlator
from sakimori.detect.sigma.detector import SigmaDetector
from sakimori.detect.sigma.explain import sound
from sakimori.detect.sigma.expression import All, Any_, Expression, Not
from sakimori.detect.sigma.group import Group
from sakimori.detect.sigma.library import load_plan, rule_files
from sakimori.detect.sigma.load import parse_file
from sakimori.detect.sigma.logsource import LogSource, LogSources
from sakimori.detect.sigma.measure import Amount, Item, Measure, Nearness, Tally
from sakimori.detect.sigma.occurrence import Occurrence
from sakimori.detect.sigma.placeholders import Placeholders
from sakimori.detect.sigma.plan import Correlation, Plan
from sakimori.detect.sigma.text import fold
from sakimori.records import EventBatch, Finding, cell_texts

MOST_EXAMINED = 200_000
"""Events per correlation that are measured; of more, only whether the correlation fires is told."""
MOST_ORDERED = 64
"""Windows per group in which an order is looked for: those where it was found, and those where most rules occurred."""
MOST_EVENT_IDS = 50


@dataclass(frozen=True, slots=True)
class RuleAccount:
    """What one rule that the correlation refers to brought."""

    id: str
    title: str
    source: LogSource | None
    """None: it is a correlation itself."""
    seen: int
    """Events of its log source."""
    matched: int
    """How often it held; of a correlation, how often it fired."""
    took_part: int
    lacking: Mapping[str, int]
    """Why the others took no part → how many: ``lacks User``, ``Bytes is no number``."""
    placeholders: tuple[str, ...]
    """Names without values, for lack of which it does not run."""


@dataclass(frozen=True, slots=True)
class GroupAccount:
    """The window of one group that came nearest."""

    group: Mapping[str, str]
    fired: int
    """How often the correlation fired for the group."""
    holds: bool
    """Whether this window is what is asked for."""
    measured: Amount | None
    """What is compared with the thresholds; None for conditions over names."""
    value: str | None
    """Where shares are compared: the value whose share was measured."""
    events: int
    first: Nanos
    last: Nanos
    occurred: Mapping[str, int]
    """Rule id → how many of the window's events it brought."""
    event_ids: tuple[str, ...]
    """The first ones and the last."""


@dataclass(frozen=True, slots=True)
class CorrelationAccount:
    id: str
    title: str
    type: str
    line: int
    subject: str
    """What is asked for, in words: ``events``; of conditions over names, all of it."""
    limits: str
    """``≥ 5 and ≤ 9``; empty for conditions over names."""
    timespan: Nanos
    group_by: tuple[str, ...]
    fired: int
    rules: Sequence[RuleAccount]
    groups: int
    nearest: Sequence[GroupAccount]
    """Those that fired first, then by how near they came."""
    unexamined: int
    """Events that were too many to be measured."""


class Trial:
    """The correlations of one file, with all that they refer to. Not for use by two threads at once."""

    def __init__(self, plan: Plan, correlations: Sequence[Correlation], cache_dir: Path | None = None) -> None:
        narrowed = _narrowed(plan, {item.header.id for item in correlations})
        self._rules = {rule.header.id: rule for rule in narrowed.rules}
        sources = LogSources.packaged()
        self._selectors = {id: sources.selectors(rule.source) for id, rule in self._rules.items()}
        self._seen: Counter[str] = Counter()
        self._titles = {item.header.id: item.header.title for item in (*narrowed.rules, *narrowed.correlations)}
        self._names = {
            item.header.id: item.header.name or item.header.title for item in (*narrowed.rules, *narrowed.correlations)
        }
        self._accounts = [_Account(item) for item in correlations]
        self._detector = SigmaDetector(narrowed, cache_dir=cache_dir)
        self._detector.correlator = _Overheard(narrowed.correlations, self._accounts)

    @staticmethod
    def load(
        rule: Path, others: Iterable[Path], *, placeholders: Placeholders | None = None, cache_dir: Path | None = None
    ) -> "Trial | None":
        """Of the correlations in the file; None where there are none.

        ``others``: files and folders with the rules that they refer to, and with global filters.

        Raises:
            InputError: a path cannot be read, something in the file is wrong, or a rule that it refers to is not there.
        """
        try:
            parsed = [sound(item).parsed for item in parse_file(rule, rule.read_bytes())]
        except OSError as error:
            raise InputError(f"{rule}: rule file cannot be read: {error.strerror}") from error
        if not any(isinstance(item, SigmaCorrelationRule) for item in parsed):
            return None
        beside = [path for path in rule_files(others) if not path.samefile(rule)]
        plan = load_plan([rule, *beside], cache_dir, placeholders)
        for error in plan.errors:
            if error.path == rule:
                advice = ": give its file or folder with --rules" if error.reason.endswith("that is not there") else ""
                raise InputError(f"{error}{advice}")
        own = [item for item in plan.correlations if item.header.path == str(rule)]
        return Trial(plan, own, cache_dir)

    def detect(self, batch: EventBatch) -> None:
        for id, selectors in self._selectors.items():
            if any(selector.admits(batch.kind) for selector in selectors):
                self._seen[id] += len(batch)
        self._detector.detect(batch)

    def end(self, most: int) -> list[CorrelationAccount]:
        """All events were read: the accounts, with at most so many groups each."""
        self._detector.flush()
        return [self._account(account, most) for account in self._accounts]

    def _account(self, account: "_Account", most: int) -> CorrelationAccount:
        correlation = account.correlation
        subject, limits = _asks(correlation, [self._names[rule] for rule in correlation.rules])
        return CorrelationAccount(
            id=correlation.header.id,
            title=correlation.header.title,
            type=correlation.type,
            line=correlation.header.line,
            subject=subject,
            limits=limits,
            timespan=correlation.timespan,
            group_by=correlation.group_by,
            fired=account.fired.total(),
            rules=[self._rule(account, rule) for rule in correlation.rules],
            groups=len(account.groups),
            nearest=account.nearest(most),
            unexamined=account.unexamined,
        )

    def _rule(self, account: "_Account", id: str) -> RuleAccount:
        rule = self._rules.get(id)
        return RuleAccount(
            id=id,
            title=self._titles[id],
            source=rule.source if rule else None,
            seen=self._seen[id],
            matched=account.matched[id],
            took_part=account.took_part[id],
            lacking=account.lacking.get(id, {}),
            placeholders=rule.placeholders if rule else (),
        )


def _narrowed(plan: Plan, wanted: set[str]) -> Plan:
    """The correlations asked for and what they refer to; only they matter, so nothing else makes findings."""
    needed = set(wanted)
    for item in reversed(plan.correlations):  # those that refer come after those referred to
        if item.header.id in needed:
            needed.update(item.rules)
    return replace(
        plan,
        rules=tuple(replace(rule, silent=True) for rule in plan.rules if rule.header.id in needed),
        correlations=tuple(item for item in plan.correlations if item.header.id in needed),
    )


class _Overheard(Correlator):
    """Tells the accounts of everything that correlations hear of, and of their own findings."""

    def __init__(self, correlations: Sequence[Correlation], accounts: Sequence["_Account"]) -> None:
        super().__init__(correlations)
        self._accounts = accounts

    def add(self, occurrence: Occurrence) -> list[Finding]:
        for account in self._accounts:
            account.hear(occurrence)
        return super().add(occurrence)


Key = tuple[str, ...]


class _Account:
    def __init__(self, correlation: Correlation) -> None:
        self.correlation = correlation
        self.matched: Counter[str] = Counter()
        self.took_part: Counter[str] = Counter()
        self.lacking: dict[str, Counter[str]] = {}
        self.fired: Counter[Key] = Counter()
        self._spans: dict[Key, list[tuple[Nanos, Nanos]]] = {}
        """The first and last time of what the correlation fired for."""
        self.groups: dict[Key, Group] = {}
        self.unexamined = 0
        self._measure = Measure(correlation)
        self._examined = 0

    def hear(self, occurrence: Occurrence) -> None:
        if occurrence.rule == self.correlation.header.id:
            key = self._key(cell_texts(occurrence.values[name])[0] for name in self.correlation.group_by)
            self.fired[key] += 1
            spans = self._spans.setdefault(key, [])
            if len(spans) < MOST_ORDERED:
                spans.append((occurrence.evidence[0].time, occurrence.time))
        if occurrence.rule not in self.correlation.rules:
            return
        self.matched[occurrence.rule] += 1
        values, item = self._measure.group(occurrence), self._measure.item(occurrence)
        if values is None or item is None:
            self.lacking.setdefault(occurrence.rule, Counter()).update(self._reasons(occurrence))
            return
        self.took_part[occurrence.rule] += 1
        if self._examined >= MOST_EXAMINED:
            self.unexamined += 1
            return
        group = self.groups.setdefault(self._key(values.values()), Group(self.correlation.timespan))
        if group.insert(item, apart=self.correlation.type != "event_count") is not None:
            self._examined += 1

    @staticmethod
    def _key(values: Iterable[str]) -> Key:
        return tuple(fold(value) for value in values)

    def _reasons(self, occurrence: Occurrence) -> Iterator[str]:
        asked = (*self.correlation.group_by, *self.correlation.fields)
        cells = {name: self._measure.cell(occurrence, name) for name in asked}
        absent = [name for name, cell in cells.items() if cell is None or not cell_texts(cell)]
        own = {name: self._measure.own_name(occurrence.rule, name) for name in absent}
        yield from (f"lacks {name}" + (f" ({own[name]})" if own[name] != name else "") for name in absent)
        if not absent:
            yield f"{self.correlation.fields[0]} is no number"

    def nearest(self, most: int) -> list[GroupAccount]:
        found = [(self.fired[key] == 0, *self._best(key, group), key) for key, group in self.groups.items()]
        found.sort(key=lambda entry: (entry[0], entry[1].distance, -len(entry[2]), entry[3]))
        return [self._group(key, nearness, window) for _, nearness, window, key in found[:most]]

    def _group(self, key: Key, nearness: Nearness, window: Sequence[Item]) -> GroupAccount:
        ids = list(dict.fromkeys(entry.event_id for item in window for entry in item.occurrence.evidence))
        if len(ids) > MOST_EVENT_IDS:
            ids = [*ids[: MOST_EVENT_IDS - 1], ids[-1]]
        return GroupAccount(
            group=self._measure.group(window[-1].occurrence) or {},
            fired=self.fired[key],
            holds=not nearness.distance,
            measured=nearness.measured,
            value=nearness.value,
            events=sum(item.count for item in window),
            first=window[0].time,
            last=window[-1].time,
            occurred=Counter(item.occurrence.rule for item in window),
            event_ids=tuple(ids),
        )

    def _best(self, key: Key, group: Group) -> tuple[Nearness, Sequence[Item]]:
        """The window that comes nearest; of several the one with the greatest measure, then the most events."""
        measured = [(self._measure.nearness(window, Tally(window)), window) for window in self._windows(key, group)]
        return min(measured, key=lambda entry: (entry[0].distance, -(entry[0].measured or 0), -len(entry[1])))

    def _windows(self, key: Key, group: Group) -> Iterator[Sequence[Item]]:
        items, span = group.items, self.correlation.timespan
        if not self._measure.rising:
            begin = 0
            for end in range(1, len(items) + 1):
                if end == len(items) or items[end].time > items[begin].time + span:
                    yield items[begin:end]
                    begin = end
            return
        if self._measure.ordered:
            for first, last in self._spans.get(key, ()):
                yield [item for item in items if first <= item.time <= last]
        yield from (items[begin:end] for begin, end in self._fullest(items))

    def _fullest(self, items: Sequence[Item]) -> list[tuple[int, int]]:
        """The windows that promise most; the one, where the promise is all that counts."""
        tally, begin = Tally(), 0
        found: list[tuple[Amount, int, int]] = []
        for end, item in enumerate(items, 1):
            tally.add(item)
            while items[begin].time < item.time - self.correlation.timespan:
                tally.remove(items[begin])
                begin += 1
            found.append((self._measure.promise(tally), begin, end))
        found.sort(key=lambda entry: -entry[0])
        return [(begin, end) for _, begin, end in found[: MOST_ORDERED if self._measure.ordered else 1]]


_SIGNS = {"lt": "<", "lte": "≤", "gt": ">", "gte": "≥", "eq": "=", "neq": "≠"}


def _asks(correlation: Correlation, names: Sequence[str]) -> tuple[str, str]:
    if correlation.condition is not None:
        order = ", in this order" if correlation.type == "temporal_ordered" else ""
        return f"{_said(correlation.condition, names)}{order}", ""
    limits = (f"{_SIGNS[threshold.operator]} {threshold.value}" for threshold in correlation.thresholds)
    return _subject(correlation), " and ".join(limits)


def _subject(correlation: Correlation) -> str:
    field = " with ".join(correlation.fields)
    match correlation.type:
        case "event_count":
            return "events"
        case "value_count":
            return f"different values of {field}"
        case "value_sum":
            return f"sum of {field}"
        case "value_avg":
            return f"average of {field}"
        case "value_median":
            return f"median of {field}"
        case "value_percentile" if correlation.percentile is None:
            return f"percent of the events that share one value of {field}"
        case "value_percentile":
            return f"percentile {correlation.percentile:g} of {field}"
        case "temporal_ordered":
            return "rules that match one after the other"
        case _:
            return "different rules that match"


def _said(condition: Expression, names: Sequence[str], *, inner: bool = False) -> str:
    match condition:
        case Not(operand):
            return f"not {_said(operand, names, inner=True)}"
        case All(atoms, operands) | Any_(atoms, operands):
            parts = [f"'{names[atom]}'" for atom in sorted(atoms)]
            parts += [_said(operand, names, inner=True) for operand in operands]
            said = (" and " if isinstance(condition, All) else " or ").join(parts)
            return f"({said})" if inner and len(parts) > 1 else said
        case _:
            return str(condition)
