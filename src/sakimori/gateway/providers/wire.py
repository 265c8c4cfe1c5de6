"""Reading what a provider sends: never without end, never for ever, and whatever breaks is a ``ProviderFailed``."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager

import aiohttp

from sakimori.gateway.providers.failure import failed, invalid
from sakimori.gateway.providers.provider import HEADER_VALUE

_LONGEST_ANSWER = 32 * 2**20
_LONGEST_REFUSAL = 64 * 2**10
_REFUSAL_SECONDS = 5.0


@contextmanager
def explaining() -> Generator[None]:
    """Whatever goes wrong on the wire is a ProviderFailed."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        what = "does not prove who it is (its TLS certificate is not to be trusted)"
        raise failed(502, "provider_untrusted", what, billed=False) from error
    except aiohttp.ClientConnectorError as error:
        raise failed(502, "provider_unreachable", "cannot be reached", billed=False) from error
    except aiohttp.ConnectionTimeoutError as error:
        raise failed(504, "provider_unreachable", "cannot be reached in time", billed=False) from error
    except TimeoutError as error:
        raise failed(504, "provider_timeout", "did not answer in time", billed=True) from error
    except (aiohttp.ClientError, OSError) as error:
        what = "broke off before its answer was complete"
        raise failed(502, "provider_disconnected", what, billed=True) from error


async def pieces(
    response: aiohttp.ClientResponse, idle: float, deadline: float, *, already: int = 0
) -> AsyncGenerator[bytes]:
    """The body as it comes. Raises ProviderFailed where it is too long, TimeoutError and ClientError."""
    length = already
    loop = asyncio.get_running_loop()
    while True:
        async with asyncio.timeout_at(min(loop.time() + idle, deadline)):
            chunk = await response.content.readany()
        if not chunk:
            return
        length += len(chunk)
        if length > _LONGEST_ANSWER:
            raise invalid(f"sent an answer beyond {_LONGEST_ANSWER // 2**20} MB")
        yield chunk


async def refusal_of(response: aiohttp.ClientResponse) -> bytes:
    """As much of the body as a sentence needs; what cannot be read is left out."""
    raw = bytearray()
    try:
        async for chunk in pieces(response, _REFUSAL_SECONDS, asyncio.get_running_loop().time() + _REFUSAL_SECONDS):
            raw += chunk
            if len(raw) > _LONGEST_REFUSAL:
                response.close()
                break
    except (aiohttp.ClientError, TimeoutError, OSError):
        return b""
    return bytes(raw)


def values(headers: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: headers[name] for name in names if HEADER_VALUE.fullmatch(headers.get(name, ""))}
