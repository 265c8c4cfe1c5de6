"""The rules that look at one kind of event, prepared: fields under the event's own names, constants folded away."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

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
    """Makes ``KindPlan``s out of a plan, on demand."""

    def __init__(self, plan: Plan, sources: LogSources) -> None:
        self._plan = plan
        self._sources = sources
        self._by_source: dict[LogSource, list[Rule]] = {}
        for rule in plan.rules:
            if not rule.placeholders and rule.condition is not False:
                self._by_source.setdefault(rule.source, []).append(rule)
        self._selectors = {source: sources.selectors(source) for source in self._by_source}

    def build(self, kind: EventKind) -> KindPlan:
        numbering: dict[Atom, int] = {}
        rules: list[KindRule] = []
        code_field = self._sources.code_field(kind.product)
        for source, selectors in self._selectors.items():
            selector = next((selector for selector in selectors if selector.admits(kind)), None)
            if selector is not None:
                group = _Group(self._plan.atoms, selector, kind.code, code_field, numbering)
                rules += [made for rule in self._by_source[source] if (made := group.rule(rule)) is not None]
        return _indexed(tuple(numbering), tuple(rules))


class _Group:
    """The rules of one log source, for one kind."""

    def __init__(
        self, atoms: tuple[Atom, ...], selector: Selector, code: str, code_field: str | None, numbering: dict[Atom, int]
    ) -> None:
        self._atoms = atoms
        self._fields = selector.fields
        self._code = code
        self._code_field = code_field
        self._numbering = numbering
        self._known: dict[int, Expression] = {}

    def rule(self, rule: Rule) -> KindRule | None:
        condition = substitute(rule.condition, self._atom)
        if condition is False:
            return None
        asked = {self._atoms[index].field for index in expression.atoms_of(rule.condition)}
        given = (self._code_field,) if self._code_field in asked and self._code_field is not None else ()
        return KindRule(rule, condition, given, self._fields)

    def _atom(self, index: int) -> Expression:
        known = self._known.get(index)
        if known is None:
            known = self._known[index] = self._translated(self._atoms[index])
        return known

    def _translated(self, atom: Atom) -> Expression:
        if atom.field is not None and atom.field == self._code_field:
            answer = constant(atom.pattern, self._code)
            if answer is not None:
                return answer
        pattern = atom.pattern
        if isinstance(pattern, SameAs):
            pattern = SameAs(self._fields.get(pattern.other, pattern.other), pattern.place)
        field = None if atom.field is None else self._fields.get(atom.field, atom.field)
        renamed = Atom(field, pattern)
        return expression.atom(self._numbering.setdefault(renamed, len(self._numbering)))


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
