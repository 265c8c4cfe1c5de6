"""Streams as clients hear them: whole and restored, or with an error that says so; and always settled."""

import asyncio
import contextlib
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from aiohttp import web
from openai import APIError, APIStatusError, OpenAI
from tests.gateway.conftest import Bank, scripted
from tests.openai_wire import chat_wire, chunk, message, response_events, responses_wire, says
from tests.scripted_provider import MODEL, Upstream, serving

from sakimori.core import SystemClock
from sakimori.gateway import Providers, running
from sakimori.gateway.calls import call
from sakimori.gateway.sse import encode
from sakimori.records import Limit, Reservation, Window
from sakimori.store import budgets

PROMPT = "PC-0412 (10.20.4.12) の yamada.t が 203.0.113.9 に接続"
SECRET_PARTS = ("0412", "yamada", "10.20.4.12", "203.0.113.9")


def sent(wire: bytes, *, step: int = 1_000_000, pause: float = 0.0) -> Any:
    """A provider's script that sends this, so many bytes at a time."""

    async def script(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        response = await begun(request)
        for start in range(0, len(wire), step):
            await response.write(wire[start : start + step])
            await asyncio.sleep(pause)
        return response

    return script


async def begun(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream", "x-request-id": "req-1"})
    await response.prepare(request)
    return response


async def echo(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Says back what it was sent, in pieces of three characters."""
    if request.path.endswith("/responses"):
        return await sent(responses_wire(response_events([message(body["input"])])))(request, body)
    text = body["messages"][-1]["content"]
    usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
    wire = chat_wire(
        [chunk(says(content=text[at : at + 3])) for at in range(0, len(text), 3)]
        + [chunk(says(finish="stop")), chunk(usage=usage)]
    )
    return await sent(wire)(request, body)


class Silent:
    """Sends what it is given, then nothing, until its caller is gone."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire
        self.asked, self.left = threading.Event(), threading.Event()

    async def __call__(self, request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        self.asked.set()
        try:
            if self.wire:
                response = await begun(request)
                await response.write(self.wire)
            await asyncio.sleep(60)
        finally:
            self.left.set()
        raise AssertionError("nobody left")


BEGINNING = responses_wire(response_events([message("はい、そうです")])[:6])


def reservations(bank: Bank, grant_id: str = "gr-1") -> list[Reservation]:
    with bank.database.snapshot(bank.tenant) as snapshot:
        return budgets.reservations(snapshot, grant_id)


def settled(bank: Bank) -> dict[str, Any]:
    """The entry of the call that ended last, once it is there."""
    for _ in range(200):
        entries = [entry for entry in bank.entries() if entry.action == "gateway.call"]
        if entries:
            return entries[-1].detail
        time.sleep(0.05)
    raise AssertionError("the call was never settled")


def ask(url: str, bank: Bank) -> Iterator[bytes]:
    """The bytes of a streamed answer, as they come."""
    body = {"model": MODEL, "input": PROMPT, "stream": True, "max_output_tokens": 100}
    headers = {"Authorization": f"Bearer {bank.key}"}
    with (
        httpx2.Client(trust_env=False, timeout=30) as http,
        http.stream("POST", f"{url}/responses", json=body, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["x-request-id"].startswith("call-")
        yield from answer.iter_raw()


def test_a_stream_comes_back_whole_and_nothing_of_the_bank_leaves(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.inventory()
    bank.grant()
    upstream.script = echo
    with client.responses.stream(model=MODEL, input=PROMPT) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == PROMPT
    assert text == PROMPT
    assert not [part for part in SECRET_PARTS if part in upstream.sent]
    assert upstream.bodies[0]["stream"] is True
    entry = settled(bank)
    assert (entry["outcome"], entry["input_tokens"], entry["output_tokens"]) == ("answered", 120, 30)
    assert entry["restored"] == 4
    assert [made.tokens for made in reservations(bank)] == [150]


def test_chat_completions_stream_too(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.inventory()
    bank.grant()
    upstream.script = echo
    stream = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": PROMPT}], stream=True, max_tokens=100
    )
    said = "".join(part.choices[0].delta.content or "" for part in stream if part.choices)
    assert said == PROMPT
    assert not [part for part in SECRET_PARTS if part in upstream.sent]
    assert (settled(bank)["input_tokens"], settled(bank)["output_tokens"]) == (20, 5)


def test_who_saw_the_end_is_settled(base_url: str, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    upstream.script = sent(responses_wire(response_events([message("はい")])))
    heard = b""
    for piece in ask(base_url, bank):
        heard += piece
        if b"response.completed" in heard:
            assert [made.state for made in reservations(bank)] == ["settled"]
            break
    else:
        raise AssertionError(heard)


@pytest.mark.parametrize("step", [1, 2, 7])
def test_characters_that_chunks_share_come_whole(base_url: str, bank: Bank, upstream: Upstream, step: int) -> None:
    bank.grant()
    upstream.script = sent(responses_wire(response_events([message("口座に不正な送金 💴")])), step=step)
    heard = b"".join(ask(base_url, bank)).decode()
    events = [json.loads(line.removeprefix("data: ")) for line in heard.splitlines() if line.startswith("data: ")]
    assert "".join(event.get("delta", "") for event in events) == "口座に不正な送金 💴"


def test_what_fails_before_the_first_byte_is_an_error_like_any_other(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant()

    async def fail(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=429, headers={"retry-after": "30"})

    upstream.script = fail
    with pytest.raises(APIStatusError) as refused:
        client.responses.create(model=MODEL, input="hi", stream=True)
    assert (refused.value.status_code, refused.value.code) == (429, "provider_rate_limited")
    assert float(settled(bank)["yen"]) == 0


@pytest.fixture
def second() -> Iterator[Upstream]:
    with serving() as made:
        yield made


def test_another_provider_takes_over_before_the_first_byte_and_nobody_notices(
    bank: Bank, upstream: Upstream, second: Upstream
) -> None:
    bank.grant()

    async def fail(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=500)

    upstream.script, second.script = fail, echo
    both = Providers((scripted(upstream.url, key=None), scripted(second.url, key=None, name="second", order=2)))
    with (
        running(bank.database, bank.secrets, bank.ledger, both) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0, timeout=30) as client,
        client.responses.stream(model=MODEL, input=PROMPT) as stream,
    ):
        assert stream.get_final_response().output_text == PROMPT
    entry = settled(bank)
    assert entry["provider"] == "second"
    assert entry["tried"] == [{"provider": "scripted", "code": "provider_error", "billed": False}]


async def _dies(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    response = await begun(request)
    await response.write(BEGINNING)
    await asyncio.sleep(0.05)
    assert request.transport is not None
    request.transport.abort()
    return response


BROKEN = {
    "dies": (_dies, "provider_disconnected"),
    "hangs": (Silent(BEGINNING), "provider_timeout"),
    "ends_early": (sent(BEGINNING), "provider_invalid_response"),
    "garbage": (sent(BEGINNING + b"data: {nonsense\n\n"), "provider_invalid_response"),
    "no_object": (sent(BEGINNING + b"data: [1]\n\n"), "provider_invalid_response"),
    "not utf-8": (
        sent(BEGINNING + b'data: {"type": "response.output_text.delta", "delta": "\xe5\xb1"}\n\n', step=1),
        "provider_invalid_response",
    ),
    "deep": (sent(BEGINNING + b"data: " + b"[" * 500 + b"]" * 500 + b"\n\n"), "provider_invalid_response"),
    "unknown_event": (sent(BEGINNING + encode({"type": "response.surprise"})), "provider_invalid_response"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_stream_that_breaks_ends_in_an_error_that_clients_raise(
    client: OpenAI, bank: Bank, upstream: Upstream, how: str
) -> None:
    bank.grant()
    upstream.script, code = BROKEN[how]
    said: list[str] = []

    def listen() -> None:
        for event in client.responses.create(model=MODEL, input="hi", stream=True, max_output_tokens=100):
            if event.type == "response.output_text.delta":
                said.append(event.delta)

    with pytest.raises(APIError) as failed:
        listen()
    assert failed.value.code == code
    assert "はい、そうです".startswith("".join(said))
    assert said
    assert settled(bank)["outcome"] == code
    assert [made.tokens > 100 for made in reservations(bank)] == [True], "the upper bound: it may be billed"


def test_an_error_of_the_provider_within_its_stream_is_told_and_not_counted_as_an_answer(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant()
    error = {"type": "error", "code": "server_error", "message": "no more", "param": None}
    upstream.script = sent(BEGINNING + encode(error, "error"))
    with pytest.raises(APIError, match="no more"):
        list(client.responses.create(model=MODEL, input="hi", stream=True))
    assert settled(bank)["outcome"] == "provider_error"


@pytest.mark.parametrize("wire", [b"", BEGINNING], ids=["before the first byte", "within the answer"])
def test_a_client_that_vanishes_takes_its_call_to_the_provider_with_it(
    bank: Bank, upstream: Upstream, caplog: pytest.LogCaptureFixture, wire: bytes
) -> None:
    bank.grant()
    upstream.script = silent = Silent(wire)
    patient = Providers((scripted(upstream.url, 600.0, key=None),))
    with running(bank.database, bank.secrets, bank.ledger, patient) as url:
        address = urlsplit(url)
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as raw:
            raw.sendall(request_bytes(bank))
            assert silent.asked.wait(10)
            if wire:
                assert raw.recv(20)
        assert silent.left.wait(10), "its provider is still at work"
        entry = settled(bank)
    assert (entry["outcome"], entry["output_tokens"]) == ("client_gone", None)
    assert [(made.state, made.tokens > 100) for made in reservations(bank)] == [("settled", True)]
    assert not caplog.records


def request_bytes(bank: Bank) -> bytes:
    body = json.dumps({"model": MODEL, "input": "hi", "stream": True, "max_output_tokens": 100})
    return (
        f"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {bank.key}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def test_a_client_that_does_not_read_is_given_up(
    base_url: str, bank: Bank, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(call, "_SLOWEST_READER", 0.3)
    bank.grant()
    upstream.script = sent(responses_wire(response_events([message("x" * 30_000_000)], length=1_000_000)))
    address = urlsplit(base_url)
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect((str(address.hostname), int(address.port or 0)))
        raw.sendall(request_bytes(bank))
        assert settled(bank)["outcome"] == "client_too_slow"
    assert [made.state for made in reservations(bank)] == ["settled"]
    assert not caplog.records


def test_an_operator_who_stops_at_once_is_told_of_in_the_stream(bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    upstream.script = Silent(BEGINNING)
    patient = Providers((scripted(upstream.url, 600.0, key=None),))
    heard: list[bytes] = []
    begun_, told = threading.Event(), threading.Event()

    def listen() -> None:
        for piece in ask(url, bank):
            heard.append(piece)
            begun_.set()
        told.set()

    with running(bank.database, bank.secrets, bank.ledger, patient) as url:
        thread = threading.Thread(target=listen)
        thread.start()
        assert begun_.wait(10)
    thread.join(10)
    assert told.is_set()
    assert b'"gateway_stopped"' in b"".join(heard)
    assert settled(bank)["outcome"] == "gateway_stopped"


def test_a_stream_that_cannot_be_settled_has_no_good_end(
    base_url: str, bank: Bank, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reservation stays, and is booked at the upper bound when its time is over."""
    bank.grant()

    def full(*_arguments: object) -> None:
        raise sqlite3.OperationalError

    upstream.script = sent(responses_wire(response_events([message("はい")])))
    monkeypatch.setattr(call.Settlement, "settle", full)
    heard = b"".join(ask(base_url, bank))
    assert b"response.completed" not in heard
    assert b'"gateway_' in heard
    assert [made.state for made in reservations(bank)] == ["sent"]


def test_a_second_attempt_needs_budget_for_a_second_time(bank: Bank, upstream: Upstream, second: Upstream) -> None:
    """The first may be billed: with budget for one, the other provider is not asked."""

    async def reset(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError

    upstream.script, second.script = reset, echo
    both = Providers((scripted(upstream.url, key=None), scripted(second.url, key=None, name="second", order=2)))
    bank.grant(limits=(Limit(window=Window.DAY, tokens=2_000),))
    with (
        running(bank.database, bank.secrets, bank.ledger, both) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0, timeout=30) as client,
    ):
        with pytest.raises(APIStatusError) as failed:
            client.responses.create(model=MODEL, input="hi", stream=True, max_output_tokens=100)
        assert failed.value.code == "provider_disconnected"
        assert not second.bodies
        assert used(bank) == reservations(bank)[0].tokens > 1_000
        bank.grant(limits=(Limit(window=Window.DAY, tokens=10_000),))
        with contextlib.closing(
            client.responses.create(model=MODEL, input="hi", stream=True, max_output_tokens=100)
        ) as stream:
            assert [event.type for event in stream][-1] == "response.completed"
    once, twice = reservations(bank)
    assert twice.tokens == once.tokens + 150
    assert used(bank) == once.tokens + twice.tokens


def used(bank: Bank) -> int:
    with bank.database.snapshot(bank.tenant) as snapshot:
        return budgets.used(snapshot, "gr-1", Window.DAY, now=SystemClock().now()).tokens
