"""``/v1/responses`` for providers that only speak Chat Completions."""

from collections.abc import Mapping
from typing import Any

from sakimori.gateway.endpoints.endpoint import Translated
from sakimori.gateway.translate.chat_answer import response_of
from sakimori.gateway.translate.chat_events import ResponsesOfChat
from sakimori.gateway.translate.chat_request import chat_request


def responses_by_chat(sent: Mapping[str, Any]) -> Translated:
    """Raises Refusal for the first thing in the request that cannot be said."""
    body, names = chat_request(sent)
    return Translated(
        body=body,
        answer=lambda answer: response_of(answer, sent, names),
        stream=lambda client: ResponsesOfChat(client, sent, names),
    )
