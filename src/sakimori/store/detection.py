"""Where an institution's live detection stands: its detector's state, and how far its logs were read.

Both are written in the transaction that keeps what was found, so that whoever goes on neither loses nor repeats an
event.
"""

import zlib
from collections.abc import Iterable, Mapping

from sqlalchemy import Column, LargeBinary, Named, Select, Table, Text, bindparam

from sakimori.records import Source, from_json, to_json
from sakimori.store.errors import StoreError
from sakimori.store.kept import run
from sakimori.store.schema import AnyText, TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction


class StateColumns(TenantColumns):
    key: Named[str] = Column(AnyText, primary_key=True)
    value: Named[bytes] = Column(LargeBinary)
    """Compressed (RFC 1950)."""


state = Table("detector_state", metadata, StateColumns)


class LogColumns(TenantColumns):
    path: Named[str] = Column(AnyText, primary_key=True)
    body: Named[str] = Column(Text)
    """The piece that was read last, as a ``Source``: reading goes on behind it."""


followed_log = Table("followed_log", metadata, LogColumns)


def put_state(transaction: Transaction, changes: Mapping[str, bytes | None]) -> None:
    """Keep values under their keys, and drop those that are None."""
    gone = [{"gone": key} for key, value in changes.items() if value is None]
    if gone:
        transaction.connection.execute(transaction.delete(state).where(state.c.key == bindparam("gone")), gone)
    rows = ({"key": key, "value": zlib.compress(value, 1)} for key, value in changes.items() if value is not None)
    transaction.replace(state, rows)


def get_state(snapshot: Snapshot) -> dict[str, bytes]:
    """All values by their keys.

    Raises:
        StoreError: a value was damaged.
    """
    found: dict[str, bytes] = {}
    for row in snapshot.connection.execute(snapshot.rows(state).order_by(state.c.key)):
        try:
            found[row.key] = zlib.decompress(row.value)
        except zlib.error as error:
            raise StoreError(f"the detector's state '{row.key}' is damaged: restore a backup") from error
    return found


def put_read(transaction: Transaction, last: Iterable[Source]) -> None:
    """Keep of each log the piece that was read last."""
    rows = ({"path": source.path, "body": to_json(source).decode()} for source in last)
    transaction.replace(followed_log, rows)


def last_read(snapshot: Snapshot, path: str) -> Source | None:
    """The piece of a log that was read last.

    Raises:
        InputError: what is kept cannot be read.
    """
    body = run(snapshot, _body, {"path": path}).scalar_one_or_none()
    return None if body is None else from_json(Source, body)


def _body(snapshot: Snapshot) -> Select[str]:
    return (
        snapshot.rows(followed_log)
        .with_only_columns(followed_log.c.body)
        .where(followed_log.c.path == bindparam("path"))
    )
