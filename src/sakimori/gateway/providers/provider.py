"""A provider: where models are, what it may be used for, and what is known of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from yarl import URL

from sakimori.core import ExitCode, SakimoriError
from sakimori.gateway.prices import PriceList

Kind = Literal["openai", "azure", "compatible"]
ENDPOINTS = ("responses", "chat/completions", "embeddings", "decisions")
UNKNOWN = "ZZ"
"""Where nobody said in which country: no country is this one (ISO 3166-1 leaves it to users, CLDR reads it so)."""
OPENAI = "https://api.openai.com/v1"
HEADER_VALUE = re.compile(r"[!-~]{1,512}")
"""What of a header is passed on, and what a key looks like: printable ASCII without spaces."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RETENTION = re.compile(r"(\d{1,4})d")


class ProviderMissing(SakimoriError):
    """The gateway has nowhere to send calls, or no key to show there."""

    exit_code = ExitCode.PROVIDER


@dataclass(frozen=True, slots=True)
class KeyReference:
    """Where the key of a provider is kept. Holds no secret."""

    source: Literal["env", "file", "store"]
    name: str = ""
    """The variable, or the file; of ``store`` (the database, encrypted) nothing."""

    def __str__(self) -> str:
        return self.source if self.source == "store" else f"{self.source}:{self.name}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; whatever runs out first counts."""

    connect: float = 5.0
    """Until a connection stands, TLS included."""
    first_byte: float = 60.0
    """Until a stream begins."""
    answer: float = 300.0
    """Until an answer that is not streamed begins: models may think for minutes first."""
    idle: float = 60.0
    """Between two pieces of one answer."""
    total: float = 600.0
    """For one call in all, tries at other providers included; OpenAI's clients wait as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    name: str
    """As the ledger and /v1/models name it."""
    kind: Kind
    base_url: str
    endpoints: frozenset[str]
    """Those of ``ENDPOINTS`` that it speaks."""
    key: KeyReference | None
    """None: it asks for none."""
    stored_in: frozenset[str]
    """ISO 3166-1 alpha-2: every country in which it may keep what it gets."""
    processed_in: frozenset[str]
    """The same for where models run. The two differ: ``JP_STORAGE`` is not ``JP_STORAGE_PROCESSING``."""
    retention: str
    """For how long: ``none``, ``30d``, or ``unknown``."""
    models: Mapping[str, str] | None
    """Granted names to its own (deployments); None: every granted model, by that very name."""
    prices: PriceList = field(repr=False)
    order: int = 1
    """Those with the lowest come first."""
    weight: int = 1
    """Share of calls among those of one order."""
    timeouts: Timeouts = Timeouts()
    api_version: str | None = None
    """Azure only. Given: deployments are part of the path; None: its ``/openai/v1`` endpoint, as OpenAI's."""

    def own_name(self, model: str) -> str | None:
        """What it calls a granted model; None: it does not have it."""
        return model if self.models is None else self.models.get(model)

    @property
    def names_standard_access(self) -> bool:
        """Whether it must be told the standard level of access for cyber defence; others may not know of levels."""
        return self.kind == "openai"

    @property
    def retention_days(self) -> int | None:
        """None: nobody knows."""
        return retention_days(self.retention)

    def url(self, path: str, model: str) -> URL:
        """Where an endpoint of a granted model is."""
        base = self.base_url.rstrip("/")
        if self.kind != "azure":
            return URL(f"{base}/{path}")
        if self.api_version is None:
            return URL(f"{base}/openai/v1/{path}")
        deployment = quote(self.own_name(model) or model, safe="")
        return URL(f"{base}/openai/deployments/{deployment}/{path}?api-version={self.api_version}", encoded=True)

    def authorization(self, key: str | None) -> dict[str, str]:
        """The header that shows the key."""
        if key is None:
            return {}
        return {"api-key": key} if self.kind == "azure" else {"authorization": f"Bearer {key}"}


def unfit_name(name: str) -> str | None:
    """Why this cannot name a provider; None: it can."""
    if _NAME.fullmatch(name):
        return None
    return (
        "the name of a provider has 1 to 64 characters: a-z, 0-9, '.', '_' and '-', and begins with a letter or digit"
    )


def retention_days(text: str) -> int | None:
    """``none`` is 0, ``30d`` is 30, anything else is not known (None)."""
    if text == "none":
        return 0
    found = _RETENTION.fullmatch(text)
    return int(found[1]) if found and text.isascii() else None


def base_url_of(text: str) -> URL | None:
    """A URL that paths can be put behind; None where it is none, or holds a secret or a query."""
    try:
        url = URL(text)
    except ValueError:
        return None
    fits = url.scheme in ("http", "https") and url.host and not (url.user or url.password or url.query_string)
    return url if fits and not url.fragment else None
