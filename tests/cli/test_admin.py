"""Services as an operator looks at them: health, measures, logs and traces of real processes over real HTTP."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.scripted_provider import MODEL, Upstream, serving

from sakimori.access import keys
from sakimori.access.secrets import Secrets
from sakimori.core import LOCAL_TENANT, ExitCode, SystemClock
from sakimori.store import Database

CANARY = "c4n4ry-hunter2"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector:
    """Takes traces as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        collector = self
        self.bodies: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Keeps the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with closing(Collector()) as made:
        yield made


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving() as made:
        yield made


class Service:
    """A running ``sakimori`` command with an admin surface."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        self.admin = process.stdout.readline().split()[3].rstrip(":")
        self.url = process.stdout.readline().split()[2].rstrip(";")
        self.log = ""

    def get(self, path: str) -> tuple[int, str]:
        return fetch(self.admin + path)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, self.log = self.process.communicate(timeout=60)


def fetch(url: str, body: Any = None, **headers: str) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers={"Content-Type": "application/json", **headers})  # noqa: S310 # loopback
    try:
        with build_opener().open(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def command(home: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    given = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "OTEL_"))}
    return subprocess.Popen(
        [sys.executable, "-c", "from sakimori.cli import main; main()", *arguments],
        env={**given, "SAKIMORI_HOME": str(home), "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def service(home: Path, *arguments: str, **environment: str) -> Generator[Service]:
    running = Service(command(home, *arguments, "--port", "0", "--admin-listen", "127.0.0.1:0", **environment))
    try:
        yield running
        if not running.log:
            running.stop()
    finally:
        running.process.kill()
        running.process.communicate()


def issued(home: Path, *scopes: str) -> str:
    with (
        closing(Database.embedded(home)) as database,
        database.transaction(LOCAL_TENANT) as transaction,
    ):
        return keys.issue(transaction, Secrets.embedded(home), name="t", scopes=scopes, clock=SystemClock())[1]


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """A home with a grant."""
    limits = ("--limit", "tokens=200000/day", "--limit", "yen=10000/day")
    for arguments in (
        ("request", "g", "--model", MODEL, "--purpose", "test", *limits),
        ("approve", "g", "--provisioned"),
    ):
        command(tmp_path, "grants", *arguments).communicate(timeout=60)
    return tmp_path


def test_a_gateway_is_alive_ready_and_measured_apart_from_its_own_port(bank: Path, upstream: Upstream) -> None:
    key = issued(bank, "gateway", "structured")
    with service(bank, "gateway", "serve", OPENAI_BASE_URL=upstream.url) as gateway:
        assert gateway.get("/healthz") == (200, '{"status":"ok"}')
        status, body = gateway.get("/readyz")
        assert status == 200
        assert json.loads(body)["checks"] == dict.fromkeys(
            ("database", "secrets", "ledger", "providers", "background", "calls"), "ok"
        )
        root = gateway.url.removesuffix("/v1")
        assert fetch(f"{root}/healthz") == (200, '{"status":"ok"}')
        assert fetch(f"{root}/readyz") == (200, '{"status":"ready"}')
        assert fetch(f"{root}/metrics")[0] == 404
        asked = {"model": MODEL, "input": CANARY, "max_output_tokens": 10}
        assert fetch(f"{gateway.url}/responses", asked, Authorization=f"Bearer {key}")[0] == 200
        measures = gateway.get("/metrics")[1]
    labels = f'model="{MODEL}",outcome="answered",purpose="test"'
    assert f"sakimori_gateway_calls_total{{{labels}}} 1.0" in measures
    assert 'sakimori_store_transaction_duration_seconds_count{end="committed"}' in measures
    lines = [json.loads(line) for line in gateway.log.splitlines()]
    assert [line["event"] for line in lines] == ["gateway.call"]
    for secret in (CANARY, key):
        assert secret not in gateway.log + measures


def test_a_gateway_without_its_provider_is_ready_and_without_its_database_or_secrets_is_not(bank: Path) -> None:
    with service(bank, "gateway", "serve", OPENAI_BASE_URL="http://127.0.0.1:1/v1") as gateway:
        assert gateway.get("/readyz")[0] == 200
        (bank / "secrets").chmod(0o755)
        status, body = _once_it_changed(gateway)
        assert status == 503
        assert "others may read the secrets" in json.loads(body)["checks"]["secrets"]
        (bank / "secrets").chmod(0o700)
        assert _once_it_changed(gateway)[0] == 200
        (bank / "sakimori.db").rename(bank / "elsewhere.db")
        status, body = _once_it_changed(gateway)
        assert status == 503
        assert "was removed or replaced" in json.loads(body)["checks"]["database"]
        assert gateway.get("/healthz")[0] == 200
        assert fetch(gateway.url.removesuffix("/v1") + "/readyz") == (503, '{"status":"not ready"}')


def _once_it_changed(gateway: Service) -> tuple[int, str]:
    """Checks are asked once a second."""
    threading.Event().wait(1.1)
    return gateway.get("/readyz")


def test_traces_go_to_a_collector_that_was_named_and_say_nothing_of_the_content(
    bank: Path, upstream: Upstream, collector: Collector
) -> None:
    key = issued(bank, "gateway", "structured")
    given = {"OPENAI_BASE_URL": upstream.url, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    with service(bank, "gateway", "serve", **given) as gateway:
        asked = {"model": MODEL, "input": CANARY, "max_output_tokens": 10}
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "tracestate": f"a={CANARY}", "baggage": CANARY}
        assert fetch(f"{gateway.url}/responses", asked, Authorization=f"Bearer {key}", **headers)[0] == 200
        assert fetch(f"{gateway.url}/responses", {"model": CANARY}, Authorization=f"Bearer {key}", **headers)[0] == 403
        gateway.stop()  # which sends what is left
    spans = [
        span
        for body in collector.bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    named = {span.name: span for span in spans}
    whole = named["gateway responses"]
    assert set(named) == {
        "gateway responses", "authenticate", "tokenise", "reserve", "upstream", "restore", "settle"
    }  # fmt: skip
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert whole.parent_span_id.hex() == "b7ad6b7169203331"
    roots = {span.span_id for span in spans if span.name == whole.name}
    assert {span.parent_span_id for span in spans if span.name != whole.name} <= roots
    assert "sakimori.outcome" in {attribute.key for attribute in whole.attributes}
    everything = b"".join(collector.bodies)
    for secret in (CANARY, key, str(bank)):
        assert secret.encode() not in everything
    assert "traceparent" not in {name.lower() for headers in upstream.headers for name in headers}


def test_by_default_no_trace_leaves(bank: Path, upstream: Upstream, collector: Collector) -> None:
    """Other variables of OpenTelemetry change nothing of that."""
    key = issued(bank, "gateway", "structured")
    others = {
        "OPENAI_BASE_URL": upstream.url,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": collector.url,
        "OTEL_TRACES_EXPORTER": "otlp",
    }
    with service(bank, "gateway", "serve", **others) as gateway:
        asked = {"model": MODEL, "input": "hi", "max_output_tokens": 10}
        assert fetch(f"{gateway.url}/responses", asked, Authorization=f"Bearer {key}")[0] == 200
    assert collector.bodies == []


def test_a_collector_that_is_gone_costs_no_call(bank: Path, upstream: Upstream) -> None:
    key = issued(bank, "gateway", "structured")
    given = {"OPENAI_BASE_URL": upstream.url, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    with service(bank, "gateway", "serve", **given) as gateway:
        asked = {"model": MODEL, "input": CANARY, "max_output_tokens": 10}
        assert fetch(f"{gateway.url}/responses", asked, Authorization=f"Bearer {key}")[0] == 200
    assert CANARY not in gateway.log
    assert gateway.process.returncode == 0


def test_the_receiver_of_alerts_has_the_same_surface(tmp_path: Path) -> None:
    with service(tmp_path, "alerts", "receive") as receiver:
        status, body = receiver.get("/readyz")
        assert (status, json.loads(body)["checks"]) == (200, {"database": "ok", "secrets": "ok"})
        assert "process_cpu_seconds_total" in receiver.get("/metrics")[1]
        root = receiver.url.removesuffix("/alerts")
        assert fetch(f"{root}/healthz") == (200, '{"status":"ok"}')
        assert fetch(f"{root}/alerts", {"any": CANARY}, Authorization=f"Bearer sk-saki-{CANARY}")[0] == 401
    assert CANARY not in receiver.log


def test_an_address_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    process = command(tmp_path, "alerts", "receive", "--admin-listen", "9464")
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INPUT
    assert complaint == ("sakimori: '9464' is no address to listen on: expected HOST:PORT, such as 127.0.0.1:9464\n")
