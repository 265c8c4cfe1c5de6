"""A client that holds a gateway to its promise: an answer or a proper error, whatever its providers do."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

import aiohttp
import orjson

Ending = Literal["answered", "error", "neither"]
PATIENCE = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class Call:
    ending: Ending
    seconds: float
    """Until its end."""
    told: str
    """The code of an error; of what is neither, what was seen."""


async def call(session: aiohttp.ClientSession, base_url: str, key: str, *, stream: bool) -> Call:
    """One Chat Completions call, from its request to what its client makes of the answer."""
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "はいかいいえで答えてください。"}],
        "max_completion_tokens": 100,
        "stream": stream,
    }
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    began = time.perf_counter()
    try:
        async with session.post(
            f"{base_url}/chat/completions", data=orjson.dumps(body), headers=headers, timeout=PATIENCE
        ) as response:
            raw = await response.read()
            ending, told = _judged(response.status, raw, stream=stream)
    except (aiohttp.ClientError, TimeoutError) as error:
        ending, told = "neither", type(error).__name__
    return Call(ending, time.perf_counter() - began, told)


async def calls(base_url: str, key: str, *, per_second: float, count: int) -> list[Call]:
    """So many calls at that rate, whether those before have ended or not; every second one streams."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks: list[asyncio.Task[Call]] = []
        began = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
            tasks.append(asyncio.create_task(call(session, base_url, key, stream=number % 2 == 1)))
        return await asyncio.gather(*tasks)


def _judged(status: int, raw: bytes, *, stream: bool) -> tuple[Ending, str]:
    if status != 200:
        return _error(_json(raw), f"HTTP {status} without an error's shape")
    if not stream:
        answer = _json(raw)
        return ("answered", "") if answer.get("choices") and answer.get("usage") else ("neither", "no answer")
    events = list(_events(raw))
    done = [event for event in events if event == b"[DONE]"]
    bad = [event for event in map(_json, events) if event.get("error")]
    if bad:
        return _error(bad[-1], "an error event without its shape") if len(bad) == 1 else ("neither", "many errors")
    ended = len(done) == 1 and events[-1] == b"[DONE]" and len(events) > 1
    return ("answered", "") if ended else ("neither", "a stream that was cut in silence")


def _error(body: dict[str, Any], otherwise: str) -> tuple[Ending, str]:
    error = body.get("error")
    told = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    code, message = told.get("code"), told.get("message")
    return ("error", code) if isinstance(code, str) and isinstance(message, str) else ("neither", otherwise)


def _events(raw: bytes) -> Iterator[bytes]:
    for line in raw.replace(b"\r\n", b"\n").split(b"\n"):
        if line.startswith(b"data:"):
            yield line.removeprefix(b"data:").strip()


def _json(raw: bytes) -> dict[str, Any]:
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
