"""The gateway: the only way to models. OpenAI-shaped requests in; tokenised requests out to one provider; answers back.

``serve`` and ``running`` offer ``/v1/responses``, ``/v1/chat/completions`` and ``/v1/models``. A call needs a service
key with the scope ``gateway`` and a grant; its upper bound is reserved before it leaves and settled after; every text
passes the ``boundary``; the ledger says what was done, never what was said. Deployable alone: it needs a database, the
install's secrets, and a provider (``ProviderConfig.from_environment``).
"""

from sakimori.gateway.boundary import Boundary, BoundaryError, Dictionary, Passage, Tokenised
from sakimori.gateway.desk import SCOPE
from sakimori.gateway.grants import STRUCTURED_SCOPE
from sakimori.gateway.keys import tokens_key
from sakimori.gateway.prices import Price, PriceList
from sakimori.gateway.provider import ProviderConfig, ProviderMissing
from sakimori.gateway.server import Gateway, OnEgress, Parts
from sakimori.gateway.serving import running, serve

__all__ = [
    "SCOPE",
    "STRUCTURED_SCOPE",
    "Boundary",
    "BoundaryError",
    "Dictionary",
    "Gateway",
    "OnEgress",
    "Parts",
    "Passage",
    "Price",
    "PriceList",
    "ProviderConfig",
    "ProviderMissing",
    "Tokenised",
    "running",
    "serve",
    "tokens_key",
]
