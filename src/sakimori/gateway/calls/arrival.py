"""What arrives: the headers of a request, and its body, which may be too long, too slow, or never come."""

import asyncio
from collections.abc import Collection

from aiohttp import web

from sakimori.gateway.calls import headers
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.shapes import unknown

LONGEST = 16 * 2**20
"""Bytes of a request's body."""
_SECONDS = 60.0
"""In which the whole body must be here: 16 MB at 2 Mbit/s."""


def check(request: web.Request, *, queries: Collection[str] = ()) -> None:
    """Take a request whose headers are all known, and whose URL has no parameters but those of these names.

    Raises:
        Refusal: one is unknown, or there twice.
    """
    headers.check(name for name, _ in request.headers.items())  # ``keys`` has each name once only
    for name in request.query:
        if name not in queries:
            raise unknown("", name)


def check_posted(request: web.Request) -> None:
    """Likewise, of a request whose body is one that can be read.

    Raises:
        Refusal: what is wrong, before the body is read.
    """
    check(request)
    if request.content_type != "application/json":
        raise Refusal(415, "unsupported_media_type", "Send the request as application/json.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        message = "Send the request as it is: what is compressed cannot be bounded."
        raise Refusal(415, "unsupported_header", message, param="Content-Encoding")
    if (request.content_length or 0) > LONGEST:
        raise too_large()


async def read_body(request: web.Request) -> bytes:
    """The body.

    Raises:
        Refusal: it is too long, takes too long, or breaks off.
    """
    try:
        # Mostly it is here already, and to set an alarm costs more than to read it.
        async with asyncio.timeout(None if request.content.is_eof() else _SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large() from None
    except TimeoutError:
        message = f"The body of the request did not arrive within {_SECONDS:.0f} s."
        raise Refusal(408, "request_timeout", message, may_retry=True) from None
    except (web.RequestPayloadError, ConnectionError):
        raise Refusal(400, "request_incomplete", "The request broke off within its body.", may_retry=True) from None


def too_large() -> Refusal:
    return Refusal(413, "request_too_large", f"The request is larger than {LONGEST // 2**20} MB.")
