"""The rules that look at one kind of event, prepared: fields under the event's own names, constants folded away."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from sakimori.detect.sigma import expression
from sakimori.detect.sigma.expression import Expression, substitute
from sakimori.detect.sigma.logsource import LogSource, LogSources, Selector
from sakimori.detect.sigma.pattern import Atom, Compare, Exists, Null, Number, Pattern, SameAs, Text, compares
from sakimori.detect.sigma.plan import Plan, Rule
from sakimori.detect.sigma.text import Glob, fold, number
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


@dataclass(frozen=True)
class _Prepared:
    """A rule's condition and what is known of it, worked out when a kind first needs it."""

    rule: Rule
    condition: Expression
    weight: Callable[[int], float]

    @cached_property
    def atoms(self) -> frozenset[int]:
        return expression.atoms_of(self.condition)

    @cached_property
    def anchor(self) -> frozenset[int] | None:
        found = expression.anchor(self.condition, self.weight)
        return None if found is None else found[1]


class KindPlans:
    """Makes ``KindPlan``s out of a plan, on demand. Kinds that all rules see alike share one.

    Most rules ask a kind's events just what they say, so that their conditions serve all kinds as they stand; only
    where a field has another name there, or the kind answers a question by itself, is a condition made anew.
    """

    def __init__(self, plan: Plan, sources: LogSources) -> None:
        self._atoms = _Atoms(plan.atoms)
        self._sources = sources
        self._by_source: dict[LogSource, list[_Prepared]] = {}
        for rule in plan.rules:
            if not rule.placeholders and rule.condition is not False:
                prepared = _Prepared(rule, rule.condition, self._atoms.weight)
                self._by_source.setdefault(rule.source, []).append(prepared)
        self._selectors = {source: sources.selectors(source) for source in self._by_source}
        self._by_field: dict[str, list[int]] = {}
        for index, atom in enumerate(plan.atoms):
            if atom.field is not None:
                self._by_field.setdefault(atom.field, []).append(index)
        self._made: dict[object, KindPlan] = {}

    def build(self, kind: EventKind) -> KindPlan:
        code_field = self._sources.code_field(kind.product)
        asked = self._by_field.get(code_field, ()) if code_field is not None else ()
        answers = {i: answer for i in asked if (answer := constant(self._atoms[i].pattern, kind.code)) is not None}
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
        made: list[tuple[KindRule, _Prepared]] = []
        for source, selector in chosen.items():
            renamed = self._atoms.about(selector.fields)
            for known in self._by_source[source]:
                here = known
                folded = not answers.keys().isdisjoint(known.atoms)
                if folded or not renamed.isdisjoint(known.atoms):
                    condition = substitute(known.condition, partial(self._atoms.under, selector.fields, answers))
                    if condition is False:
                        continue
                    here = _Prepared(known.rule, condition, self._atoms.weight)
                given = (code_field,) if folded and code_field is not None else ()
                made.append((KindRule(known.rule, here.condition, given, selector.fields), here))
        numbers = sorted(frozenset[int]().union(*(here.atoms for _, here in made)))
        by_atom: dict[int, list[int]] = {}
        always: list[int] = []
        for position, (_, here) in enumerate(made):
            if here.anchor is None:
                always.append(position)
            for index in here.anchor or ():
                by_atom.setdefault(index, []).append(position)
        return KindPlan(
            atoms={number: self._atoms[number] for number in numbers},
            rules=tuple(rule for rule, _ in made),
            by_atom={index: tuple(found) for index, found in by_atom.items()},
            always=tuple(always),
        )


class _Atoms:
    """The plan's atoms under its own numbers, and after them those whose fields have another name in some kind."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        self._all = list(atoms)
        self._weights: dict[int, float] = {}
        self._expressions: dict[int, Expression] = {}
        self._renamed: dict[tuple[int, str | None, str | None], int] = {}
        self._by_field: dict[str, set[int]] = {}
        for index, atom in enumerate(atoms):
            for name in _fields(atom):
                self._by_field.setdefault(name, set()).add(index)

    def __getitem__(self, number: int) -> Atom:
        return self._all[number]

    def about(self, fields: Iterable[str]) -> frozenset[int]:
        """The plan's atoms that ask about one of these fields."""
        return frozenset[int]().union(*(self._by_field.get(name, ()) for name in fields))

    def weight(self, number: int) -> float:
        known = self._weights.get(number)
        if known is None:
            known = self._weights[number] = _frequency(self._all[number].pattern)
        return known

    def under(self, fields: Mapping[str, str], answers: Mapping[int, bool], index: int) -> Expression:
        """The atom as a kind's events are asked it: the answer where there is one, else under their names."""
        answer = answers.get(index)
        if answer is not None:
            return answer
        number = self._number(fields, index) if fields else index
        known = self._expressions.get(number)
        if known is None:
            known = self._expressions[number] = expression.atom(number)
        return known

    def _number(self, fields: Mapping[str, str], index: int) -> int:
        atom = self._all[index]
        if fields.keys().isdisjoint(_fields(atom)):
            return index
        field = fields.get(atom.field, atom.field) if atom.field is not None else None
        pattern = atom.pattern
        if isinstance(pattern, SameAs):
            pattern = SameAs(fields.get(pattern.other, pattern.other), pattern.place)
        key = (index, field, pattern.other if isinstance(pattern, SameAs) else None)
        known = self._renamed.get(key)
        if known is None:
            known = self._renamed[key] = len(self._all)
            self._all.append(Atom(field, pattern))
        return known


def _fields(atom: Atom) -> tuple[str, ...]:
    own = () if atom.field is None else (atom.field,)
    return (*own, atom.pattern.other) if isinstance(atom.pattern, SameAs) else own


def constant(pattern: Pattern, text: str) -> bool | None:
    """Whether the pattern holds for a field with this text; None where that is not said without an event."""
    match pattern:
        case Text(pieces, cased):
            return Glob(pieces).matches(text if cased else fold(text))
        case Number(value):
            return number(text) == value
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
    match pattern:
        case Text():
            return math.pow(0.7, sum(len(piece) for piece in pattern.pieces if isinstance(piece, str)))
        case Null() | Exists():
            return 1.0
        case _:
            return 0.05
