"""``sakimori gateway serve`` as an operator starts and stops it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
from openai import OpenAI

from sakimori.access import keys
from sakimori.access.secrets import Secrets
from sakimori.core import LOCAL_TENANT, ExitCode, SystemClock
from sakimori.records import Grant, ReservationState, Window
from sakimori.store import Database, budgets

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class SlowProvider(BaseHTTPRequestHandler):
    """Takes a second for each answer, or longer."""

    asked = threading.Event()
    seconds = 1.0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        type(self).asked.set()
        time.sleep(self.seconds)
        body = orjson.dumps(ANSWER)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def provider_url() -> Iterator[str]:
    SlowProvider.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowProvider)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def sakimori(home: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    given = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return subprocess.Popen(
        [sys.executable, "-c", "from sakimori.cli import main; main()", *arguments],
        env={**given, "SAKIMORI_HOME": str(home), "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_without_a_provider_it_says_so_and_does_not_start(tmp_path: Path) -> None:
    process = sakimori(tmp_path, "gateway", "serve")
    out, complaint = process.communicate(timeout=30)
    assert process.returncode == ExitCode.PROVIDER
    assert out == ""
    assert complaint.count("\n") == 1
    assert "OPENAI_API_KEY" in complaint


def _start(home: Path, provider_url: str, *options: str) -> tuple["subprocess.Popen[str]", OpenAI]:
    limits = ("--limit", "tokens=200000/day", "--limit", "yen=10000/day")
    for arguments in (
        ("request", "g", "--model", "m", "--purpose", "test", *limits),
        ("approve", "g", "--provisioned"),
    ):
        granting = sakimori(home, "grants", *arguments)
        assert granting.communicate(timeout=30)[1] == ""
        assert granting.returncode == 0
    database, secrets = Database.embedded(home), Secrets.embedded(home)
    with database.transaction(LOCAL_TENANT) as transaction:
        _, key = keys.issue(transaction, secrets, name="t", scopes=["gateway", "structured"], clock=SystemClock())
    database.close()
    process, base_url = _serve(home, provider_url, *(options or ("--port", "0")))
    return process, OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=20)


def _serve(home: Path, provider_url: str, *options: str) -> tuple["subprocess.Popen[str]", str]:
    process = sakimori(
        home, "gateway", "serve", *options, OPENAI_API_KEY="provider-key-0", OPENAI_BASE_URL=provider_url
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "provider-key-0" not in line
    return process, line.split()[2].rstrip(";")


def _outcomes(log: str) -> list[str]:
    """Of the calls that the log tells of, which tells of nothing else."""
    lines = [orjson.loads(line) for line in log.splitlines()]
    assert {line["event"] for line in lines} == {"gateway.call"}
    return [line["outcome"] for line in lines]


def _ask_in_background(client: OpenAI) -> tuple[threading.Thread, list[str | None]]:
    answers: list[str | None] = []

    def ask() -> None:
        answer = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "10.0.0.1"}], max_tokens=50
        )
        answers.append(answer.choices[0].message.content)

    thread = threading.Thread(target=ask)
    thread.start()
    assert SlowProvider.asked.wait(10)
    return thread, answers


def test_stopping_finishes_what_is_under_way(tmp_path: Path, provider_url: str) -> None:
    process, client = _start(tmp_path, provider_url)
    with client:
        thread, answers = _ask_in_background(client)
        process.send_signal(signal.SIGTERM)
        thread.join()
        client.close()
        out, complaint = process.communicate(timeout=30)
    assert answers == ["ok"]
    assert (process.returncode, _outcomes(complaint)) == (0, ["answered"])
    assert "Finishing 1 call, at most 600 s; Ctrl-C again stops now." in out
    assert "Stopped; every call that was under way was finished" in out
    checking = sakimori(tmp_path, "ledger", "verify")
    assert ", 0 pending" in checking.communicate(timeout=30)[0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_stopping_twice_breaks_off_what_is_under_way(
    tmp_path: Path, provider_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlowProvider, "seconds", 8.0)
    process, client = _start(tmp_path, provider_url)
    assert process.stdout is not None
    with client:
        thread, answers = _ask_in_background(client)
        process.send_signal(signal.SIGINT)
        assert "Finishing 1 call" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, complaint = process.communicate(timeout=6)
        thread.join()
    assert (answers, process.returncode, _outcomes(complaint)) == ([], 0, ["gateway_stopped"])
    assert "Stopped; 1 call broken off and booked at the upper bound." in out


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_killed_in_a_call_the_call_stays_booked_and_nothing_is_held_beyond_its_time(
    tmp_path: Path, provider_url: str
) -> None:
    process, client = _start(tmp_path, provider_url)
    with client:
        thread, answers = _ask_in_background(client)
        process.kill()
        thread.join()
        process.communicate(timeout=30)
    assert answers == []
    database = Database.embedded(tmp_path)
    with database.transaction(LOCAL_TENANT) as transaction:
        (grant,) = transaction.all(Grant)
        (held,) = budgets.reservations(transaction, grant.id)
        assert held.state is ReservationState.SENT
        assert budgets.used(transaction, grant.id, Window.DAY, now=held.made_at).tokens == held.tokens > 0
        budgets.expire(transaction, now=held.expires_at)
        (over,) = budgets.reservations(transaction, grant.id)
        assert over.state is ReservationState.PRESUMED, "the provider may have billed it"
        assert budgets.used(transaction, grant.id, Window.DAY, now=held.made_at).tokens == held.tokens
        assert budgets.under_way(transaction, grant.id, now=held.expires_at) == 0
    database.close()


def test_a_taken_port_is_one_sentence(tmp_path: Path, provider_url: str) -> None:
    port = provider_url.rpartition(":")[2].removesuffix("/v1")
    process = sakimori(tmp_path, "gateway", "serve", "--port", port, OPENAI_API_KEY="k", OPENAI_BASE_URL=provider_url)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == ExitCode.ENVIRONMENT
    assert complaint.startswith("sakimori: cannot listen on 127.0.0.1 port")
    assert complaint.count("\n") == 1


def test_two_processes_serve_one_port_and_one_budget(
    tmp_path: Path, provider_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlowProvider, "seconds", 0.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        shared = ("--port", str(free.getsockname()[1]), "--reuse-port")
    first, client = _start(tmp_path, provider_url, *shared)
    second, base_url = _serve(tmp_path, provider_url, *shared)
    assert base_url == str(client.base_url).rstrip("/")
    calls = 32  # each on a connection of its own: that all come to one process happens once in two thousand million
    for number in range(calls):
        with OpenAI(base_url=base_url, api_key=client.api_key, max_retries=0, timeout=20) as caller:
            caller.chat.completions.create(
                model="m", messages=[{"role": "user", "content": f"call {number}"}], max_tokens=10
            )
    served: list[int] = []
    for process in (first, second):
        process.terminate()
        told = process.communicate(timeout=30)[1]
        assert process.returncode == 0
        served.append(told.count('"event":"gateway.call"'))
    assert sum(served) == calls
    assert all(served)
    database = Database.embedded(tmp_path)
    with database.snapshot(LOCAL_TENANT) as snapshot:
        booked = budgets.used(snapshot, "g", Window.DAY, now=SystemClock().now())
    database.close()
    assert (booked.requests, booked.tokens) == (calls, 2 * calls)
