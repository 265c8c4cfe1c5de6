"""The providers of a gateway: from a file, or the one that OpenAI's own environment variables name."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from sakimori.gateway.prices import PriceList
from sakimori.gateway.providers.file import read
from sakimori.gateway.providers.provider import (
    ENDPOINTS,
    OPENAI,
    UNKNOWN,
    KeyReference,
    Provider,
    ProviderMissing,
    base_url_of,
)


@dataclass(frozen=True, slots=True)
class Providers:
    """At least one; no two of one name."""

    each: tuple[Provider, ...]

    def __iter__(self) -> Iterator[Provider]:
        return iter(self.each)

    def named(self, name: str) -> Provider | None:
        return next((provider for provider in self.each if provider.name == name), None)

    @property
    def total_seconds(self) -> float:
        """The longest that a call can take."""
        return max(provider.timeouts.total for provider in self.each)

    @staticmethod
    def load(path: Path) -> "Providers":
        """Read a providers file (docs/providers.example.yaml).

        Raises:
            InputError: it cannot be used; one sentence with line and column.
        """
        return Providers(read(path))

    @staticmethod
    def configured(path: Path | None, environment: Mapping[str, str] = os.environ) -> "Providers":
        """Those of a file, of the one that ``SAKIMORI_PROVIDERS`` names, or ``from_environment``.

        Raises:
            InputError, ProviderMissing: as these do.
        """
        named = environment.get("SAKIMORI_PROVIDERS", "").strip()
        if path is None and named:
            path = Path(named)
        return Providers.from_environment(environment) if path is None else Providers.load(path)

    @staticmethod
    def from_environment(
        environment: Mapping[str, str] = os.environ, *, prices: PriceList | None = None
    ) -> "Providers":
        """One provider: ``OPENAI_API_KEY``, and ``OPENAI_BASE_URL`` where it is not OpenAI itself: then the key may be
        left out. Where it keeps and processes what it gets is not known then, so no grant that asks for it is served.

        Raises:
            ProviderMissing: there is neither, OpenAI's key is missing, or the URL cannot be used.
        """
        has_key = bool(environment.get("OPENAI_API_KEY", "").strip())
        base_url = environment.get("OPENAI_BASE_URL", "").strip() or OPENAI
        url = base_url_of(base_url)
        if url is None:
            raise ProviderMissing(
                "OPENAI_BASE_URL is no base URL of a provider: expected one such as https://api.openai.com/v1, "
                "without user, password or query"
            )
        is_openai = url.host == URL(OPENAI).host
        if not has_key and is_openai:
            raise ProviderMissing(
                "no model provider is configured: set OPENAI_API_KEY, or OPENAI_BASE_URL for one that needs no key"
            )
        return Providers(
            (
                Provider(
                    name="openai" if is_openai else url.host or "",
                    kind="openai" if is_openai else "compatible",
                    base_url=base_url,
                    endpoints=frozenset(ENDPOINTS),
                    key=KeyReference("env", "OPENAI_API_KEY") if has_key else None,
                    stored_in=frozenset({UNKNOWN}),
                    processed_in=frozenset({UNKNOWN}),
                    retention="unknown",
                    models=None,
                    prices=prices or PriceList.shipped(),
                ),
            )
        )
