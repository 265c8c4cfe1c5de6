"""What the occurrences within one window amount to, per type of correlation, and whether that is what was asked for.

Windows, groups and time are ``correlate``'s; here a window is a sequence of items in order of time.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, product

import orjson

from sakimori.core import Nanos
from sakimori.detect.sigma import expression
from sakimori.detect.sigma.expression import All, Any_, Expression, Not
from sakimori.detect.sigma.occurrence import Occurrence
from sakimori.detect.sigma.plan import Correlation
from sakimori.detect.sigma.text import exact, fold, number
from sakimori.records import EventRef, cell_texts

Amount = int | Fraction

MOST_LABELS = 1000
"""Different values that one event can bring: an array of a million counts as its first thousand."""

MOST_TERMS = 1000

NUMERIC = ("value_sum", "value_avg", "value_percentile", "value_median")


@dataclass(slots=True)
class Item:
    """An occurrence as one correlation sees it; in a crowd, several that happened at nearly the same time."""

    occurrence: Occurrence
    size: int = 1
    """How many occurrences (of those that bring numbers: how many numbers) it stands for."""
    total: Amount = 0
    """The sum of its numbers."""
    labels: dict[str, int] = field(default_factory=dict[str, int])
    """What is told apart within a window, and how often: values, numbers as texts, or rules."""
    count: int = 1
    """How many events it stands for."""

    @property
    def time(self) -> Nanos:
        return self.occurrence.time

    def absorb(self, other: "Item", most: int) -> int:
        """Stand for ``other`` too, keeping at most ``most`` labels; how many were not kept."""
        self.size += other.size
        self.total += other.total
        self.count += other.count
        lost = 0
        for label, times in other.labels.items():
            if label in self.labels or len(self.labels) < most:
                self.labels[label] = self.labels.get(label, 0) + times
            else:
                lost += 1
        return lost


class Tally:
    """The sums over a window that items enter and leave."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self.size = 0
        self.total: Amount = 0
        self.most: Amount = 0
        """No part of the window has a greater total."""
        self.labels: Counter[str] = Counter()
        for item in items:
            self.add(item)

    def add(self, item: Item) -> None:
        self.size += item.size
        self.total += item.total
        self.most += max(item.total, 0)
        for label, times in item.labels.items():
            self.labels[label] += times

    def remove(self, item: Item) -> None:
        self.size -= item.size
        self.total -= item.total
        self.most -= max(item.total, 0)
        for label, times in item.labels.items():
            self.labels[label] -= times
            if not self.labels[label]:
                del self.labels[label]


@dataclass(frozen=True, slots=True)
class Nearness:
    distance: Amount
    """0: it is what is asked for; the greater, the farther."""
    measured: Amount | None
    """What is compared with the thresholds; None for conditions over names."""
    value: str | None = None
    """Of shares: the value whose share was ``measured``."""


_JUST_NOT = Fraction(1, 10**9)

Term = tuple[frozenset[int], frozenset[int]]
"""Rules (by position) that must occur, and rules that must not."""


class Measure:
    """One correlation's question to a window."""

    def __init__(self, correlation: Correlation) -> None:
        self._type = correlation.type
        self._fields = correlation.fields
        self._percentile = correlation.percentile
        self._share = self._type == "value_percentile" and correlation.percentile is None
        self._limits = [(threshold.operator, exact(threshold.value)) for threshold in correlation.thresholds]
        self._group_by = correlation.group_by
        self._aliases = {alias: dict(names) for alias, names in correlation.aliases}
        self._positions = {rule: position for position, rule in enumerate(correlation.rules)}
        self._condition = correlation.condition
        self._terms = terms(correlation.condition) if correlation.condition is not None else []
        self.ordered = self._type == "temporal_ordered"
        self.rising = self._rises()
        """Whether more occurrences can only help to fulfil it, so that it is answered before a window is over."""
        lengths = range(len(self._positions) + 1)
        self._shortest = next((length for length in lengths if self._fits(length)), len(lengths))
        """The shortest run that ``temporal_ordered`` asks for."""

    def _rises(self) -> bool:
        if self._condition is not None:
            return not any(absent for _, absent in self._terms)
        if self._type in ("value_avg", "value_percentile", "value_median"):
            return False
        return all(operator in ("gt", "gte") for operator, _ in self._limits)

    def cell(self, occurrence: Occurrence, name: str) -> str | None:
        """The occurrence's value of a field or alias."""
        return occurrence.values.get(self.own_name(occurrence.rule, name))

    def own_name(self, rule: str, name: str) -> str:
        """What the rule's events call a field or alias."""
        return self._aliases.get(name, {}).get(rule, name)

    def group(self, occurrence: Occurrence) -> dict[str, str] | None:
        """Group-by name → text; None where the event lacks one."""
        values: dict[str, str] = {}
        for name in self._group_by:
            cell = self.cell(occurrence, name)
            texts = cell_texts(cell) if cell is not None else []
            if not texts:
                return None
            values[name] = texts[0]
        return values

    def item(self, occurrence: Occurrence) -> Item | None:
        """The occurrence, measured; None where it lacks the value in question and so takes no part."""
        made = Item(occurrence, count=occurrence.count)
        if not self._fields:
            if self._type != "event_count":
                made.labels[occurrence.rule] = 1
            return made
        cells = [self.cell(occurrence, name) for name in self._fields]
        texts = [cell_texts(cell) if cell is not None else [] for cell in cells]
        if self._type in NUMERIC and not self._share:
            numbers = [value for text in texts[0][:MOST_LABELS] if (value := number(text)) is not None]
            made.size = len(numbers)
            made.total = sum(numbers)
            if self._type in ("value_percentile", "value_median"):
                made.labels.update(Counter(map(str, numbers)))
            return made if numbers else None
        for values in islice(product(*texts), MOST_LABELS):
            folded = [fold(value) for value in values]
            label = folded[0] if len(folded) == 1 else orjson.dumps(folded).decode()
            made.labels[label] = made.labels.get(label, 0) + 1
        return made if made.labels else None

    def answer(self, window: Sequence[Item], tally: Tally) -> Sequence[Item]:
        """The items that a finding rests on; none where the window is not what was asked for."""
        if self.ordered:
            return self._ordered(window, tally)
        if self._share:
            total = tally.labels.total()
            chosen = {label for label, times in tally.labels.items() if self._fits(Fraction(100 * times, total))}
            return [item for item in window if not chosen.isdisjoint(item.labels)]
        return window if self.may_hold(tally) else ()

    def is_hopeless(self, tally: Tally) -> bool:
        """True only if, of a rising measure, no part of what was tallied has an answer."""
        return not (self._fits(tally.most) if self._type == "value_sum" else self.may_hold(tally))

    def may_end(self, items: Sequence[Item], end: int, tally: Tally) -> bool:
        """False only if, of a rising measure, a tallied window that ends before ``end`` is not the first to hold."""
        if not self.may_hold(tally):
            return False
        if not self.ordered or self._condition is not None:
            return True
        time = items[end - 1].time
        while end and items[end - 1].time == time:
            end -= 1
            if self._position(items[end]) >= self._shortest - 1:
                return True
        return False

    def may_hold(self, tally: Tally) -> bool:
        """False only if ``answer`` has none."""
        if self._share:
            return True
        if self._condition is not None:
            present = {self._positions[rule] for rule in tally.labels}
            return expression.holds(self._condition, present)
        if self.ordered:
            return len(tally.labels) >= self._shortest
        return self._fits(self._measured(tally))

    def nearness(self, window: Sequence[Item], tally: Tally) -> "Nearness":
        """How near the window comes to what is asked for."""
        if self._condition is not None:
            lacking = self._lacking(tally)
            disordered = not lacking and self.ordered and not self._ordered(window, tally)
            return Nearness(Fraction(1, 2) if disordered else lacking, None)
        if self._share:
            total = tally.labels.total()
            shares = [(label, Fraction(100 * times, total)) for label, times in tally.labels.items()]
            return min(
                (Nearness(self._distance(share), share, label) for label, share in shares),
                key=lambda nearness: nearness.distance,
            )
        if self.ordered:
            run = longest_run([(self._position(item), item) for item in window], len(self._positions))
            return Nearness(self._distance(len(run)), len(run))
        measured = self._measured(tally)
        return Nearness(self._distance(measured), measured)

    def promise(self, tally: Tally) -> Amount:
        """Of windows of a rising measure, those with the greatest come nearest; of ordered ones, no other does."""
        if self._condition is not None:
            return -self._lacking(tally)
        return len(tally.labels) if self.ordered else self._measured(tally)

    def _lacking(self, tally: Tally) -> int:
        """How many rules must occur besides, or must not have occurred, for the condition over names to hold."""
        present = {self._positions[rule] for rule in tally.labels}
        return min(len(needed - present) + len(absent & present) for needed, absent in self._terms)

    def _distance(self, measured: Amount) -> Amount:
        """0 only where it is what is asked for."""
        apart = [abs(measured - value) for name, value in self._limits if not _compares(measured, name, value)]
        return max(max(apart), _JUST_NOT) if apart else 0

    def _measured(self, tally: Tally) -> Amount:
        match self._type:
            case "event_count":
                return tally.size
            case "value_sum":
                return tally.total
            case "value_avg":
                return Fraction(tally.total, tally.size)
            case "value_percentile" | "value_median":
                numbers = {Fraction(label): times for label, times in tally.labels.items()}
                return percentile(numbers, 50 if self._percentile is None else self._percentile)
            case _:
                return len(tally.labels)

    def _fits(self, measured: Amount) -> bool:
        return all(_compares(measured, operator, value) for operator, value in self._limits)

    def _ordered(self, window: Sequence[Item], tally: Tally) -> Sequence[Item]:
        if self._condition is None:
            run = longest_run([(self._position(item), item) for item in window], len(self._positions))
            return run if self._fits(len(run)) else ()
        present = {self._positions[rule] for rule in tally.labels}
        for needed, absent in self._terms:
            if needed <= present and absent.isdisjoint(present):
                asked = [(position, item) for item in window if (position := self._position(item)) in needed]
                run = longest_run(asked, len(self._positions))
                if len(run) == len(needed):
                    return run
        return ()

    def _position(self, item: Item) -> int:
        return self._positions[item.occurrence.rule]


def percentile(numbers: Mapping[Fraction, int], share: float) -> Fraction:
    """Between the two nearest ranks in proportion (Hyndman and Fan's definition 7, which spreadsheets use).

    ``numbers``: value → how often; ``share`` in percent.
    """
    rank = (sum(numbers.values()) - 1) * exact(share) / Fraction(100)
    below = math.floor(rank)
    found: list[Fraction] = []
    seen = 0
    for value in sorted(numbers):
        seen += numbers[value]
        while len(found) < 2 and below + len(found) < seen:
            found.append(value)
        if len(found) == 2:
            break
    return found[0] + (rank - below) * (found[-1] - found[0])


def _compares(measured: Amount, operator: str, value: Amount) -> bool:
    match operator:
        case "gt":
            return measured > value
        case "gte":
            return measured >= value
        case "lt":
            return measured < value
        case "lte":
            return measured <= value
        case "eq":
            return measured == value
        case _:
            return measured != value


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of items, last one first; ``begin`` is when the first one happened."""

    item: Item
    before: "_Run | None"
    length: int
    begin: Nanos

    def items(self) -> list[Item]:
        found: list[Item] = []
        run: _Run | None = self
        while run is not None:
            found.append(run.item)
            run = run.before
        return found[::-1]


def longest_run(window: Iterable[tuple[int, Item]], rules: int) -> list[Item]:
    """Different events that fulfil most of the rules, one after the other in order of their positions.

    Of runs of one length the one that begins last. Events at the same time count as in order.
    """
    ordered = sorted(window, key=lambda entry: (entry[1].time, entry[0], entry[1].occurrence.order))
    runs: list[_Run | None] = [None] * rules
    """By the position of the last rule."""
    time: Nanos | None = None
    known: dict[EventRef, list[_Run | None]] = {}
    for position, item in ordered:
        if item.time != time:
            time, known = item.time, {}
        # Two rules that held for one event are no two steps: build on what was known before that event.
        past = known.setdefault(item.occurrence.event, list(runs))
        before = max((run for run in past[:position] if run), key=_preference, default=None)
        made = _Run(item, before, before.length + 1 if before else 1, before.begin if before else item.time)
        current = runs[position]
        if current is None or _preference(made) >= _preference(current):
            runs[position] = made
    best = max((run for run in runs if run), key=_preference, default=None)
    return best.items() if best else []


def _preference(run: _Run) -> tuple[int, Nanos]:
    return run.length, run.begin


def terms(condition: Expression) -> list[Term]:
    """The condition as alternatives, each of rules that must and rules that must not occur.

    Raises:
        ValueError: there are more than MOST_TERMS.
    """
    found = _terms(condition, wanted=True)
    return sorted(found, key=lambda term: (sorted(term[0]), sorted(term[1])))


def _terms(condition: Expression, *, wanted: bool) -> set[Term]:
    nothing: frozenset[int] = frozenset()
    match condition:
        case Not(operand):
            return _terms(operand, wanted=not wanted)
        case All(atoms, operands) | Any_(atoms, operands):
            single = {((frozenset((a,)), nothing) if wanted else (nothing, frozenset((a,)))) for a in atoms}
            parts = [{term} for term in single] + [_terms(operand, wanted=wanted) for operand in operands]
            if isinstance(condition, Any_) is wanted:
                return set[Term]().union(*parts)
            joined: set[Term] = {(nothing, nothing)}
            for part in parts:
                joined = {(a | c, b | d) for a, b in joined for c, d in part}
                joined = {term for term in joined if term[0].isdisjoint(term[1])}
                if len(joined) > MOST_TERMS:
                    raise ValueError(f"the condition has more than {MOST_TERMS} alternatives: split the correlation")
            return joined
        case _:
            return {(nothing, nothing)} if condition is wanted else set()
