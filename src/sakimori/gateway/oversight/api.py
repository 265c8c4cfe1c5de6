"""Asking a provider's administrative API: answers are bounded, and what is no answer is an error of one sentence."""

from collections.abc import AsyncIterator
from enum import StrEnum
from types import TracebackType
from typing import Self, cast

import aiohttp
import orjson
from yarl import URL

from sakimori.core import ExitCode, SakimoriError

_LARGEST = 16 << 20
_PAGE = 100
_MOST_PAGES = 1_000
_TIMEOUT = aiohttp.ClientTimeout(total=60)


class Scope(StrEnum):
    """Whose events a look at the audit log gives: a listing of the one leaves out the other."""

    ORGANIZATION = "organization"
    TENANT = "tenant"
    """What the organisation belongs to: single sign-on, admin keys, policies, billing."""


class OversightError(SakimoriError):
    """The provider does not answer, or not as its API says."""

    exit_code = ExitCode.PROVIDER

    def __init__(self, message: str, *, code: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        """One of our words for it: ``unreachable``, ``denied``, ``rate_limited``, ``failed``, ``invalid``."""
        self.retry_after = retry_after
        """Seconds, where the provider says so."""


class Api:
    """Use with ``async with``.

    Args:
        admin_key: reads the audit log; None: it is not read.
        key: of the project, fetches alerts and cases; None: they are taken as they were announced.
    """

    def __init__(self, base_url: str, *, admin_key: str | None, key: str | None) -> None:
        self._base = base_url.rstrip("/")
        self._admin_key = admin_key
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def reads_audit_log(self) -> bool:
        return self._admin_key is not None

    @property
    def fetches(self) -> bool:
        return self._key is not None

    async def audit_log(self, scope: Scope, since: int) -> AsyncIterator[list[object]]:
        """Entries that took effect at or after a time (Unix seconds), page by page, in whichever order.

        Raises:
            OversightError: the provider does not answer as it should.
        """
        query = {"limit": str(_PAGE), "effective_at[gte]": str(since)}
        if scope is Scope.TENANT:
            query["tenant_only"] = "true"
        for _ in range(_MOST_PAGES):
            answer = await self._get("organization/audit_logs", self._admin_key, query)
            data = cast("object", answer.get("data")) if answer else None
            if not isinstance(data, list):
                raise OversightError(f"{self._base} answers with something that is no audit log", code="invalid")
            page = cast("list[object]", data)
            yield page
            last = answer.get("last_id") if answer else None
            if last is None and page and isinstance(page[-1], dict):
                last = cast("dict[str, object]", page[-1]).get("id")
            if not answer or answer.get("has_more") is not True or not isinstance(last, str):
                return
            if query.get("after") == last:
                raise OversightError(f"{self._base} gives the same page of its audit log again", code="invalid")
            query["after"] = last
        raise OversightError(f"the audit log of {self._base} has more than {_MOST_PAGES} pages", code="invalid")

    async def alert(self, id: str) -> dict[str, object] | None:
        """A safety alert; None: the provider knows none of that id (yet). Raises OversightError."""
        return await self._get(f"safety/alerts/{id}", self._key, {})

    async def case(self, id: str) -> dict[str, object] | None:
        """A safety case; None: the provider knows none of that id (yet). Raises OversightError."""
        return await self._get(f"safety/cases/{id}", self._key, {})

    async def _get(self, path: str, key: str | None, query: dict[str, str]) -> dict[str, object] | None:
        assert self._session is not None, "async with"
        url = URL(f"{self._base}/{path}").with_query(query)
        try:
            async with self._session.get(
                url, headers={"authorization": f"Bearer {key}"}, allow_redirects=False
            ) as response:
                if response.status == 404:
                    return None
                if response.status != 200:
                    raise _refused(response, self._base)
                body = await response.content.read(_LARGEST + 1)
                while not response.content.at_eof() and len(body) <= _LARGEST:
                    body += await response.content.read(_LARGEST + 1 - len(body))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise OversightError(f"{self._base} does not answer: {type(error).__name__}", code="unreachable") from error
        if len(body) > _LARGEST:
            raise OversightError(f"{self._base} answers with more than {_LARGEST >> 20} MiB", code="invalid")
        try:
            answer: object = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise OversightError(f"{self._base} answers with something that is no JSON", code="invalid") from error
        if not isinstance(answer, dict):
            raise OversightError(f"{self._base} answers with something that is no JSON object", code="invalid")
        return cast("dict[str, object]", answer)


def _refused(response: aiohttp.ClientResponse, base: str) -> OversightError:
    after = response.headers.get("retry-after", "")
    seconds = float(after) if after.isascii() and after.isdigit() and len(after) <= 6 else None
    if response.status in (401, 403):
        return OversightError(f"{base} denies its oversight to this key: HTTP {response.status}", code="denied")
    if response.status == 429:
        return OversightError(f"{base} asks to be asked less often", code="rate_limited", retry_after=seconds)
    return OversightError(f"{base} answers with HTTP {response.status}", code="failed", retry_after=seconds)
