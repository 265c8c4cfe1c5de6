"""What an operator sees of calls: enough to run the gateway, nothing of what was said in them."""

import json
import logging
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from tests.gateway.conftest import Bank
from tests.scripted_provider import MODEL, Upstream

from sakimori.core import SakimoriError
from sakimori.gateway import Providers, running
from sakimori.gateway.calls import admission, sealing
from sakimori.observe import metrics
from sakimori.observe.lines import Lines

CANARY = "c4n4ry-hunter2"
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Log:
    """What the whole process writes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def text(self) -> str:
        return self._path.read_text()

    def lines(self, event: str) -> list[dict[str, Any]]:
        return [line for line in map(orjson.loads, self.text.splitlines()) if line["event"] == event]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    path = tmp_path / "log"
    root, ours = logging.getLogger(), logging.getLogger("sakimori")
    before = ours.level
    with path.open("w") as stream:
        handler = Lines(stream, text=False)
        root.addHandler(handler)
        ours.setLevel(logging.INFO)
        yield Log(path)
        root.removeHandler(handler)
        ours.setLevel(before)


def ask(base_url: str, key: str, body: Any = None, **headers: str) -> httpx2.Response:
    sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers}
    given = body if body is not None else {"model": MODEL, "input": f"say {CANARY}", "max_output_tokens": 100}
    content = given if isinstance(given, bytes) else json.dumps(given).encode()
    with httpx2.Client(trust_env=False, timeout=30) as http:
        return http.post(f"{base_url}/responses", headers=sent, content=content)


def sample(name: str, **labels: str) -> float:
    """Of a measure so far, summed over labels that are not named."""
    families = text_string_to_metric_families(metrics.collect()().decode())
    found = (item for family in families for item in family.samples if item.name == name)
    return sum(item.value for item in found if labels.items() <= item.labels.items())


def test_each_call_is_a_line_with_what_it_cost_and_what_became_of_it(base_url: str, bank: Bank, log: Log) -> None:
    bank.grant()
    answer = ask(base_url, bank.key, traceparent=TRACEPARENT, tracestate=f"x={CANARY}", baggage=CANARY)
    assert answer.status_code == 200
    (line,) = log.lines("gateway.call")
    assert line["call"] == answer.headers["x-request-id"]
    assert line["trace_id"] == TRACE
    assert (line["tenant"], line["model"], line["outcome"]) == (bank.tenant, MODEL, "answered")
    assert (line["input_tokens"], line["output_tokens"]) == (120, 30)
    assert 0 < line["seconds"] < 30
    assert CANARY not in log.text
    assert bank.key not in log.text


def test_calls_tokens_and_stages_are_measured(base_url: str, bank: Bank) -> None:
    bank.grant()
    metrics.collect()
    labels = {"model": MODEL, "purpose": "investigation", "outcome": "answered"}
    before = {
        "calls": sample("sakimori_gateway_calls_total", **labels),
        "refused": sample("sakimori_gateway_calls_total", outcome="invalid_api_key"),
        "input": sample("sakimori_gateway_tokens_total", model=MODEL, direction="input"),
    }
    for _ in range(3):
        assert ask(base_url, bank.key).status_code == 200
    assert ask(base_url, "sk-saki-none").status_code == 401
    assert sample("sakimori_gateway_calls_total", **labels) - before["calls"] == 3
    assert sample("sakimori_gateway_calls_total", outcome="invalid_api_key") - before["refused"] == 1
    assert sample("sakimori_gateway_tokens_total", model=MODEL, direction="input") - before["input"] == 360
    for stage in ("authenticate", "tokenise", "reserve", "upstream", "restore", "settle"):
        assert sample("sakimori_gateway_stage_duration_seconds_count", stage=stage) >= 3
    assert sample("sakimori_gateway_calls_under_way") == 0
    assert sample("sakimori_gateway_tokens_reserved") == 0
    exposition = metrics.collect()().decode()
    assert bank.tenant not in exposition, "10,000 institutions would be as many series"
    assert CANARY not in exposition


def test_models_that_were_not_granted_make_no_label(base_url: str, bank: Bank) -> None:
    bank.grant()
    metrics.collect()
    for number in range(5):
        body = {"model": f"{CANARY}-{number}", "input": "hi", "max_output_tokens": 10}
        assert ask(base_url, bank.key, body).status_code == 403
    assert CANARY not in metrics.collect()().decode()


def test_entries_wait_and_are_sealed(base_url: str, bank: Bank) -> None:
    bank.grant()
    metrics.collect()
    before = sample("sakimori_ledger_pending")
    ask(base_url, bank.key)
    assert sample("sakimori_ledger_pending") >= before
    deadline = time.monotonic() + 10
    while sample("sakimori_ledger_pending") > before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sample("sakimori_ledger_pending") == before


def test_no_header_of_tracing_reaches_the_provider(base_url: str, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    ask(base_url, bank.key, traceparent=TRACEPARENT, tracestate="a=b", baggage="c=d")
    (headers,) = upstream.headers
    assert not {"traceparent", "tracestate", "baggage"} & {name.lower() for name in headers}
    assert TRACE not in upstream.sent


def test_a_traceparent_that_is_none_is_ignored(base_url: str, bank: Bank, log: Log) -> None:
    bank.grant()
    for header in (CANARY, "00-zz-zz-01", f"00-{'0' * 32}-b7ad6b7169203331-01", TRACEPARENT * 1000):
        assert ask(base_url, bank.key, traceparent=header).status_code in (200, 400)
    assert all("trace_id" not in line for line in log.lines("gateway.call"))
    assert CANARY not in log.text


def _raw(base_url: str, data: bytes) -> None:
    place = urlsplit(base_url)
    assert place.hostname
    assert place.port
    with socket.create_connection((place.hostname, place.port), timeout=5) as connection:
        connection.sendall(data)
        connection.settimeout(5)
        while connection.recv(65536):
            pass


def test_whatever_goes_wrong_no_content_reaches_the_log(
    bank: Bank, providers: Providers, upstream: Upstream, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Canaries in bodies, keys, headers, paths, answers, exceptions of our own bugs, the driver's and broken HTTP."""
    bank.grant()

    async def refuses(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": {"message": f"no {CANARY}", "param": CANARY}}, status=400)

    async def babbles(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text=CANARY)

    async def breaks_off(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        assert request.transport
        request.transport.abort()
        return web.Response()

    def bug(*_args: object) -> None:
        raise ValueError(f"cannot use {CANARY}")

    def driver(*_args: object) -> None:
        try:
            raise sqlite3.OperationalError(f"near {CANARY}")
        except sqlite3.OperationalError as error:
            raise SakimoriError("the database is damaged: put it aside and restore a backup") from error

    with running(bank.database, bank.secrets, bank.ledger, providers) as url:
        ask(url, f"sk-saki-{CANARY}")
        ask(url, bank.key, b'{"model": "' + CANARY.encode())
        ask(url, bank.key, {"model": CANARY, "input": CANARY})
        ask(url, bank.key, {"model": MODEL, CANARY: 1})
        ask(url, bank.key, {"model": MODEL, "input": [{"role": CANARY, "content": CANARY}]})
        ask(url, bank.key, **{"Sakimori-Purpose": CANARY})
        ask(url, bank.key, **{"Sakimori-Data-Class": CANARY})
        ask(url, bank.key, **{"OpenAI-Organization": CANARY})
        ask(f"{url}/{CANARY}", bank.key)
        for script in (refuses, babbles, breaks_off):
            upstream.script = script
            ask(url, bank.key)
        _raw(url, f"GET /{CANARY} HTTP/9.9\r\n{CANARY}\r\n\r\n".encode())
        _raw(url, f"POST /v1/responses HTTP/1.1\r\nAuthorization: {CANARY}\x00\r\n\r\n".encode())
        head = f"POST /v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bank.key}\r\n"
        chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        _raw(url, f"{head}{chunked}{CANARY}\r\n".encode())
        with monkeypatch.context() as patch:
            patch.setattr(admission, "_parse", bug)
            assert ask(url, bank.key).status_code == 500
        with monkeypatch.context() as patch:
            patch.setattr(admission, "_parse", driver)
            assert ask(url, bank.key).status_code == 503
    assert CANARY not in log.text
    assert bank.key not in log.text
    (failed,) = log.lines("gateway.failed")
    assert failed["error"]["type"] == "ValueError"
    assert any(place.startswith("sakimori.gateway.calls.admission:") for place in failed["error"]["at"])
    (unavailable,) = log.lines("gateway.unavailable")
    assert unavailable["error"]["message"].startswith("the database is damaged")
    assert unavailable["error"]["causes"] == ["OperationalError"]
    outcomes = {line["outcome"] for line in log.lines("gateway.call")}
    assert {"invalid_api_key", "invalid_json", "provider_refused", "gateway_error", "gateway_unavailable"} <= outcomes


def test_a_ledger_that_cannot_be_sealed_is_told_once_tried_again_and_makes_the_gateway_unready(
    bank: Bank, providers: Providers, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.grant()
    monkeypatch.setattr(sealing, "_SECONDS", 0.05)
    monkeypatch.setattr(sealing, "_STUCK_SECONDS", 0.3)
    seal = bank.ledger.seal_some

    def refuse(*_args: object) -> None:
        raise SakimoriError("the ledger does not fit its last checkpoint")

    with running(bank.database, bank.secrets, bank.ledger, providers) as url:
        assert _ready(url) == 200
        monkeypatch.setattr(bank.ledger, "seal_some", refuse)
        assert ask(url, bank.key).status_code == 200
        _wait(lambda: _ready(url) == 503)
        assert len(log.lines("gateway.ledger_unsealed")) == 1
        monkeypatch.setattr(bank.ledger, "seal_some", seal)
        _wait(lambda: _ready(url) == 200)
        assert len(log.lines("gateway.ledger_sealed")) == 1
    with bank.database.snapshot(bank.tenant) as snapshot:
        assert {line.position for line in bank.ledger.lines(snapshot)} == {0, 1}


def test_what_goes_on_beside_calls_does_not_end_unseen(
    bank: Bank, providers: Providers, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.grant()
    monkeypatch.setattr(sealing, "_SECONDS", 0.05)

    def bug(*_args: object) -> None:
        raise ZeroDivisionError(CANARY)

    with running(bank.database, bank.secrets, bank.ledger, providers) as url:
        assert _ready(url) == 200
        with monkeypatch.context() as patch:
            patch.setattr(bank.ledger, "seal_some", bug)
            assert ask(url, bank.key).status_code == 200
            _wait(lambda: _ready(url) == 503)
        (ended,) = log.lines("gateway.task_ended")
        assert (ended["level"], ended["task"], ended["error"]["type"]) == ("critical", "sealing", "ZeroDivisionError")
        assert CANARY not in log.text
        assert ask(url, bank.key).status_code == 200  # who cannot go elsewhere is served on
    with bank.database.snapshot(bank.tenant) as snapshot:
        assert all(line.position is not None for line in bank.ledger.lines(snapshot))  # the last sealing is at the end


def _ready(base_url: str) -> int:
    with httpx2.Client(trust_env=False, timeout=30) as http:
        return http.get(f"{base_url.removesuffix('/v1')}/readyz").status_code


def _wait(until: Any) -> None:
    deadline = time.monotonic() + 15
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.1)
