"""Dictionaries: lists of what must not leave an institution, in parts, each sealed by who writes it.

What a list holds is not this file's business: ``gateway/boundary`` makes and reads it.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Named, Select, Table, Text, bindparam, func

from sakimori.core import Nanos
from sakimori.store.kept import run
from sakimori.store.schema import TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction

_PART = 1 << 20
"""Bytes of one row."""


class DictionaryColumns(TenantColumns):
    name: Named[str] = Column(Text, primary_key=True)
    part: Named[int] = Column(Integer, primary_key=True)
    kind: Named[str] = Column(Text)
    entries: Named[int] = Column(BigInteger)
    loaded_at: Named[int] = Column(BigInteger)
    sealed: Named[bytes] = Column(LargeBinary)


dictionary = Table("boundary_dictionary", metadata, DictionaryColumns)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list, without what is in it."""

    name: str
    kind: str
    entries: int
    loaded_at: Nanos


def replace(transaction: Transaction, listed: Listed, sealed: bytes) -> None:
    """Keep a list in place of the one of its name, if there is one."""
    remove(transaction, listed.name)
    parts = [sealed[first : first + _PART] for first in range(0, len(sealed), _PART)]
    transaction.insert(
        dictionary,
        [
            {
                "name": listed.name,
                "part": number,
                "kind": listed.kind,
                "entries": listed.entries,
                "loaded_at": listed.loaded_at,
                "sealed": part,
            }
            for number, part in enumerate(parts)
        ],
    )


def remove(transaction: Transaction, name: str) -> bool:
    """Returns whether there was such a list."""
    gone = transaction.delete(dictionary).where(dictionary.c.name == name)
    return transaction.connection.execute(gone).rowcount > 0


def listed(snapshot: Snapshot) -> list[Listed]:
    """All lists of the institution, by name."""
    first = snapshot.rows(dictionary).where(dictionary.c.part == 0).order_by(dictionary.c.name)
    columns = first.with_only_columns(
        dictionary.c.name, dictionary.c.kind, dictionary.c.entries, dictionary.c.loaded_at
    )
    return [Listed(*row) for row in snapshot.connection.execute(columns)]


def contents(snapshot: Snapshot, name: str) -> bytes:
    """A list as it was sealed; empty where there is none."""
    return b"".join(row.sealed for row in run(snapshot, _parts, {"of_name": name}))


def changed_at(snapshot: Snapshot) -> tuple[int, Nanos]:
    """How many parts there are and when the newest list was loaded: a change of either is a change of the lists."""
    row = run(snapshot, _newest, {}).one()
    return row.parts, row.newest or 0


def _parts(snapshot: Snapshot) -> Select[Any]:
    return snapshot.rows(dictionary).where(dictionary.c.name == bindparam("of_name")).order_by(dictionary.c.part)


def _newest(snapshot: Snapshot) -> Select[int, int]:
    parts, newest = func.count().label("parts"), func.max(dictionary.c.loaded_at).label("newest")
    return snapshot.rows(dictionary).with_only_columns(parts, newest)
