"""Speaking to providers over HTTP: what fails before its first byte goes to the next, and nobody notices."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from secrets import token_hex
from types import MappingProxyType
from typing import Any

import aiohttp

from sakimori.core import Clock
from sakimori.gateway.providers import telemetry
from sakimori.gateway.providers.breaker import Ticket
from sakimori.gateway.providers.failure import (
    Blame,
    ProviderFailed,
    Tried,
    cut_off,
    failed,
    invalid,
    json_object,
    refused,
)
from sakimori.gateway.providers.health import Health
from sakimori.gateway.providers.provider import Provider
from sakimori.gateway.providers.retries import RetryBudget
from sakimori.gateway.providers.wire import explaining, pieces, refusal_of, values
from sakimori.gateway.refusal import Refusal

_LARGE = 256 * 2**10
"""Bytes of an answer that are read as JSON in a thread: it takes milliseconds."""
_LONGEST_WAIT = 20.0
"""Seconds that a call is kept waiting, in all, for a provider that said when to come back."""
_BACKOFF_SECONDS = 0.25
"""Mean wait before a provider that failed is asked again."""
_ROUNDS = 2
"""How often one provider may be asked for one call."""
_PASSING = frozenset({"provider_rate_limited", "provider_error", "provider_unreachable"})
"""What may be over in a moment."""
_SHOWN = ("openai-processing-ms", "openai-version")
"""Headers of providers that clients may see."""
_ERROR_EVENTS = (b"event: error", b"event:error", b'data: {"error"', b'data:{"error"')
"""How a stream begins that is none: some providers say 200 first, and what went wrong after."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request as one provider gets it."""

    provider: Provider
    path: str
    """Of the endpoint, as that provider speaks it: ``chat/completions``."""
    body: bytes
    stream: bool = False
    model: str = ""
    """As it is granted; Azure's deployments stand in the path."""
    object: str | None = None
    """What a whole answer must have as its ``object``; None: anything."""


BeforeRetry = Callable[[Attempt], Awaitable[None]]
"""Called before an attempt that follows one which may have been billed: reserves for it, or raises Refusal to stop."""


class Opened:
    """A provider that began to answer. Close it: what is not read to its end is broken off."""

    def __init__(
        self,
        attempt: Attempt,
        response: aiohttp.ClientResponse,
        tried: tuple[Tried, ...],
        body: dict[str, Any] | None,
        length: int,
        chunks: AsyncIterator[bytes] | None,
    ) -> None:
        self.attempt = attempt
        self.provider = attempt.provider
        self.tried = tried
        """Attempts that failed before this one."""
        self.headers: Mapping[str, str] = MappingProxyType(values(response.headers, *_SHOWN))
        """Those that the client may see."""
        self.request_id: str | None = response.headers.get("x-request-id")
        """What the provider calls the request, to ask it about. It may say anything here."""
        self.length = length
        """Bytes of a whole answer as it came."""
        self._response = response
        self._body = body
        self._chunks = chunks

    async def json(self) -> dict[str, Any]:
        """The whole answer of an attempt that is not streamed."""
        assert self._body is not None
        return self._body

    def chunks(self) -> AsyncIterator[bytes]:
        """A stream as it comes, piece by piece.

        Raises:
            ProviderFailed: it broke off, hangs, is endless, or its provider was cut off; what came before is the
                client's already.
        """
        assert self._chunks is not None
        return self._chunks

    def close(self) -> None:
        """Break off what was not read: the connection is closed at once."""
        self._response.close()


@dataclass(frozen=True, slots=True)
class _Call:
    """What the attempts of one call share."""

    id: str
    institution: str
    deadline: float
    tried: list[Tried]


@dataclass(slots=True, eq=False)
class _Wait:
    """A task that waits for a provider."""

    task: asyncio.Task[Any]
    broken_off: bool = False


class Upstreams:
    """Connections to all providers; made, used and closed in one event loop."""

    def __init__(
        self, health: Health, key_of: Callable[[Provider], str | None], *, clock: Clock, random: Random
    ) -> None:
        """``key_of`` gives the key to show, at the time of each attempt; it does not block."""
        self._health = health
        self._key_of = key_of
        self._random = random
        self._retries = RetryBudget(clock)
        self._waiting: defaultdict[str, set[_Wait]] = defaultdict(set)
        self._session = aiohttp.ClientSession(
            headers={"user-agent": "sakimori-gateway", "accept-encoding": "identity"},
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def open(
        self, attempts: Sequence[Attempt], *, institution: str, deadline: float, before_retry: BeforeRetry
    ) -> Opened:
        """Send a call to the first provider that answers.

        A whole answer is there in full and known to be one; of a stream, the first piece is. Each provider is asked in
        turn; those that only were busy or could not be reached are asked once more, as long as the budget of retries
        and ``deadline`` (in the event loop's time) allow. All attempts carry one ``idempotency-key``.

        Raises:
            ProviderFailed: none answered; what it says is what the last one did.
        """
        self._retries.called()
        call = _Call(f"sakimori-{token_hex(16)}", institution, deadline, [])
        rounds = dict.fromkeys((attempt.provider.name for attempt in attempts), 0)
        waiting = [(0.0, attempt) for attempt in attempts]
        last: ProviderFailed | None = None
        while waiting:
            ready_at, attempt = waiting.pop(0)
            if not ready_at and not self._health.usable(attempt.provider.name, institution):
                continue
            if last is not None and not await self._may_retry(attempt, ready_at, call, last, before_retry):
                break
            ticket = self._health.admit(attempt.provider.name, institution)
            if ticket is None:
                continue
            try:
                return await self._attempt(attempt, ticket, call)
            except ProviderFailed as error:
                last = error
                call.tried.append(Tried(attempt.provider.name, error.refusal.code, error.billed))
                rounds[attempt.provider.name] += 1
                if not error.elsewhere:
                    break
                if rounds[attempt.provider.name] < _ROUNDS and (again := self._again_at(error)) is not None:
                    waiting.append((again, attempt))
                    waiting.sort(key=lambda item: item[0])
        if last is None:
            last = failed(503, "provider_unavailable", "cannot be used at present", billed=False)
        last.tried = tuple(call.tried)
        raise last

    def cut(self, names: frozenset[str]) -> None:
        """Break off whatever is under way at these providers, at once; nothing goes there until they are left out."""
        self._health.cut = names
        for name in names:
            for wait in self._waiting[name]:
                if not wait.broken_off:
                    wait.broken_off = True
                    wait.task.cancel()

    async def close(self) -> None:
        await self._session.close()

    async def _may_retry(
        self, attempt: Attempt, ready_at: float, call: _Call, last: ProviderFailed, before_retry: BeforeRetry
    ) -> bool:
        loop = asyncio.get_running_loop()
        if max(ready_at, loop.time()) >= call.deadline:
            return False
        # Whoever refuses, or is cut off, is in no trouble that calls elsewhere could make worse.
        if last.blame in (Blame.ILL, Blame.BUSY) and not self._retries.take():
            return False
        if last.billed:
            try:
                await before_retry(attempt)
            except Refusal:
                return False
        if (left := ready_at - loop.time()) > 0:
            await asyncio.sleep(left)
        telemetry.retried(attempt.provider.name, last.refusal.code)
        return True

    def _again_at(self, error: ProviderFailed) -> float | None:
        """When the provider that failed so may be asked again, in the event loop's time; None: not for this call."""
        if error.billed or error.refusal.code not in _PASSING:
            return None
        wait = self._random.uniform(0, 2 * _BACKOFF_SECONDS)
        if error.retry_after is not None:
            if error.retry_after > _LONGEST_WAIT:
                return None
            wait += error.retry_after
        return asyncio.get_running_loop().time() + wait

    async def _attempt(self, attempt: Attempt, ticket: Ticket, call: _Call) -> Opened:
        """Raises ProviderFailed. Whatever happens, the breaker hears of it."""
        name = attempt.provider.name
        breaker = self._health.breaker(name, call.institution)
        try:
            with telemetry.attempt(name), self._breakable(name):
                opened = await self._ask(attempt, ticket, call)
        except ProviderFailed as error:
            self._blame(name, call.institution, ticket, error)
            raise
        except BaseException:
            breaker.dropped(ticket)
            raise
        if attempt.stream:
            breaker.began(ticket)
        else:
            breaker.succeeded(ticket)
        self._health.answered(name, call.institution)
        return opened

    def _blame(self, name: str, institution: str, ticket: Ticket, error: ProviderFailed) -> None:
        breaker = self._health.breaker(name, institution)
        if error.blame is Blame.CUT:
            breaker.dropped(ticket)
            return
        if error.blame is Blame.ILL:
            breaker.failed(ticket)
        else:
            breaker.succeeded(ticket)
        if error.retry_after is not None:
            breaker.rest(error.retry_after)
        if error.blame is Blame.NONE:
            self._health.answered(name, institution)
        else:
            self._health.failed(name, institution, error.refusal.code)

    async def _ask(self, attempt: Attempt, ticket: Ticket, call: _Call) -> Opened:
        timeouts = attempt.provider.timeouts
        begin = timeouts.first_byte if attempt.stream else timeouts.answer
        loop = asyncio.get_running_loop()
        response: aiohttp.ClientResponse | None = None
        opened: Opened | None = None
        try:
            with explaining():
                async with asyncio.timeout_at(min(loop.time() + begin, call.deadline)):
                    response = await self._post(attempt, call.id)
                    if response.status != 200:
                        raise refused(response.status, response.headers, await refusal_of(response))
                    expected = "text/event-stream" if attempt.stream else "application/json"
                    if response.content_type != expected or "content-encoding" in response.headers:
                        raise invalid("sent something that is no answer")
                    first = await response.content.readany() if attempt.stream else b""
            opened = await self._opened(attempt, response, first, ticket, call)
            return opened
        finally:
            if opened is None and response is not None:
                response.close()

    async def _post(self, attempt: Attempt, id: str) -> aiohttp.ClientResponse:
        provider = attempt.provider
        headers = {
            "content-type": "application/json",
            "idempotency-key": id,
            **provider.authorization(self._key_of(provider)),
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=provider.timeouts.connect)
        url = provider.url(attempt.path, attempt.model)
        return await self._session.post(url, data=attempt.body, headers=headers, allow_redirects=False, timeout=timeout)

    async def _opened(
        self, attempt: Attempt, response: aiohttp.ClientResponse, first: bytes, ticket: Ticket, call: _Call
    ) -> Opened:
        tried = tuple(call.tried)
        if attempt.stream:
            if not first:
                raise failed(502, "provider_disconnected", "broke off before its answer began", billed=True)
            if first.lstrip().startswith(_ERROR_EVENTS):
                raise failed(502, "provider_error", "failed before its answer began", billed=True)
            chunks = self._stream(attempt, response, first, ticket, call)
            return Opened(attempt, response, tried, None, 0, chunks)
        raw = bytearray()
        with explaining():
            async for chunk in pieces(response, attempt.provider.timeouts.idle, call.deadline):
                raw += chunk
        body = await asyncio.to_thread(json_object, bytes(raw)) if len(raw) > _LARGE else json_object(bytes(raw))
        if body is None or (attempt.object is not None and body.get("object") != attempt.object):
            raise invalid("sent something that is no answer")
        return Opened(attempt, response, tried, body, len(raw), None)

    async def _stream(
        self, attempt: Attempt, response: aiohttp.ClientResponse, first: bytes, ticket: Ticket, call: _Call
    ) -> AsyncIterator[bytes]:
        name = attempt.provider.name
        breaker = self._health.breaker(name, call.institution)
        rest = pieces(response, attempt.provider.timeouts.idle, call.deadline, already=len(first))
        chunk: bytes | None = first
        try:
            while chunk is not None:
                try:
                    yield chunk
                except GeneratorExit:  # nobody reads on; so far it was well
                    breaker.succeeded(ticket)
                    raise
                with explaining(), self._breakable(name):
                    chunk = await anext(rest, None)
            breaker.succeeded(ticket)
        except ProviderFailed as error:
            self._blame(name, call.institution, ticket, error)
            raise
        finally:
            # Of a response that was read to its end, the connection is in the pool again already.
            response.close()

    @contextmanager
    def _breakable(self, name: str) -> Generator[None]:
        """While in here, the task waits for the provider: if that is cut off, ProviderFailed is raised at once."""
        if name in self._health.cut:
            raise cut_off(billed=True)
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        wait = _Wait(task)
        self._waiting[name].add(wait)
        try:
            yield
        except asyncio.CancelledError:
            if wait.broken_off and task.uncancel() <= before:
                raise cut_off(billed=True) from None
            raise
        finally:
            self._waiting[name].discard(wait)
