"""Endpoints: for each, which fields may pass (an allow-list of shapes) and how its answers are read."""

from sakimori.gateway.endpoints.chat import CHAT_COMPLETIONS
from sakimori.gateway.endpoints.decisions import DECISIONS
from sakimori.gateway.endpoints.embeddings import EMBEDDINGS
from sakimori.gateway.endpoints.endpoint import Decided, Endpoint, Translated
from sakimori.gateway.endpoints.hosted import HostedToolRan
from sakimori.gateway.endpoints.offered import Offered
from sakimori.gateway.endpoints.responses import RESPONSES
from sakimori.gateway.endpoints.responses_stream import UNKNOWN_LEVEL
from sakimori.gateway.endpoints.stream import AnswerStream
from sakimori.gateway.endpoints.usage import Usage

ENDPOINTS = {endpoint.path: endpoint for endpoint in (RESPONSES, CHAT_COMPLETIONS, EMBEDDINGS, DECISIONS)}
"""By path."""

__all__ = [
    "CHAT_COMPLETIONS",
    "DECISIONS",
    "EMBEDDINGS",
    "ENDPOINTS",
    "RESPONSES",
    "UNKNOWN_LEVEL",
    "AnswerStream",
    "Decided",
    "Endpoint",
    "HostedToolRan",
    "Offered",
    "Translated",
    "Usage",
]
