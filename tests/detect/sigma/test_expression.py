"""Expressions keep their meaning however they are simplified, numbered anew or written down."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.detect.sigma import expression
from sakimori.detect.sigma.expression import Expression, anchor, conjunction, disjunction, holds, negation, support

_ATOMS = st.integers(0, 5)
_TREE = st.recursive(
    st.one_of(_ATOMS, st.booleans()),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, max_size=3)),
        st.tuples(st.just("not"), inner),
    ),
    max_leaves=12,
)
_TRUE = st.frozensets(_ATOMS)


def build(tree: Any) -> Expression:
    if isinstance(tree, bool):
        return tree
    if isinstance(tree, int):
        return expression.atom(tree)
    operator, inner = tree
    if operator == "not":
        return negation(build(inner))
    parts = [build(part) for part in inner]
    return conjunction(parts) if operator == "and" else disjunction(parts)


def plainly(tree: Any, true: frozenset[int]) -> bool:
    if isinstance(tree, bool):
        return tree
    if isinstance(tree, int):
        return tree in true
    operator, inner = tree
    if operator == "not":
        return not plainly(inner, true)
    parts = [plainly(part, true) for part in inner]
    return all(parts) if operator == "and" else any(parts)


@given(tree=_TREE, true=_TRUE)
def test_building_keeps_the_meaning(tree: Any, true: frozenset[int]) -> None:
    assert holds(build(tree), true) == plainly(tree, true)


@given(tree=_TREE, true=_TRUE)
def test_where_it_holds_an_anchor_does(tree: Any, true: frozenset[int]) -> None:
    built = build(tree)
    found = anchor(built, float)
    if found is not None and holds(built, true):
        assert found[1] & true


@given(tree=_TREE, true=_TRUE)
def test_support_is_true_and_suffices_but_for_negations(tree: Any, true: frozenset[int]) -> None:
    built = build(tree)
    if holds(built, true):
        assert support(built, true) <= true


@given(tree=_TREE)
def test_json_form(tree: Any) -> None:
    built = build(tree)
    assert expression.from_plain(expression.to_plain(built), frozenset(range(6))) == built


@given(tree=_TREE, known=st.dictionaries(_ATOMS, st.booleans()), true=_TRUE)
def test_known_answers_are_folded_away(tree: Any, known: dict[int, bool], true: frozenset[int]) -> None:
    rest = expression.given(build(tree), known)
    actual = frozenset(index for index in range(6) if known.get(index, index in true))
    assert holds(rest, true) == plainly(tree, actual)
    assert expression.atoms_of(rest).isdisjoint(known)


@given(tree=_TREE, numbers=st.permutations(range(10)), true=_TRUE)
def test_other_numbers_change_nothing(tree: Any, numbers: list[int], true: frozenset[int]) -> None:
    made = expression.renumbered(build(tree), {index: numbers[index] for index in range(6)})
    assert holds(made, {numbers[index] for index in true}) == plainly(tree, true)


@pytest.mark.parametrize("plain", ["x", 1, None, [], ["all"], ["all", [6]], ["any", [-1]], ["not", 0], ["all", 7]])
def test_what_is_no_expression_is_refused(plain: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        expression.from_plain(plain, frozenset(range(6)))
