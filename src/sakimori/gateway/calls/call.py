"""One call, from its request to what its client hears.

Whatever becomes of the client, a call that left is settled: it may be billed. What its client saw the end of was
settled before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ParamSpec, TypeVar

import orjson
from aiohttp import web

from sakimori.access import Principal
from sakimori.access.secrets import Secrets
from sakimori.core import SakimoriError
from sakimori.gateway import keys, sse, telemetry
from sakimori.gateway.boundary import BoundaryError
from sakimori.gateway.calls.admission import Admission, Prepared
from sakimori.gateway.calls.interruption import BrokenOff, Interruption
from sakimori.gateway.calls.reservation import Admitted, Reservations
from sakimori.gateway.calls.sealing import Sealer
from sakimori.gateway.calls.settlement import Ending, Settlement
from sakimori.gateway.calls.writer import BUSY, Writer
from sakimori.gateway.endpoints import ENDPOINTS, Endpoint, HostedToolRan, Usage
from sakimori.gateway.endpoints.stream import AnswerStream, unusable
from sakimori.gateway.grants import may_be_free_text
from sakimori.gateway.providers.failure import ProviderFailed, Tried
from sakimori.gateway.providers.upstream import Attempt, Opened, Upstreams
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.standing import Institution, Standing
from sakimori.gateway.telemetry import ANSWERED, stage
from sakimori.observe import log
from sakimori.store import Transaction

P = ParamSpec("P")
T = TypeVar("T")
_DONE = b"[DONE]"
_STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}

_LARGE = 16 * 2**10
"""Bytes of a request or an answer that take milliseconds to read: these keep to threads of their own."""
_MANY_TOKENS = 100
"""Tokens of a request that take a millisecond to be kept, if they are new."""
_VAULT_ATTEMPTS = 8
_MOST_FREE_TEXTS = 128
"""Calls with free text that are read or wait for it: a model reads some 1,500 characters per second."""
_FREE_TEXT_SECONDS = 10
_SLOWEST_READER = 60.0
"""Seconds in which a client must take what was written for it."""
_LAST_WORDS = 2.0
"""Seconds to wait, once an answer is whole, for how much was used: the upper bound is dear."""
_LAST_BYTES = 0.2
"""Seconds to wait, once that is known too, for the end of the stream: its connection can be used again then."""

OnEgress = Callable[[str, object, object], None]
"""Gets the endpoint's path, a request's body as it stood in the bank, and as it leaves: all that a call says."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What all calls share."""

    admission: Admission
    reservations: Reservations
    settlement: Settlement
    standing: Standing
    secrets: Secrets
    sealer: Sealer
    writer: Writer
    upstreams: Upstreams
    reading: ThreadPoolExecutor
    """For what reads the database."""
    large: ThreadPoolExecutor
    """For texts that take long."""
    names: ThreadPoolExecutor
    """For free text, which waits for the models that look for names in it."""
    seconds: float
    """How long a call may take at its provider."""
    on_egress: OnEgress | None
    free_texts: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_FREE_TEXTS))


class OneCall:
    def __init__(self, desk: Desk, told: telemetry.Call, endpoint: Endpoint, request: web.Request) -> None:
        self._desk = desk
        self._told = told
        self._endpoint = endpoint
        self._request = request
        self._interruption = Interruption()
        self._streams = False
        self._client_gone = False
        self._extended = 0
        """How often the upper bound was held again, for another attempt."""

    async def make(self, raw: bytes, principal: Principal) -> web.StreamResponse:
        """Answer the client.

        Raises:
            Refusal: nothing was written to the client yet, and this is what he is to hear.
            BoundaryError, StoreError, SecretsError: likewise; the gateway could not go on.
        """
        try:
            call = await self._admit(raw, principal)
        except (Refusal, BoundaryError) as error:
            if not isinstance(error, Refusal):
                await self.refuse(principal, telemetry.BOUNDARY_FAILED)
            elif error.code != BUSY:
                await self.refuse(principal, error.code, model=error.model, purpose=error.purpose)
            raise
        self._told.admitted(model=call.prepared.model, purpose=call.prepared.purpose, tokens=call.reservation.tokens)
        if self._desk.on_egress is not None:
            self._desk.on_egress(self._endpoint.path, orjson.loads(raw), orjson.loads(call.option.attempts[0].body))
        opened = await self._open(call)
        try:
            if opened.attempt.stream:
                return await self._stream(call, opened)
            return await self._whole(call, opened)
        finally:
            opened.close()

    def break_off(self, reason: Refusal) -> None:
        """Wait for nobody any more: settle what there is, and tell the client why."""
        self._interruption.break_off(reason)

    def client_gone(self) -> None:
        """Nobody reads the rest. A stream is broken off; a whole answer is waited for, since it says what it cost."""
        self._client_gone = True
        if self._streams:
            self.break_off(_gone())

    async def refuse(self, principal: Principal, code: str, *, model: str = "", purpose: str = "") -> None:
        """Enter that the call was refused before it left."""
        refuse, call_id, endpoint = self._desk.settlement.refuse, self._told.id, self._endpoint
        await self._desk.writer.complete(
            principal.tenant,
            lambda transaction: refuse(transaction, call_id, principal, endpoint, code, model=model, purpose=purpose),
        )
        self._desk.sealer.wrote(principal.tenant)

    async def _admit(self, raw: bytes, principal: Principal) -> Admitted:
        """The call with its upper bound held, and entered as one that leaves."""
        tenant = principal.tenant
        institution = self._desk.standing.known(tenant)
        if institution is not None:
            try:
                return await self._reserve(raw, principal, institution)
            except Refusal as refusal:
                if refusal.code == BUSY:
                    raise
                # What is refused is never refused by an old reading.
        return await self._reserve(raw, principal, await run_in(self._desk.reading, self._desk.standing.reread, tenant))

    async def _reserve(self, raw: bytes, principal: Principal, institution: Institution) -> Admitted:
        taken: frozenset[str] = frozenset()
        for _ in range(_VAULT_ATTEMPTS):
            with stage("tokenise"):
                prepared = await self._prepared(raw, principal, institution, taken)
            self._streams = prepared.streams
            with stage("reserve"):
                let_go, long = partial(self._let_go, prepared), len(prepared.passage.tokens) > _MANY_TOKENS
                admitted = await self._desk.writer.submit(principal.tenant, let_go, long=long)
            if isinstance(admitted, Admitted):
                self._desk.sealer.wrote(principal.tenant)
                self._desk.reservations.remember(prepared)
                return admitted
            taken |= admitted
        raise BoundaryError("boundary: no unused token was found for a text, so nothing was sent; try again")

    async def _prepared(
        self, raw: bytes, principal: Principal, institution: Institution, taken: frozenset[str]
    ) -> Prepared:
        if institution.boundary.recognises_names and may_be_free_text(principal.scopes, self._request.headers):
            if self._desk.free_texts.locked():
                message = (
                    "More free texts are waiting for the models that look for names than they can read; ask again."
                )
                raise Refusal(503, BUSY, message, retry_after=_FREE_TEXT_SECONDS, may_retry=True)
            async with self._desk.free_texts:
                return await run_in(self._desk.names, self._prepare, raw, principal, institution, taken)
        return await self._compute(len(raw), self._prepare, raw, principal, institution, taken)

    def _prepare(self, raw: bytes, principal: Principal, institution: Institution, taken: frozenset[str]) -> Prepared:
        headers = self._request.headers
        return self._desk.admission.prepare(
            self._told.id, principal, self._endpoint, raw, headers, institution, taken=taken
        )

    def _let_go(self, prepared: Prepared, transaction: Transaction) -> Admitted | frozenset[str]:
        admitted = self._desk.reservations.reserve(
            transaction, prepared, partial(self._desk.settlement.presume, transaction)
        )
        if isinstance(admitted, Admitted):
            self._desk.settlement.left(transaction, admitted)
        return admitted

    def _extend(self, call: Admitted, transaction: Transaction) -> None:
        self._desk.reservations.extend(transaction, call, partial(self._desk.settlement.presume, transaction))

    async def _open(self, call: Admitted) -> Opened:
        """A provider that began to answer. Raises Refusal, after the call was settled, where none does."""

        async def before_retry(_attempt: Attempt) -> None:
            await self._desk.writer.submit(call.tenant, partial(self._extend, call))
            self._extended += 1

        if self._client_gone:
            self.client_gone()
        deadline = asyncio.get_running_loop().time() + self._desk.seconds
        try:
            with stage("upstream"), self._interruption.may_happen():
                return await self._desk.upstreams.open(
                    call.option.attempts, institution=call.tenant, deadline=deadline, before_retry=before_retry
                )
        except ProviderFailed as failed:
            refusal = failed.refusal
            refusal.message = call.prepared.passage.restore(refusal.message)
            await self._settle(call, Ending(refusal.code, tried=failed.tried, presumed=_billed(failed.tried)))
            raise refusal from failed
        except BrokenOff as broken:
            # Which attempts were sent, nobody knows any more: all that is held is booked.
            await self._settle(call, Ending(broken.refusal.code, presumed=1 + self._extended if broken.waited else 0))
            raise broken.refusal from None

    async def _whole(self, call: Admitted, opened: Opened) -> web.Response:
        prepared, endpoint = call.prepared, self._endpoint
        answer = await opened.json()
        ending = _ending(ANSWERED, opened, usage=None, model=answer.get("model"))
        try:
            spoken = ENDPOINTS[opened.attempt.path]
            ending = replace(ending, usage=spoken.usage(answer), cyber=spoken.cyber(answer))
            spoken.hold(answer, call.option.offered.tools)
            if translated := call.option.translated.get(opened.provider.name):
                answer = translated.answer(answer)
            with stage("restore"):
                seal = partial(keys.seal, self._desk.secrets, call.tenant)
                restored = await self._compute(opened.length, endpoint.receive, answer, prepared.passage, seal)
                body = orjson.dumps(restored)
        except Refusal as refusal:
            await self._settle(call, replace(ending, code=refusal.code, tool=_tool(refusal)))
            raise
        await self._settle(call, ending)
        return web.Response(body=body, content_type="application/json", headers=opened.headers)

    async def _stream(self, call: Admitted, opened: Opened) -> web.StreamResponse:
        """From here on the client has an answer: whatever happens, it gets a whole one, or hears that it is not."""
        stream = self._stream_of(call, opened)
        response = web.StreamResponse(headers={**opened.headers, **_STREAM_HEADERS, "x-request-id": self._told.id})
        held = bytearray()
        try:
            refusal = await self._pass_on(stream, opened, response, held)
            usage, code = stream.usage, refusal.code if refusal else "provider_error" if stream.failed else ANSWERED
            ending = _ending(code, opened, usage=usage, model=stream.model, cyber=stream.cyber)
            await self._settle(call, replace(ending, tool=_tool(refusal)))
        except SakimoriError as error:
            log(telemetry.Unavailable(call=self._told.id, error=error))
            refusal = telemetry.unavailable()
        except Exception as error:  # noqa: BLE001 - a bug, too, must not end a stream as if it were whole
            log(telemetry.Failed(call=self._told.id, error=error))
            refusal = telemetry.bug()
        if refusal is None:
            last = b"".join((held, *stream.end()))
        else:
            # What is held of a whole answer would look like one.
            last = (b"" if stream.finished else bytes(held)) + stream.fail(refusal)
        try:
            await _reached(response.write(last))
            await _reached(response.write_eof())
        except _ClientLost:
            if self._request.transport is not None:
                self._request.transport.abort()  # what is still buffered would wait for a reader who does not read
        return response

    def _stream_of(self, call: Admitted, opened: Opened) -> AnswerStream:
        assert self._endpoint.stream is not None  # its shape lets no other request through
        seal = partial(keys.seal, self._desk.secrets, call.tenant)
        hosted_tools = call.option.offered.tools
        stream = self._endpoint.stream(call.prepared.passage, seal, call.prepared.asked, hosted_tools)
        translated = call.option.translated.get(opened.provider.name)
        return translated.stream(stream) if translated and translated.stream else stream

    async def _pass_on(
        self, stream: AnswerStream, opened: Opened, response: web.StreamResponse, held: bytearray
    ) -> Refusal | None:
        """Give the client all but the last of the answer as it comes; ``held`` has the last, until it is settled.

        Returns why there is no whole answer; None: there is one.
        """
        try:
            with stage("stream"), self._interruption.may_happen():
                await _reached(response.prepare(self._request))
                await self._read(stream, opened, response, held)
        except TimeoutError:
            """Of what the provider may add to a whole answer."""
        except (Refusal, ProviderFailed, BrokenOff) as error:
            if stream.finished:
                return None
            refusal = error if isinstance(error, Refusal) else error.refusal
            refusal.message = stream.whole(refusal.message)
            return refusal
        except _ClientLost as lost:
            return lost.refusal
        return None if stream.finished else unusable("ended its answer before it was whole")

    async def _read(self, stream: AnswerStream, opened: Opened, response: web.StreamResponse, held: bytearray) -> None:
        decoder, loop = sse.Decoder(), asyncio.get_running_loop()
        async with asyncio.timeout(None) as patience:
            async for chunk in opened.chunks():
                for event in _events(decoder, chunk):
                    if stream.finished and event.data == _DONE:
                        return
                    for piece in stream.take(event):
                        held += piece
                if stream.finished:
                    patience.reschedule(loop.time() + (_LAST_WORDS if stream.usage is None else _LAST_BYTES))
                elif held:
                    patience.reschedule(None)
                    said = bytes(held)
                    held.clear()
                    await _reached(response.write(said))

    async def _settle(self, call: Admitted, ending: Ending) -> None:
        self._told.settled(ending.code, ending.usage)
        settle = self._desk.settlement.settle
        with stage("settle"):
            entries = await self._desk.writer.complete(
                call.tenant, lambda transaction: settle(transaction, call, ending)
            )
        self._desk.sealer.wrote(call.tenant, entries)

    async def _compute(self, length: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What takes long, in a thread that others do not wait for; the rest at once."""
        if length <= _LARGE:
            return function(*args, **kwargs)
        return await run_in(self._desk.large, function, *args, **kwargs)


def _gone() -> Refusal:
    return Refusal(499, "client_gone", "The client closed the connection before its answer was complete.")


class _ClientLost(Exception):
    """The client is gone, or does not read."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


async def _reached(written: Awaitable[object]) -> None:
    """Raises _ClientLost."""
    try:
        async with asyncio.timeout(_SLOWEST_READER):
            await written
    except TimeoutError:
        message = f"The client did not read its answer for {_SLOWEST_READER:.0f} s."
        raise _ClientLost(Refusal(499, "client_too_slow", message)) from None
    except ConnectionError:
        raise _ClientLost(_gone()) from None


def _events(decoder: sse.Decoder, chunk: bytes) -> list[sse.Event]:
    """Raises Refusal."""
    try:
        return decoder.feed(chunk)
    except sse.EventTooLong as error:
        raise unusable("sent an event that is too long") from error


def _ending(code: str, opened: Opened, *, usage: Usage | None, model: object, cyber: object = None) -> Ending:
    return Ending(
        code,
        provider=opened.provider,
        tried=opened.tried,
        presumed=_billed(opened.tried),
        usage=usage,
        model=model,
        request_id=opened.request_id,
        cyber=cyber,
    )


def _tool(refusal: Refusal | None) -> str:
    return refusal.tool if isinstance(refusal, HostedToolRan) else ""


def _billed(tried: Iterable[Tried]) -> int:
    return sum(each.billed for each in tried)


async def run_in(thread: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run what blocks or takes long in a thread, within the span that is current here."""
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(thread, lambda: context.run(function, *args, **kwargs))
