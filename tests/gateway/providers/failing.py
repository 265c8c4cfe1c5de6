"""Providers that fail in every way there is, on loopback: raw TCP, so that they can send what no HTTP library would."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "m-2026-08-01",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "はい"}}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
}


def _chunk_object(**changes: Any) -> bytes:
    made: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "m-2026-08-01",
        "choices": [],
        **changes,
    }
    return b"data: " + json.dumps(made, ensure_ascii=False).encode() + b"\n\n"


def _delta(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    return _chunk_object(choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}])


EVENTS = [
    _delta({"role": "assistant", "content": ""}),
    _delta({"content": "は"}),
    _delta({"content": "い"}),
    _delta({}, "stop"),
    _chunk_object(usage=ANSWER["usage"]),
    b"data: [DONE]\n\n",
]


def whole(body: bytes, *, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
ERROR = b'{"error": {"message": "no", "type": "server_error", "param": null, "code": null}}'


@dataclass
class FailingProvider:
    """What it does with a request is its ``mode``; may be changed at any time."""

    mode: str = "answer"
    port: int = 0
    scheme: str = "http"
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(
        default_factory=list[tuple[dict[str, str], dict[str, Any]]]
    )
    """Headers and body of each."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """It has a request."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """The other side closed a connection on which it waited."""

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _request(reader):
                self.requests.append(request)
                self.asked.set()
                if not await self._answer(request[1].get("stream") is True, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.closed.set()
        finally:
            writer.close()

    async def _answer(self, stream: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays."""
        mode = self.mode
        if mode == "answer" and stream:
            writer.write(STREAM_HEAD)
            for event in EVENTS:
                writer.write(chunk(event))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            return True
        if mode in ("hang", "hang_mid_stream"):
            if mode == "hang_mid_stream":
                writer.write(STREAM_HEAD + chunk(EVENTS[0]))
            await reader.read(1)
            self.closed.set()
            return False
        if mode == "drips":
            writer.write(STREAM_HEAD if stream else b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
            while True:
                writer.write(chunk(b": still here\n\n") if stream else b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        if mode == "reset":
            writer.transport.abort()
            return False
        writer.write(_SAYS[mode])
        await writer.drain()
        return mode not in _ENDS


_SAYS: dict[str, bytes] = {
    "answer": whole(json.dumps(ANSWER).encode()),
    "rate_limited": whole(ERROR, status="429 Too Many Requests"),
    "rate_limited_for_a_second": whole(ERROR, status="429 Too Many Requests", more="retry-after: 1\r\n"),
    "rate_limited_for_an_hour": whole(ERROR, status="429 Too Many Requests", more="retry-after: 3600\r\n"),
    "fails": whole(ERROR, status="500 Internal Server Error"),
    "denied": whole(ERROR, status="401 Unauthorized"),
    "forbidden": whole(ERROR, status="403 Forbidden"),
    "refused": whole(ERROR, status="400 Bad Request"),
    "no_deployment": whole(ERROR, status="404 Not Found"),
    "redirect": whole(b"", status="302 Found", more="location: http://127.0.0.1:1/\r\n"),
    "html": whole(b"<html>blocked by the proxy</html>", kind="text/html"),
    "html_as_json": whole(b"<html>"),
    "wrong_object": whole(b'{"object": "list"}'),
    "truncated_json": whole(json.dumps(ANSWER).encode()[:40]),
    "too_deep": whole(b'{"object":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "compressed": whole(b"\x1f\x8b\x08\x00", more="content-encoding: gzip\r\n"),
    "no_http": b"\x00\xff\xfeSSH-2.0-OpenSSH_9.9\r\n\r\n",
    "dies": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n" + b'{"object"',
    "dies_before_streaming": STREAM_HEAD,
    "dies_mid_stream": STREAM_HEAD + chunk(EVENTS[0]) + b"ff\r\ndata",
    "error_as_stream": STREAM_HEAD + chunk(b'data: {"error": {"message": "overloaded"}}\n\n') + b"0\r\n\r\n",
    "empty_stream": STREAM_HEAD + b"0\r\n\r\n",
}
_ENDS = frozenset({"dies", "dies_before_streaming", "dies_mid_stream", "no_http"})
MODES = frozenset({"hang", "hang_mid_stream", "reset", *_SAYS})


async def _request(reader: asyncio.StreamReader) -> tuple[dict[str, str], dict[str, Any]] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
    }
    return headers, json.loads(await reader.readexactly(int(headers["content-length"])))


@asynccontextmanager
async def failing(*modes: str, tls: ssl.SSLContext | None = None) -> AsyncGenerator[list[FailingProvider]]:
    """One provider for each mode; ``drips`` besides, which never ends."""
    made = [FailingProvider(mode, scheme="https" if tls else "http") for mode in modes]
    serve: list[Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]] = [
        provider.serve for provider in made
    ]
    servers = [await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls) for one in serve]
    for provider, server in zip(made, servers, strict=True):
        provider.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        for server in servers:
            server.close()
