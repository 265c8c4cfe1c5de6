"""The failover drill in small: clients of a gateway whose first provider fails in every way there is."""

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest
from tests.gateway.conftest import Bank
from tests.gateway.providers.drill import calls
from tests.gateway.providers.failing import MODES, FailingProvider, failing
from tests.gateway.providers.test_upstream import QUICK, provider

from sakimori.gateway import running
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.provider import Timeouts
from sakimori.store import providers as rows

MID_STREAM = {"dies_mid_stream", "hang_mid_stream"}
NOT_THE_PROVIDERS_FAULT = {"refused"}


@contextmanager
def serving(*modes: str) -> Generator[list[FailingProvider]]:
    """Failing providers in a thread of their own, since the gateway has its own event loop."""
    ready: Future[list[FailingProvider]] = Future()
    stop = asyncio.Event()

    async def serve() -> None:
        async with failing(*modes) as upstream:
            ready.set_result(upstream)
            await stop.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield ready.result(10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("mode", sorted(MODES))
def test_no_call_is_without_an_answer_or_a_proper_error(mode: str, bank: Bank) -> None:
    bank.grant(models=("m",))
    with serving(mode, "answer") as (bad, good):
        found = Providers(
            (
                provider("bad", bad.base_url, key=None, timeouts=Timeouts() if mode == "answer" else QUICK),
                provider("good", good.base_url, key=None, order=2, timeouts=Timeouts()),
            )
        )
        with running(bank.database, bank.secrets, bank.ledger, found) as base_url:
            made = asyncio.run(calls(base_url, bank.key, per_second=200, count=8))
    assert not [call.told for call in made if call.ending == "neither"]
    if mode not in MID_STREAM | NOT_THE_PROVIDERS_FAULT:
        assert {(call.ending, call.told) for call in made} == {("answered", "")}
    entered = [entry for entry in bank.entries() if entry.action == "gateway.call"]
    assert len(entered) == len(made)


def test_a_provider_that_is_cut_off_gets_no_more_calls_from_a_gateway_that_runs(bank: Bank) -> None:
    bank.grant(models=("m",))
    with serving("answer", "answer") as (first, second):
        found = Providers(
            (
                provider("first", first.base_url, key=None, timeouts=Timeouts()),
                provider("second", second.base_url, key=None, order=2, timeouts=Timeouts()),
            )
        )
        with running(bank.database, bank.secrets, bank.ledger, found) as base_url:
            asyncio.run(calls(base_url, bank.key, per_second=200, count=2))
            assert len(first.requests) == 2
            with bank.database.transaction(rows.PROGRAMME) as transaction:
                rows.cut(transaction, "first", by="person:a", reason="x", now=1)
            while not second.requests:
                (made,) = asyncio.run(calls(base_url, bank.key, per_second=200, count=1))
                assert made.ending == "answered"
            before = len(first.requests)
            made = asyncio.run(calls(base_url, bank.key, per_second=200, count=4))
            assert [call.ending for call in made] == ["answered"] * 4
            assert len(first.requests) == before
