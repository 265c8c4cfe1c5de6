"""The rules that look at one kind of event, prepared: fields under the event's own names, constants folded away."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

from sakimori.detect.sigma import expression
from sakimori.detect.sigma.expression import Expression
from sakimori.detect.sigma.logsource import LogSource, LogSources, Selector
from sakimori.detect.sigma.pattern import Atom, Compare, Exists, Null, Number, Pattern, SameAs, Text, compares
from sakimori.detect.sigma.plan import Plan, Rule
from sakimori.detect.sigma.text import Glob, exact, fold, number
from sakimori.records import EventKind


@dataclass(frozen=True, slots=True)
class KindRule:
    rule: Rule
    condition: Expression
    """Over ``KindPlan.atoms``."""
    given: tuple[str, ...]
    """Fields that the rule asks about and that are the same in every event of the kind."""
    names: Mapping[str, str]
    """Sigma's field name → the event's, where they differ."""


@dataclass(frozen=True, slots=True)
class KindPlan:
    atoms: Mapping[int, Atom]
    """By number. ``field`` is the event's own name; None: a keyword."""
    rules: tuple[KindRule, ...]
    """Those that an event of this kind can fulfil."""
    by_atom: Mapping[int, tuple[int, ...]]
    """Rules (by position) that cannot hold unless this atom, or another under which they are listed, does."""
    always: tuple[int, ...]
    """Rules that can hold when no atom does."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A condition and what is known of it."""

    condition: Expression
    atoms: frozenset[int]
    anchor: frozenset[int] | None

    def renumbered(self, numbers: Mapping[int, int]) -> "_Prepared":
        if numbers.keys().isdisjoint(self.atoms):
            return self
        anchor = None if self.anchor is None else frozenset([numbers.get(index, index) for index in self.anchor])
        atoms = frozenset([numbers.get(index, index) for index in self.atoms])
        return _Prepared(expression.renumbered(self.condition, numbers), atoms, anchor)


class KindPlans:
    """Makes ``KindPlan``s out of a plan, on demand. Kinds that all rules see alike share one.

    Most rules ask a kind's events just what they say, so that their conditions serve all kinds as they stand; only
    where a field has another name there, or the kind answers a question by itself, is a condition made anew.
    """

    def __init__(self, plan: Plan, sources: LogSources) -> None:
        self._plan = plan
        self._atoms = _Atoms(plan)
        self._sources = sources
        self._by_source: dict[LogSource, list[Rule]] = {}
        for rule in plan.rules:
            if not rule.placeholders:
                self._by_source.setdefault(rule.source, []).append(rule)
        self._selectors = {source: sources.selectors(source) for source in self._by_source}
        self._prepared: dict[int, _Prepared] = {}
        """By number of the condition."""
        self._codes: dict[str, _Codes] = {}
        """By the name of the field that holds an event's code."""
        self._made: dict[object, KindPlan] = {}

    def build(self, kind: EventKind) -> KindPlan:
        code_field = self._sources.code_field(kind.product)
        answers = self._answers(code_field).to(kind.code) if code_field is not None else {}
        chosen = {
            source: selector
            for source, selectors in self._selectors.items()
            if (selector := next((selector for selector in selectors if selector.admits(kind)), None)) is not None
        }
        key = (
            frozenset(index for index, answer in answers.items() if answer),
            tuple((source, *sorted(selector.fields.items())) for source, selector in chosen.items()),
            code_field,
        )
        if key not in self._made:
            self._made[key] = self._make(chosen, answers, code_field)
        return self._made[key]

    def _make(
        self, chosen: Mapping[LogSource, Selector], answers: Mapping[int, bool], code_field: str | None
    ) -> KindPlan:
        rules: list[KindRule] = []
        atoms: set[int] = set()
        by_atom: dict[int, list[int]] = {}
        always: list[int] = []
        for source, selector in chosen.items():
            numbers = self._atoms.under(selector.fields)
            for rule in self._by_source[source]:
                here = self._condition(rule.condition)
                folded = not answers.keys().isdisjoint(here.atoms)
                if folded:
                    here = self._prepare(expression.given(here.condition, answers))
                if here.condition is False:
                    continue
                here = here.renumbered(numbers)
                atoms |= here.atoms
                if here.anchor is None:
                    always.append(len(rules))
                for index in here.anchor or ():
                    by_atom.setdefault(index, []).append(len(rules))
                known = (code_field,) if folded and code_field is not None else ()
                rules.append(KindRule(rule, here.condition, known, selector.fields))
        return KindPlan(
            atoms={number: self._atoms[number] for number in sorted(atoms)},
            rules=tuple(rules),
            by_atom={index: tuple(found) for index, found in by_atom.items()},
            always=tuple(always),
        )

    def _answers(self, code_field: str) -> "_Codes":
        known = self._codes.get(code_field)
        if known is None:
            asked = self._plan.asked.get(code_field, ())
            known = self._codes[code_field] = _Codes({index: self._atoms[index].pattern for index in asked})
        return known

    def _condition(self, number: int) -> _Prepared:
        known = self._prepared.get(number)
        if known is None:
            known = self._prepared[number] = self._prepare(self._plan.conditions[number])
        return known

    def _prepare(self, condition: Expression) -> _Prepared:
        found = expression.anchor(condition, self._atoms.weight)
        return _Prepared(condition, expression.atoms_of(condition), None if found is None else found[1])


class _Atoms:
    """The plan's atoms, and the same under the names that their fields have in some kinds.

    With ``n`` atoms in the plan, atom ``i`` is number ``k * n + i`` under the ``k``-th table of names, counted from 1.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._count = len(plan.atoms)
        self._weights: dict[int, float] = {}
        self._tables: dict[tuple[tuple[str, str], ...], Mapping[int, int]] = {(): {}}
        self._renamed: dict[int, Atom] = {}

    def __getitem__(self, number: int) -> Atom:
        if number < self._count:
            return self._plan.atoms[number]
        known = self._renamed.get(number)
        if known is None:
            known = self._renamed[number] = self._rename(number)
        return known

    def weight(self, number: int) -> float:
        known = self._weights.get(number)
        if known is None:
            known = self._weights[number] = _frequency(self._plan.atoms[number].pattern)
        return known

    def under(self, fields: Mapping[str, str]) -> Mapping[int, int]:
        """The plan's atoms that ask about one of these fields → their numbers under its other name."""
        key = tuple(sorted(fields.items()))
        known = self._tables.get(key)
        if known is None:
            shift = len(self._tables) * self._count
            known = {index: shift + index for name in fields for index in self._plan.asked.get(name, ())}
            self._tables[key] = known
        return known

    def _rename(self, number: int) -> Atom:
        table, index = divmod(number, self._count)
        fields = dict(list(self._tables)[table])
        atom = self._plan.atoms[index]
        field = None if atom.field is None else fields.get(atom.field, atom.field)
        pattern = atom.pattern
        if isinstance(pattern, SameAs):
            pattern = SameAs(fields.get(pattern.other, pattern.other), pattern.place)
        return Atom(field, pattern)


class _Codes:
    """What a kind's code answers by itself: nearly all rules name the very code, so that few have to be asked."""

    def __init__(self, patterns: Mapping[int, Pattern]) -> None:
        self._texts: dict[str, list[int]] = {}
        self._numbers: dict[int | Fraction, list[int]] = {}
        self._others: dict[int, Pattern] = {}
        for index, pattern in patterns.items():
            match pattern:
                case Text((str(text),), cased=False):
                    self._texts.setdefault(text, []).append(index)
                case Number(value):
                    self._numbers.setdefault(exact(value), []).append(index)
                case _:
                    self._others[index] = pattern
        self._no = dict.fromkeys(patterns.keys() - self._others.keys(), False)

    def to(self, code: str) -> dict[int, bool]:
        """Atom → whether it holds for this code, where that is said without an event."""
        value = number(code)
        same = (self._texts.get(fold(code), ()), () if value is None else self._numbers.get(value, ()))
        answers = self._no | dict.fromkeys(chain(*same), True)
        for index, pattern in self._others.items():
            answer = constant(pattern, code)
            if answer is not None:
                answers[index] = answer
        return answers


def constant(pattern: Pattern, text: str) -> bool | None:
    """Whether the pattern holds for a field with this text; None where that is not said without an event."""
    match pattern:
        case Text(pieces, cased):
            return Glob(pieces).matches(text if cased else fold(text))
        case Number(value):
            return number(text) == exact(value)
        case Compare():
            return compares(pattern, text)
        case Null():
            return False
        case Exists(present):
            return present
        case _:
            return None


def _frequency(pattern: Pattern) -> float:
    """A guess at how often a pattern holds: longer literals are rarer. Only speed hangs on it."""
    if isinstance(pattern, Text):
        return 0.7 ** sum([len(piece) for piece in pattern.pieces if isinstance(piece, str)])
    return 1.0 if isinstance(pattern, (Null, Exists)) else 0.05
