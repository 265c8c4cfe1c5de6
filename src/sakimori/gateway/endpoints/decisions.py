"""``/v1/decisions``: fields as ``openai.types.DecisionCreateParams`` of the SDK 3.54 has them."""

from typing import cast

from sakimori.gateway.endpoints.endpoint import KEEPS_STATE, Decided, Endpoint
from sakimori.gateway.endpoints.responses_items import CONTENT, ITEM
from sakimori.gateway.endpoints.stream import restored
from sakimori.gateway.endpoints.usage import Usage
from sakimori.gateway.shapes import ByType, Each, Either, Fields, Model, OneOf, Outgoing, Pseudonym, Schema, Text, wrong
from sakimori.gateway.translate.decisions import decisions_elsewhere

_TEXT = Text()
_ITEM = ITEM.only(
    {"message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"},
    "decisions are about messages and calls of tools",
)


class _Value:
    """The value of a choice: a text, or true or false."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        return value if isinstance(value, bool) else _TEXT.send(value, at, out)

    def schema(self) -> Schema:
        return {"type": ["string", "boolean"]}


class _Several:
    """A list with so many elements at least and at most."""

    def __init__(self, shape: Fields | ByType, least: int, most: int) -> None:
        self._each = Each(shape, most=most)
        self._least = least

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if isinstance(value, list) and len(cast("list[object]", value)) < self._least:
            raise wrong(at, f"at least {self._least} elements")
        return self._each.send(cast("object", value), at, out)

    def schema(self) -> Schema:
        return {**self._each.schema(), "minItems": self._least}


_ASKED = {"instructions": CONTENT, "name": _TEXT}
_QUESTION = ByType(
    {
        "predicate": Fields({"type": OneOf("predicate"), **_ASKED}, frozenset({"instructions"})),
        "choice": Fields(
            {
                "type": OneOf("choice"),
                **_ASKED,
                "choices": _Several(
                    Fields({"value": _Value(), "description": _TEXT}, frozenset({"value"})), least=2, most=255
                ),
            },
            frozenset({"instructions", "choices"}),
        ),
        "score": Fields(
            {
                "type": OneOf("score"),
                **_ASKED,
                "levels": _Several(
                    Fields({"label": _TEXT, "description": _TEXT}, frozenset({"label"})), least=2, most=255
                ),
            },
            frozenset({"instructions", "levels"}),
        ),
    }
)


def _decide(sent: dict[str, object], decided: Decided) -> None:
    sent["safety_identifier"] = sent.get("safety_identifier") or decided.principal


DECISIONS = Endpoint(
    path="decisions",
    shape=Fields(
        {
            "model": Model(),
            "input": Either(_TEXT, Each(_ITEM)),
            "questions": _Several(_QUESTION, least=1, most=400),
            "prompt_cache_key": Pseudonym(),
            "safety_identifier": Pseudonym(),
        },
        required=frozenset({"model", "input", "questions"}),
        refused={"prompt_cache_options": KEEPS_STATE},
    ),
    output_limits=(),
    answers=None,
    object=None,
    usage=lambda answer: Usage.read(answer.get("usage"), "input_tokens", "output_tokens"),
    decide=_decide,
    receive=restored,
    stream=None,
    translate={"responses": decisions_elsewhere, "chat/completions": decisions_elsewhere},
)
