"""What arrives: the headers of a request, and its body, which may be too long, too slow, or never come."""

import asyncio

from aiohttp import web

from sakimori.gateway.refusal import Refusal

LONGEST = 16 * 2**20
"""Bytes of a request's body."""
_SECONDS = 60.0
"""In which the whole body must be here: 16 MB at 2 Mbit/s."""
_NOT_OURS_TO_CHOOSE = ("openai-organization", "openai-project", "openai-beta")
_ONCE = ("Authorization", "Content-Type", "Content-Length", "Sakimori-Purpose", "Sakimori-Data-Class")


def check_headers(request: web.Request) -> None:
    """No header of a client is passed on; those that would have changed the call at the provider are refused.

    Raises:
        Refusal: what is wrong, before the body is read.
    """
    for name in _NOT_OURS_TO_CHOOSE:
        if name in request.headers:
            message = f"The header '{name}' is refused: organisation, project and features are the gateway's to choose."
            raise Refusal(400, "unsupported_header", message, param=name)
    for name in _ONCE:
        if len(request.headers.getall(name, [])) > 1:
            raise Refusal(400, "duplicate_header", f"The header '{name}' is there more than once.", param=name)
    if request.content_type != "application/json":
        raise Refusal(415, "unsupported_media_type", "Send the request as application/json.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        message = "Send the request as it is: what is compressed cannot be bounded."
        raise Refusal(415, "unsupported_header", message, param="Content-Encoding")
    if (request.content_length or 0) > LONGEST:
        raise too_large()


async def read_body(request: web.Request, *, seconds: float = _SECONDS) -> bytes:
    """The body.

    Raises:
        Refusal: it is too long, takes too long, or breaks off.
    """
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large() from None
    except TimeoutError:
        message = f"The body of the request did not arrive within {seconds:.0f} s."
        raise Refusal(408, "request_timeout", message, may_retry=True) from None
    except (web.RequestPayloadError, ConnectionError):
        raise Refusal(400, "request_incomplete", "The request broke off within its body.", may_retry=True) from None


def too_large() -> Refusal:
    return Refusal(413, "request_too_large", f"The request is larger than {LONGEST // 2**20} MB.")
