"""Calls that got no answer: what the client hears, whether it may have been billed, and whether another may try."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import orjson

from sakimori.gateway.depth import too_deep
from sakimori.gateway.refusal import Refusal

_DEEPEST = 100
_LONGEST_TOLD = 1000
_MOST_RETRY_AFTER = 3600
_REST_SECONDS = 1.0
"""For which a busy provider is left alone that does not say for how long: a quota may be used up for days."""


class Blame(StrEnum):
    """What a failure says about the provider."""

    ILL = "ill"
    """It does not work: enough of these and it is left alone."""
    BUSY = "busy"
    """It works and has reached a limit."""
    NONE = "none"
    """It works, and refused what it was asked."""
    CUT = "cut"
    """Nothing: we broke off."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt that failed."""

    provider: str
    code: str
    billed: bool


class ProviderFailed(Exception):
    """A call that got no answer. Tells what the client is to hear, and whether the provider may bill it."""

    def __init__(
        self,
        refusal: Refusal,
        *,
        billed: bool,
        blame: Blame = Blame.ILL,
        elsewhere: bool = True,
        retry_after: float | None = None,
    ) -> None:
        """``elsewhere``: another provider may do better; ``retry_after``: seconds that it asked to be left alone."""
        super().__init__(refusal.message)
        self.refusal = refusal
        self.billed = billed
        """True where the last provider asked may have worked on it: its part is then settled at its upper bound."""
        self.blame = blame
        self.elsewhere = elsewhere
        self.retry_after = retry_after
        self.tried: tuple[Tried, ...] = ()
        """Every attempt of the call, in order."""


def failed(status: int, code: str, what: str, *, billed: bool, blame: Blame = Blame.ILL) -> ProviderFailed:
    return ProviderFailed(
        Refusal(status, code, f"The model provider {what}.", may_retry=True), billed=billed, blame=blame
    )


def invalid(what: str) -> ProviderFailed:
    """It sent something that is no answer; it may have worked for it."""
    return failed(502, "provider_invalid_response", what, billed=True)


def cut_off(*, billed: bool) -> ProviderFailed:
    """The operator cut the provider off while the call was under way."""
    message = "The gateway's operator cut this model provider off."
    return ProviderFailed(Refusal(503, "provider_cut", message), billed=billed, blame=Blame.CUT)


def refused(status: int, headers: Mapping[str, str], raw: bytes) -> ProviderFailed:
    """What an answer other than 200 means."""
    retry_after = seconds(headers.get("retry-after"))
    if status == 429:
        refusal = Refusal(
            429,
            "provider_rate_limited",
            "The model provider's limit is reached; wait and try again.",
            retry_after=None if retry_after is None else int(retry_after),
            may_retry=True,
        )
        rest = _REST_SECONDS if retry_after is None else retry_after
        return ProviderFailed(refusal, billed=False, blame=Blame.BUSY, retry_after=rest)
    if status in (401, 403):
        message = "The model provider refused the gateway's own key or its right to this model; tell its operator."
        # A model or a level of access that is denied to one institution must not take the provider from all others.
        blame = Blame.ILL if status == 401 else Blame.NONE
        return ProviderFailed(Refusal(502, "provider_denied", message), billed=False, blame=blame)
    if status in (404, 405):
        # Of the provider's own paths and deployments the client knows nothing.
        return ProviderFailed(_refusal(status, raw), billed=False, blame=Blame.NONE)
    if 400 <= status < 500 and status != 408:
        return ProviderFailed(_refusal(status, raw), billed=False, blame=Blame.NONE, elsewhere=False)
    if status < 400:
        return failed(502, "provider_invalid_response", f"answered HTTP {status}, which is no answer", billed=False)
    return ProviderFailed(
        Refusal(502, "provider_error", f"The model provider failed with HTTP {status}.", may_retry=True),
        billed=False,
        retry_after=retry_after,
    )


def json_object(raw: bytes) -> dict[str, Any] | None:
    """A JSON object of bearable depth, or None."""
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict) or too_deep(cast("object", value), _DEEPEST, raw):
        return None
    return cast("dict[str, Any]", value)


def seconds(text: str | None) -> float | None:
    """``retry-after`` as a number of seconds (RFC 9110, 10.2.3); dates, which no provider of models sends, are None."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    return float(min(int(text), _MOST_RETRY_AFTER))


def _refusal(status: int, raw: bytes) -> Refusal:
    error = (json_object(raw) or {}).get("error")
    told = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    message, param = told.get("message"), told.get("param")
    return Refusal(
        status if status in (400, 404, 409, 413, 422) else 400,
        "provider_refused",
        f"The model provider refused the request: {message[:_LONGEST_TOLD]}"
        if isinstance(message, str)
        else f"The model provider refused the request with HTTP {status}.",
        param=param if isinstance(param, str) else None,
    )
