"""The gateway as an HTTP server: routes, what its calls share, and what a client hears in every case."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from importlib.metadata import version
from random import Random, SystemRandom
from secrets import token_hex

import orjson
from aiohttp import HttpVersion11, web

from sakimori.access import Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, SakimoriError
from sakimori.gateway import openapi, telemetry
from sakimori.gateway.background import Background
from sakimori.gateway.boundary import BoundaryError, Recogniser, prepare
from sakimori.gateway.calls import arrival
from sakimori.gateway.calls.admission import Admission
from sakimori.gateway.calls.bodies import Bodies
from sakimori.gateway.calls.call import Desk, OneCall, OnEgress, run_in
from sakimori.gateway.calls.caller import Callers
from sakimori.gateway.calls.reservation import Reservations
from sakimori.gateway.calls.sealing import Sealer
from sakimori.gateway.calls.settlement import Settlement
from sakimori.gateway.calls.sweeping import Sweeper, institutions_of
from sakimori.gateway.calls.tidying import keep_tidy
from sakimori.gateway.calls.writer import Writer
from sakimori.gateway.endpoints import ENDPOINTS, RESPONSES, Endpoint
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.credentials import Credentials
from sakimori.gateway.providers.health import Health
from sakimori.gateway.providers.routing import Router
from sakimori.gateway.providers.upstream import Upstreams
from sakimori.gateway.providers.watch import Watch
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.standing import Standing
from sakimori.gateway.telemetry import Call, stage
from sakimori.ledger import Ledger
from sakimori.observe import Readiness, log
from sakimori.observe.admin import add_probes
from sakimori.observe.health import Check
from sakimori.store import Database

_MARGIN = timedelta(seconds=60)
"""How much longer a reservation holds than a call can take."""
_MOST_FREE_TEXTS = 32
"""Calls whose free text is looked through at a time: each waits for models, which work in processes of their own."""
_CALL_ID = web.RequestKey("call_id", str)
_CODEX_SAYS = ("client_version",)
"""A parameter of its that changes nothing here."""
_SERVED = ", ".join(f"/v1/{path}" for path in ENDPOINTS)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a gateway is made of."""

    database: Database
    secrets: Secrets
    ledger: Ledger
    providers: Providers
    clock: Clock
    checks: Mapping[str, Check] = field(default_factory=dict[str, Check])
    """What must hold besides for the gateway to be ready, by name; for /readyz."""
    recogniser: Recogniser | None = None
    """Looks for names in running text; without one free text is refused. Who made it closes it."""
    random: Random = field(default_factory=SystemRandom)
    """Decides between providers of the same order."""
    programme: str | None = None
    """The institution that runs the programme: calls of its members whose process died are ended. None: only those of
    institutions that call again."""


class Gateway:
    """The handlers. What blocks runs in threads; providers are spoken to from the event loop."""

    def __init__(self, parts: Parts, on_egress: OnEgress | None = None) -> None:
        """Reads the keys of providers that are kept outside the database.

        Raises:
            ProviderMissing: one is missing, or cannot be used.
        """
        self._parts = parts
        self._on_egress = on_egress
        self._health = Health((provider.name for provider in parts.providers), parts.clock)
        self._credentials = Credentials(parts.providers, parts.secrets)
        self._watch = Watch(parts.database, self._credentials, self._health, parts.clock)
        self._standing = Standing(parts.database, parts.secrets, parts.clock, parts.recogniser)
        self._callers = Callers(self._standing, parts.providers, clock=parts.clock)
        router = Router(parts.providers, self._health, parts.random)
        self._admission = Admission(parts.secrets, router, clock=parts.clock)
        lifetime = timedelta(seconds=parts.providers.total_seconds) + _MARGIN
        self._bodies = Bodies()
        self._reservations = Reservations(parts.secrets, lifetime=lifetime, clock=parts.clock)
        self._sealer = Sealer(parts.ledger)
        self._background = Background()
        checks = {
            **parts.checks,
            "ledger": self._sealer.refuse_if_stuck,
            "providers": self._watch.refuse_if_blind,
            "background": self._background.refuse_if_ended,
            "calls": self._refuse_if_stopping,
        }
        if parts.recogniser is not None:
            checks["names"] = parts.recogniser.refuse_if_down
        self.readiness = Readiness(checks)
        self._reading = ThreadPoolExecutor(max_workers=2, thread_name_prefix="gateway-reading")
        self._large = ThreadPoolExecutor(max_workers=2, thread_name_prefix="gateway-large")
        self._names = ThreadPoolExecutor(max_workers=_MOST_FREE_TEXTS, thread_name_prefix="gateway-names")
        self._desk: Desk | None = None
        self._calls: dict[asyncio.Task[web.StreamResponse], OneCall] = {}
        self._closing = False
        self._broken_off = False

    def application(self) -> web.Application:
        """An aiohttp application; it connects when it starts and closes what it opened when it stops.

        Serve it with ``handler_cancellation``: that is how a call hears that its client is gone.
        """
        app = web.Application(middlewares=[_in_openai_shape], client_max_size=arrival.LONGEST)
        app.cleanup_ctx.append(self._lifespan)
        add_probes(app, self.readiness)
        app.router.add_get("/v1/models", self.list_models)
        app.router.add_get("/v1/models/{model:.+}", self.show_model)
        app.router.add_get("/v1/openapi.json", self.describe)
        app.router.add_get(f"/v1/{RESPONSES.path}", _no_websocket)
        for endpoint in ENDPOINTS.values():
            app.router.add_post(f"/v1/{endpoint.path}", self._handler(endpoint), expect_handler=_expected)
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
        patience = self._parts.providers.total_seconds
        await asyncio.wait((given_up, finished), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        given_up.cancel()
        self._broken_off = True
        for call in self._calls.values():
            call.break_off(_stopped())
        return len(self._calls)

    async def _lifespan(self, _app: web.Application) -> AsyncIterator[None]:
        parts = self._parts
        await asyncio.gather(run_in(self._reading, self._watch.begin), run_in(self._large, prepare))
        writer = Writer(parts.database)
        upstreams = Upstreams(self._health, self._credentials.of, clock=parts.clock, random=parts.random)
        settlement = Settlement(parts.ledger, parts.clock)
        self._desk = Desk(
            admission=self._admission,
            reservations=self._reservations,
            settlement=settlement,
            standing=self._standing,
            secrets=parts.secrets,
            sealer=self._sealer,
            writer=writer,
            upstreams=upstreams,
            reading=self._reading,
            large=self._large,
            names=self._names,
            seconds=parts.providers.total_seconds,
            on_egress=self._on_egress,
        )
        self._background.start("sealing", self._sealer.run(writer))
        self._background.start("tidying", keep_tidy(parts.database))
        self._background.start("watch", self._watch.run(upstreams.cut))
        if parts.programme is not None:
            institutions = partial(institutions_of, parts.database, parts.programme)
            sweeper = Sweeper(parts.database, writer, settlement, self._sealer, parts.clock, institutions)
            self._background.start("sweeping", sweeper.run())
        yield
        # Whoever asked may be gone, and the server with him: a call is settled all the same.
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._background.stop()
        await upstreams.close()
        await self._sealer.close(writer)
        await writer.close()
        self.readiness.close()
        self._reading.shutdown()
        self._large.shutdown()
        self._names.shutdown()

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            if self._closing:
                raise Refusal(503, "gateway_stopping", "The gateway is stopping; ask again later.", may_retry=True)
            assert self._desk is not None  # handlers run within the lifespan
            told = Call(request[_CALL_ID], endpoint.path)
            call = OneCall(self._desk, told, endpoint, request)
            task = asyncio.create_task(self._make(call, told, request))
            self._calls[task] = call
            task.add_done_callback(self._ended)
            try:
                # The call is finished whatever becomes of the connection: it may be billed, so it must be settled.
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                call.client_gone()
                raise

        return handle

    def _ended(self, task: asyncio.Task[web.StreamResponse]) -> None:
        del self._calls[task]
        if not task.cancelled():
            task.exception()  # told to the client, or nobody is there to hear it

    async def _make(self, call: OneCall, told: Call, request: web.Request) -> web.StreamResponse:
        with told.under_way(request.headers.get("traceparent")):
            with stage("authenticate"):
                principal = told.principal = await self._authenticate(request)
            with self._bodies.of(principal.tenant) as held:
                try:
                    arrival.check_posted(request)
                    raw = await arrival.read_body(request, held)
                except Refusal as refusal:
                    await call.refuse(principal, refusal.code)
                    raise
                if self._broken_off:
                    call.break_off(_stopped())
                return await call.make(raw, principal)

    async def list_models(self, request: web.Request) -> web.Response:
        principal = await self._asking(request)
        return _json({"object": "list", "data": await run_in(self._reading, self._callers.models, principal)})

    async def show_model(self, request: web.Request) -> web.Response:
        principal = await self._asking(request)
        for model in await run_in(self._reading, self._callers.models, principal):
            if model["id"] == request.match_info["model"]:
                return _json(model)
        raise Refusal(404, "model_not_granted", "No grant of your institution allows this model at present.")

    async def describe(self, request: web.Request) -> web.Response:
        await self._asking(request)
        return web.Response(body=_description(), content_type="application/json")

    async def _asking(self, request: web.Request) -> Principal:
        """Who asks for what costs nothing."""
        principal = await self._authenticate(request)
        arrival.check(request, queries=_CODEX_SAYS)
        return principal

    async def _authenticate(self, request: web.Request) -> Principal:
        authorization = request.headers.get("Authorization")
        return self._callers.known(authorization) or await run_in(
            self._reading, self._callers.authenticate, authorization
        )

    def _refuse_if_stopping(self) -> None:
        if self._closing:
            raise SakimoriError("the gateway is stopping: it takes no new calls")


def _stopped() -> Refusal:
    return Refusal(503, "gateway_stopped", "The gateway was stopped before the model had answered.", may_retry=True)


async def _no_websocket(request: web.Request) -> web.StreamResponse:
    """Clients that prefer a WebSocket (Codex) ask again over HTTP at once when they hear 426, and much later else."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise web.HTTPMethodNotAllowed(request.method, ("POST",))
    raise Refusal(426, "websocket_unsupported", "This gateway speaks no WebSocket; send the request by POST.")


async def _expected(request: web.Request) -> web.Response | None:
    """What aiohttp says to ``Expect`` (RFC 9110, section 10.1.1); of an unknown one it would say so in plain text."""
    if request.version == HttpVersion11 and request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
        return None
    message = "This gateway meets no expectation but '100-continue'."
    return _error(Refusal(417, "unsupported_header", message, param="expect"))


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
        response = _error(telemetry.unavailable())
    except Exception as error:  # noqa: BLE001 - of a bug, too, the client hears in a form that it can read
        log(telemetry.Failed(call=request[_CALL_ID], error=error))
        response = _error(telemetry.bug())
    if not response.prepared:
        response.headers["x-request-id"] = request[_CALL_ID]
    return response


@cache
def _description() -> bytes:
    return orjson.dumps(openapi.document(version("sakimori")))


def _sentence(error: web.HTTPException) -> str:
    return {
        404: f"There is no such endpoint here: this gateway serves {_SERVED} and /v1/models.",
        405: "This endpoint does not take that method.",
    }.get(error.status, f"The request cannot be used ({error.reason}).")


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def _error(refusal: Refusal) -> web.Response:
    return web.Response(
        status=refusal.status,
        body=orjson.dumps(refusal.body),
        content_type="application/json",
        headers=refusal.headers,
    )
