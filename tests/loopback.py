"""An HTTP server beside a test, in a thread of its own: what is under test may run an event loop of its own."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager

from aiohttp import web


@contextmanager
def served(app: web.Application) -> Generator[str]:
    """The server's base URL, on a free port of loopback, for as long as the ``with`` lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
