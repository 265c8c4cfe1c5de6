"""The vault: what the tokens of an institution stand for, encrypted, so that only the institution can tell.

Institution and token are bound to each value (``store.encrypted``), so that rows cannot be swapped.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import Column, LargeBinary, Named, Row, Table, Text

from sakimori.store.encrypted import Cipher, DataKeys
from sakimori.store.errors import StoreError
from sakimori.store.schema import TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction

_AT_ONCE = 500
"""Tokens per query, and per transaction of a rotation; SQLite takes 32,766 variables."""


class VaultColumns(TenantColumns):
    token: Named[str] = Column(Text, primary_key=True)
    sealed: Named[bytes] = Column(LargeBinary)


vault = Table("vault_token", metadata, VaultColumns)


def keep(transaction: Transaction, keys: DataKeys, tokens: Mapping[str, str]) -> set[str]:
    """Keep what tokens stand for. A token that is there already keeps its value.

    Returns the tokens that are taken, standing for something else: for these, nothing of ``tokens`` was kept.

    Raises:
        StoreError: a row cannot be opened with these keys.
    """
    cipher = Cipher(keys)
    known = dict(_opened(transaction, cipher, list(tokens)))
    new = [
        {"token": token, "sealed": cipher.encrypt(_bytes(value), bound=_bound(transaction.tenant, token))}
        for token, value in tokens.items()
        if token not in known
    ]
    transaction.insert(vault, new)
    return {token for token, value in known.items() if value != tokens[token]}


def reveal(snapshot: Snapshot, keys: DataKeys, token: str) -> str | None:
    """What a token stands for; None where the institution has no such token.

    Raises:
        StoreError: the row cannot be opened with these keys.
    """
    return next((value for _, value in _opened(snapshot, Cipher(keys), [token])), None)


def encrypt_anew(transaction: Transaction, keys: DataKeys, *, after: str) -> tuple[str | None, int]:
    """Put the next rows, some hundreds, behind the token ``after`` under the newest key.

    Returns the last token that was looked at (None: there are no more) and how many rows were changed.

    Raises:
        StoreError: a row cannot be opened; none was changed.
    """
    cipher = Cipher(keys)
    ordered = transaction.rows(vault).where(vault.c.token > after).order_by(vault.c.token).limit(_AT_ONCE)
    found = transaction.connection.execute(ordered).all()
    old = [row for row in found if not cipher.is_current(row.sealed)]
    changed = [
        {"token": row.token, "sealed": cipher.encrypt(_open(cipher, row), bound=_bound(row.tenant, row.token))}
        for row in old
    ]
    transaction.replace(vault, changed)
    return (found[-1].token if found else None), len(changed)


def _opened(snapshot: Snapshot, cipher: Cipher, tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    for first in range(0, len(tokens), _AT_ONCE):
        wanted = snapshot.rows(vault).where(vault.c.token.in_(tokens[first : first + _AT_ONCE]))
        for row in snapshot.connection.execute(wanted):
            yield row.token, _open(cipher, row).decode("utf-8", "surrogatepass")


def _open(cipher: Cipher, row: Row[Any]) -> bytes:
    try:
        return cipher.decrypt(row.sealed, bound=_bound(row.tenant, row.token))
    except InvalidTag as error:
        raise StoreError(
            f"the token vault of '{row.tenant}' cannot be opened: its key was replaced or a row was changed; "
            "restore the install's secrets folder from a backup"
        ) from error


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _bound(tenant: str, token: str) -> bytes:
    return f"{tenant}\0{token}".encode()
