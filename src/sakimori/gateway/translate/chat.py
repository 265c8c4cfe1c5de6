"""``/v1/chat/completions`` for providers that only speak the Responses API."""

from collections.abc import Mapping
from typing import Any

from sakimori.gateway.endpoints.endpoint import Translated
from sakimori.gateway.translate.responses_answer import completion_of
from sakimori.gateway.translate.responses_events import ChatOfResponses
from sakimori.gateway.translate.responses_request import responses_request


def chat_by_responses(sent: Mapping[str, Any]) -> Translated:
    """Raises Refusal for the first thing in the request that cannot be said."""
    return Translated(body=responses_request(sent), answer=completion_of, stream=ChatOfResponses)
