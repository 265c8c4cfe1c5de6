"""The gateway: the only way to models. OpenAI-shaped requests in; tokenised requests out to providers; answers back.

``serve`` and ``running`` offer the endpoints of ``endpoints`` and ``/v1/models``. A call needs a service key that
policy lets call models, and a grant; its upper bound is reserved before it leaves and settled after; every text passes
the ``boundary``; the ledger says what was done, never what was said. Deployable alone: it needs a database, the
install's secrets, and providers (``Providers.load`` or ``Providers.from_environment``).
"""

from sakimori.gateway.boundary import (
    Boundary,
    BoundaryError,
    Dictionary,
    Passage,
    Recogniser,
    RecogniserSettings,
    Tokenised,
    canonical_token,
    installed_models,
)
from sakimori.gateway.calls.call import OnEgress
from sakimori.gateway.calls.caller import SCOPE
from sakimori.gateway.grants import STRUCTURED_SCOPE
from sakimori.gateway.keys import tokens_key
from sakimori.gateway.prices import Price, PriceList
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.provider import KeyReference, Provider, ProviderMissing, Timeouts
from sakimori.gateway.server import Gateway, Parts
from sakimori.gateway.serving import Address, running, serve

__all__ = [
    "SCOPE",
    "STRUCTURED_SCOPE",
    "Address",
    "Boundary",
    "BoundaryError",
    "Dictionary",
    "Gateway",
    "KeyReference",
    "OnEgress",
    "Parts",
    "Passage",
    "Price",
    "PriceList",
    "Provider",
    "ProviderMissing",
    "Providers",
    "Recogniser",
    "RecogniserSettings",
    "Timeouts",
    "Tokenised",
    "canonical_token",
    "installed_models",
    "running",
    "serve",
    "tokens_key",
]
