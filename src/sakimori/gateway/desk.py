"""The desk: everything about a call that is decided or written down on our side. It blocks; it does no network I/O.

``admit`` turns a client's request into one that may leave, with its cost reserved; ``answered``, ``settle`` and
``refuse`` write what became of it. Each is one transaction, ledger entry included.
"""

import hmac
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from secrets import token_hex
from typing import Any, cast

import orjson

from sakimori.access import Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, SakimoriError
from sakimori.gateway import grants, telemetry
from sakimori.gateway.boundary import BoundaryError, Passage
from sakimori.gateway.endpoints import Endpoint, Usage
from sakimori.gateway.keys import vault_keys
from sakimori.gateway.prices import PriceList
from sakimori.gateway.provider import too_deep
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.shapes import Outgoing
from sakimori.gateway.standing import Institution, Standing
from sakimori.gateway.telemetry import stage
from sakimori.ledger import Fenced, Ledger
from sakimori.records import DataClass, Grant, LedgerEntry, Reservation
from sakimori.store import Database, Transaction, budgets, vault
from sakimori.store.budgets import Amount, BudgetExceeded

SCOPE = "gateway"
"""What a service key needs."""
_SEAL = "saki1."
_OVERHEAD_TOKENS = 1_000
"""What a provider may add around a request: a token is at least one byte of it, and templates are small."""
_DEEPEST = 100
_VAULT_ATTEMPTS = 8
_MOST_KEPT = 100_000
_LONGEST_KEPT = 256
"""What is longer is looked up in the vault each time, rather than held in memory."""
_MODEL_NAME = re.compile(r"[A-Za-z0-9._:/\-]{1,128}")
_NANOS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may be made."""

    id: str
    principal: Principal
    endpoint: Endpoint
    body: bytes
    """The request as it leaves."""
    passage: Passage
    model: str
    purpose: str
    data_class: DataClass
    grant_id: str
    reservation: Reservation


class Desk:
    """Safe to use from several threads."""

    def __init__(
        self,
        database: Database,
        secrets: Secrets,
        ledger: Ledger,
        *,
        prices: PriceList,
        provider: str,
        lifetime: timedelta,
        clock: Clock,
    ) -> None:
        """``lifetime``: how long a reservation holds; longer than any call can take."""
        self._database = database
        self._secrets = secrets
        self._ledger = ledger
        self._prices = prices
        self._provider = provider
        self._lifetime = lifetime
        self._clock = clock
        self._standing = Standing(database, secrets, clock)
        self._kept: set[tuple[str, str, str]] = set()
        self._unsealed: dict[str, int] = {}
        """Entries that this process wrote since it last sealed, by institution."""
        self._lock = threading.Lock()

    def authenticate(self, authorization: str | None) -> Principal:
        """Raises Refusal (401 or 403) for anybody without a key of this gateway."""
        key = _bearer(authorization)
        principal = self._standing.principal(key) if key else None
        if principal is None:
            message = (
                "Show a service key of this gateway as 'Authorization: Bearer KEY'; `sakimori keys issue` makes one."
            )
            raise Refusal(401, "invalid_api_key", message)
        if SCOPE not in principal.scopes:
            message = f"This key was not issued for the gateway: it lacks the scope '{SCOPE}'."
            raise Refusal(403, "scope_missing", message)
        return principal

    def known(self, authorization: str | None) -> Principal | None:
        """Like ``authenticate``, from memory: None where the database must be asked. Does not block."""
        key = _bearer(authorization)
        principal = self._standing.known_principal(key) if key else None
        return principal if principal is not None and SCOPE in principal.scopes else None

    def models(self, principal: Principal) -> list[dict[str, Any]]:
        """Models that a grant allows at this moment, as /v1/models lists them."""
        granted = grants.in_force(self._standing.reread(principal.tenant).grants, self._clock.now())
        since = {model: grant.not_before for grant in reversed(granted) for model in grant.models}
        return [
            {"id": model, "object": "model", "created": at // _NANOS_PER_SECOND, "owned_by": self._provider}
            for model, at in sorted(since.items())
        ]

    def admit(
        self, call_id: str, principal: Principal, endpoint: Endpoint, raw: bytes, headers: Mapping[str, str]
    ) -> Admitted:
        """Check, tokenise and reserve.

        Raises:
            Refusal: the call may not be made.
            BoundaryError, StoreError: it cannot be made safely.
        """
        request = _parse(raw)
        institution, is_new = self._standing.institution(principal.tenant)
        try:
            return self._admit(call_id, principal, endpoint, request, headers, institution)
        except Refusal:
            if is_new:
                raise
        return self._admit(call_id, principal, endpoint, request, headers, self._standing.reread(principal.tenant))

    def answered(self, call: Admitted, answer: dict[str, Any]) -> bytes:
        """Settle a call that has an answer; returns the answer as the client gets it."""
        with stage("restore"):
            restored = cast("dict[str, Any]", call.passage.receive_value(answer))
            call.endpoint.seal(restored, lambda text: self._seal(call.principal.tenant, text))
        usage = call.endpoint.usage(answer)
        self.settle(call, outcome="answered", usage=usage, answered_by=answer.get("model"))
        return orjson.dumps(restored)

    def settle(
        self, call: Admitted, *, outcome: str, usage: Usage | None, answered_by: object = None, billed: bool = True
    ) -> None:
        """Book what was used and write the ledger entry, in one transaction.

        ``usage`` None: the provider did not say; the upper bound is booked if the call may be billed, else nothing.
        """
        used = Amount(0, Decimal(0))
        if usage is not None:
            price = self._prices.of(call.model)
            used = Amount(usage.input + usage.output, price.yen(input=usage.input, output=usage.output))
        elif billed:
            used = Amount(call.reservation.tokens, call.reservation.yen)
        with stage("settle"), self._database.transaction(call.principal.tenant) as transaction:
            settlement = budgets.settle(transaction, call.reservation.id, used)
            detail = {
                **self._about(call),
                "model_answered": _model_name(answered_by),
                "outcome": outcome,
                "input_tokens": usage.input if usage else None,
                "output_tokens": usage.output if usage else None,
                "yen": str(used.yen),
                "overrun": settlement.overrun,
                "restored": call.passage.restored,
                "invented": len(call.passage.invented),
            }
            self._ledger.append(transaction, self._entry(call.id, call.principal, "gateway.call", detail))
        self._note_unsealed(call.principal.tenant)

    def refuse(self, call_id: str, principal: Principal, endpoint: Endpoint, code: str) -> None:
        """Write that a call was refused before it left."""
        detail = {"endpoint": endpoint.path, "code": code}
        with self._database.transaction(principal.tenant) as transaction:
            self._ledger.append(transaction, self._entry(call_id, principal, "gateway.refused", detail))
        self._note_unsealed(principal.tenant)

    def seal_ledger(self) -> dict[str, SakimoriError | None]:
        """Seal what this process wrote, and say how it went by institution; what could not be is tried next time.

        One institution whose ledger is damaged does not keep the others from theirs.
        """
        with self._lock:
            waiting, self._unsealed = self._unsealed, {}
        went: dict[str, SakimoriError | None] = {}
        for tenant, entries in waiting.items():
            try:
                self._ledger.sequence(self._database, tenant)
            except SakimoriError as error:
                self._note_unsealed(tenant, entries)
                if not isinstance(error, Fenced):  # another process sealed them, or will have to
                    went[tenant] = error
            else:
                went[tenant] = None
            telemetry.pending(-entries)
        return went

    def _admit(
        self,
        call_id: str,
        principal: Principal,
        endpoint: Endpoint,
        request: dict[str, object],
        headers: Mapping[str, str],
        institution: Institution,
    ) -> Admitted:
        usable_now = grants.in_force(institution.grants, self._clock.now())
        boundary = institution.boundary
        purpose = grants.purpose_of(usable_now, headers.get(grants.PURPOSE_HEADER))
        declared = headers.get(grants.DATA_CLASS_HEADER)
        data_class = grants.data_class_of(
            declared,
            vouched=grants.STRUCTURED_SCOPE in principal.scopes,
            recognises_names=boundary.recognises_names,
        )
        allowed = grants.models(usable_now)
        taken: set[str] = set()
        for _ in range(_VAULT_ATTEMPTS):
            passage = Passage(boundary, taken=taken)
            with stage("tokenise"):
                rebuilt = self._rebuild(request, endpoint, principal, passage, allowed)
            model = cast("str", rebuilt["model"])
            usable = grants.fitting(usable_now, model=model, purpose=purpose, data_class=data_class)
            body = orjson.dumps(rebuilt)
            upper = self._upper_bound(endpoint, rebuilt, body)
            with stage("reserve"), self._database.transaction(principal.tenant) as transaction:
                if clashing := self._keep(transaction, passage):
                    taken |= clashing
                    continue
                reservation = self._reserve(transaction, usable, model, upper)
                call = Admitted(
                    id=call_id,
                    principal=principal,
                    endpoint=endpoint,
                    body=body,
                    passage=passage,
                    model=model,
                    purpose=purpose,
                    data_class=data_class,
                    grant_id=reservation.grant_id,
                    reservation=reservation,
                )
                # Before it leaves: if this process dies in the call, the ledger still knows of it.
                sent = {**self._about(call), "tokens_held": upper.tokens, "yen_held": str(upper.yen)}
                self._ledger.append(transaction, self._entry(call_id, principal, "gateway.sent", sent))
            self._note_unsealed(principal.tenant)
            self._remember(principal.tenant, passage)
            return call
        raise BoundaryError("boundary: no unused token was found for a text, so nothing was sent; try again")

    def _note_unsealed(self, tenant: str, entries: int = 1) -> None:
        telemetry.pending(entries)
        with self._lock:
            self._unsealed[tenant] = self._unsealed.get(tenant, 0) + entries

    def _rebuild(
        self,
        request: dict[str, object],
        endpoint: Endpoint,
        principal: Principal,
        passage: Passage,
        models: frozenset[str],
    ) -> dict[str, object]:
        """The request as it may leave."""
        out = Outgoing(
            passage=passage,
            models=models,
            pseudonym=lambda text: self._pseudonym(principal, text),
            unseal=lambda text: self._unseal(principal.tenant, text),
        )
        sent = cast("dict[str, object]", endpoint.shape.send(request, "", out))
        sent["store"] = False
        sent["safety_identifier"] = sent.get("safety_identifier") or self._pseudonym(principal, "")
        sent.pop("user", None)
        return sent

    def _keep(self, transaction: Transaction, passage: Passage) -> set[str]:
        """Keep the passage's tokens in the vault; those that already stand for something else come back."""
        tenant = transaction.tenant
        new = {token: value for token, value in passage.tokens.items() if (tenant, token, value) not in self._kept}
        return vault.keep(transaction, vault_keys(transaction, self._secrets), new) if new else set()

    def _remember(self, tenant: str, passage: Passage) -> None:
        """The vault has these: it need not be asked for them again."""
        if len(self._kept) > _MOST_KEPT:
            self._kept.clear()
        self._kept.update(
            (tenant, token, value) for token, value in passage.tokens.items() if len(value) <= _LONGEST_KEPT
        )

    def _upper_bound(self, endpoint: Endpoint, sent: dict[str, object], body: bytes) -> Amount:
        price = self._prices.of(cast("str", sent["model"]))
        limits = (cast("int | None", sent.get(name)) for name in endpoint.output_limits)
        output = next((limit for limit in limits if limit is not None), price.max_output_tokens)
        answers = cast("int | None", sent.get(endpoint.answers)) if endpoint.answers else None
        output *= answers or 1
        input = len(body) + _OVERHEAD_TOKENS
        return Amount(input + output, price.yen(input=input, output=output))

    def _reserve(self, transaction: Transaction, usable: list[Grant], model: str, upper: Amount) -> Reservation:
        """Under the first of the grants that has enough left."""
        now = self._clock.now()
        lacking: list[BudgetExceeded] = []
        for grant in usable:
            try:
                return budgets.reserve(transaction, grant, model=model, upper=upper, now=now, lifetime=self._lifetime)
            except BudgetExceeded as error:
                lacking.append(error)
        seconds = min((error.free_at - now) // _NANOS_PER_SECOND + 1 for error in lacking)
        message = f"Budget: {'; '.join(str(error) for error in lacking)}."
        raise Refusal(429, "budget_exceeded", message, retry_after=seconds)

    def _pseudonym(self, principal: Principal, text: str) -> str:
        """64 hexadecimal digits that say nothing without the institution's key."""
        key = self._secrets.provision(principal.tenant, "gateway-pseudonyms")
        return hmac.digest(key, f"{principal.actor}\0{text}".encode("utf-8", "surrogatepass"), "sha256").hex()

    def _seal(self, tenant: str, text: str) -> str:
        return f"{_SEAL}{self._mac(tenant, text)}.{text}"

    def _unseal(self, tenant: str, sealed: str) -> str | None:
        mac, _, text = sealed.removeprefix(_SEAL).partition(".")
        genuine = hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(tenant, text).encode())
        return text if sealed.startswith(_SEAL) and genuine else None

    def _mac(self, tenant: str, text: str) -> str:
        key = self._secrets.provision(tenant, "gateway-seals")
        return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _about(self, call: Admitted) -> dict[str, Any]:
        return {
            "endpoint": call.endpoint.path,
            "purpose": call.purpose,
            "data_class": call.data_class,
            "grant": call.grant_id,
            "provider": self._provider,
            "model": call.model,
            "replaced": {f"{kind}/{rule}": n for (kind, rule), n in sorted(call.passage.replaced.items())},
        }

    def _entry(self, call_id: str, principal: Principal, action: str, detail: dict[str, Any]) -> LedgerEntry:
        return LedgerEntry(
            id=f"le-{token_hex(12)}",
            tenant=principal.tenant,
            time=self._clock.now(),
            actor=principal.actor,
            action=action,
            subject=call_id,
            detail=detail,
        )


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
    if too_deep(cast("object", request), _DEEPEST):
        raise Refusal(400, "invalid_json", f"The body of your request is nested deeper than {_DEEPEST} levels.")
    return cast("dict[str, object]", request)


def _model_name(answered_by: object) -> str | None:
    """The name that the provider gives; anything that does not look like one is not written down."""
    return answered_by if isinstance(answered_by, str) and _MODEL_NAME.fullmatch(answered_by) else None
