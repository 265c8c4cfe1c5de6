"""``/v1/embeddings``: fields as ``openai.types.EmbeddingCreateParams`` of the SDK 3.54 has them."""

from typing import Any, cast

from sakimori.gateway.boundary import Passage
from sakimori.gateway.endpoints.endpoint import Decided, Endpoint
from sakimori.gateway.endpoints.stream import Seal
from sakimori.gateway.endpoints.usage import Usage
from sakimori.gateway.refusal import refused_field
from sakimori.gateway.shapes import Each, Fields, Model, Number, OneOf, Outgoing, Pseudonym, Schema, Text, wrong


class _Input:
    """A text, or several. Numbers of a vocabulary are texts, too, and the boundary cannot read them."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if isinstance(value, str):
            return _TEXT.send(value, at, out)
        given = cast("list[object]", value) if isinstance(value, list) else []
        if any(isinstance(element, int | list) for element in given):
            raise refused_field(at, "numbers of a vocabulary would carry text past the boundary; send the text itself")
        if not given:
            raise wrong(at, "a string or an array of strings")
        return _TEXTS.send(given, at, out)

    def schema(self) -> Schema:
        return {"anyOf": [_TEXT.schema(), {**_TEXTS.schema(), "minItems": 1}]}


_TEXT = Text()
_TEXTS = Each(_TEXT, most=2_048)


def _decide(sent: dict[str, object], decided: Decided) -> None:
    sent["user"] = sent.get("user") or decided.principal


def _receive(answer: dict[str, Any], _passage: Passage, _seal: Seal) -> dict[str, Any]:
    """Numbers, and the name of the model: nothing in it could be a token of ours."""
    return answer


EMBEDDINGS = Endpoint(
    path="embeddings",
    shape=Fields(
        {
            "model": Model(),
            "input": _Input(),
            "dimensions": Number(1, 100_000, whole=True),
            "encoding_format": OneOf("float", "base64"),
            "user": Pseudonym(),
        },
        required=frozenset({"model", "input"}),
    ),
    output_limits=(),
    answers=None,
    object="list",
    usage=lambda answer: Usage.read(answer.get("usage"), "prompt_tokens", None),
    decide=_decide,
    receive=_receive,
    stream=None,
)
