"""The rules that look at one kind of event, prepared: fields under the event's own names, constants folded away."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

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
    atoms: tuple[Atom, ...]
    """``field`` is the event's own name; None: a keyword."""
    rules: tuple[KindRule, ...]
    """Those that an event of this kind can fulfil."""
    by_atom: Mapping[int, tuple[int, ...]]
    """Rules (by position) that cannot hold unless this atom, or another under which they are listed, does."""
    always: tuple[int, ...]
    """Rules that can hold when no atom does."""


class KindPlans:
    """Makes ``KindPlan``s out of a plan, on demand. Kinds that all rules see alike share one."""

    def __init__(self, plan: Plan, sources: LogSources) -> None:
        self._atoms = plan.atoms
        self._sources = sources
        self._by_source: dict[LogSource, list[Rule]] = {}
        for rule in plan.rules:
            if not rule.placeholders and rule.condition is not False:
                self._by_source.setdefault(rule.source, []).append(rule)
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
        made = _Atoms(self._atoms, answers)
        rules: list[KindRule] = []
        for source, selector in chosen.items():
            for rule in self._by_source[source]:
                condition = substitute(rule.condition, partial(made.under, selector.fields))
                if condition is not False:
                    folded = not answers.keys().isdisjoint(expression.atoms_of(rule.condition))
                    given = (code_field,) if folded and code_field is not None else ()
                    rules.append(KindRule(rule, condition, given, selector.fields))
        return _indexed(tuple(made.made), tuple(rules))


class _Atoms:
    """The atoms of one kind, numbered in order of first use, under the event's own field names."""

    def __init__(self, atoms: tuple[Atom, ...], answers: Mapping[int, bool]) -> None:
        self.made: list[Atom] = []
        self._atoms = atoms
        self._answers = answers
        self._numbers: dict[tuple[int, str | None, str | None], Expression] = {}

    def under(self, fields: Mapping[str, str], index: int) -> Expression:
        answer = self._answers.get(index)
        if answer is not None:
            return answer
        atom = self._atoms[index]
        field = fields.get(atom.field, atom.field) if atom.field is not None else None
        pattern = atom.pattern
        other = fields.get(pattern.other, pattern.other) if isinstance(pattern, SameAs) else None
        known = self._numbers.get((index, field, other))
        if known is None:
            known = self._numbers[index, field, other] = expression.atom(len(self.made))
            renamed = SameAs(other, pattern.place) if isinstance(pattern, SameAs) and other is not None else pattern
            self.made.append(Atom(field, renamed))
        return known


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


def _indexed(atoms: tuple[Atom, ...], rules: tuple[KindRule, ...]) -> KindPlan:
    weights = [_frequency(atom.pattern) for atom in atoms]
    by_atom: dict[int, list[int]] = {}
    always: list[int] = []
    for position, rule in enumerate(rules):
        anchor = expression.anchor(rule.condition, weights.__getitem__)
        if anchor is None:
            always.append(position)
        else:
            for index in anchor[1]:
                by_atom.setdefault(index, []).append(position)
    return KindPlan(atoms, rules, {index: tuple(found) for index, found in by_atom.items()}, tuple(always))


def _frequency(pattern: Pattern) -> float:
    """A guess at how often a pattern holds: longer literals are rarer. Only speed hangs on it."""
    match pattern:
        case Text():
            return math.pow(0.7, sum(len(piece) for piece in pattern.pieces if isinstance(piece, str)))
        case Null() | Exists():
            return 1.0
        case _:
            return 0.05
