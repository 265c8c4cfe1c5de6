"""A provider that does what a test says, on loopback, in OpenAI's wire format. Test code: it is no model."""

import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from tests.loopback import served
from tests.openai_wire import CHAT_USAGE, chat_chunks, chat_message, chat_wire, response_events, responses_wire

Script = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]
MODEL = "gpt-5-mini"


def response_object(output: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A Responses API answer."""
    usage = {
        "input_tokens": 120,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 150,
    }
    answer: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": f"{MODEL}-2026-08-01",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }
    return {**answer, **changes}


def message(text: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}


def chat_object(text: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": f"{MODEL}-2026-08-01",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
    }


async def echo(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Says back the last text that it was sent."""
    if request.path.endswith("/responses"):
        given = body["input"]
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        return web.json_response(response_object([message(text)]))
    return web.json_response(chat_object(body["messages"][-1]["content"]))


def playing(turn: Callable[[dict[str, Any]], list[dict[str, Any]]], *, length: int = 3) -> Script:
    """A model whose turns are a function of what it was sent: items of a response, told whole or in such pieces.

    Whichever endpoint is asked, and whether as a stream or not.
    """

    async def play(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        output = turn(body)
        if request.path.endswith("/responses"):
            if not body.get("stream"):
                return web.json_response(response_object(output))
            wire = responses_wire(response_events(output, length=length))
        else:
            said = chat_message(output)
            finish = "tool_calls" if "tool_calls" in said else "stop"
            if not body.get("stream"):
                choice = {"index": 0, "finish_reason": finish, "message": said}
                return web.json_response({**chat_object(""), "choices": [choice], "usage": CHAT_USAGE})
            assert body["stream_options"] == {"include_usage": True}
            wire = chat_wire(chat_chunks(said, length=length, finish=finish))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for start in range(0, len(wire), 700):  # cut anywhere, within events and within characters
            await response.write(wire[start : start + 700])
        return response

    return play


@dataclass
class Upstream:
    """The scripted provider: what it got, and what it does next."""

    url: str = ""
    script: Script = echo
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    @property
    def sent(self) -> str:
        """Everything that left, as one text."""
        return json.dumps([self.bodies, self.headers], ensure_ascii=False)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        return await self.script(request, body)


@contextmanager
def serving() -> Generator[Upstream]:
    """A scripted provider that listens for as long as the ``with`` lasts."""
    made = Upstream()
    app = web.Application()
    app.router.add_post("/v1/{path:.*}", made.handle)
    with served(app) as url:
        made.url = f"{url}/v1"
        yield made
