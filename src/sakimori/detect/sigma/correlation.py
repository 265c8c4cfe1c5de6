"""pySigma's correlation documents as the plan's correlations.

pySigma knows conditions of one comparison only; ranges and fractions of a percentile are read here, from the document.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from sakimori.core.clock import NANOS_PER_SECOND
from sakimori.detect.sigma import expression
from sakimori.detect.sigma.expression import Expression
from sakimori.detect.sigma.measure import terms
from sakimori.detect.sigma.plan import Correlation, Header, Threshold
from sakimori.detect.sigma.text import exact

OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")

_TEMPORAL = ("temporal", "temporal_ordered")
_LONGEST = 36_525 * 86_400
"""In seconds: a hundred years."""


def references(rule: SigmaCorrelationRule) -> list[str]:
    """What the correlation calls the rules it refers to, in order."""
    if rule.rules is not None:
        return [str(reference.reference) for reference in rule.rules]
    assert isinstance(rule.condition, SigmaExtendedCorrelationCondition)
    return rule.condition.get_referenced_rules()


def read_correlation(
    header: Header, rule: SigmaCorrelationRule, condition: object, ids: Mapping[str, str]
) -> Correlation:
    """The correlation, to which its references are known by ``ids``; ``condition`` as it stands in the document.

    Raises:
        ValueError: something in it makes no sense.
    """
    kind = rule.type.name.lower()
    named = references(rule)
    rules = tuple(ids[name] for name in named)
    if not rules:
        raise ValueError("'rules' is empty: name the rules to correlate")
    for position, name in enumerate(named):
        if rules[position] in rules[:position]:
            raise ValueError(f"'rules' lists '{name}' twice")
    if rule.timespan.seconds > _LONGEST:
        raise ValueError(f"timespan '{rule.timespan.spec}' is longer than a hundred years")
    asked = None
    thresholds: tuple[Threshold, ...] = ()
    plain = cast("dict[str, Any]", condition) if isinstance(condition, dict) else {}
    if isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        positions = {name: position for position, name in enumerate(named)}
        asked = _expression(rule.condition.parsed, positions)
        if expression.holds(asked, frozenset()):
            raise ValueError("the condition holds even where none of its rules does: name a rule that must occur")
        if not terms(asked):
            raise ValueError("the condition contradicts itself: no events can fulfil it")
    elif plain:
        thresholds = _thresholds(plain)
        _check(kind, thresholds, len(rules), _percentile(kind, plain))
    else:
        thresholds = (Threshold("gte", len(rules)),)
    return Correlation(
        header=header,
        type=kind,
        rules=rules,
        group_by=tuple(rule.group_by or ()),
        timespan=rule.timespan.seconds * NANOS_PER_SECOND,
        thresholds=thresholds,
        fields=_fields(kind, plain),
        aliases=tuple(
            (str(alias.alias), tuple((_known(ref, ids, rules), str(name)) for ref, name in alias.mapping.items()))
            for alias in rule.aliases
        ),
        percentile=_percentile(kind, plain),
        condition=asked,
    )


def _known(reference: SigmaRuleReference, ids: Mapping[str, str], rules: Sequence[str]) -> str:
    found = ids.get(reference.reference)
    if found is None or found not in rules:
        raise ValueError(f"aliases name a rule '{reference.reference}' that the correlation does not refer to")
    return found


def _expression(node: object, positions: Mapping[str, int]) -> Expression:
    match node:
        case CorrelationConditionAND():
            return expression.conjunction([_expression(operand, positions) for operand in node.args])
        case CorrelationConditionOR():
            return expression.disjunction([_expression(operand, positions) for operand in node.args])
        case CorrelationConditionNOT():
            return expression.negation(_expression(node.args[0], positions))
        case SigmaRuleReference():
            return expression.atom(positions[node.reference])
        case _:
            raise ValueError("the condition is empty")


def _thresholds(plain: Mapping[str, Any]) -> tuple[Threshold, ...]:
    unknown = [name for name in plain if name not in (*OPERATORS, "field", "percentile")]
    if unknown:
        raise ValueError(f"condition has an unknown member '{unknown[0]}': use {', '.join(OPERATORS)}, field")
    found = tuple(Threshold(name, _number(name, plain[name])) for name in OPERATORS if name in plain)
    if not found:
        raise ValueError(f"condition compares nothing: use {', '.join(OPERATORS)}")
    return found


def _number(name: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"condition '{name}: {value}' is no number")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _fields(kind: str, plain: Mapping[str, Any]) -> tuple[str, ...]:
    given: Any = plain.get("field")
    if not kind.startswith("value_"):
        if given is not None:
            raise ValueError(f"condition has a 'field', which '{kind}' does not measure")
        return ()
    fields = cast("list[object]", given if isinstance(given, list) else [] if given is None else [given])
    if not fields or not all(isinstance(name, str) and name for name in fields):
        raise ValueError(f"'{kind}' needs the condition's 'field': the name of what it measures")
    if len(fields) > 1 and kind != "value_count":
        raise ValueError(f"'{kind}' measures one field: give its condition's 'field' one name")
    return tuple(str(name) for name in fields)


def _percentile(kind: str, plain: Mapping[str, Any]) -> float | None:
    if "percentile" not in plain:
        return None
    if kind != "value_percentile":
        raise ValueError(f"condition has a 'percentile', which '{kind}' does not take")
    value = _number("percentile", plain["percentile"])
    if not 0 <= value <= 100:
        raise ValueError(f"percentile '{value}' does not lie between 0 and 100")
    return value


def _check(kind: str, thresholds: Sequence[Threshold], rules: int, percentile: float | None) -> None:
    """Raises ValueError where no window can fulfil the thresholds. Every window holds an occurrence."""
    whole = kind in ("event_count", "value_count", *_TEMPORAL)
    low = 1 if whole else 0 if kind == "value_percentile" and percentile is None else -math.inf
    high = rules if kind in _TEMPORAL else 100 if kind == "value_percentile" and percentile is None else math.inf
    bounds = [Threshold("gte", low), Threshold("lte", high), *thresholds]
    if not _fulfillable(bounds, whole=whole):
        words = ", ".join(f"{item.operator}: {item.value}" for item in thresholds)
        raise ValueError(f"condition '{words}' can never be fulfilled")


def _fulfillable(bounds: Sequence[Threshold], *, whole: bool) -> bool:
    def values(*operators: str) -> list[Any]:
        return [
            item.value if math.isinf(item.value) else exact(item.value) for item in bounds if item.operator in operators
        ]

    low, high = max(values("gt", "gte", "eq"), default=-math.inf), min(values("lt", "lte", "eq"), default=math.inf)
    if low > high:
        return False
    tests: list[tuple[str, Callable[[Any, Any], bool]]] = [
        ("gt", lambda a, b: a > b),
        ("gte", lambda a, b: a >= b),
        ("lt", lambda a, b: a < b),
        ("lte", lambda a, b: a <= b),
        ("eq", lambda a, b: a == b),
        ("neq", lambda a, b: a != b),
    ]
    start = math.floor(low) if not math.isinf(low) else 0 if math.isinf(high) else math.floor(high) - len(bounds)
    candidates: list[Any] = [start + step for step in range(len(bounds) + 2)]
    if not whole:
        middle = [(low + high) / 2] if not math.isinf(low) and not math.isinf(high) else []
        candidates += [low, high, *middle]
        candidates += [candidate + (high - candidate) / 3 for candidate in middle]
    return any(
        all(test(candidate, value) for name, test in tests for value in values(name))
        for candidate in candidates
        if not math.isinf(candidate)
    )
