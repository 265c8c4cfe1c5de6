"""The admin surface, over real HTTP."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from sakimori.core import InputError, SakimoriError
from sakimori.observe import Readiness
from sakimori.observe.admin import ListenAddress, listening

LOOPBACK = ListenAddress("127.0.0.1", 0)


def _with_surface(readiness: Readiness, ask: Callable[[aiohttp.ClientSession, str], Awaitable[None]]) -> None:
    async def run() -> None:
        async with listening(LOOPBACK, readiness) as at, aiohttp.ClientSession() as session:
            await ask(session, f"http://{at}")
        readiness.close()

    asyncio.run(run())


def test_alive_ready_and_measures() -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(f"{url}/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok"})
        async with session.get(f"{url}/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ready", "checks": {"database": "ok"}})
        async with session.get(f"{url}/metrics") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert "process_cpu_seconds_total" in await answer.text()

    _with_surface(Readiness({"database": lambda: None}), ask)


def test_who_is_not_ready_says_why_and_is_alive() -> None:
    def gone() -> None:
        raise SakimoriError("the database does not answer: check its server")

    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["checks"] == {"database": "the database does not answer: check its server"}
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200

    _with_surface(Readiness({"database": gone}), ask)


def test_a_taken_port_is_one_sentence() -> None:
    async def twice() -> None:
        readiness = Readiness({})
        async with listening(LOOPBACK, readiness) as at, listening(at, readiness):
            pass

    with pytest.raises(SakimoriError, match=r"cannot listen on 127\.0\.0\.1:\d+ for /metrics: .*--admin-listen"):
        asyncio.run(twice())


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:9464", "127.0.0.1", 9464), ("[::1]:0", "::1", 0), ("admin.bank.example:1", "admin.bank.example", 1)],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert ListenAddress.parse(text) == ListenAddress(host, port)
    assert str(ListenAddress.parse(text)) == text


@pytest.mark.parametrize("text", ["", "9464", ":9464", "localhost", "::1:9464", "a:70000", "a:-1", "a:٣", "a:1b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no address to listen on"):
        ListenAddress.parse(text)
