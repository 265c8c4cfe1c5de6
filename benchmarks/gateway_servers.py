"""What the gateway is measured with: a provider that answers at once, and a bare pass-through, each its own process.

Run as ``python -m benchmarks.gateway_servers upstream`` or ``… bare URL``; it prints its port.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
from aiohttp import web

CHUNKS = 52
"""Events of a streamed answer."""
_USAGE = {"prompt_tokens": 900, "completion_tokens": 700, "total_tokens": 1600}


def upstream() -> web.Application:
    """Chat Completions, whole or as a stream: says back what it was sent."""

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = orjson.loads(await request.read())
        text: str = asked["messages"][-1]["content"]
        made: dict[str, Any] = {"id": "chatcmpl-1", "created": 1_790_000_000, "model": "gpt-5-mini"}
        if not asked.get("stream"):
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            body = {**made, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
            return web.Response(body=orjson.dumps(body), content_type="application/json")
        made["object"] = "chat.completion.chunk"
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        size = -(-len(text) // (CHUNKS - 2))
        for start in range(0, len(text), size):
            delta = {"index": 0, "finish_reason": None, "delta": {"content": text[start : start + size]}}
            await response.write(_event({**made, "choices": [delta], "usage": None}))
            await asyncio.sleep(0)  # each its own piece, as models send them
        last: dict[str, Any] = {"index": 0, "finish_reason": "stop", "delta": {}}
        await response.write(_event({**made, "choices": [last], "usage": None}))
        await response.write(_event({**made, "choices": [], "usage": _USAGE}) + b"data: [DONE]\n\n")
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    return app


def _event(data: dict[str, Any]) -> bytes:
    return b"data: %s\n\n" % orjson.dumps(data)


_SESSION = web.AppKey("session", aiohttp.ClientSession)


def bare(url: str) -> web.Application:
    """Copies request and answer, piece by piece."""

    async def session(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as made:
            app[_SESSION] = made
            yield

    async def forward(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with request.app[_SESSION].post(f"{url}/chat/completions", data=body) as answer:
            if answer.content_type == "application/json":
                return web.Response(body=await answer.read(), content_type="application/json")
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            return response

    app = web.Application()
    app.cleanup_ctx.append(session)
    app.router.add_post("/v1/chat/completions", forward)
    return app


async def _serve(app: web.Application) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(upstream() if sys.argv[1] == "upstream" else bare(sys.argv[2])))
