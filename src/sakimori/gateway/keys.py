"""What the gateway does with an institution's keys: tokens and their vault, pseudonyms, seals."""

import hmac

from sakimori.access import Principal, data_keys
from sakimori.access.secrets import Secrets
from sakimori.store import Snapshot, vault

VAULT = "boundary-vault"
"""The purpose of the data key of which there may be several versions."""
_SEAL = "saki1."


def tokens_key(snapshot: Snapshot, secrets: Secrets) -> bytes:
    """By which ``Boundary`` gives the same text the same token: made before the first one is kept, and never again.

    Raises:
        SecretsError: it is missing although tokens were kept, or cannot be used.
    """
    return _boundary_key(snapshot, secrets, "boundary-tokens")


def vault_keys(snapshot: Snapshot, secrets: Secrets) -> data_keys.Versions:
    """Under which the vault keeps what tokens stand for. Raises like ``tokens_key``."""
    versions = data_keys.current(snapshot, secrets, VAULT)
    if versions.version == 1:
        _boundary_key(snapshot, secrets, VAULT)
    return versions


def pseudonym(secrets: Secrets, principal: Principal, text: str) -> str:
    """For identifiers that a provider only compares: the same for the same principal and text, in every process."""
    key = secrets.provision(principal.tenant, "gateway-pseudonyms")
    return hmac.digest(key, f"{principal.actor}\0{text}".encode("utf-8", "surrogatepass"), "sha256").hex()


def seal(secrets: Secrets, tenant: str, text: str) -> str:
    """What a provider encrypted for itself, so that ``unseal`` knows it when the institution sends it back."""
    return f"{_SEAL}{_mac(secrets, tenant, text)}.{text}"


def unseal(secrets: Secrets, tenant: str, sealed: str) -> str | None:
    """What was sealed; None where this institution's seal is not on it."""
    mac, _, text = sealed.removeprefix(_SEAL).partition(".")
    genuine = hmac.compare_digest(mac.encode("utf-8", "replace"), _mac(secrets, tenant, text).encode())
    return text if sealed.startswith(_SEAL) and genuine else None


def _mac(secrets: Secrets, tenant: str, text: str) -> str:
    key = secrets.provision(tenant, "gateway-seals")
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def _boundary_key(snapshot: Snapshot, secrets: Secrets, purpose: str) -> bytes:
    found = secrets.provision if snapshot.is_empty(vault.vault) else secrets.key
    return found(snapshot.tenant, purpose)
