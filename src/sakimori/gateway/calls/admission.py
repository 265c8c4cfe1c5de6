"""Admission: a client's request becomes one that may leave. It is checked, rebuilt and tokenised.

This computes, and touches no database. What it may cost is held next, in ``calls.reservation``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import orjson

from sakimori.access import Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock
from sakimori.gateway import grants, keys
from sakimori.gateway.boundary import Passage
from sakimori.gateway.depth import too_deep, too_many
from sakimori.gateway.endpoints import ENDPOINTS, RESPONSES, Decided, Endpoint, Offered, Translated
from sakimori.gateway.prices import PriceList
from sakimori.gateway.providers.provider import Provider
from sakimori.gateway.providers.routing import Router
from sakimori.gateway.providers.upstream import Attempt
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.shapes import Outgoing, wrong
from sakimori.gateway.standing import Institution
from sakimori.records import CyberAccess, DataClass, Grant
from sakimori.store.budgets import Amount

_OVERHEAD_TOKENS = 1_000
"""What a provider may add around a request: a token is at least one byte of it, and templates are small."""
_DEEPEST = 100
_MOST_VALUES = 200_000
"""Each goes through the boundary by itself: so many take as long as the longest text."""


@dataclass(frozen=True, slots=True)
class Option:
    """A grant that a call may be made under, and the providers that it allows for it."""

    grant: Grant
    attempts: tuple[Attempt, ...]
    """In the order in which they are tried; at least one."""
    translated: Mapping[str, Translated]
    """By provider, for those that do not speak the endpoint."""
    cyber: CyberAccess | None
    """The level of access for cyber defence that is asked of the provider; None: the endpoint has no word for it."""
    offered: Offered
    """Tools that may run at the provider."""
    upper: Amount
    """The most that one of them can use, at the dearest one's price."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that was checked and rebuilt."""

    id: str
    principal: Principal
    endpoint: Endpoint
    passage: Passage
    model: str
    """As the grants name it."""
    purpose: str
    data_class: DataClass
    asked: Mapping[str, object]
    """The request as the client sent it."""
    options: tuple[Option, ...]
    """In the order in which they are tried; at least one."""

    @property
    def streams(self) -> bool:
        return self.options[0].attempts[0].stream


class Admission:
    """Safe to use from several threads."""

    def __init__(self, secrets: Secrets, router: Router, *, clock: Clock) -> None:
        self._secrets = secrets
        self._router = router
        self._clock = clock

    def prepare(
        self,
        call_id: str,
        principal: Principal,
        endpoint: Endpoint,
        raw: bytes,
        headers: Mapping[str, str],
        institution: Institution,
        *,
        taken: frozenset[str] = frozenset(),
    ) -> Prepared:
        """Check, rebuild and tokenise a request.

        Args:
            taken: tokens that the institution's vault holds for other values (``reserve`` says which).

        Raises:
            Refusal: the call may not be made.
            BoundaryError: it cannot be made safely.
        """
        request = _parse(raw)
        usable = grants.in_force(institution.grants, self._clock.now())
        purpose = grants.purpose_of(usable, headers.get(grants.PURPOSE_HEADER))
        data_class = grants.data_class_of(
            headers.get(grants.DATA_CLASS_HEADER),
            vouched=grants.STRUCTURED_SCOPE in principal.scopes,
            recognises_names=institution.boundary.recognises_names,
        )
        model = _model(request, usable)
        try:
            fitting = grants.fitting(usable, model=model, purpose=purpose, data_class=data_class)
            return self._prepared(
                call_id, principal, endpoint, request, institution, purpose, data_class, fitting, taken
            )
        except Refusal as refusal:
            refusal.model, refusal.purpose = model, purpose
            raise

    def _prepared(
        self,
        call_id: str,
        principal: Principal,
        endpoint: Endpoint,
        request: dict[str, object],
        institution: Institution,
        purpose: str,
        data_class: DataClass,
        fitting: list[Grant],
        taken: frozenset[str],
    ) -> Prepared:
        """Under the first of the grants that lets the request through. Raises like ``prepare``."""
        refused: Refusal | None = None
        for grant in fitting:
            # Grants may differ in what they let through: those count that let through what the first one did.
            running_text = data_class is DataClass.FREE_TEXT
            passage = Passage(institution.boundary, running_text=running_text, taken=taken)
            try:
                rebuilt, media = self._rebuild(request, endpoint, principal, passage, grant)
            except Refusal as refusal:
                refused = refused or refusal
                continue
            as_wide = [other for other in fitting if _lets_through(other, grant)]
            return Prepared(
                id=call_id,
                principal=principal,
                endpoint=endpoint,
                passage=passage,
                model=cast("str", rebuilt["model"]),
                purpose=purpose,
                data_class=data_class,
                asked=request,
                options=self._options(as_wide, endpoint, principal, rebuilt, media=media),
            )
        assert refused is not None  # ``fitting`` is never empty
        raise refused

    def _rebuild(
        self, request: dict[str, object], endpoint: Endpoint, principal: Principal, passage: Passage, grant: Grant
    ) -> tuple[dict[str, object], bool]:
        """The request as it may leave under a grant, and whether it carries media."""
        out = Outgoing(
            passage=passage,
            models=frozenset(grant.models),
            pseudonym=lambda text: keys.pseudonym(self._secrets, principal, text),
            unseal=lambda text: keys.unseal(self._secrets, principal.tenant, text),
            hosted_tools=frozenset(grant.hosted_tools),
            media=frozenset(grant.media),
        )
        rebuilt = cast("dict[str, object]", endpoint.shape.send(request, "", out))
        return rebuilt, bool(out.used_media)

    def _options(
        self, fitting: list[Grant], endpoint: Endpoint, principal: Principal, rebuilt: dict[str, object], *, media: bool
    ) -> tuple[Option, ...]:
        """Raises Refusal where no provider meets what any of the grants requires."""
        caller, model = keys.pseudonym(self._secrets, principal, ""), cast("str", rebuilt["model"])
        options: list[Option] = []
        refused: Refusal | None = None
        for grant in fitting:
            try:
                candidates = self._router.candidates(
                    model,
                    endpoint.path,
                    grant.requires,
                    institution=principal.tenant,
                    translated=endpoint.translate.keys(),
                )
                options.append(_option(grant, candidates, endpoint, caller, rebuilt, media=media))
            except Refusal as refusal:
                refused = refused or refusal
        if refused and not options:
            raise refused
        return tuple(options)


def _option(
    grant: Grant,
    candidates: list[Provider],
    endpoint: Endpoint,
    caller: str,
    rebuilt: dict[str, object],
    *,
    media: bool,
) -> Option:
    """Raises Refusal where the grant does not allow what is asked, or no candidate can be told in its own words, or
    for a price that is known."""
    decided = dict(rebuilt)
    endpoint.decide(decided, Decided(principal=caller, cyber=grant.cyber))
    model, level, offered = cast("str", rebuilt["model"]), _asked_level(decided), endpoint.offered(decided)
    attempts: list[Attempt] = []
    translated: dict[str, Translated] = {}
    refused: Refusal | None = None
    for provider in candidates:
        body, spoken = {**decided, "model": provider.own_name(model)}, endpoint
        try:
            _refuse_unpriced(provider.prices, model, offered, media=media)
            path = _spoken_path(provider, endpoint, level)
            if level is CyberAccess.STANDARD and not (provider.names_standard_access and ENDPOINTS[path].names_cyber):
                del body["access_programs"]
            if path != endpoint.path:
                translation = translated[provider.name] = _translated(provider, endpoint, path, body, level)
                body, spoken = translation.body, ENDPOINTS[path]
        except Refusal as refusal:
            refused = refused or refusal
            continue
        stream = rebuilt.get("stream") is True
        attempts.append(
            Attempt(provider, spoken.path, orjson.dumps(body), stream=stream, model=model, object=spoken.object)
        )
    if refused and not attempts:
        raise refused
    return Option(
        grant=grant,
        attempts=tuple(attempts),
        translated=translated,
        cyber=level if endpoint.names_cyber or level is not CyberAccess.STANDARD else None,
        offered=offered,
        upper=_upper_bound(endpoint, model, decided, attempts, offered, media=media),
    )


def _spoken_path(provider: Provider, endpoint: Endpoint, level: CyberAccess | None) -> str:
    """The endpoint of the provider's that the call goes to. Raises Refusal where none can be told its level."""
    must_name = level not in (None, CyberAccess.STANDARD)
    for path in (endpoint.path, *endpoint.translate):
        if path in provider.endpoints and (ENDPOINTS[path].names_cyber or not must_name):
            return path
    message = (
        f"The grant's cyber access level '{level}' cannot be asked for at the provider that would serve this call: it "
        f"does not speak /v1/{RESPONSES.path}. Ask for a grant of the level 'standard', or for another provider."
    )
    raise Refusal(403, "cyber_level_not_available", message)


def _translated(
    provider: Provider, endpoint: Endpoint, path: str, body: dict[str, object], level: CyberAccess | None
) -> Translated:
    """Raises Refusal where the body cannot be said in the words of that path."""
    try:
        return endpoint.translate[path](body)
    except Refusal as refusal:
        if endpoint.path in provider.endpoints:
            refusal.message += f" (No others can ask for the grant's cyber access level '{level}'.)"
        raise


def _refuse_unpriced(prices: PriceList, model: str, offered: Offered, *, media: bool) -> None:
    """Raises Refusal where the price list cannot bound what the call may cost."""
    unpriced = min((name for name in offered.names if name not in prices.hosted_tools), default=None)
    if unpriced is not None:
        what, param = f"the tool '{unpriced}' (hosted_tools)", "tools"
    elif prices.of(model).max_input_tokens is None and (offered.tools or media):
        what, param = "how much this model reads at once (max_input_tokens)", "tools" if offered.tools else None
    else:
        return
    message = f"The price list for this call does not have {what}, so that its cost has no bound; ask the operator."
    raise Refusal(403, "price_unknown", message, param=param)


def _model(request: dict[str, object], usable: list[Grant]) -> str:
    """The model that is asked for. Raises Refusal where no grant names it."""
    model = request.get("model")
    if model is None:
        raise Refusal(400, "missing_required_parameter", "Missing required parameter: 'model'.", param="model")
    if not isinstance(model, str):
        raise wrong("model", "a string")
    if model not in grants.models(usable):
        message = "No grant of your institution allows this model at present; GET /v1/models lists those it allows."
        raise Refusal(403, "model_not_granted", message, param="model")
    return model


def _lets_through(grant: Grant, as_much_as: Grant) -> bool:
    return set(grant.hosted_tools) >= set(as_much_as.hosted_tools) and set(grant.media) >= set(as_much_as.media)


def _asked_level(decided: dict[str, object]) -> CyberAccess | None:
    programs = decided.get("access_programs")
    return CyberAccess(cast("dict[str, str]", programs)["cyber"]) if programs else None


def _upper_bound(
    endpoint: Endpoint,
    model: str,
    rebuilt: dict[str, object],
    attempts: list[Attempt],
    offered: Offered,
    *,
    media: bool,
) -> Amount:
    """The most that any one of the attempts can use.

    The model reads the request, and once more all that it can after each call of a tool at the provider. What it says
    in between is bounded together where the client says so, and each time by the model's longest answer where not.
    """
    limits = (cast("int | None", rebuilt.get(name)) for name in endpoint.output_limits)
    limit = next((limit for limit in limits if limit is not None), None)
    answers = cast("int | None", rebuilt.get(endpoint.answers)) if endpoint.answers else None
    tokens, yen = 0, Decimal(0)
    for attempt in attempts:
        prices = attempt.provider.prices
        price = prices.of(model)
        output = (price.max_output_tokens * (1 + offered.calls) if limit is None else limit) * (answers or 1)
        whole_readings = offered.calls + (media or offered.lists_first)
        input = len(attempt.body) + _OVERHEAD_TOKENS + whole_readings * (price.max_input_tokens or 0)
        yen_for_calls = offered.calls * prices.per_call(offered.names)
        tokens = max(tokens, input + output)
        yen = max(yen, price.yen(input=input, output=output) + yen_for_calls)
    return Amount(tokens, yen)


def _parse(raw: bytes) -> dict[str, object]:
    if too_many(raw, _MOST_VALUES):
        message = f"The request is larger than {_MOST_VALUES:,} values and names."
        raise Refusal(413, "request_too_large", message)
    try:
        request: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "invalid_json", "We could not parse the JSON body of your request.") from error
    if not isinstance(request, dict):
        raise Refusal(400, "invalid_json", "The body of your request must be a JSON object.")
    if too_deep(cast("object", request), _DEEPEST, raw):
        raise Refusal(400, "invalid_json", f"The body of your request is nested deeper than {_DEEPEST} levels.")
    return cast("dict[str, object]", request)
