"""The vault: what the tokens of an institution stand for, encrypted, so that only the institution can tell.

Values are sealed with AES-256-GCM (NIST SP 800-38D) under a key of the institution; institution and token are bound to
the ciphertext, so that rows cannot be swapped.
"""

from collections.abc import Iterator, Mapping, Sequence
from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, LargeBinary, Named, Table, Text

from sakimori.store.errors import StoreError
from sakimori.store.schema import TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction

_NONCE_BYTES = 12
_AT_ONCE = 500
"""Tokens per query; SQLite takes 32,766 variables."""


class VaultColumns(TenantColumns):
    token: Named[str] = Column(Text, primary_key=True)
    sealed: Named[bytes] = Column(LargeBinary)
    """Nonce (12 bytes), ciphertext, tag (16 bytes)."""


vault = Table("vault_token", metadata, VaultColumns)


def keep(transaction: Transaction, key: bytes, tokens: Mapping[str, str]) -> set[str]:
    """Keep what tokens stand for. A token that is there already keeps its value.

    Returns the tokens that are taken, standing for something else: for these, nothing of ``tokens`` was kept.

    Raises:
        StoreError: a row cannot be opened with this key.
    """
    cipher = AESGCM(key)
    known = dict(_opened(transaction, cipher, list(tokens)))
    new = [
        {"token": token, "sealed": _seal(cipher, transaction.tenant, token, value)}
        for token, value in tokens.items()
        if token not in known
    ]
    transaction.insert(vault, new)
    return {token for token, value in known.items() if value != tokens[token]}


def reveal(snapshot: Snapshot, key: bytes, token: str) -> str | None:
    """What a token stands for; None where the institution has no such token.

    Raises:
        StoreError: the row cannot be opened with this key.
    """
    return next((value for _, value in _opened(snapshot, AESGCM(key), [token])), None)


def _opened(snapshot: Snapshot, cipher: AESGCM, tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    for first in range(0, len(tokens), _AT_ONCE):
        wanted = snapshot.rows(vault).where(vault.c.token.in_(tokens[first : first + _AT_ONCE]))
        for row in snapshot.connection.execute(wanted):
            yield row.token, _open(cipher, snapshot.tenant, row.token, row.sealed)


def _seal(cipher: AESGCM, tenant: str, token: str, value: str) -> bytes:
    nonce = urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, value.encode("utf-8", "surrogatepass"), _bound(tenant, token))


def _open(cipher: AESGCM, tenant: str, token: str, sealed: bytes) -> str:
    try:
        value = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(tenant, token))
    except InvalidTag as error:
        raise StoreError(
            f"the token vault of '{tenant}' cannot be opened: its key was replaced or a row was changed; "
            "restore the install's secrets folder from a backup"
        ) from error
    return value.decode("utf-8", "surrogatepass")


def _bound(tenant: str, token: str) -> bytes:
    return f"{tenant}\0{token}".encode()
