"""Starting and stopping: as a program of its own, or within another for as long as that needs it."""

import asyncio
import logging
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError

from sakimori.access.secrets import Secrets
from sakimori.core import Clock, SystemClock
from sakimori.gateway.boundary import Recogniser
from sakimori.gateway.calls.call import OnEgress
from sakimori.gateway.connection import Runner
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.server import Gateway, Parts
from sakimori.ledger import Ledger
from sakimori.store import Database

_HTTP = logging.getLogger("sakimori.gateway.http")
"""Of what is no HTTP aiohttp makes an error with its traceback: strangers could fill the log with what they send."""
_HTTP.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)))
_IDLE_SECONDS = 75.0
"""From a connection's begin, or its last answer, until the headers of its next request are complete."""
_LAST_WORDS_SECONDS = 0.5
"""For answers to reach clients once their calls are finished; aiohttp waits as long for reading and for writing."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int
    """0: any that is free."""
    shared: bool = False
    """Other processes of the same user may listen there as well, and the kernel spreads connections among them."""


@contextmanager
def running(
    database: Database,
    secrets: Secrets,
    ledger: Ledger,
    providers: Providers,
    *,
    port: int = 0,
    clock: Clock | None = None,
    recogniser: Recogniser | None = None,
    on_egress: OnEgress | None = None,
) -> Generator[str, None, None]:
    """Serve on loopback from a background thread, for as long as the ``with`` lasts.

    Yields the base URL for clients, such as ``http://127.0.0.1:40123/v1``. Calls that are under way at its end are
    broken off and settled. ``recogniser`` as in ``Parts``.
    ``on_egress`` is called in that thread, just before the provider is, for every call that
    leaves: so that a demonstration can show what left, and nothing else. It must be quick and must not raise. What it
    gets is content: nothing that serves others may offer it.

    Raises:
        OSError: the port is taken.
    """
    parts = Parts(database, secrets, ledger, providers, clock or SystemClock(), recogniser=recogniser)
    listening: Future[tuple[str, asyncio.AbstractEventLoop]] = Future()
    stop = asyncio.Event()

    async def serve_here() -> int:
        def ready(base_url: str) -> None:
            listening.set_result((base_url, asyncio.get_running_loop()))

        return await serve(
            Gateway(parts, on_egress),
            Address("127.0.0.1", port),
            ready=ready,
            finishing=_say_nothing,
            stop=stop,
            at_once=stop,
        )

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway") as thread:
        served = thread.submit(lambda: asyncio.run(serve_here()))
        either: list[Future[Any]] = [listening, served]
        wait(either, return_when=FIRST_COMPLETED)
        if not listening.done():
            served.result()
        base_url, loop = listening.result()
        try:
            yield base_url
        finally:
            loop.call_soon_threadsafe(stop.set)
            served.result()


async def serve(
    gateway: Gateway,
    address: Address,
    *,
    ready: Callable[[str], None],
    finishing: Callable[[int], None],
    stop: asyncio.Event,
    at_once: asyncio.Event,
) -> int:
    """Serve until ``stop`` is set; then finish calls that are under way, or break them off once ``at_once`` is set.

    ``ready`` gets the base URL; ``finishing`` how many calls are waited for, if there are any. Returns how many calls
    were broken off: they are settled at their upper bound.

    Raises:
        OSError: the address cannot be listened on.
    """
    runner = Runner(
        gateway.application(),
        access_log=None,
        logger=_HTTP,
        handler_cancellation=True,
        keepalive_timeout=_IDLE_SECONDS,
        shutdown_timeout=_LAST_WORDS_SECONDS,
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, address.host, address.port, reuse_port=address.shared)
        await site.start()
        ready(_base_url(runner))
        await stop.wait()
        await site.stop()
        if gateway.under_way:
            finishing(gateway.under_way)
        return await gateway.finish(at_once)
    finally:
        await runner.cleanup()


def _base_url(runner: web.AppRunner) -> str:
    address = runner.addresses[0]
    shown = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{shown}:{address[1]}/v1"


def _say_nothing(_calls: int) -> None:
    """Within another program nobody waits for the gateway."""
