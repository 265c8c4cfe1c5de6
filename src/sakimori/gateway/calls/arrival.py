"""What arrives: the headers of a request, and its body, which may be too long, too slow, or never come."""

import asyncio
from collections.abc import Collection

from aiohttp import HttpVersion10, HttpVersion11, web

from sakimori.gateway.calls import headers
from sakimori.gateway.calls.bodies import Body
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.shapes import unknown

LONGEST = 16 * 2**20
"""Bytes of a request's body."""
_SECONDS = 60.0
"""In which the whole body must be here: 16 MB at 2 Mbit/s."""


def check(request: web.Request, *, queries: Collection[str] = ()) -> None:
    """Take a request that everybody on its way reads alike, whose headers are all known, and whose URL has no
    parameters but those of these names.

    Raises:
        Refusal: one is unknown, or there twice; or the request is of another kind of HTTP.
    """
    _check_framing(request)
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
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() != "utf-8":
        raise Refusal(415, "unsupported_media_type", "Send the request as application/json, in UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        message = "Send the request as it is: what is compressed cannot be bounded."
        raise Refusal(415, "unsupported_header", message, param="Content-Encoding")
    if (request.content_length or 0) > LONGEST:
        raise too_large()


def _check_framing(request: web.Request) -> None:
    """Raises Refusal where aiohttp reads what it should not (RFC 9112, sections 2.3, 3.2 and 6.1): HTTP/2 in HTTP/1's
    words, a fragment, chunks in HTTP/1.0, a coding beneath the chunks."""
    encoding = request.headers.get("Transfer-Encoding")
    if (
        request.version not in (HttpVersion10, HttpVersion11)
        or "#" in request.raw_path
        or (encoding is not None and (encoding.strip().lower() != "chunked" or request.version == HttpVersion10))
    ):
        message = "The request is no HTTP/1.1 that everybody reads alike: its version, target or Transfer-Encoding."
        raise Refusal(400, "invalid_http", message)


async def read_body(request: web.Request, held: Body) -> bytes:
    """The body, noted in ``held`` as it comes.

    Raises:
        Refusal: it is too long, takes too long, or breaks off; or there is no room for it now.
    """
    try:
        if request.content.is_eof():  # mostly; to set an alarm costs more than to read it
            whole = await request.read()
            held.grow(len(whole))
            return whole
        body = bytearray()
        async with asyncio.timeout(_SECONDS):
            while piece := await request.content.readany():
                body += piece
                if len(body) > LONGEST:
                    raise too_large()
                held.grow(len(piece))
        return bytes(body)
    except web.HTTPRequestEntityTooLarge:
        raise too_large() from None
    except TimeoutError:
        message = f"The body of the request did not arrive within {_SECONDS:.0f} s."
        raise Refusal(408, "request_timeout", message, may_retry=True) from None
    except (web.RequestPayloadError, ConnectionError):
        raise Refusal(400, "request_incomplete", "The request broke off within its body.", may_retry=True) from None


def too_large() -> Refusal:
    return Refusal(413, "request_too_large", f"The request is larger than {LONGEST // 2**20} MB.")
