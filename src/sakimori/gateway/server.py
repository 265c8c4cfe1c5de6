"""The HTTP server: routes, headers, and what a client hears in every case."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from typing import ParamSpec, TypeVar

import orjson
from aiohttp import web

from sakimori.access import Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, SakimoriError, SystemClock
from sakimori.gateway.boundary import BoundaryError
from sakimori.gateway.desk import Admitted, Desk
from sakimori.gateway.endpoints import CHAT_COMPLETIONS, RESPONSES, Endpoint
from sakimori.gateway.prices import PriceList
from sakimori.gateway.provider import Provider, ProviderConfig, ProviderFailed
from sakimori.gateway.refusal import Refusal
from sakimori.ledger import Ledger
from sakimori.store import Database

_log = logging.getLogger("sakimori.gateway")
_LONGEST_REQUEST = 16 * 2**20
_SEAL_SECONDS = 1.0
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


def application(parts: Parts) -> web.Application:
    """The gateway as an aiohttp application; it connects when it starts and closes what it opened when it stops."""
    return _application(parts, on_egress=None)


def _application(parts: Parts, on_egress: OnEgress | None) -> web.Application:
    desk = Desk(
        parts.database,
        parts.secrets,
        parts.ledger,
        prices=parts.prices,
        provider=parts.provider.name,
        lifetime=timedelta(seconds=parts.provider.timeout) + _MARGIN,
        clock=parts.clock,
    )
    gateway = _Gateway(desk, parts.provider, on_egress)
    app = web.Application(middlewares=[_in_openai_shape], client_max_size=_LONGEST_REQUEST)
    app.cleanup_ctx.append(gateway.lifespan)
    app.router.add_get("/healthz", _health)
    app.router.add_get("/v1/models", gateway.list_models)
    app.router.add_get("/v1/models/{model:.+}", gateway.show_model)
    for endpoint in (RESPONSES, CHAT_COMPLETIONS):
        app.router.add_post(f"/v1/{endpoint.path}", gateway.handler(endpoint))
    return app


@contextmanager
def running(
    database: Database,
    secrets: Secrets,
    ledger: Ledger,
    provider: ProviderConfig,
    *,
    port: int = 0,
    prices: PriceList | None = None,
    clock: Clock | None = None,
    on_egress: OnEgress | None = None,
) -> Generator[str, None, None]:
    """Serve on loopback from a background thread, for as long as the ``with`` lasts.

    Yields the base URL for clients, such as ``http://127.0.0.1:40123/v1``. ``on_egress`` is called in that thread, just
    before the provider is, for every call that leaves: so that a demonstration can show what left, and nothing else. It
    must be quick and must not raise. What it gets is content: nothing that serves others may offer it.

    Raises:
        OSError: the port is taken.
    """
    parts = Parts(
        database, secrets, ledger, provider, prices=prices or PriceList.shipped(), clock=clock or SystemClock()
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sakimori-gateway", daemon=True)
    thread.start()
    runner = web.AppRunner(_application(parts, on_egress), access_log=None)
    try:
        yield asyncio.run_coroutine_threadsafe(_listen(runner, "127.0.0.1", port), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def serve(parts: Parts, *, host: str, port: int, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set; calls that are under way are finished first. ``ready`` gets the base URL.

    Raises:
        OSError: the address cannot be listened on.
    """
    runner = web.AppRunner(application(parts), access_log=None, shutdown_timeout=parts.provider.timeout)
    try:
        ready(await _listen(runner, host, port))
        await stop.wait()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> str:
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    address = runner.addresses[0]
    shown = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{shown}:{address[1]}/v1"


class _Gateway:
    """The handlers. What blocks runs in threads; the provider is spoken to from the event loop."""

    def __init__(self, desk: Desk, config: ProviderConfig, on_egress: OnEgress | None) -> None:
        self._desk = desk
        self._config = config
        self._on_egress = on_egress
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="gateway-desk")
        self._provider: Provider | None = None

    async def lifespan(self, _app: web.Application) -> AsyncIterator[None]:
        self._provider = Provider(self._config)
        sealing = asyncio.create_task(self._seal_now_and_then())
        yield
        sealing.cancel()
        await asyncio.wait([sealing])
        await self._provider.close()
        await self._seal()
        self._threads.shutdown()

    def handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return await self._call(endpoint, request)

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
        return await self._blocking(self._desk.authenticate, request.headers.get("Authorization"))

    async def _call(self, endpoint: Endpoint, request: web.Request) -> web.Response:
        call_id = request[_CALL_ID]
        principal = await self._authenticate(request)
        try:
            _check_headers(request)
            raw = await _read(request)
            call = await self._blocking(self._desk.admit, call_id, principal, endpoint, raw, request.headers)
        except Refusal as refusal:
            await self._blocking(self._desk.refuse, call_id, principal, endpoint, refusal.code)
            raise
        except BoundaryError:
            await self._blocking(self._desk.refuse, call_id, principal, endpoint, "boundary_failed")
            raise
        # From here on the call is finished whatever the client does: it may be billed, so it must be settled.
        return await asyncio.shield(self._answer(call, raw))

    async def _answer(self, call: Admitted, raw: bytes) -> web.Response:
        assert self._provider is not None  # handlers run within lifespan
        if self._on_egress is not None:
            self._on_egress(call.endpoint.path, orjson.loads(raw), orjson.loads(call.body))
        try:
            answer = await self._provider.call(call.endpoint.path, call.body, object=call.endpoint.object)
        except ProviderFailed as failed:
            refusal = failed.refusal
            refusal.message = call.passage.restore(refusal.message)
            await self._blocking(self._desk.settle, call, outcome=refusal.code, usage=None, billed=failed.billed)
            raise refusal from failed
        usage = call.endpoint.usage(answer.body)
        body = await self._blocking(self._desk.restore, call, answer.body)
        await self._blocking(
            self._desk.settle, call, outcome="answered", usage=usage, answered_by=answer.body.get("model")
        )
        return web.Response(body=body, content_type="application/json", headers=answer.headers)

    async def _seal_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SEAL_SECONDS)
            await self._seal()

    async def _seal(self) -> None:
        try:
            await self._blocking(self._desk.seal_ledger)
        except SakimoriError as error:
            _log.error("the ledger was not sealed; its entries stay pending: %s", error)

    async def _blocking(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))


async def _health(_request: web.Request) -> web.Response:
    return _json({"status": "ok"})


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
        response = _error(Refusal(500, "boundary_failed", str(error)))
    except SakimoriError as error:
        _log.error("%s: %s", request[_CALL_ID], error)
        message = "The gateway cannot use its own database or keys at present, so it did not go on; tell its operator."
        response = _error(Refusal(503, "gateway_unavailable", message, may_retry=True))
    except Exception:  # noqa: BLE001 - of a bug, too, the client hears in a form that it can read
        _log.exception("%s: a bug", request[_CALL_ID])
        response = _error(Refusal(500, "gateway_error", "The gateway failed and did not go on; tell its operator."))
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
