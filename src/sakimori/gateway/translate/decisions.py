"""``/v1/decisions`` for providers that lack it: not possible, and said so."""

from collections.abc import Mapping
from typing import Any, NoReturn

from sakimori.gateway.refusal import Refusal


def decisions_elsewhere(_sent: Mapping[str, Any]) -> NoReturn:
    """Raises Refusal: every answer is a probability, or rests on them, and a model that writes one down invents it."""
    message = (
        "'questions' cannot be put to the provider that would serve this call: it lacks /v1/decisions, and the "
        "probabilities that are asked for cannot be had otherwise. Ask /v1/responses with a JSON schema instead."
    )
    raise Refusal(400, "untranslatable", message, param="questions")
