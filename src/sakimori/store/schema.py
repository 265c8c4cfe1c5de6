"""Where tables are declared, and the one rule they share: every row belongs to an institution.

A repository declares its table in its own module, on ``metadata``, with columns that extend ``TenantColumns``::

    class VaultColumns(TenantColumns):
        token: Named[str] = Column(primary_key=True)
        ciphertext: Named[bytes]

    vault = Table("vault_token", metadata, VaultColumns)

and reaches it only through ``Snapshot.rows`` and ``Transaction.insert``, ``replace``, ``update`` and ``delete``, which
add the institution. There is nothing to register: a test imports every module of ``store``, ``access`` and ``ledger``
and compares ``metadata`` with what the migrations make; it fails until ``migrations/versions`` has the table.
"""

from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

from sqlalchemy import Column, Dialect, LargeBinary, MetaData, Named, Table, Text, TypedColumns
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def declare_tables(*rooms: ModuleType) -> None:
    """Import every module of the rooms that keep rows, so that ``metadata`` has all tables."""
    for room in rooms:
        for module in walk_packages(room.__path__, f"{room.__name__}."):
            if ".migrations" not in module.name:
                import_module(module.name)


class AnyText(TypeDecorator[str]):
    """Text that others write, such as names in a log: PostgreSQL takes no NUL in text, SQLite does.

    There, NUL is kept as ``ESC 0`` and ESC as ``ESC [``: equal texts stay equal, and come back as they were.
    """

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return _without_nul if dialect.name == "postgresql" else None

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        return _with_nul if dialect.name == "postgresql" else None


def _without_nul(value: str | None) -> str | None:
    if value is None or ("\0" not in value and "\x1b" not in value):
        return value
    return value.replace("\x1b", "\x1b[").replace("\0", "\x1b0")


def _with_nul(value: str | None) -> str | None:
    if value is None or "\x1b" not in value:
        return value
    return value.replace("\x1b0", "\0").replace("\x1b[", "\x1b")


class TenantColumns(TypedColumns):
    """The first column of every table: the institution. Part of every primary key."""

    tenant: Named[str] = Column(Text, primary_key=True)


class EvidenceColumns(TenantColumns):
    event_id: Named[str] = Column(Text, primary_key=True)
    raw: Named[bytes] = Column(LargeBinary)


evidence = Table("evidence", metadata, EvidenceColumns)
"""Raw records of events that findings rest on, kept when the source itself may go."""
