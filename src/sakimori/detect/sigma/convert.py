"""pySigma's condition trees as expressions over atoms, its values as patterns."""

import math
import re
from collections.abc import Iterator
from itertools import product
from typing import cast

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaDetections
from sigma.types import (
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from sakimori.detect.sigma import expression
from sakimori.detect.sigma.expression import Expression, conjunction, disjunction, negation
from sakimori.detect.sigma.pattern import (
    Atom,
    Compare,
    Exists,
    Network,
    Null,
    Number,
    Order,
    Part,
    Pattern,
    Place,
    Regex,
    SameAs,
    TimePart,
    text_pattern,
)
from sakimori.detect.sigma.placeholders import Placeholders
from sakimori.detect.sigma.scan import check_regex
from sakimori.detect.sigma.spelling import PERCENT
from sakimori.detect.sigma.text import Piece, Wild

_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}


MOST_EXPANDED = 100_000
"""Values that one value with placeholders may become."""

PART_RANGES = {
    Part.MINUTE: (0, 59),
    Part.HOUR: (0, 23),
    Part.DAY: (1, 31),
    Part.WEEK: (1, 53),
    Part.MONTH: (1, 12),
    Part.YEAR: (1, 9999),
}


class Converter:
    """Turns conditions into expressions, numbering each distinct atom once."""

    def __init__(self, placeholders: Placeholders) -> None:
        self.atoms: dict[Atom, int] = {}
        self._given = {**placeholders, PERCENT: ("%",)}
        self.meant_nothing = False
        """Whether, in the last condition, a placeholder had an empty list."""

    def condition(self, detection: SigmaDetections) -> tuple[Expression, frozenset[str]]:
        """The conditions, any of which suffices, and the placeholders that lack values.

        Raises:
            ValueError: a condition or value that makes no sense (pySigma's own errors are ValueErrors too).
        """
        placeholders: set[str] = set()
        self.meant_nothing = False
        conditions = [self._node(condition.parsed, placeholders) for condition in detection.parsed_condition]
        return disjunction(conditions), frozenset(placeholders)

    def _node(self, node: object, placeholders: set[str]) -> Expression:
        match node:
            case ConditionAND():
                return conjunction([self._node(operand, placeholders) for operand in node.args])
            case ConditionOR():
                return disjunction([self._node(operand, placeholders) for operand in node.args])
            case ConditionNOT():
                return negation(self._node(node.args[0], placeholders))
            case ConditionFieldEqualsValueExpression():
                return self._value(node.field, node.value, placeholders)
            case ConditionValueExpression():
                return self._value(None, node.value, placeholders)
            case _:
                raise ValueError("the condition is empty")

    def _value(self, field: str | None, value: object, placeholders: set[str]) -> Expression:
        if isinstance(value, SigmaExpansion):
            return disjunction([self._value(field, item, placeholders) for item in value.values])
        text = value.regexp if isinstance(value, SigmaRegularExpression) else value
        if isinstance(text, SigmaString) and (names := _placeholders(text)):
            if lacking := names - self._given.keys():
                placeholders |= lacking
                return False
            made = [self._atom(field, item) for item in self._expanded(value, text)]
            self.meant_nothing |= not made
            return disjunction(made)
        return self._atom(field, value)

    def _atom(self, field: str | None, value: object) -> Expression:
        pattern = _pattern(value) if field is not None else _keyword(value)
        return expression.atom(self.atoms.setdefault(Atom(field, pattern), len(self.atoms)))

    def _expanded(self, value: object, text: SigmaString) -> Iterator[SigmaString | SigmaRegularExpression]:
        """The value with every combination of the values that its placeholders have."""
        choices = [self._given[part.name] if isinstance(part, Placeholder) else (part,) for part in text.s]
        if (count := math.prod(map(len, choices))) > MOST_EXPANDED:
            raise ValueError(f"placeholders make {count} values of one: at most {MOST_EXPANDED} are taken")
        for chosen in product(*choices):
            given = [(part, isinstance(original, Placeholder)) for part, original in zip(chosen, text.s, strict=True)]
            if isinstance(value, SigmaRegularExpression):
                source = "".join(re.escape(str(part)) if own else _wildcard(part) for part, own in given)
                yield SigmaRegularExpression(source, value.flags, value.policy)
            else:
                made = SigmaCasedString() if isinstance(value, SigmaCasedString) else SigmaString()
                parts = [SigmaString(str(part)).s if own else (part,) for part, own in given]
                made.s = [piece for part in parts for piece in part]
                yield made


def _wildcard(part: object) -> str:
    if part is SpecialChars.WILDCARD_MULTI:
        return "*"
    return "?" if part is SpecialChars.WILDCARD_SINGLE else str(part)


def _placeholders(value: SigmaString) -> set[str]:
    return {part.name for part in value.s if isinstance(part, Placeholder)}


def _pieces(value: SigmaString) -> list[Piece]:
    wild = {SpecialChars.WILDCARD_MULTI: Wild.ANY, SpecialChars.WILDCARD_SINGLE: Wild.ONE}
    return [wild[part] if isinstance(part, SpecialChars) else cast("str", part) for part in value.s]


def _pattern(value: object) -> Pattern:
    match value:
        case SigmaString():
            return text_pattern(_pieces(value), cased=isinstance(value, SigmaCasedString))
        case SigmaTimestampPart():
            return _time_part(value, None)
        case SigmaNumber():
            return Number(_finite(value.number))
        case SigmaBool():
            return text_pattern(["true" if value.boolean else "false"], cased=False)
        case SigmaNull():
            return Null()
        case SigmaExists():
            return Exists(value.exists)
        case SigmaRegularExpression():
            made = Regex(str(value.regexp), "".join(sorted(_FLAGS[flag] for flag in value.flags)))
            check_regex(made)
            return made
        case SigmaCIDRExpression():
            return Network(str(value.network))
        case SigmaCompareExpression(number=SigmaTimestampPart() as part):
            return _time_part(part, Order(value.op.name.lower()))
        case SigmaCompareExpression():
            return Compare(Order(value.op.name.lower()), _finite(value.number.number))
        case SigmaFieldReference():
            return SameAs(value.field, _place(value))
        case _:
            raise ValueError(f"values of pySigma's type {type(value).__name__} cannot be matched")


def _finite(value: float) -> int | float:
    if not math.isfinite(value):
        raise ValueError(f"'{value}' is no number that a field can have")
    return value


def _time_part(asked: SigmaTimestampPart, order: Order | None) -> TimePart:
    part, value = Part(asked.timestamp_part.name.lower()), int(asked.number)
    low, high = PART_RANGES[part]
    if not low <= value <= high:
        raise ValueError(f"'{part}' lies between {low} and {high}: it is never {value}")
    return TimePart(part, value, order)


def _place(value: SigmaFieldReference) -> Place:
    if value.starts_with and value.ends_with:
        return Place.CONTAINS
    if value.starts_with:
        return Place.STARTS
    return Place.ENDS if value.ends_with else Place.EQUALS


def _keyword(value: object) -> Pattern:
    """A keyword holds where any field contains it."""
    match value:
        case SigmaString():
            pieces = [Wild.ANY, *_pieces(value), Wild.ANY]
            return text_pattern(pieces, cased=isinstance(value, SigmaCasedString))
        case SigmaNumber() | SigmaBool():
            return text_pattern([Wild.ANY, str(value).lower(), Wild.ANY], cased=False)
        case SigmaRegularExpression():
            return _pattern(value)
        case _:
            raise ValueError(
                "a value without a field must be a text, a number or 're': put it under the field in the detection"
            )
