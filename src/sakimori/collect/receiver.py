"""Receiving alerts over HTTP, as other products' webhooks send them: ``POST /alerts`` with a service key.

A body is on disk before its sender hears 202; who hears anything else, or nothing, may send again, since an alert that
comes twice is one finding. Whatever is JSON is kept: what it is, is judged when it is read, where it is rejected with a
reason rather than lost.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import orjson
from aiohttp import web

from sakimori.access import Principal
from sakimori.access.rights import Right, Rights
from sakimori.collect.inbox import Inbox, NotAlerts

MAX_BODY = 4 * 1024 * 1024
"""Bytes."""

Authenticate = Callable[[str], Principal | None]
"""Who shows a key; None where nobody does. It may block."""


class Receiver:
    """Whose alerts they are, the key says: each institution's go into its own file of the inbox.

    Whether it may send any, policy decides (``Right.SEND_ALERTS``): what cannot be evaluated is refused.
    """

    def __init__(self, inbox: Inbox, authenticate: Authenticate, rights: Rights) -> None:
        self._inbox = inbox
        self._authenticate = authenticate
        self._rights = rights
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inbox")

    def application(self) -> web.Application:
        """An aiohttp application; what was being kept when it stops is kept to its end."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/alerts", self._receive)
        app.cleanup_ctx.append(self._lifespan)
        return app

    async def _lifespan(self, _app: web.Application) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(self._thread.shutdown)

    async def _receive(self, request: web.Request) -> web.Response:
        loop = asyncio.get_running_loop()
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        who = await loop.run_in_executor(self._thread, self._authenticate, key.strip()) if scheme == "Bearer" else None
        if who is None:
            return _refused(HTTPStatus.UNAUTHORIZED, "send a valid service key as Authorization: Bearer sk-saki-…")
        answer = self._rights.may(who, Right.SEND_ALERTS)
        if not answer.allowed:
            grounds = " ".join(f"{text.en} ({text.name})" for text in answer.policies)
            return _refused(HTTPStatus.FORBIDDEN, f"this key may not send alerts: {grounds} Keys of scope alerts may.")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MAX_BODY >> 20} MiB")
        try:
            kept = await loop.run_in_executor(self._thread, self._inbox.keep, who.tenant, body)
        except NotAlerts as error:
            return _refused(HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            reason = (error.strerror or "I/O error").lower()
            return _refused(HTTPStatus.INSUFFICIENT_STORAGE, f"it could not be kept ({reason}): send it again later")
        return _json(HTTPStatus.ACCEPTED, {"kept": kept})


def _refused(status: HTTPStatus, reason: str) -> web.Response:
    return _json(status, {"error": reason})


def _json(status: HTTPStatus, body: object) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
