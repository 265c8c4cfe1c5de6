"""Connections of clients, where what they send is no HTTP: aiohttp would answer in plain text and repeat the line."""

import orjson
from aiohttp import web

from sakimori.gateway import telemetry
from sakimori.gateway.refusal import Refusal


class _Connection(web.RequestHandler):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is told of bytes that no request was made of, in OpenAI's shape; the connection ends with it.

        Raises:
            ConnectionError: an answer has begun already.
        """
        super().handle_error(request, status, exc)  # logs it; its text is not used
        refusal = _not_http() if status < 500 else telemetry.bug()
        response = web.Response(
            status=refusal.status,
            body=orjson.dumps(refusal.body),
            content_type="application/json",
            headers=refusal.headers,
        )
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Serves an application on such connections."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, **self._kwargs)


def _not_http() -> Refusal:
    return Refusal(
        400, "invalid_http", "What was sent cannot be read as an HTTP/1.1 request; the connection is closed."
    )
