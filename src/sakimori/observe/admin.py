"""The admin surface of a service: /healthz, /readyz and /metrics over HTTP, apart from what it serves to others."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from sakimori.core import InputError, SakimoriError, plain
from sakimori.observe import metrics
from sakimori.observe.health import Readiness

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    host: str
    port: int
    """0: any free one."""

    @staticmethod
    def parse(text: str) -> "ListenAddress":
        """``127.0.0.1:9464`` or ``[::1]:9464``. Raises InputError for anything else."""
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host.replace(":", "\0")
        if not colon or not host or "\0" in host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise InputError(f"'{plain(text)}' is no address to listen on: expected HOST:PORT, such as 127.0.0.1:9464")
        return ListenAddress(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def add_probes(app: web.Application, readiness: Readiness) -> None:
    """Let a service answer /healthz and /readyz where it serves others too: whether, and not why not."""

    async def ready(_request: web.Request) -> web.Response:
        complaints = await readiness.ask()
        return _status(not any(complaints.values()))

    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", ready)


@asynccontextmanager
async def listening(address: ListenAddress, readiness: Readiness) -> AsyncGenerator[ListenAddress]:
    """Serve the admin surface for as long as the ``with`` lasts; gives the address with the port that it got.

    Whoever reaches it reads it: no key is asked for, and nothing on it is content.

    Raises:
        SakimoriError: the address cannot be listened on.
    """
    exposition = metrics.collect()

    async def ready(_request: web.Request) -> web.Response:
        complaints = await readiness.ask()
        checks = {name: complaint or "ok" for name, complaint in complaints.items()}
        return _status(not any(complaints.values()), checks=checks)

    async def measures(_request: web.Request) -> web.Response:
        body = await asyncio.to_thread(exposition)
        return web.Response(body=body, headers={"Content-Type": _CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", measures)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    try:
        await runner.setup()
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            raise SakimoriError(
                f"cannot listen on {address} for /metrics: {error.strerror or error}; choose another --admin-listen"
            ) from error
        host, port = runner.addresses[0][:2]
        yield ListenAddress(host, port)
    finally:
        await runner.cleanup()


async def _alive(_request: web.Request) -> web.Response:
    return _json(200, {"status": "ok"})


def _status(ready: bool, **more: Any) -> web.Response:
    return _json(200 if ready else 503, {"status": "ready" if ready else "not ready", **more})


def _json(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
