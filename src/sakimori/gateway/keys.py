"""The boundary's keys of an institution: made before its first token is kept, and never again after that."""

from sakimori.access.secrets import Secrets
from sakimori.store import Snapshot, vault


def tokens_key(snapshot: Snapshot, secrets: Secrets) -> bytes:
    """By which ``Boundary`` gives the same text the same token.

    Raises:
        SecretsError: it is missing although tokens were kept, or cannot be used.
    """
    return _key(snapshot, secrets, "boundary-tokens")


def vault_key(snapshot: Snapshot, secrets: Secrets) -> bytes:
    """Under which the vault keeps what tokens stand for. Raises like ``tokens_key``."""
    return _key(snapshot, secrets, "boundary-vault")


def _key(snapshot: Snapshot, secrets: Secrets, purpose: str) -> bytes:
    found = secrets.provision if snapshot.is_empty(vault.vault) else secrets.key
    return found(snapshot.tenant, purpose)
