"""Keys to show to providers: read from where the configuration says, held in memory, never told."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from sakimori.access import data_keys
from sakimori.access.files import OpenToOthers, read_closed
from sakimori.access.secrets import Secrets
from sakimori.gateway.providers.provider import HEADER_VALUE, Provider, ProviderMissing
from sakimori.store import Snapshot
from sakimori.store import providers as rows

PURPOSE = "provider-keys"
"""Of the key under which the database keeps those that are stored there; it belongs to ``rows.PROGRAMME``."""
_LONGEST = 4096


class Credentials:
    """``repr`` shows no key. ``of`` does not block; one thread at a time may read."""

    def __init__(
        self, providers: Iterable[Provider], secrets: Secrets, environment: Mapping[str, str] = os.environ
    ) -> None:
        """Reads what is kept outside the database.

        Raises:
            ProviderMissing: a key is not there, is open to others, or is none.
        """
        self._secrets = secrets
        self._stored = [provider.name for provider in providers if _is_stored(provider)]
        self._sealed: dict[str, bytes] = {}
        self._keys = {
            provider.name: _outside(provider, environment) for provider in providers if not _is_stored(provider)
        }

    def of(self, provider: Provider) -> str | None:
        """The key; None where the provider asks for none."""
        return self._keys.get(provider.name)

    def read(self, snapshot: Snapshot) -> None:
        """Take over what the database keeps, in a snapshot of ``store.providers.PROGRAMME``.

        Raises:
            ProviderMissing: a provider has no key there.
            SecretsError, StoreError: it cannot be opened. The keys that were known stay.
        """
        if not self._stored:
            return
        sealed, keys = rows.sealed_keys(snapshot), data_keys.current(snapshot, self._secrets, PURPOSE)
        for name in self._stored:
            if name not in sealed:
                raise ProviderMissing(f"provider '{name}' has no key yet: run `sakimori providers key {name}`")
            if self._sealed.get(name) != sealed[name]:
                self._keys[name] = rows.open_key(keys, name, sealed[name])
                self._sealed[name] = sealed[name]


def sealing_keys(snapshot: Snapshot, secrets: Secrets) -> data_keys.Versions:
    """Under which the database keeps keys of providers, in a transaction of ``rows.PROGRAMME``; the first is made."""
    versions = data_keys.current(snapshot, secrets, PURPOSE)
    if versions.version == 1:
        secrets.provision(rows.PROGRAMME, PURPOSE)
    return versions


def usable_key(text: str) -> str | None:
    """A key as somebody hands it over, without the space around it; None where it is none."""
    key = text.strip()
    return key if HEADER_VALUE.fullmatch(key) else None


def _is_stored(provider: Provider) -> bool:
    return provider.key is not None and provider.key.source == "store"


def _outside(provider: Provider, environment: Mapping[str, str]) -> str | None:
    if provider.key is None:
        return None
    name = provider.key.name
    if provider.key.source == "env":
        found, where = environment.get(name, ""), f"the environment variable {name}"
        if not found.strip():
            raise ProviderMissing(f"the key of provider '{provider.name}' is missing: set {where}")
    else:
        found, where = _of_file(provider.name, Path(name)), f"the file {name}"
    key = usable_key(found)
    if key is None:
        raise ProviderMissing(
            f"{where} holds no key of provider '{provider.name}': expected printable ASCII without spaces"
        )
    return key


def _of_file(provider: str, path: Path) -> str:
    try:
        return read_closed(path, _LONGEST).decode("ascii", "replace")
    except OpenToOthers as error:
        raise ProviderMissing(f"the key of provider '{provider}': {error}") from error
    except OSError as error:
        raise ProviderMissing(
            f"the key of provider '{provider}' cannot be read from {path} ({error.strerror}); a link is not followed"
        ) from error
