"""Endpoints: for each, which fields may pass (an allow-list of shapes) and how its answers are read."""

from sakimori.gateway.endpoints.chat import CHAT_COMPLETIONS
from sakimori.gateway.endpoints.endpoint import Endpoint, Usage
from sakimori.gateway.endpoints.responses import RESPONSES

__all__ = ["CHAT_COMPLETIONS", "RESPONSES", "Endpoint", "Usage"]
