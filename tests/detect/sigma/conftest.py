"""A slow and obviously correct evaluator of Sigma rules over plain JSON events, to hold the fast one against."""

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any, cast

import pytest
from sigma.rule import SigmaRule

from sigma import conditions, types


def texts(value: object) -> list[str]:
    """What a JSON value offers to a matcher."""
    if value is None:
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for element in cast("list[object]", value) for text in texts(element)]
    return [json.dumps(value)]


def fold(text: str) -> str:
    folded = ""
    for character in text:
        if len(character.casefold()) == 1:
            folded += character.casefold()
        elif len(character.lower()) == 1:
            folded += character.lower()
        else:
            folded += character
    return folded


def like(text: str, value: types.SigmaString) -> bool:
    cased = isinstance(value, types.SigmaCasedString)
    pattern = ""
    for part in value.s:
        if part is types.SpecialChars.WILDCARD_MULTI:
            pattern += ".*"
        elif part is types.SpecialChars.WILDCARD_SINGLE:
            pattern += "."
        else:
            pattern += re.escape(str(part) if cased else fold(str(part)))
    return re.fullmatch(pattern, text if cased else fold(text), re.DOTALL) is not None


def is_number(text: str) -> bool:
    return re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", text, re.ASCII) is not None


def compares(text: str, value: types.SigmaCompareExpression) -> bool:
    if not is_number(text):
        return False
    left, right = float(text), float(value.number.number)
    return {
        "LT": left < right,
        "LTE": left <= right,
        "GT": left > right,
        "GTE": left >= right,
        "NEQ": left != right,
    }[value.op.name]


def searched(text: str, value: types.SigmaRegularExpression) -> bool:
    flags = re.ASCII
    for flag in value.flags:
        flags |= re.RegexFlag[flag.name]
    return re.search(str(value.regexp), text, flags) is not None


def within(text: str, value: types.SigmaCIDRExpression) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address in value.network


def text_matches(text: str, value: object) -> bool:
    match value:
        case types.SigmaString():
            return like(text, value)
        case types.SigmaNumber():
            return is_number(text) and float(text) == float(value.number)
        case types.SigmaBool():
            return fold(text) == str(value.boolean).lower()
        case types.SigmaRegularExpression():
            return searched(text, value)
        case types.SigmaCIDRExpression():
            return within(text, value)
        case types.SigmaCompareExpression():
            return compares(text, value)
        case _:
            raise AssertionError(type(value))


def field_matches(event: Mapping[str, Any], name: str, value: object) -> bool:
    if isinstance(value, types.SigmaExpansion):
        return any(field_matches(event, name, item) for item in value.values)
    if isinstance(value, types.SigmaExists):
        return (name in event) == value.exists
    offered = texts(event.get(name))
    if isinstance(value, types.SigmaNull):
        return not offered
    if isinstance(value, types.SigmaFieldReference):
        others = [fold(other) for other in texts(event.get(value.field))]
        folded = [fold(text) for text in offered]
        if value.starts_with:
            return any(text.startswith(other) for text in folded for other in others)
        if value.ends_with:
            return any(text.endswith(other) for text in folded for other in others)
        return any(text == other for text in folded for other in others)
    return any(text_matches(text, value) for text in offered)


def keyword_matches(event: Mapping[str, Any], value: object) -> bool:
    if isinstance(value, types.SigmaString):
        star = types.SpecialChars.WILDCARD_MULTI
        value = star + value + star
    return any(text_matches(text, value) for name in event for text in texts(event[name]))


def holds(node: object, event: Mapping[str, Any]) -> bool:
    match node:
        case conditions.ConditionAND():
            return all(holds(operand, event) for operand in node.args)
        case conditions.ConditionOR():
            return any(holds(operand, event) for operand in node.args)
        case conditions.ConditionNOT():
            return not holds(node.args[0], event)
        case conditions.ConditionFieldEqualsValueExpression():
            return field_matches(event, node.field, node.value)
        case conditions.ConditionValueExpression():
            return keyword_matches(event, node.value)
        case _:
            raise AssertionError(type(node))


class Reference:
    @staticmethod
    def matches(rule: dict[str, Any], event: Mapping[str, Any]) -> bool:
        """Whether pySigma's reading of the rule, taken literally, holds for the event."""
        return Reference.hold(Reference.conditions(SigmaRule.from_dict(rule)), event)

    @staticmethod
    def conditions(rule: SigmaRule) -> list[object]:
        return [condition.parsed for condition in rule.detection.parsed_condition]

    @staticmethod
    def hold(conditions: list[object], event: Mapping[str, Any]) -> bool:
        return any(holds(condition, event) for condition in conditions)


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference()
