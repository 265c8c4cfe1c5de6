"""The provider: one OpenAI-compatible server, spoken to over HTTP and never redirected elsewhere."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import orjson
from yarl import URL

from sakimori.core import ExitCode, SakimoriError
from sakimori.gateway.refusal import Refusal

_LONGEST_ANSWER = 32 * 2**20
_CONNECT_SECONDS = 10.0
_OPENAI = "https://api.openai.com/v1"
_HEADER_VALUE = re.compile(r"[!-~]{1,512}")
_DEEPEST_ANSWER = 100


class ProviderMissing(SakimoriError):
    """The gateway has nowhere to send calls."""

    exit_code = ExitCode.PROVIDER


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """Where calls go. ``repr`` does not show the key."""

    base_url: str
    key: str | None
    """None: the provider asks for none."""
    name: str = "openai"
    """As the ledger and /v1/models name it."""
    timeout: float = 600.0
    """Seconds for one call in all; OpenAI's clients wait as long."""

    def __post_init__(self) -> None:
        """Raises ProviderMissing where the URL or the key cannot be used."""
        url = _url(self.base_url)
        if url is None or url.scheme not in ("http", "https") or not url.host or url.user or url.query_string:
            raise ProviderMissing(
                "OPENAI_BASE_URL is no base URL of a provider: expected one such as https://api.openai.com/v1, "
                "without user, password or query"
            )
        if self.key is not None and not _HEADER_VALUE.fullmatch(self.key):
            raise ProviderMissing("OPENAI_API_KEY is no key: expected printable ASCII without spaces")

    def __repr__(self) -> str:
        return f"ProviderConfig(base_url={self.base_url!r}, name={self.name!r})"

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "ProviderConfig":
        """``OPENAI_API_KEY``, and ``OPENAI_BASE_URL`` where it is not OpenAI itself: then the key may be left out.

        Raises:
            ProviderMissing: there is neither, OpenAI's key is missing, or one of the two cannot be used.
        """
        key = environment.get("OPENAI_API_KEY", "").strip() or None
        base_url = environment.get("OPENAI_BASE_URL", "").strip() or _OPENAI
        host = URL(base_url).host if _url(base_url) else None
        is_openai = host == URL(_OPENAI).host
        if key is None and is_openai:
            raise ProviderMissing(
                "no model provider is configured: set OPENAI_API_KEY, or OPENAI_BASE_URL for one that needs no key"
            )
        return ProviderConfig(base_url=base_url, key=key, name="openai" if is_openai else host or "")


class ProviderFailed(Exception):
    """A call that got no answer. Tells what the client is to hear, and whether the provider may bill it."""

    def __init__(self, refusal: Refusal, *, billed: bool) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.billed = billed
        """True where the provider may have worked on it: the reservation is then settled at its upper bound."""


@dataclass(frozen=True, slots=True)
class Answer:
    body: dict[str, Any]
    headers: Mapping[str, str]
    """Those of the allow-list."""
    length: int
    """Bytes of the body as it came."""


class Provider:
    """One connection pool; used from one event loop. ``close`` it when done."""

    def __init__(self, config: ProviderConfig) -> None:
        self.name = config.name
        self._config = config
        headers = {"user-agent": "sakimori-gateway"}
        if config.key is not None:
            headers["authorization"] = f"Bearer {config.key}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=config.timeout, sock_connect=_CONNECT_SECONDS),
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def call(self, path: str, body: bytes, *, object: str) -> Answer:
        """Send one request and read its whole answer; a connection that cannot be made is tried once more.

        Raises:
            ProviderFailed: no usable answer.
        """
        url = f"{self._config.base_url.rstrip('/')}/{path}"
        try:
            try:
                status, headers, raw = await self._post(url, body)
            except aiohttp.ClientConnectorError:
                status, headers, raw = await self._post(url, body)
        except aiohttp.ClientConnectorError as error:
            raise _failed(502, "provider_unreachable", "cannot be reached", billed=False) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise _failed(504, "provider_unreachable", "cannot be reached in time", billed=False) from error
        except TimeoutError as error:
            raise _failed(504, "provider_timeout", "did not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(502, "provider_disconnected", "broke off before its answer was complete") from error
        if status != 200:
            raise _refused(status, headers, raw)
        answer = _object(raw)
        if answer is None or answer.get("object") != object:
            raise _failed(502, "provider_invalid_response", "sent something that is no answer")
        return Answer(answer, _allowed(headers), len(raw))

    async def _post(self, url: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        async with self._session.post(
            url, data=body, headers={"content-type": "application/json"}, allow_redirects=False
        ) as response:
            raw = bytearray()
            async for chunk in response.content.iter_any():
                raw += chunk
                if len(raw) > _LONGEST_ANSWER:
                    raise _failed(502, "provider_invalid_response", "sent an answer beyond 32 MB")
            return response.status, response.headers, bytes(raw)

    async def close(self) -> None:
        await self._session.close()


def _url(text: str) -> URL | None:
    try:
        return URL(text)
    except ValueError:
        return None


def _failed(status: int, code: str, what: str, *, billed: bool = True) -> ProviderFailed:
    return ProviderFailed(Refusal(status, code, f"The model provider {what}.", may_retry=True), billed=billed)


def _refused(status: int, headers: Mapping[str, str], raw: bytes) -> ProviderFailed:
    """What an answer other than 200 means for the client."""
    if status == 429:
        refusal = Refusal(
            429,
            "provider_rate_limited",
            "The model provider's limit is reached; wait and try again.",
            retry_after=_seconds(headers.get("retry-after")),
            may_retry=True,
        )
        return ProviderFailed(refusal, billed=False)
    if status in (401, 403):
        message = "The model provider refused the gateway's own key or its right to this model; tell its operator."
        return ProviderFailed(Refusal(502, "provider_denied", message), billed=False)
    if 400 <= status < 500:
        error = (_object(raw) or {}).get("error")
        told = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
        message, param = told.get("message"), told.get("param")
        refusal = Refusal(
            status if status in (400, 404, 409, 413, 422) else 400,
            "provider_refused",
            f"The model provider refused the request: {message}"
            if isinstance(message, str)
            else f"The model provider refused the request with HTTP {status}.",
            param=param if isinstance(param, str) else None,
        )
        return ProviderFailed(refusal, billed=False)
    if status < 400:
        return _failed(502, "provider_invalid_response", f"answered HTTP {status}, which is no answer", billed=False)
    return _failed(502, "provider_error", f"failed with HTTP {status}", billed=False)


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict) or too_deep(cast("object", value), _DEEPEST_ANSWER):
        return None
    return cast("dict[str, Any]", value)


def too_deep(value: object, levels: int) -> bool:
    """Whether a JSON value is nested deeper than so many levels."""
    if not isinstance(value, dict | list):
        return False
    members = cast("dict[str, object]", value).values() if isinstance(value, dict) else cast("list[object]", value)
    return levels == 0 or any(too_deep(member, levels - 1) for member in members)


def _allowed(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers of the provider that clients may see."""
    names = ("openai-processing-ms", "openai-version")
    return {name: headers[name] for name in names if _HEADER_VALUE.fullmatch(headers.get(name, ""))}


def _seconds(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else None
