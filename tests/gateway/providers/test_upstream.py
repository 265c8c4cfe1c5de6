"""Speaking to providers that fail in every way: an answer from the next one, or a proper error; never nothing."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.gateway.providers.failing import ANSWER, EVENTS, MODES, FailingProvider, failing

from sakimori.core import SystemClock
from sakimori.gateway.prices import PriceList
from sakimori.gateway.providers.breaker import IN_A_ROW, State
from sakimori.gateway.providers.failure import ProviderFailed, Tried
from sakimori.gateway.providers.health import Health
from sakimori.gateway.providers.provider import KeyReference, Provider, Timeouts
from sakimori.gateway.providers.upstream import Attempt, Opened, Upstreams
from sakimori.gateway.refusal import Refusal

T = TypeVar("T")
PRICES = PriceList.shipped()
QUICK = Timeouts(connect=1, first_byte=0.2, answer=0.2, idle=0.2, total=5)
MID_STREAM = {"dies_mid_stream", "hang_mid_stream"}
STREAMS_ONLY = {*MID_STREAM, "dies_before_streaming", "error_as_stream", "empty_stream"}
FAILING = sorted(MODES - STREAMS_ONLY - {"answer", "refused"})
MAY_BE_BILLED = {
    *("hang", "reset", "html", "html_as_json", "wrong_object", "truncated_json", "too_deep", "compressed", "no_http"),
    *("dies", "dies_before_streaming", "error_as_stream", "empty_stream"),
}


def run(test: Callable[[], Coroutine[Any, Any, T]]) -> T:
    async def with_a_limit() -> T:
        async with asyncio.timeout(20):
            return await test()

    return asyncio.run(with_a_limit())


def provider(name: str, base_url: str, **changes: Any) -> Provider:
    fields: dict[str, Any] = {
        "kind": "compatible",
        "base_url": base_url,
        "endpoints": frozenset({"chat/completions"}),
        "key": KeyReference("env", "KEY"),
        "stored_in": frozenset({"JP"}),
        "processed_in": frozenset({"JP"}),
        "retention": "none",
        "models": None,
        "prices": PRICES,
        "timeouts": QUICK,
    }
    return Provider(name=name, **{**fields, **changes})


@dataclass
class Called:
    """Attempts that asked for a further reservation."""

    of: list[str] = field(default_factory=list[str])

    async def __call__(self, attempt: Attempt) -> None:
        self.of.append(attempt.provider.name)


class Calling:
    """Upstreams for failing providers, ``p0``, ``p1``, …, tried in this order."""

    def __init__(self, upstream: Sequence[FailingProvider], **changes: Any) -> None:
        # Nobody is in a hurry who answers: the machine may be busy.
        patience = [Timeouts() if one.mode == "answer" else QUICK for one in upstream]
        self.providers = [
            provider(f"p{i}", one.base_url, **{"timeouts": patience[i], **changes}) for i, one in enumerate(upstream)
        ]
        self.health = Health([one.name for one in self.providers], SystemClock())
        self.upstreams = Upstreams(self.health, lambda _: "secret", clock=SystemClock(), random=Random(1))
        self.before_retry = Called()

    async def __aenter__(self) -> "Calling":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.upstreams.close()

    async def open(
        self,
        *,
        stream: bool = False,
        seconds: float = 5,
        before_retry: Callable[[Attempt], Awaitable[None]] | None = None,
    ) -> Opened:
        body = b'{"stream": true}' if stream else b"{}"
        attempts = [
            Attempt(one, "chat/completions", body, stream, "m", None if stream else "chat.completion")
            for one in self.providers
        ]
        deadline = asyncio.get_running_loop().time() + seconds
        return await self.upstreams.open(
            attempts, institution="aozora", deadline=deadline, before_retry=before_retry or self.before_retry
        )

    async def failure(self, **how: Any) -> ProviderFailed:
        with pytest.raises(ProviderFailed) as caught:
            await self.open(**how)
        return caught.value


@pytest.mark.parametrize("mode", FAILING)
def test_a_provider_that_fails_is_followed_by_the_next_and_nobody_notices(mode: str) -> None:
    async def test() -> None:
        async with failing(mode, "answer") as (bad, good), Calling([bad, good]) as calling:
            opened = await calling.open()
            assert await opened.json() == ANSWER
            assert opened.provider.name == "p1"
            (tried,) = opened.tried
            assert tried.provider == "p0"
            assert tried.billed == (mode in MAY_BE_BILLED)
            assert calling.before_retry.of == (["p1"] if tried.billed else [])
            keys = {headers["idempotency-key"] for headers, _ in (*bad.requests, *good.requests)}
            assert len(keys) == 1

    run(test)


@pytest.mark.parametrize("mode", sorted({*FAILING, *STREAMS_ONLY} - MID_STREAM))
def test_a_stream_that_fails_before_its_first_byte_comes_from_the_next(mode: str) -> None:
    async def test() -> None:
        async with failing(mode, "answer") as upstream, Calling(upstream) as calling:
            opened = await calling.open(stream=True)
            assert b"".join([chunk async for chunk in opened.chunks()]) == b"".join(EVENTS)
            assert opened.provider.name == "p1"

    run(test)


@pytest.mark.parametrize("mode", sorted({*FAILING, *STREAMS_ONLY} - MID_STREAM))
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_where_all_fail_the_client_hears_a_proper_error(mode: str, stream: bool) -> None:
    async def test() -> None:
        async with failing(mode, mode) as upstream, Calling(upstream) as calling:
            failed = await calling.failure(stream=stream, seconds=1 if mode.startswith("rate") else 5)
            assert failed.refusal.status in (404, 429, 502, 503, 504)
            assert failed.refusal.message.startswith("The model provider")
            assert {tried.provider for tried in failed.tried} == {"p0", "p1"}
            assert all(tried.billed == failed.billed for tried in failed.tried)

    run(test)


@pytest.mark.parametrize(("mode", "code"), [("dies_mid_stream", "disconnected"), ("hang_mid_stream", "timeout")])
def test_a_stream_that_breaks_after_its_first_byte_is_told_and_never_begun_again(mode: str, code: str) -> None:
    async def test() -> None:
        async with failing(mode, "answer") as upstream, Calling(upstream) as calling:
            opened = await calling.open(stream=True)
            got: list[bytes] = []

            async def read() -> None:
                async for chunk in opened.chunks():
                    got.append(chunk)

            with pytest.raises(ProviderFailed) as caught:
                await read()
            assert b"".join(got).startswith(EVENTS[0])
            assert caught.value.refusal.code == f"provider_{code}"
            assert caught.value.billed
            assert not upstream[1].requests

    run(test)


def test_what_the_client_did_wrong_is_tried_nowhere_else() -> None:
    async def test() -> None:
        async with failing("refused", "answer") as upstream, Calling(upstream) as calling:
            failed = await calling.failure()
            assert (failed.refusal.status, failed.refusal.code) == (400, "provider_refused")
            assert failed.refusal.message == "The model provider refused the request: no"
            assert failed.tried == (Tried("p0", "provider_refused", billed=False),)
            assert not upstream[1].requests

    run(test)


def test_a_provider_that_says_when_to_come_back_is_asked_again_then() -> None:
    async def test() -> None:
        async with failing("rate_limited_for_a_second") as (only,), Calling([only]) as calling:
            loop = asyncio.get_running_loop()
            began = loop.time()
            loop.call_later(0.5, setattr, only, "mode", "answer")
            opened = await calling.open()
            assert await opened.json() == ANSWER
            assert loop.time() - began >= 1
            assert len(only.requests) == 2

    run(test)


@pytest.mark.parametrize(("mode", "seconds"), [("rate_limited_for_an_hour", 60), ("rate_limited_for_a_second", 0.5)])
def test_nobody_is_kept_waiting_beyond_the_deadline_for_a_provider_that_is_busy(mode: str, seconds: float) -> None:
    async def test() -> None:
        async with failing(mode) as (only,), Calling([only]) as calling:
            failed = await calling.failure(seconds=seconds)
            assert failed.refusal.status == 429
            assert failed.refusal.retry_after
            assert len(only.requests) == 1

    run(test)


def test_without_a_further_reservation_nothing_is_tried_again() -> None:
    async def refuse(_attempt: Attempt) -> None:
        raise Refusal(429, "budget_exceeded", "There is nothing left.")

    async def test() -> None:
        async with failing("reset", "answer") as upstream, Calling(upstream) as calling:
            failed = await calling.failure(before_retry=refuse)
            assert failed.refusal.code == "provider_disconnected"
            assert failed.billed
            assert not upstream[1].requests

    run(test)


def test_a_provider_that_keeps_failing_is_left_alone() -> None:
    async def test() -> None:
        async with failing("fails", "answer") as (bad, good), Calling([bad, good]) as calling:
            for _ in range(2 * IN_A_ROW):
                await calling.open()
            assert calling.health.breaker("p0", "aozora").state is State.OPEN
            assert len(bad.requests) == IN_A_ROW
            assert len(good.requests) == 2 * IN_A_ROW

    run(test)


def test_providers_in_trouble_do_not_get_several_times_the_calls() -> None:
    async def test() -> None:
        async with failing(*["fails"] * 4) as upstream, Calling(upstream) as calling:
            for _ in range(100):
                for name in calling.health.records():  # as if each had come back in between
                    calling.health.breaker(name, "aozora")._opened_at = None  # pyright: ignore[reportPrivateUsage]
                await calling.failure(seconds=0.001)
            assert sum(len(one.requests) for one in upstream) <= 100 + 10 + 0.2 * 100 + 1

    run(test)


def test_a_provider_whose_streams_all_break_off_is_left_alone() -> None:
    async def read(opened: Opened) -> None:
        async for _ in opened.chunks():
            pass

    async def test() -> None:
        async with failing("dies_mid_stream", "answer") as (bad, good), Calling([bad, good]) as calling:
            for _ in range(IN_A_ROW):
                with pytest.raises(ProviderFailed):
                    await read(await calling.open(stream=True))
            assert calling.health.breaker("p0", "aozora").state is State.OPEN
            await read(await calling.open(stream=True))
            assert (len(bad.requests), len(good.requests)) == (IN_A_ROW, 1)

    run(test)


@pytest.mark.parametrize("mode", ["forbidden", "no_deployment", "rate_limited"])
def test_what_a_provider_refuses_for_good_is_answered_by_the_next_however_often(mode: str) -> None:
    """A model that only one of them has, or a quota that is used up: neither takes a provider from everybody else."""

    async def test() -> None:
        async with failing(mode, "answer") as upstream, Calling(upstream) as calling:
            opened = [await calling.open() for _ in range(60)]
            assert {one.provider.name for one in opened} == {"p1"}
            assert calling.health.breaker("p0", "aozora").state is State.CLOSED

    run(test)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_cutting_a_provider_off_breaks_off_what_is_under_way_there(stream: bool) -> None:
    async def test() -> None:
        async with failing("hang", "answer") as (bad, good), Calling([bad, good], timeouts=Timeouts()) as calling:
            call = asyncio.create_task(calling.open(stream=stream))
            await bad.asked.wait()
            calling.upstreams.cut(frozenset({"p0"}))
            calling.upstreams.cut(frozenset({"p0"}))
            opened = await call
            assert opened.provider.name == "p1"
            assert opened.tried == (Tried("p0", "provider_cut", billed=True),)
            await bad.closed.wait()
            assert (await calling.open()).provider.name == "p1"
            assert len(bad.requests) == 1
            calling.upstreams.cut(frozenset({"p0", "p1"}))
            assert (await calling.failure()).refusal.status == 503

    run(test)


def test_cutting_a_provider_off_ends_its_streams() -> None:
    async def test() -> None:
        async with failing("hang_mid_stream") as (only,), Calling([only], timeouts=Timeouts()) as calling:
            opened = await calling.open(stream=True)
            chunks = opened.chunks()
            assert (await anext(chunks)).startswith(b"data:")
            asyncio.get_running_loop().call_later(0.05, calling.upstreams.cut, frozenset({"p0"}))
            with pytest.raises(ProviderFailed) as caught:
                await anext(chunks)
            assert (caught.value.refusal.code, caught.value.billed) == ("provider_cut", True)
            await only.closed.wait()

    run(test)


@pytest.mark.parametrize("mode", ["hang", "hang_mid_stream"])
def test_who_no_longer_waits_leaves_no_connection_behind(mode: str) -> None:
    async def test() -> None:
        async with failing(mode) as (only,), Calling([only], timeouts=Timeouts()) as calling:
            if mode == "hang":
                call = asyncio.create_task(calling.open())
                await only.asked.wait()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            else:
                (await calling.open(stream=True)).close()
            await only.closed.wait()
            assert calling.health.breaker("p0", "aozora").passes

    run(test)


def test_a_provider_that_cannot_be_reached_was_not_billed() -> None:
    async def test() -> None:
        async with failing("answer") as (gone,):
            pass
        async with Calling([gone]) as calling:
            failed = await calling.failure()
            assert (failed.refusal.code, failed.billed) == ("provider_unreachable", False)

    run(test)


def test_an_answer_without_end_is_cut_at_32_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sakimori.gateway.providers.wire._LONGEST_ANSWER", 100)

    async def test() -> None:
        async with failing("answer") as (only,), Calling([only]) as calling:
            failed = await calling.failure()
            assert (failed.refusal.code, failed.billed) == ("provider_invalid_response", True)

    run(test)


def test_the_key_is_shown_and_nothing_else_that_a_provider_need_not_know() -> None:
    async def test() -> None:
        async with failing("answer") as (only,), Calling([only]) as calling:
            await calling.open()
            headers, _ = only.requests[0]
            assert headers["authorization"] == "Bearer secret"
            assert headers.keys() == {
                *("host", "user-agent", "accept", "accept-encoding", "authorization", "content-type"),
                *("content-length", "idempotency-key", ""),
            }

    run(test)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_provider_that_drips_keeps_nobody_beyond_the_deadline(stream: bool) -> None:
    async def test() -> None:
        async with failing("drips") as (only,), Calling([only]) as calling:
            if not stream:
                failed = await calling.failure(seconds=0.3)
            else:
                opened = await calling.open(stream=True, seconds=0.3)

                async def read() -> None:
                    async for _ in opened.chunks():
                        pass

                with pytest.raises(ProviderFailed) as caught:
                    await read()
                failed = caught.value
            assert (failed.refusal.code, failed.billed) == ("provider_timeout", True)
            await only.closed.wait()

    run(test)


def test_a_provider_that_cannot_prove_who_it_is_gets_nothing(tmp_path: Path) -> None:
    tls = self_signed(tmp_path)

    async def test() -> None:
        async with failing("answer", tls=tls) as (impostor,), Calling([impostor]) as calling:
            failed = await calling.failure()
            assert (failed.refusal.code, failed.billed) == ("provider_untrusted", False)
            assert not impostor.requests

    run(test)


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's certificate for 127.0.0.1 that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    (folder / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context
