"""The HTTP handlers: routes, headers, and what a client hears in every case."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import token_hex
from typing import ParamSpec, TypeVar

import orjson
from aiohttp import web

from sakimori.access import Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, SakimoriError
from sakimori.gateway import telemetry
from sakimori.gateway.boundary import BoundaryError
from sakimori.gateway.desk import Admitted, Desk
from sakimori.gateway.endpoints import CHAT_COMPLETIONS, RESPONSES, Endpoint
from sakimori.gateway.prices import PriceList
from sakimori.gateway.provider import Answer, Provider, ProviderConfig, ProviderFailed
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.telemetry import Call, stage
from sakimori.ledger import Ledger, LedgerError
from sakimori.observe import Readiness, log
from sakimori.observe.admin import add_probes
from sakimori.observe.health import Check
from sakimori.store import Database

_LONGEST_REQUEST = 16 * 2**20
_LARGE = 128 * 2**10
"""Bytes of a request or an answer that take long to read: tens of milliseconds."""
_SEAL_SECONDS = 1.0
_STUCK_SECONDS = 30.0
"""Without any sealing that came to its end: something hangs, or nobody's entries can be sealed."""
_MARGIN = timedelta(seconds=60)
"""How much longer a reservation holds than a call can take."""
_NOT_OURS_TO_CHOOSE = ("openai-organization", "openai-project", "openai-beta")
_CALL_ID = web.RequestKey("call_id", str)
P = ParamSpec("P")
T = TypeVar("T")

OnEgress = Callable[[str, object, object], None]
"""Gets the endpoint's path, a request's body as it stood in the bank, and as it leaves: all that a call says."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a gateway is made of."""

    database: Database
    secrets: Secrets
    ledger: Ledger
    provider: ProviderConfig
    prices: PriceList
    clock: Clock
    checks: Mapping[str, Check] = field(default_factory=dict[str, Check])
    """What must hold besides for the gateway to be ready, by name; for /readyz."""


class Gateway:
    """The handlers. What blocks runs in threads; the provider is spoken to from the event loop."""

    def __init__(self, parts: Parts, on_egress: OnEgress | None = None) -> None:
        self._config = parts.provider
        self._desk = Desk(
            parts.database,
            parts.secrets,
            parts.ledger,
            prices=parts.prices,
            provider=parts.provider.name,
            lifetime=timedelta(seconds=parts.provider.timeout) + _MARGIN,
            clock=parts.clock,
        )
        self._on_egress = on_egress
        self.readiness = Readiness({**parts.checks, "ledger": self._refuse_if_stuck, "calls": self._refuse_if_stopping})
        self._sealed_at = time.monotonic()
        self._unsealable: set[str] = set()
        # Whatever writes takes turns, so that more threads would only wait for each other; large texts keep to theirs.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway-desk")
        self._large = ThreadPoolExecutor(max_workers=2, thread_name_prefix="gateway-large")
        self._provider: Provider | None = None
        self._calls: set[asyncio.Task[web.Response]] = set()
        self._at_provider: set[asyncio.Task[object]] = set()
        self._closing = False
        self._broken_off = False

    def application(self) -> web.Application:
        """An aiohttp application; it connects when it starts and closes what it opened when it stops."""
        app = web.Application(middlewares=[_in_openai_shape], client_max_size=_LONGEST_REQUEST)
        app.cleanup_ctx.append(self._lifespan)
        add_probes(app, self.readiness)
        app.router.add_get("/v1/models", self.list_models)
        app.router.add_get("/v1/models/{model:.+}", self.show_model)
        for endpoint in (RESPONSES, CHAT_COMPLETIONS):
            app.router.add_post(f"/v1/{endpoint.path}", self._handler(endpoint))
        return app

    @property
    def under_way(self) -> int:
        """Calls that are not finished."""
        return len(self._calls)

    async def finish(self, at_once: asyncio.Event) -> int:
        """Take no new calls and wait for those under way, as long as one can take or until ``at_once`` is set.

        The rest is broken off: each is booked at its upper bound, and its client hears it. Returns how many these are.
        """
        self._closing = True
        given_up = asyncio.create_task(at_once.wait())
        finished = asyncio.gather(*self._calls, return_exceptions=True)
        await asyncio.wait((given_up, finished), timeout=self._config.timeout, return_when=asyncio.FIRST_COMPLETED)
        given_up.cancel()
        self._broken_off = True
        for task in self._at_provider:
            task.cancel()
        return len(self._calls)

    async def _lifespan(self, _app: web.Application) -> AsyncIterator[None]:
        self._provider = Provider(self._config)
        self._sealed_at = time.monotonic()
        sealing = asyncio.create_task(self._seal_now_and_then())
        yield
        sealing.cancel()
        # Whoever asked may be gone, and the server with him: a call is settled all the same.
        await asyncio.gather(sealing, *self._calls, return_exceptions=True)
        await self._provider.close()
        await self._seal()
        self.readiness.close()
        self._thread.shutdown()
        self._large.shutdown()

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            if self._closing:
                raise Refusal(503, "gateway_stopping", "The gateway is stopping; ask again later.", may_retry=True)
            call = asyncio.create_task(self._call(endpoint, request))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
            # The call is finished whatever becomes of the connection: it may be billed, so it must be settled.
            return await asyncio.shield(call)

        return handle

    async def list_models(self, request: web.Request) -> web.Response:
        principal = await self._authenticate(request)
        return _json({"object": "list", "data": await self._blocking(self._desk.models, principal)})

    async def show_model(self, request: web.Request) -> web.Response:
        principal = await self._authenticate(request)
        for model in await self._blocking(self._desk.models, principal):
            if model["id"] == request.match_info["model"]:
                return _json(model)
        raise Refusal(404, "model_not_granted", "No grant of your institution allows this model at present.")

    async def _authenticate(self, request: web.Request) -> Principal:
        authorization = request.headers.get("Authorization")
        return self._desk.known(authorization) or await self._blocking(self._desk.authenticate, authorization)

    async def _call(self, endpoint: Endpoint, request: web.Request) -> web.Response:
        told = Call(request[_CALL_ID], endpoint.path)
        with told.under_way(request.headers.get("traceparent")):
            return await self._make(endpoint, request, told)

    async def _make(self, endpoint: Endpoint, request: web.Request, told: Call) -> web.Response:
        call_id = told.id
        with stage("authenticate"):
            principal = told.principal = await self._authenticate(request)
        try:
            _check_headers(request)
            raw = await _read(request)
            thread = self._thread_for(len(raw))
            call = await _run_in(thread, self._desk.admit, call_id, principal, endpoint, raw, request.headers)
        except Refusal as refusal:
            await self._blocking(self._desk.refuse, call_id, principal, endpoint, refusal.code)
            raise
        except BoundaryError:
            await self._blocking(self._desk.refuse, call_id, principal, endpoint, telemetry.BOUNDARY_FAILED)
            raise
        told.admitted(model=call.model, purpose=call.purpose, tokens=call.reservation.tokens)
        if self._on_egress is not None:
            self._on_egress(endpoint.path, orjson.loads(raw), orjson.loads(call.body))
        return await self._answer(call, told)

    async def _answer(self, call: Admitted, told: Call) -> web.Response:
        try:
            with stage("upstream"):
                answer = await self._ask(call)
        except ProviderFailed as failed:
            refusal = failed.refusal
            refusal.message = call.passage.restore(refusal.message)
            await self._blocking(self._desk.settle, call, outcome=refusal.code, usage=None, billed=failed.billed)
            raise refusal from failed
        told.usage = call.endpoint.usage(answer.body)
        body = await _run_in(self._thread_for(answer.length), self._desk.answered, call, answer.body)
        return web.Response(body=body, content_type="application/json", headers=answer.headers)

    async def _ask(self, call: Admitted) -> Answer:
        """Raises ProviderFailed where there is no usable answer, or the gateway is to stop at once."""
        assert self._provider is not None  # handlers run within the lifespan
        if self._broken_off:
            raise _stopped(billed=False)
        task = asyncio.current_task()
        assert task is not None
        self._at_provider.add(task)
        try:
            return await self._provider.call(call.endpoint.path, call.body, object=call.endpoint.object)
        except asyncio.CancelledError:  # by ``finish``, and nobody else: what was asked for has been done
            task.uncancel()
            raise _stopped(billed=True) from None
        finally:
            self._at_provider.discard(task)

    async def _seal_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SEAL_SECONDS)
            await self._seal()

    async def _seal(self) -> None:
        went = await self._blocking(self._desk.seal_ledger)
        if not went or None in went.values():
            self._sealed_at = time.monotonic()
        for tenant, error in went.items():
            if error is not None:
                telemetry.seal_failed()
                if tenant not in self._unsealable:
                    self._unsealable.add(tenant)
                    log(telemetry.LedgerUnsealed(tenant=tenant, error=error))
            elif tenant in self._unsealable:
                self._unsealable.discard(tenant)
                log(telemetry.LedgerSealed(tenant=tenant))

    def _refuse_if_stopping(self) -> None:
        if self._closing:
            raise SakimoriError("the gateway is stopping: it takes no new calls")

    def _refuse_if_stuck(self) -> None:
        """Raises LedgerError where entries are written and no longer sealed."""
        stuck = time.monotonic() - self._sealed_at
        if stuck > _STUCK_SECONDS:
            raise LedgerError(
                f"no ledger was sealed for {stuck:.0f} s: entries stay pending; see gateway.ledger_unsealed in the log"
            )

    def _thread_for(self, length: int) -> ThreadPoolExecutor:
        return self._thread if length <= _LARGE else self._large

    async def _blocking(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _run_in(self._thread, function, *args, **kwargs)


async def _run_in(thread: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    context = copy_context()  # which holds the span that is current
    return await asyncio.get_running_loop().run_in_executor(thread, lambda: context.run(function, *args, **kwargs))


def _stopped(*, billed: bool) -> ProviderFailed:
    message = "The gateway was stopped before the model had answered."
    return ProviderFailed(Refusal(503, "gateway_stopped", message, may_retry=True), billed=billed)


@web.middleware
async def _in_openai_shape(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Whatever happens, the client hears it in OpenAI's shape, with the id under which the ledger knows the call."""
    request[_CALL_ID] = f"call-{token_hex(12)}"
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = _error(refusal)
    except web.HTTPException as error:
        response = _error(Refusal(error.status, "invalid_request", _sentence(error)))
    except BoundaryError as error:
        response = _error(Refusal(500, telemetry.BOUNDARY_FAILED, str(error)))
    except SakimoriError as error:
        log(telemetry.Unavailable(call=request[_CALL_ID], error=error))
        message = "The gateway cannot use its own database or keys at present, so it did not go on; tell its operator."
        response = _error(Refusal(503, telemetry.UNAVAILABLE, message, may_retry=True))
    except Exception as error:  # noqa: BLE001 - of a bug, too, the client hears in a form that it can read
        log(telemetry.Failed(call=request[_CALL_ID], error=error))
        response = _error(Refusal(500, telemetry.FAILED, "The gateway failed and did not go on; tell its operator."))
    response.headers["x-request-id"] = request[_CALL_ID]
    return response


def _sentence(error: web.HTTPException) -> str:
    return {
        404: "There is no such endpoint here: this gateway serves /v1/responses, /v1/chat/completions and /v1/models.",
        405: "This endpoint does not take that method.",
        413: f"The request is larger than {_LONGEST_REQUEST // 2**20} MB.",
    }.get(error.status, f"The request cannot be used ({error.reason}).")


def _check_headers(request: web.Request) -> None:
    """No header of a client is passed on; those that would have changed the call at the provider are refused."""
    for name in _NOT_OURS_TO_CHOOSE:
        if name in request.headers:
            message = f"The header '{name}' is refused: organisation, project and features are the gateway's to choose."
            raise Refusal(400, "unsupported_header", message, param=name)
    for name in ("Authorization", "Content-Type", "Sakimori-Purpose", "Sakimori-Data-Class"):
        if len(request.headers.getall(name, [])) > 1:
            raise Refusal(400, "duplicate_header", f"The header '{name}' is there more than once.", param=name)
    if request.content_type != "application/json":
        raise Refusal(415, "unsupported_media_type", "Send the request as application/json.")


async def _read(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise Refusal(413, "request_too_large", _sentence(error)) from error


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def _error(refusal: Refusal) -> web.Response:
    return web.Response(
        status=refusal.status,
        body=orjson.dumps(refusal.body),
        content_type="application/json",
        headers=refusal.headers,
    )
