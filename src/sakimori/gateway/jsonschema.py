"""JSON Schemas in requests (tools' parameters, answer formats), as drafts 7 to 2020-12 spell them.

Words of the schema language stay, whatever they are called in an institution's dictionary; names of properties,
descriptions, constants and patterns go through the boundary like any text.
"""

from collections.abc import Callable
from typing import cast

from sakimori.gateway.boundary import Passage
from sakimori.gateway.shapes import Outgoing, Schema, wrong

_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_NAMED_SCHEMAS = frozenset({"properties", "$defs", "definitions", "dependentSchemas", "patternProperties"})
_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMA = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_VALUES = frozenset(
    {
        "$anchor",
        "$comment",
        "$id",
        "$ref",
        "$schema",
        "const",
        "default",
        "deprecated",
        "description",
        "discriminator",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "nullable",
        "pattern",
        "readOnly",
        "required",
        "strict",
        "title",
        "uniqueItems",
        "writeOnly",
    }
)


class JsonSchema:
    """A shape: a JSON Schema."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, dict):
            raise wrong(at, "a JSON Schema object")
        return _schema(cast("dict[str, object]", value), out.passage)

    def schema(self) -> Schema:
        return {"type": "object", "description": "A JSON Schema."}


def _schema(value: object, passage: Passage) -> object:
    if not isinstance(value, dict):
        return passage.send_value(value)
    return dict(_keyword(name, member, passage) for name, member in cast("dict[str, object]", value).items())


def _keyword(name: str, value: object, passage: Passage) -> tuple[str, object]:
    if name in _SCHEMA:
        return name, _each(value, lambda element: _schema(element, passage))
    if name in _SCHEMAS and isinstance(value, list):
        return name, _each(cast("object", value), lambda element: _schema(element, passage))
    if name in _NAMED_SCHEMAS and isinstance(value, dict):
        named = cast("dict[str, object]", value)
        return name, {passage.send(key): _schema(member, passage) for key, member in named.items()}
    if name == "type":
        return name, _each(value, lambda word: _type(word, passage))
    return (name if name in _VALUES else passage.send(name)), passage.send_value(value)


def _type(word: object, passage: Passage) -> object:
    return word if isinstance(word, str) and word in _TYPES else passage.send_value(word)


def _each(value: object, change: Callable[[object], object]) -> object:
    """Draft 7 allows lists where later drafts have one schema, and vice versa."""
    return [change(element) for element in cast("list[object]", value)] if isinstance(value, list) else change(value)
