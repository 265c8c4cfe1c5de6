"""Reading the ledger's tables as if anyone could have written them: SQLite keeps anything in any column."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, TypeVarTuple, cast

import orjson
from sqlalchemy import Integer, Row, Select, and_, bindparam
from sqlalchemy.exc import DBAPIError

from sakimori.ledger import tables
from sakimori.ledger.checkpoint import Checkpoint
from sakimori.ledger.errors import LedgerError, damaged
from sakimori.ledger.leaf import SALT_BYTES, content_digest
from sakimori.ledger.note import NoteError, Verifier
from sakimori.store import Snapshot, Transaction
from sakimori.store.errors import unreadable_value
from sakimori.store.kept import run

Values = TypeVarTuple("Values")
_AT_ONCE = 1000
"""Rows fetched together: reading a log takes the same memory however long it is."""

PendingRow = Row[int, str, bytes, bytes, bytes]
"""Arrival, id, salt, digest and body."""
LeafRow = Row[int, bytes, str | None, bytes | None, bytes | None]
"""Position and leaf; id, salt and body of its content (all None: there is no content)."""


class Alien(Exception):
    """A value has a form that none of our statements writes."""


class Altered(Exception):
    """A pending entry does not fit the digest or the id beside it; the message names it."""


def read(snapshot: Snapshot, found: Select[*Values], *types: type | UnionType) -> Iterator[Row[*Values]]:
    """Rows whose values are of these types. Raises Alien."""
    try:
        for row in snapshot.connection.execute(found.execution_options(yield_per=_AT_ONCE)):
            if not all(map(isinstance, row, types)):
                raise Alien
            yield row
    except DBAPIError as error:
        if not unreadable_value(error):
            raise
        raise Alien from error


def read_all(
    view: Snapshot, make: Callable[[Transaction], Select[*Values]], values: Mapping[str, Any], *types: type
) -> Sequence[Row[*Values]]:
    """The same of few rows, by a statement that is made once (``store.kept``). Raises Alien."""
    try:
        found = run(view, make, values).rows
    except DBAPIError as error:
        if not unreadable_value(error):
            raise
        raise Alien from error
    if not all(isinstance(value, type) for row in found for value, type in zip(row, types, strict=True)):
        raise Alien
    return found


def pending(snapshot: Snapshot) -> Iterator[PendingRow]:
    """All pending entries in the order in which they came. Raises Alien, or Altered."""
    yield from map(_whole, read(snapshot, _all_pending(snapshot), *_PENDING))


def oldest_pending(transaction: Transaction, most: int) -> list[PendingRow]:
    """The oldest pending entries, at most so many. Raises Alien, or Altered."""
    return [_whole(row) for row in read_all(transaction, _some_pending, {"most": most}, *_PENDING)]


_PENDING = (int, str, bytes, bytes, bytes)


def _all_pending(snapshot: Snapshot) -> Select[int, str, bytes, bytes, bytes]:
    table = tables.pending.c
    columns = (table.arrival, table.id, table.salt, table.digest, table.body)
    return snapshot.rows(tables.pending).with_only_columns(*columns).order_by(table.arrival)


def _some_pending(snapshot: Snapshot) -> Select[int, str, bytes, bytes, bytes]:
    return _all_pending(snapshot).limit(bindparam("most", type_=Integer()))


def _whole(row: PendingRow) -> PendingRow:
    """Raises Alien, or Altered."""
    if not fits(row.salt, row.body, row.digest) or parsed(row.body).get("id") != row.id:
        raise Altered(row.id)
    return row


def fits(salt: bytes | None, body: bytes, digest: bytes) -> bool:
    """Whether content has this digest. Raises Alien where the salt is none."""
    if salt is None or len(salt) != SALT_BYTES:
        raise Alien
    return content_digest(salt, body) == digest


def parsed(body: bytes) -> dict[str, Any]:
    """What an entry says; nothing, where it is no JSON object."""
    try:
        entry: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}


def leaves(snapshot: Snapshot, start: int = 0, end: int | None = None) -> Iterator[LeafRow]:
    """Leaves from ``start`` to before ``end``, in order, each with its content. Raises Alien."""
    leaf, content = tables.leaf, tables.content
    same = and_(content.c.tenant == leaf.c.tenant, content.c.position == leaf.c.position)
    found = (
        snapshot.rows(leaf)
        .select_from(leaf.outerjoin(content, same))
        .with_only_columns(leaf.c.position, leaf.c.leaf, content.c.id, content.c.salt, content.c.body)
        .order_by(leaf.c.position)
    )
    if start:
        found = found.where(leaf.c.position >= start)
    if end is not None:
        found = found.where(leaf.c.position < end)
    types = (int, bytes, str | None, bytes | None, bytes | None)
    yield from cast("Iterable[LeafRow]", read(snapshot, found, *types))


def newest_checkpoint(snapshot: Snapshot, verifier: Verifier, *, up_to: int | None = None) -> Checkpoint | None:
    """The newest one, or the newest of at most so many leaves, with the lines of its cosigners.

    Raises:
        LedgerError: it is damaged or not signed by this institution's key.
    """
    kept = tables.checkpoint
    found = snapshot.rows(kept).order_by(kept.c.size.desc()).limit(1)
    if up_to is not None:
        found = found.where(kept.c.size <= up_to)
    return _first(snapshot, found, verifier)


def checkpoint_from(snapshot: Snapshot, verifier: Verifier, size: int) -> Checkpoint | None:
    """The oldest one of at least so many leaves, with the lines of its cosigners. Raises LedgerError."""
    kept = tables.checkpoint
    found = snapshot.rows(kept).where(kept.c.size >= size).order_by(kept.c.size).limit(1)
    return _first(snapshot, found, verifier)


def newest_cosigned(snapshot: Snapshot) -> int:
    """The size of the newest checkpoint that somebody cosigned; 0: there is none. Raises LedgerError."""
    column = tables.cosignature.c.size
    found = snapshot.rows(tables.cosignature).with_only_columns(column).order_by(column.desc()).limit(1)
    try:
        return next((size for (size,) in read(snapshot, found, int)), 0)
    except Alien as error:
        raise damaged(snapshot.tenant) from error


def cosignatures(snapshot: Snapshot, size: int) -> str:
    """The lines of a checkpoint's cosigners. Raises LedgerError."""
    kept = tables.cosignature
    found = snapshot.rows(kept).where(kept.c.size == size).with_only_columns(kept.c.line).order_by(kept.c.cosigner)
    try:
        return "".join(line for (line,) in read(snapshot, found, str))
    except Alien as error:
        raise damaged(snapshot.tenant) from error


def trusted(note: object, verifier: Verifier, tenant: str, *, where: str = "the database") -> Checkpoint:
    """A checkpoint as it lies somewhere. Raises LedgerError where it is not what this institution signed."""
    try:
        if not isinstance(note, bytes):
            raise NoteError("it is not a signed note")
        return Checkpoint.parse(str(note, errors="replace"), verifier)
    except NoteError as error:
        raise LedgerError(
            f"a checkpoint of the ledger of '{tenant}' in {where} cannot be trusted: {error}; "
            "run `sakimori ledger verify` and restore the ledger or its key"
        ) from error


def _first(snapshot: Snapshot, found: Select[*tuple[object, ...]], verifier: Verifier) -> Checkpoint | None:
    row = snapshot.connection.execute(found).one_or_none()
    if row is None:
        return None
    made = trusted(row.note, verifier, snapshot.tenant)
    lines = cosignatures(snapshot, made.size)
    return trusted(f"{made.note}{lines}".encode(), verifier, snapshot.tenant) if lines else made
