"""Admission: a client's request becomes one that may leave, with its upper bound reserved.

``Admission.prepare`` checks, rebuilds and tokenises a request: it computes, and touches no database. ``reserve`` runs
in a transaction of the writer (``gateway.writer``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import cast

import orjson

from sakimori.access import Principal
from sakimori.access.rights import Resource, Right, Rights
from sakimori.access.secrets import Secrets
from sakimori.core import Clock
from sakimori.gateway import grants, keys
from sakimori.gateway.boundary import Passage
from sakimori.gateway.depth import too_deep
from sakimori.gateway.endpoints import ENDPOINTS, Decided, Endpoint, Translated
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.provider import Provider
from sakimori.gateway.providers.routing import Router
from sakimori.gateway.providers.upstream import Attempt
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.shapes import Outgoing, wrong
from sakimori.gateway.standing import Institution, Standing
from sakimori.records import CyberAccess, DataClass, Grant, Reservation
from sakimori.store import Transaction, budgets, vault
from sakimori.store.budgets import Amount, BudgetExceeded, OnPresumed

SCOPE = "gateway"
"""What a service key needs."""
_OVERHEAD_TOKENS = 1_000
"""What a provider may add around a request: a token is at least one byte of it, and templates are small."""
_DEEPEST = 100
_SOON = 60
"""Seconds within which a limit frees for a client's own retries to make sense: calls at a time, and per minute."""
_MOST_KEPT = 100_000
_LONGEST_KEPT = 256
"""What is longer is looked up in the vault each time, rather than held in memory."""
_MOST_PRINCIPALS = 10_000
_NANOS_PER_SECOND = 1_000_000_000


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


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may be made: its upper bound is held."""

    prepared: Prepared
    option: Option
    """The one that it is made under."""
    reservation: Reservation

    @property
    def tenant(self) -> str:
        return self.prepared.principal.tenant


class Admission:
    """Safe to use from several threads."""

    def __init__(
        self,
        standing: Standing,
        secrets: Secrets,
        router: Router,
        providers: Providers,
        *,
        lifetime: timedelta,
        clock: Clock,
        rights: Rights | None = None,
    ) -> None:
        """``lifetime``: how long a reservation holds; longer than any call can take."""
        self._standing = standing
        self._secrets = secrets
        self._router = router
        self._providers = providers
        self.lifetime = lifetime
        self._clock = clock
        self._rights = rights or Rights()
        self._refused = lru_cache(_MOST_PRINCIPALS)(self._grounds)
        self._kept: set[tuple[str, str, str]] = set()

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
                rebuilt = self._rebuild(request, endpoint, principal, passage, grant)
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
                options=self._options(as_wide, endpoint, principal, rebuilt),
            )
        assert refused is not None  # ``fitting`` is never empty
        raise refused

    def reserve(
        self, transaction: Transaction, prepared: Prepared, on_presumed: OnPresumed
    ) -> Admitted | frozenset[str]:
        """Hold the upper bound under the first grant that has it left; the call leaves as soon as this is durable.

        Where tokens of the call already stand for something else, nothing is held and these are returned: the call
        must be prepared again without them.

        Raises:
            Refusal: no grant has that much left.
        """
        if clashing := self._keep(transaction, prepared.passage):
            return frozenset(clashing)
        now = self._clock.now()
        lacking: list[BudgetExceeded] = []
        for option in prepared.options:
            try:
                held = budgets.reserve(
                    transaction,
                    option.grant,
                    model=prepared.model,
                    upper=option.upper,
                    now=now,
                    lifetime=self.lifetime,
                    sent=True,
                    id=prepared.id,
                    on_presumed=on_presumed,
                )
            except BudgetExceeded as error:
                lacking.append(error)
            else:
                return Admitted(prepared, option, held)
        refusal = self._over_budget(lacking)
        refusal.model, refusal.purpose = prepared.model, prepared.purpose
        raise refusal

    def extend(self, transaction: Transaction, call: Admitted, on_presumed: OnPresumed) -> None:
        """Hold the upper bound once more, for another attempt after one that may be billed.

        Raises:
            Refusal: the grant has not that much left.
        """
        now = self._clock.now()
        try:
            budgets.extend(
                transaction,
                call.option.grant,
                call.reservation.id,
                more=call.option.upper,
                now=now,
                lifetime=self.lifetime,
                on_presumed=on_presumed,
            )
        except BudgetExceeded as error:
            raise self._over_budget([error]) from error

    def remember(self, prepared: Prepared) -> None:
        """The vault has the call's tokens: it need not be asked for them again. Once they are durable."""
        tenant = prepared.principal.tenant
        if len(self._kept) > _MOST_KEPT:
            self._kept.clear()
        self._kept.update(
            (tenant, token, value) for token, value in prepared.passage.tokens.items() if len(value) <= _LONGEST_KEPT
        )

    def _over_budget(self, lacking: list[BudgetExceeded]) -> Refusal:
        seconds = min((error.free_at - self._clock.now()) // _NANOS_PER_SECOND + 1 for error in lacking)
        message = f"Budget: {'; '.join(str(error) for error in lacking)}."
        soon = seconds <= _SOON
        return Refusal(429, "budget_exceeded", message, retry_after=max(1, seconds), may_retry=soon)

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

    def _rebuild(
        self, request: dict[str, object], endpoint: Endpoint, principal: Principal, passage: Passage, grant: Grant
    ) -> dict[str, object]:
        """The request as it may leave under a grant."""
        out = Outgoing(
            passage=passage,
            models=frozenset(grant.models),
            pseudonym=lambda text: keys.pseudonym(self._secrets, principal, text),
            unseal=lambda text: keys.unseal(self._secrets, principal.tenant, text),
            hosted_tools=frozenset(grant.hosted_tools),
            media=frozenset(grant.media),
        )
        return cast("dict[str, object]", endpoint.shape.send(request, "", out))

    def _options(
        self, fitting: list[Grant], endpoint: Endpoint, principal: Principal, rebuilt: dict[str, object]
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
                options.append(_option(grant, candidates, endpoint, caller, rebuilt))
            except Refusal as refusal:
                refused = refused or refusal
        if refused and not options:
            raise refused
        return tuple(options)

    def _keep(self, transaction: Transaction, passage: Passage) -> set[str]:
        """Keep the passage's tokens in the vault; those that already stand for something else come back."""
        tenant = transaction.tenant
        new = {token: value for token, value in passage.tokens.items() if (tenant, token, value) not in self._kept}
        return vault.keep(transaction, keys.vault_keys(transaction, self._secrets), new) if new else set()


def _option(
    grant: Grant, candidates: list[Provider], endpoint: Endpoint, caller: str, rebuilt: dict[str, object]
) -> Option:
    """Raises Refusal where the grant does not allow what is asked, or no candidate can be told in its own words."""
    decided = dict(rebuilt)
    endpoint.decide(decided, Decided(principal=caller, cyber=grant.cyber))
    model, cyber = cast("str", rebuilt["model"]), _asked_level(decided)
    attempts: list[Attempt] = []
    translated: dict[str, Translated] = {}
    refused: Refusal | None = None
    for provider in candidates:
        body, spoken = {**decided, "model": provider.own_name(model)}, endpoint
        if cyber is CyberAccess.STANDARD and not provider.names_standard_access:
            del body["access_programs"]
        if endpoint.path not in provider.endpoints:
            path = next(path for path in endpoint.translate if path in provider.endpoints)
            try:
                translation = translated[provider.name] = endpoint.translate[path](body)
            except Refusal as refusal:
                refused = refused or refusal
                continue
            body, spoken = translation.body, ENDPOINTS[path]
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
        cyber=cyber,
        upper=_upper_bound(endpoint, model, decided, attempts),
    )


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


def _upper_bound(endpoint: Endpoint, model: str, rebuilt: dict[str, object], attempts: list[Attempt]) -> Amount:
    """The most that any one of the attempts can use."""
    limits = (cast("int | None", rebuilt.get(name)) for name in endpoint.output_limits)
    limit = next((limit for limit in limits if limit is not None), None)
    answers = cast("int | None", rebuilt.get(endpoint.answers)) if endpoint.answers else None
    tokens, yen = 0, Decimal(0)
    for attempt in attempts:
        price = attempt.provider.prices.of(model)
        output = (price.max_output_tokens if limit is None else limit) * (answers or 1)
        input = len(attempt.body) + _OVERHEAD_TOKENS
        tokens, yen = max(tokens, input + output), max(yen, price.yen(input=input, output=output))
    return Amount(tokens, yen)


def _bearer(authorization: str | None) -> str | None:
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _parse(raw: bytes) -> dict[str, object]:
    try:
        request: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "invalid_json", "We could not parse the JSON body of your request.") from error
    if not isinstance(request, dict):
        raise Refusal(400, "invalid_json", "The body of your request must be a JSON object.")
    if too_deep(cast("object", request), _DEEPEST, raw):
        raise Refusal(400, "invalid_json", f"The body of your request is nested deeper than {_DEEPEST} levels.")
    return cast("dict[str, object]", request)
