"""The one way to rows: a view of the database that is bound to one institution.

Everything that reads or writes a table goes through ``Snapshot.rows`` or ``Transaction.insert``, ``replace``,
``update``, ``delete``, so that no statement can forget whose rows it is about.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    Delete,
    Dialect,
    Select,
    Table,
    Text,
    Update,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from sakimori.records import Document, Source, from_json
from sakimori.store.documents import DocumentColumns, shelf
from sakimori.store.errors import WrongTenant
from sakimori.store.prepared import Prepared, command, upsert
from sakimori.store.schema import TenantColumns

D = TypeVar("D", bound=Document)
INSTITUTION = "institution"
"""The parameter that says whose rows a statement made for all institutions is about."""


class Snapshot:
    """What an institution has, as it stood when the transaction began. Reads only."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self.connection = connection
        """For ``store``, ``ledger`` and ``access`` only: executes statements made by the methods below."""
        self.tenant = tenant
        self.institution: str | BindParameter[str] = tenant
        """What statements compare with: the name, or (``store.kept``) a parameter that is given when they run."""

    def rows(self, table: Table[TenantColumns]) -> Select[Any]:
        """``SELECT`` of this institution's rows, to be narrowed with ``where`` and ``with_only_columns``."""
        return select(table).where(table.c.tenant == self.institution)

    def is_empty(self, table: Table[TenantColumns]) -> bool:
        """Whether this institution has no row there."""
        return self.connection.execute(_any_row(table), {INSTITUTION: self.tenant}).first() is None

    def get(self, cls: type[D], id: str) -> D | None:
        """Raises StoreError or InputError where what is kept cannot be read."""
        table = shelf(cls).table
        found = self._bodies(table, self.rows(table).where(table.c.id == id))
        return from_json(cls, found[0]) if found else None

    def all(
        self,
        cls: type[D],
        *,
        where: Mapping[str, str] | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[D]:
        """Documents of a type, oldest first (by the time that matters for the type, then by id).

        ``where`` compares columns of their own (``store.documents``), for example ``{"incident_id": "in-1"}``.
        """
        place = shelf(cls)
        compared = dict(where or {})
        for key in compared:
            if key not in place.keys:
                raise TypeError(f"{cls.__name__} has no column '{key}', only {', '.join(place.keys) or 'none'}")
        statement = _every_body(place.table, tuple(compared), newest_first, limit)
        found = self.connection.execute(statement, {**compared, INSTITUTION: self.tenant})
        return [from_json(cls, body) for body in found.scalars()]

    def find_source(self, digest_prefix: str) -> Source | None:
        """The source whose SHA-256 begins with these hex digits (as event ids carry them), if it was kept.

        Where several pieces have the same bytes, the one that begins first.
        """
        table = shelf(Source).table
        after_hex_digits = digest_prefix + "g"
        found = self.rows(table).where(table.c.id >= digest_prefix, table.c.id < after_hex_digits)
        sources = [from_json(Source, body) for body in self._bodies(table, found)]
        return min(sources, key=lambda source: (source.digest, source.start), default=None)

    def _bodies(self, table: Table[DocumentColumns], found: Select[Any]) -> Sequence[str]:
        return self.connection.execute(found.with_only_columns(table.c.body)).scalars().all()


class Transaction(Snapshot):
    """Reads and writes of one institution, all or nothing."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        super().__init__(connection, tenant)
        self.afterwards: list[Callable[[], None]] = []
        """What ``after_commit`` was given; ``Database`` does it."""

    def after_commit(self, do: Callable[[], None]) -> None:
        """Have something done once all of this is kept, in the order given; never, where it is not.

        What it raises reaches whoever opened the transaction, and takes nothing back.
        """
        self.afterwards.append(do)

    @contextmanager
    def part(self) -> Generator[None]:
        """Work that may fail on its own: an exception takes back what was written within, and the rest stands."""
        connection, before = self.connection, len(self.afterwards)
        command(connection, "SAVEPOINT part")
        try:
            yield
        except BaseException:
            del self.afterwards[before:]
            command(connection, "ROLLBACK TO SAVEPOINT part")
            command(connection, "RELEASE SAVEPOINT part")
            raise
        command(connection, "RELEASE SAVEPOINT part")

    def put(self, *documents: Document) -> None:
        """Insert documents, or replace those with the same type and id.

        Raises:
            WrongTenant: a document belongs to another institution; nothing is written.
        """
        by_type: dict[type[Document], list[Document]] = {}
        for document in documents:
            if document.tenant != self.tenant:
                kind = type(document).__name__
                raise WrongTenant(
                    f"{kind} {document.id} belongs to institution '{document.tenant}' and cannot be kept "
                    f"for '{self.tenant}'"
                )
            by_type.setdefault(type(document), []).append(document)
        for cls, group in by_type.items():
            place = shelf(cls)
            self.replace(place.table, [place.row(document) for document in group])

    def insert(self, table: Table[TenantColumns], rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows as this institution's. A row that is there already is a mistake (IntegrityError)."""
        if values := self._own(rows):
            _insertion(table, self.connection.dialect, tuple(values[0])).run(self.connection, values)

    def insert_missing(self, table: Table[TenantColumns], rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows as this institution's; those that are there already stay as they are."""
        if values := self._own(rows):
            _insertion_of_missing(table, self.connection.dialect, tuple(values[0])).run(self.connection, values)

    def replace(self, table: Table[TenantColumns], rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows as this institution's, or overwrite those with the same primary key."""
        if values := self._own(rows):
            _replacement(table, self.connection.dialect, tuple(values[0])).run(self.connection, values)

    def update(self, table: Table[TenantColumns]) -> Update:
        """``UPDATE`` of this institution's rows, to be narrowed with ``where`` and completed with ``values``."""
        return update(table).where(table.c.tenant == self.institution)

    def delete(self, table: Table[TenantColumns]) -> Delete:
        """``DELETE`` of this institution's rows, to be narrowed with ``where``."""
        return delete(table).where(table.c.tenant == self.institution)

    def _own(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "tenant": self.tenant} for row in rows]


# Statements are kept, since making one costs more than running it.


def institution() -> BindParameter[str]:
    """In a statement for all institutions: whose rows it is about, given whenever it runs."""
    return bindparam(INSTITUTION, type_=Text(), required=True)


@cache
def _any_row(table: Table[TenantColumns]) -> Select[Any]:
    return select(table.c.tenant).where(table.c.tenant == institution()).limit(1)


@lru_cache(256)
def _every_body(
    table: Table[DocumentColumns], compared: tuple[str, ...], newest_first: bool, limit: int | None
) -> Select[Any]:
    found = select(table.c.body).where(table.c.tenant == institution())
    for key in compared:
        found = found.where(table.c[key] == bindparam(key))
    order = (table.c.time, table.c.id)
    return found.order_by(*(column.desc() for column in order) if newest_first else order).limit(limit)


@lru_cache(1024)
def _insertion(table: Table[TenantColumns], dialect: Dialect, columns: tuple[str, ...]) -> Prepared:
    return Prepared(insert(table), dialect, columns)


@lru_cache(1024)
def _insertion_of_missing(table: Table[TenantColumns], dialect: Dialect, columns: tuple[str, ...]) -> Prepared:
    return Prepared(upsert(dialect, table).on_conflict_do_nothing(), dialect, columns)


@lru_cache(1024)
def _replacement(table: Table[TenantColumns], dialect: Dialect, columns: tuple[str, ...]) -> Prepared:
    statement = upsert(dialect, table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in columns if name not in key}
    return Prepared(statement.on_conflict_do_update(index_elements=key, set_=changed), dialect, columns)
