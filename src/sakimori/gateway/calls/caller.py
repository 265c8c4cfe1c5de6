"""Who calls, and whether they may: by the service key that they show, and by policy."""

from functools import lru_cache

from sakimori.access import Principal
from sakimori.access.rights import Resource, Right, Rights
from sakimori.core import Clock
from sakimori.gateway import grants
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.standing import Standing

SCOPE = "gateway"
"""What a service key needs."""
_MOST_PRINCIPALS = 10_000
_NANOS_PER_SECOND = 1_000_000_000


class Callers:
    """Safe to use from several threads."""

    def __init__(self, standing: Standing, providers: Providers, *, clock: Clock, rights: Rights | None = None) -> None:
        self._standing = standing
        self._providers = providers
        self._clock = clock
        self._rights = rights or Rights()
        self._refused = lru_cache(_MOST_PRINCIPALS)(self._grounds)

    def authenticate(self, authorization: str | None) -> Principal:
        """Who calls, from the database. Raises Refusal (401 or 403) for anybody who may not."""
        key = _bearer(authorization)
        principal = self._standing.principal(key) if key else None
        if principal is None:
            message = (
                "Show a service key of this gateway as 'Authorization: Bearer KEY'; `sakimori keys issue` makes one."
            )
            raise Refusal(401, "invalid_api_key", message)
        return self._permitted(principal)

    def known(self, authorization: str | None) -> Principal | None:
        """Like ``authenticate``, from memory: None where the database must be asked. Does not block."""
        key = _bearer(authorization)
        principal = self._standing.known_principal(key) if key else None
        return None if principal is None else self._permitted(principal)

    def models(self, principal: Principal) -> list[dict[str, object]]:
        """Models that a grant allows at this moment, as /v1/models lists them. Reads the database."""
        granted = grants.in_force(self._standing.reread(principal.tenant).grants, self._clock.now())
        since = {model: grant.not_before for grant in reversed(granted) for model in grant.models}
        return [
            {"id": model, "object": "model", "created": at // _NANOS_PER_SECOND, "owned_by": self._owner(model)}
            for model, at in sorted(since.items())
        ]

    def _permitted(self, principal: Principal) -> Principal:
        grounds = self._refused(principal)
        if grounds is None:
            return principal
        if SCOPE not in principal.scopes:
            message = f"This key was not issued for the gateway: it lacks the scope '{SCOPE}'."
            raise Refusal(403, "scope_missing", message)
        raise Refusal(403, "not_permitted", f"This key may not call models: {grounds}")

    def _grounds(self, principal: Principal) -> str | None:
        """Why policy does not let the principal call models; None: it does. What cannot be evaluated is denied."""
        answer = self._rights.decide(principal, Right.CALL_MODELS, Resource.about(Right.CALL_MODELS, principal.tenant))
        return None if answer.allowed else " ".join(f"{text.en} ({text.name})" for text in answer.policies)

    def _owner(self, model: str) -> str:
        """The provider that is asked first for a model."""
        having = [provider for provider in self._providers if provider.own_name(model) is not None]
        return min(having, key=lambda provider: provider.order).name if having else ""


def _bearer(authorization: str | None) -> str | None:
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
