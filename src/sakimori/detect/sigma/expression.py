"""Boolean expressions over atoms (numbers), and what can be known of them without an event.

Built only through ``conjunction``, ``disjunction`` and ``negation``, which keep them flat and free of constants below
the top; lists of plain atoms become one set operation.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class All:
    """Every atom and every operand holds."""

    atoms: frozenset[int]
    operands: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Any_:
    """Some atom or some operand holds."""

    atoms: frozenset[int]
    operands: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Expression"


Expression = bool | All | Any_ | Not


def atom(index: int) -> Expression:
    return All(frozenset((index,)), ())


def _single(expression: Expression) -> int | None:
    if isinstance(expression, (All, Any_)) and len(expression.atoms) == 1 and not expression.operands:
        return next(iter(expression.atoms))
    return None


def _joined(expressions: Iterable[Expression], kind: type[All] | type[Any_], *, neutral: bool) -> Expression:
    atoms: set[int] = set()
    operands: dict[Expression, None] = {}
    for expression in expressions:
        if isinstance(expression, bool):
            if expression is not neutral:
                return expression
        elif (index := _single(expression)) is not None:
            atoms.add(index)
        elif isinstance(expression, kind):
            atoms |= expression.atoms
            operands.update(dict.fromkeys(expression.operands))
        else:
            operands[expression] = None
    if any(_opposed(operand.operand, kind, atoms, operands) for operand in operands if isinstance(operand, Not)):
        return not neutral
    if not atoms and not operands:
        return neutral
    if not atoms and len(operands) == 1:
        return next(iter(operands))
    return kind(frozenset(atoms), tuple(operands))


def _opposed(
    negated: Expression, kind: type[All] | type[Any_], atoms: Set[int], operands: Mapping[Expression, None]
) -> bool:
    """Whether ``x and not negated`` cannot hold (or ``x or not negated`` must) for what is joined beside it."""
    if isinstance(negated, (bool, Not)):
        return False
    if isinstance(negated, kind) or _single(negated) is not None:
        return negated.atoms <= atoms and all(operand in operands for operand in negated.operands)
    return not negated.atoms.isdisjoint(atoms) or any(operand in operands for operand in negated.operands)


def conjunction(expressions: Iterable[Expression]) -> Expression:
    return _joined(expressions, All, neutral=True)


def disjunction(expressions: Iterable[Expression]) -> Expression:
    return _joined(expressions, Any_, neutral=False)


def negation(expression: Expression) -> Expression:
    if isinstance(expression, bool):
        return not expression
    return expression.operand if isinstance(expression, Not) else Not(expression)


def holds(expression: Expression, true: Set[int]) -> bool:
    """Whether it holds when exactly the atoms ``true`` do."""
    match expression:
        case All(atoms, operands):
            return atoms <= true and all(holds(operand, true) for operand in operands)
        case Any_(atoms, operands):
            return not atoms.isdisjoint(true) or any(holds(operand, true) for operand in operands)
        case Not(operand):
            return not holds(operand, true)
        case _:
            return expression


def support(expression: Expression, true: Set[int]) -> frozenset[int]:
    """The atoms that make it hold (given that it does): what a person would be shown as the evidence."""
    match expression:
        case All(atoms, operands):
            return atoms.union(*(support(operand, true) for operand in operands))
        case Any_(atoms, operands):
            return (atoms & true).union(*(support(operand, true) for operand in operands if holds(operand, true)))
        case _:
            return frozenset()


def atoms_of(expression: Expression) -> frozenset[int]:
    match expression:
        case All(atoms, operands) | Any_(atoms, operands):
            return atoms.union(*(atoms_of(operand) for operand in operands))
        case Not(operand):
            return atoms_of(operand)
        case _:
            return frozenset()


def given(expression: Expression, answers: Mapping[int, bool]) -> Expression:
    """What remains of the expression where these atoms' answers are known, simplified."""
    match expression:
        case All(atoms, operands):
            if any(answers.get(index) is False for index in atoms):
                return False
            rest = All(atoms - answers.keys(), ()) if not atoms <= answers.keys() else True
            return conjunction(chain((rest,), (given(operand, answers) for operand in operands)))
        case Any_(atoms, operands):
            if any(answers.get(index) for index in atoms):
                return True
            rest = Any_(atoms - answers.keys(), ()) if not atoms <= answers.keys() else False
            return disjunction(chain((rest,), (given(operand, answers) for operand in operands)))
        case Not(operand):
            return negation(given(operand, answers))
        case _:
            return expression


def renumbered(expression: Expression, numbers: Mapping[int, int]) -> Expression:
    """The same expression with atoms under other numbers, different ones for different atoms."""
    match expression:
        case All(atoms, operands):
            return All(
                frozenset([numbers.get(index, index) for index in atoms]),
                tuple([renumbered(operand, numbers) for operand in operands]),
            )
        case Any_(atoms, operands):
            return Any_(
                frozenset([numbers.get(index, index) for index in atoms]),
                tuple([renumbered(operand, numbers) for operand in operands]),
            )
        case Not(operand):
            return Not(renumbered(operand, numbers))
        case _:
            return expression


def anchor(expression: Expression, weight: Callable[[int], float]) -> tuple[float, frozenset[int]] | None:
    """Atoms of which at least one holds whenever the expression does, chosen for little total ``weight``.

    None where there are none: the expression can hold when no atom does.
    """
    match expression:
        case All(atoms, operands):
            choices = [found for operand in operands if (found := anchor(operand, weight)) is not None]
            if atoms:
                least, index = min([(weight(index), index) for index in atoms])
                choices.append((least, frozenset((index,))))
            return min(choices, key=lambda choice: (choice[0], sorted(choice[1])), default=None)
        case Any_(atoms, operands):
            parts = [anchor(operand, weight) for operand in operands]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return None
            total = sum(map(weight, atoms)) + sum(part[0] for part in known)
            return total, atoms.union(*(part[1] for part in known))
        case Not():
            return None
        case _:
            return None if expression else (0.0, frozenset())


def to_plain(expression: Expression) -> Any:
    """Nested lists: the JSON form."""
    match expression:
        case All(atoms, operands):
            return ["all", sorted(atoms), *map(to_plain, operands)]
        case Any_(atoms, operands):
            return ["any", sorted(atoms), *map(to_plain, operands)]
        case Not(operand):
            return ["not", to_plain(operand)]
        case _:
            return expression


def from_plain(plain: Any, atoms: Set[int]) -> Expression:
    """The inverse of ``to_plain``, over these atoms. Raises ValueError (or TypeError) where it is not its output."""
    match plain:
        case bool():
            return plain
        case ["all" | "any" as operator, numbers, *operands]:
            known = frozenset(cast("list[int]", numbers))
            if not known <= atoms:
                raise ValueError("an atom that is not there")
            kind = All if operator == "all" else Any_
            return kind(known, tuple([from_plain(operand, atoms) for operand in operands]))
        case ["not", operand]:
            return Not(from_plain(operand, atoms))
        case _:
            raise ValueError("not an expression")
