"""What is not let through, and what a client hears: always OpenAI's error shape, with the field by name."""

import asyncio
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from aiohttp import web
from openai import APIStatusError, InternalServerError, OpenAI
from tests.gateway.conftest import Bank, scripted
from tests.scripted_provider import MODEL, Upstream, message, response_object

from sakimori.access.secrets import Secrets
from sakimori.core import SystemClock
from sakimori.gateway import BoundaryError, Providers, running
from sakimori.gateway.boundary import passage
from sakimori.records import Window
from sakimori.store import budgets

RESPONSES = "responses"
CHAT = "chat/completions"
USER = {"role": "user", "content": "hi"}


def post(base_url: str, bank: Bank, path: str, body: Any, **headers: str) -> httpx2.Response:
    sent = {"Authorization": f"Bearer {bank.key}", "Content-Type": "application/json", **headers}
    content = body if isinstance(body, bytes) else None
    with httpx2.Client(trust_env=False, timeout=30) as http:
        return http.post(
            f"{base_url}/{path}", headers=sent, content=content, json=None if content is not None else body
        )


NOT_LET_THROUGH: list[tuple[str, dict[str, Any], str | None]] = [
    (RESPONSES, {"temprature": 1}, "temprature"),
    (RESPONSES, {"background": True}, "background"),
    (RESPONSES, {"previous_response_id": "resp_1"}, "previous_response_id"),
    (RESPONSES, {"conversation": "conv_1"}, "conversation"),
    (RESPONSES, {"prompt": {"id": "pmpt_1"}}, "prompt"),
    (RESPONSES, {"service_tier": "priority"}, "service_tier"),
    (RESPONSES, {"service_tier": "yamada.t"}, "service_tier"),
    (RESPONSES, {"include": ["web_search_call.results"]}, "include[0]"),
    (RESPONSES, {"tools": [{"type": "web_search"}]}, "tools[0]"),
    (RESPONSES, {"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://x.example"}]}, "tools[0]"),
    (RESPONSES, {"tools": [{"type": "code_interpreter", "container": "auto"}]}, "tools[0]"),
    (RESPONSES, {"tools": [{"type": "function", "name": "f", "url": "x"}]}, "tools[0].url"),
    (RESPONSES, {"tool_choice": {"type": "mcp", "server_label": "x"}}, "tool_choice"),
    (RESPONSES, {"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
    (RESPONSES, {"input": [{"type": "web_search_call", "id": "ws_1"}]}, "input[0]"),
    (RESPONSES, {"input": [{"type": "unheard_of"}]}, "input[0].type"),
    (RESPONSES, {"input": [{"role": "root", "content": "hi"}]}, "input[0].role"),
    (RESPONSES, {"input": [{"role": "user", "content": "hi", "note": 1}]}, "input[0].note"),
    (
        RESPONSES,
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}]},
        "input[0].content[0]",
    ),
    (RESPONSES, {"input": None}, "input"),
    (RESPONSES, {"max_output_tokens": "many"}, "max_output_tokens"),
    (RESPONSES, {"max_output_tokens": True}, "max_output_tokens"),
    (RESPONSES, {"reasoning": {"effort": "yamada.t"}}, "reasoning.effort"),
    (RESPONSES, {"model": 5}, "model"),
    (CHAT, {"functions": []}, None),
    (CHAT, {"functions": [{"name": "f"}]}, "functions"),
    (CHAT, {"web_search_options": {"search_context_size": "low"}}, "web_search_options"),
    (CHAT, {"logit_bias": {"50256": -100}}, "logit_bias"),
    (CHAT, {"modalities": ["audio"]}, "modalities[0]"),
    (CHAT, {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}, "messages[0].content[0]"),
    (CHAT, {"messages": [{"role": "nobody", "content": "hi"}]}, "messages[0].role"),
    (CHAT, {"max_tokens": 0}, "max_tokens"),
]


@pytest.mark.parametrize(("path", "changes", "param"), NOT_LET_THROUGH)
def test_each_field_that_does_not_pass_is_refused_by_name(
    base_url: str, bank: Bank, upstream: Upstream, path: str, changes: dict[str, Any], param: str | None
) -> None:
    bank.grant()
    whole: dict[str, Any] = (
        {"model": MODEL, "input": "hi"} if path == RESPONSES else {"model": MODEL, "messages": [USER]}
    )
    answer = post(base_url, bank, path, {**whole, **changes})
    if param is None:
        assert answer.status_code == 200
        return
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert param in error["message"]
    assert not upstream.bodies
    assert bank.entries()[-1].action == "gateway.refused"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"model": "\xff"}', 400),
        (b'{"model": "\\ud800"}', 400),
        (b'{"input":' + b"[" * 5_000 + b"]" * 5_000 + b"}", 400),
        (b'{"input":' + b"[" * 300 + b"]" * 300 + b"}", 400),
        (b'{"input": "' + b"a" * (17 * 2**20) + b'"}', 413),
    ],
    ids=["empty", "cut", "array", "not-utf-8", "lone-surrogate", "very-deep", "deep", "large"],
)
def test_a_body_that_is_no_request_is_refused(
    base_url: str, bank: Bank, upstream: Upstream, body: bytes, status: int
) -> None:
    bank.grant()
    answer = post(base_url, bank, RESPONSES, body)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.headers["x-request-id"].startswith("call-")
    assert not upstream.bodies


@pytest.mark.parametrize("name", ["OpenAI-Organization", "OpenAI-Project", "OpenAI-Beta"])
def test_headers_that_would_change_the_call_at_the_provider_are_refused(base_url: str, bank: Bank, name: str) -> None:
    bank.grant()
    answer = post(base_url, bank, RESPONSES, {"model": MODEL, "input": "hi"}, **{name: "x"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name.lower()


def test_parameters_of_a_url_are_refused_by_name(base_url: str, bank: Bank, upstream: Upstream) -> None:
    """Providers read some (``api-version``): what a client means by one must not go unnoticed."""
    bank.grant()
    answer = post(base_url, bank, "responses?api-version=2026-01-01", {"model": MODEL, "input": "x"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unknown_parameter", "api-version")
    assert not upstream.bodies
    (entry,) = bank.entries()
    assert (entry.action, entry.detail["code"]) == ("gateway.refused", "unknown_parameter")


@pytest.mark.parametrize("path", ["models", f"models/{MODEL}", "openapi.json"])
def test_what_costs_nothing_is_asked_as_strictly(base_url: str, bank: Bank, path: str) -> None:
    bank.grant()
    said = {"Authorization": f"Bearer {bank.key}"}
    with httpx2.Client(trust_env=False, timeout=30, headers=said) as http:
        assert http.get(f"{base_url}/{path}?client_version=1").status_code == 200  # of Codex
        for answer, code in [
            (http.get(f"{base_url}/{path}", headers={"x-forward-to": "a"}), "unknown_header"),
            (http.get(f"{base_url}/{path}?limit=1"), "unknown_parameter"),
        ]:
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_unknown_paths_and_methods_are_answered_in_the_same_shape(base_url: str, bank: Bank) -> None:
    answer = post(base_url, bank, "images/generations", {})
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")
    with httpx2.Client(trust_env=False) as http:
        assert http.get(f"{base_url}/responses").status_code == 405
        websocket = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert http.get(f"{base_url}/responses", headers=websocket).status_code == 426
        assert http.get(base_url.removesuffix("/v1") + "/healthz").json() == {"status": "ok"}


async def _status_500(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return web.Response(status=500, text="<html>oops 10.9.8.7</html>")


async def _status_429(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return web.Response(status=429, headers={"retry-after": "7"}, text="{}")


async def _status_401(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": {"message": "bad key upstream-key"}}, status=401)


async def _garbage(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return web.Response(body=b"\xff\xfe<html>", content_type="application/json")


async def _wrong_object(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"object": "list", "data": []})


async def _elsewhere(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return web.Response(status=307, headers={"location": "http://203.0.113.1/"})


async def _hang(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def _reset(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _die_midway(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-length": "1000", "content-type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"object": "resp')
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    ("script", "status", "code", "billed"),
    [
        (_status_500, 502, "provider_error", False),
        (_status_429, 429, "provider_rate_limited", False),
        (_status_401, 502, "provider_denied", False),
        (_garbage, 502, "provider_invalid_response", True),
        (_wrong_object, 502, "provider_invalid_response", True),
        (_elsewhere, 502, "provider_invalid_response", False),
        (_hang, 504, "provider_timeout", True),
        (_reset, 502, "provider_disconnected", True),
        (_die_midway, 502, "provider_disconnected", True),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_failure_of_the_provider_is_one_clear_error(
    client: OpenAI, bank: Bank, upstream: Upstream, script: Any, status: int, code: str, billed: bool
) -> None:
    """And is settled: at nothing, or at the upper bound where the provider may bill it."""
    grant = bank.grant()
    upstream.script = script
    with pytest.raises(APIStatusError) as failed:
        client.responses.create(model=MODEL, input="hi", max_output_tokens=100)
    assert (failed.value.status_code, failed.value.code) == (status, code)
    assert "upstream-key" not in str(failed.value.body)
    with bank.database.snapshot(bank.tenant) as snapshot:
        used = budgets.used(snapshot, grant.id, Window.DAY, now=SystemClock().now())
        states = [made.state for made in budgets.reservations(snapshot, grant.id)]
    assert (used.tokens > 0) is billed
    assert states == ["settled"]
    assert bank.entries()[-1].detail["outcome"] == code


def test_what_the_provider_says_against_a_request_is_passed_on_restored(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant()

    async def complain(_request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        error = {"message": f"cannot read {body['input']}", "type": "invalid_request_error", "param": "input"}
        return web.json_response({"error": error}, status=400)

    upstream.script = complain
    with pytest.raises(APIStatusError, match=r"cannot read 10\.0\.0\.5") as refused:
        client.responses.create(model=MODEL, input="10.0.0.5")
    assert refused.value.param == "input"


def test_a_provider_that_cannot_be_reached(bank: Bank) -> None:
    bank.grant()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    config = Providers((scripted(f"http://127.0.0.1:{port}/v1", key=None),))
    with (
        running(bank.database, bank.secrets, bank.ledger, config) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0) as client,
        pytest.raises(InternalServerError) as failed,
    ):
        client.responses.create(model=MODEL, input="hi")
    assert failed.value.code == "provider_unreachable"


def test_usage_that_cannot_be_believed_is_booked_at_the_upper_bound(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    grant = bank.grant()

    async def no_usage(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(response_object([message("ok")], usage={"input_tokens": -5, "output_tokens": "3"}))

    upstream.script = no_usage
    client.responses.create(model=MODEL, input="hi", max_output_tokens=100)
    with bank.database.snapshot(bank.tenant) as snapshot:
        assert budgets.used(snapshot, grant.id, Window.DAY, now=SystemClock().now()).tokens > 100


def test_a_detector_that_fails_lets_nothing_out(
    base_url: str, bank: Bank, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.grant()

    def broken(_text: str) -> list[Any]:
        raise ZeroDivisionError

    monkeypatch.setattr(passage, "RULES", (("broken", broken),))
    answer = post(base_url, bank, RESPONSES, {"model": MODEL, "input": "hi"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "boundary_failed")
    assert answer.headers["x-should-retry"] == "false"
    assert not upstream.bodies
    assert bank.entries()[-1].detail["code"] == "boundary_failed"
    with pytest.raises(BoundaryError):
        passage.Boundary("t", b"k" * 32, passage.Dictionary()).tokenise("hi")


def test_a_vault_that_cannot_be_opened_lets_nothing_out(
    bank: Bank, providers: Providers, upstream: Upstream, tmp_path: Path
) -> None:
    """The install's secrets were replaced under it: the client hears no path and no key."""
    bank.grant()
    ask = {"model": MODEL, "input": "10.0.0.5"}
    with running(bank.database, bank.secrets, bank.ledger, providers) as url:
        assert post(url, bank, RESPONSES, ask).status_code == 200
    (vault_key,) = tmp_path.rglob("boundary-vault.key")
    vault_key.write_bytes(b"x" * 32)
    secrets = Secrets.embedded(tmp_path / "home")
    with running(bank.database, secrets, bank.ledger, providers) as url:
        answer = post(url, bank, RESPONSES, ask)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "gateway_unavailable")
    assert str(tmp_path) not in answer.text
    assert len(upstream.bodies) == 1


def test_a_body_of_two_lengths_is_not_smuggled(base_url: str, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    address = urlsplit(base_url)
    head = (
        "POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {bank.key}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as raw:
        raw.sendall(head.encode())
        assert b" 400 " in raw.recv(4096).split(b"\r\n")[0]
    assert not upstream.bodies


def test_a_provider_of_ones_own_needs_no_key(bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    config = Providers.from_environment({"OPENAI_BASE_URL": upstream.url})
    with running(bank.database, bank.secrets, bank.ledger, config) as url:
        assert post(url, bank, RESPONSES, {"model": MODEL, "input": "hi"}).status_code == 200
    assert "Authorization" not in upstream.headers[0]
    assert bank.entries()[-1].detail["provider"] == "127.0.0.1"
