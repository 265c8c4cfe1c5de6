"""pySigma's condition trees as expressions over atoms, its values as patterns."""

from typing import cast

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule
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
from sakimori.detect.sigma.scan import check_regex
from sakimori.detect.sigma.text import Piece, Wild

_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}


class Converter:
    """Turns conditions into expressions, numbering each distinct atom once."""

    def __init__(self) -> None:
        self.atoms: dict[Atom, int] = {}

    def condition(self, rule: SigmaRule) -> tuple[Expression, frozenset[str]]:
        """The rule's conditions, any of which suffices, and the placeholders that lack values.

        Raises:
            ValueError: a condition or value that makes no sense (pySigma's own errors are ValueErrors too).
        """
        placeholders: set[str] = set()
        conditions = [self._node(condition.parsed, placeholders) for condition in rule.detection.parsed_condition]
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
            placeholders |= names
            return False
        pattern = _pattern(value) if field is not None else _keyword(value)
        return expression.atom(self.atoms.setdefault(Atom(field, pattern), len(self.atoms)))


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
            return TimePart(Part(value.timestamp_part.name.lower()), int(value.number))
        case SigmaNumber():
            return Number(value.number)
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
        case SigmaCompareExpression():
            return Compare(Order(value.op.name.lower()), value.number.number)
        case SigmaFieldReference():
            return SameAs(value.field, _place(value))
        case _:
            raise ValueError(f"values of pySigma's type {type(value).__name__} cannot be matched")


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
            raise ValueError(f"a value without a field must be a text, a number or 're', not {type(value).__name__}")
