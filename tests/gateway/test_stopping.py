"""Stopping with calls under way: soon, quietly, and with every call settled."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from openai import APIError, APIStatusError, InternalServerError, OpenAI
from tests.gateway.conftest import Bank, scripted
from tests.scripted_provider import MODEL, Upstream, message, response_object

from sakimori.core import SystemClock
from sakimori.gateway import Address, Gateway, Parts, Providers, running, serve
from sakimori.records import Window
from sakimori.store import budgets


class Held:
    """A provider's script that answers once it is let."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    async def __call__(self, _request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        self.asked.set()
        while not await asyncio.to_thread(self.may_answer.wait, 0.05):
            pass
        return web.json_response(response_object([message("ok")]))


@pytest.fixture
def patient(upstream: Upstream) -> Providers:
    return Providers((scripted(upstream.url, 600.0, key=None),))


def asking(url: str, bank: Bank, heard: list[str | None]) -> threading.Thread:
    """A client in a thread of its own; ``heard`` gets what it is answered."""

    def ask() -> None:
        with OpenAI(base_url=url, api_key=bank.key, max_retries=0, timeout=60) as client:
            try:
                heard.append(client.responses.create(model=MODEL, input="hi", max_output_tokens=100).output_text)
            except APIStatusError as error:
                heard.append(error.code)
            except APIError as error:
                heard.append(type(error).__name__)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_the_end_of_running_waits_for_no_provider(
    bank: Bank, patient: Providers, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    grant = bank.grant()
    upstream.script = held = Held()
    heard: list[str | None] = []
    with running(bank.database, bank.secrets, bank.ledger, patient) as url:
        client = asking(url, bank, heard)
        assert held.asked.wait(10)
        began = time.monotonic()
    assert time.monotonic() - began < 10, "the provider takes ten minutes"
    client.join()
    assert heard == ["gateway_stopped"]
    assert bank.entries()[-1].detail["outcome"] == "gateway_stopped"
    with bank.database.snapshot(bank.tenant) as snapshot:
        (made,) = budgets.reservations(snapshot, grant.id)
        assert budgets.used(snapshot, grant.id, Window.DAY, now=SystemClock().now()).tokens == made.tokens > 100
    assert made.state == "settled"
    assert not caplog.records


def test_a_client_that_is_gone_leaves_a_settled_call(
    bank: Bank, patient: Providers, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    grant = bank.grant()
    upstream.script = held = Held()
    with running(bank.database, bank.secrets, bank.ledger, patient) as url:
        with (
            OpenAI(base_url=url, api_key=bank.key, max_retries=0, timeout=0.5) as client,
            pytest.raises(APIError, match="timed out"),
        ):
            client.responses.create(model=MODEL, input="hi", max_output_tokens=100)
        assert held.asked.is_set()
    with bank.database.snapshot(bank.tenant) as snapshot:
        assert [made.state for made in budgets.reservations(snapshot, grant.id)] == ["settled"]
    assert not caplog.records


class Operator:
    """Serves in a thread, and stops it as signals do."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()
        self.listening = threading.Event()
        self.waiting = threading.Event()
        self.url = ""
        self.waited_for = 0
        self.broken_off: int | None = None
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def stop(self) -> None:
        self._from_outside(self._stop.set)

    def stop_at_once(self) -> None:
        self._from_outside(self._at_once.set)

    def _from_outside(self, do: Callable[[], None]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(do)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.broken_off = await serve(
            Gateway(self._parts),
            Address("127.0.0.1", 0),
            ready=self._ready,
            finishing=self._finishing,
            stop=self._stop,
            at_once=self._at_once,
        )

    def _ready(self, url: str) -> None:
        self.url = url
        self.listening.set()

    def _finishing(self, calls: int) -> None:
        self.waited_for = calls
        self.waiting.set()


@pytest.fixture
def operator(bank: Bank, patient: Providers) -> Operator:
    made = Operator(Parts(bank.database, bank.secrets, bank.ledger, patient, SystemClock()))
    made.thread.start()
    assert made.listening.wait(10)
    return made


def test_an_operator_who_insists_is_obeyed(bank: Bank, upstream: Upstream, operator: Operator) -> None:
    bank.grant()
    upstream.script = held = Held()
    heard: list[str | None] = []
    client = asking(operator.url, bank, heard)
    assert held.asked.wait(10)
    operator.stop()
    assert operator.waiting.wait(10)
    assert (operator.waited_for, heard) == (1, [])
    operator.stop_at_once()
    operator.thread.join(10)
    client.join()
    assert (operator.broken_off, heard) == (1, ["gateway_stopped"])


def test_while_stopping_no_new_call_is_taken(bank: Bank, upstream: Upstream, operator: Operator) -> None:
    bank.grant()
    heard: list[str | None] = []
    with OpenAI(base_url=operator.url, api_key=bank.key, max_retries=0, timeout=30) as kept_alive:
        kept_alive.responses.create(model=MODEL, input="hi", max_output_tokens=100)
        upstream.script = held = Held()
        client = asking(operator.url, bank, heard)
        assert held.asked.wait(10)
        operator.stop()
        assert operator.waiting.wait(10)
        with pytest.raises(InternalServerError) as refused:
            kept_alive.responses.create(model=MODEL, input="hi", max_output_tokens=100)
        assert refused.value.code == "gateway_stopping"
    held.may_answer.set()
    operator.thread.join(10)
    client.join()
    assert (operator.broken_off, heard) == (0, ["ok"])
    assert len(upstream.bodies) == 2
