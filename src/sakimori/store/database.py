"""Opening the database, and transactions on it."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sakimori.core import InputError, Settings
from sakimori.store.errors import explaining
from sakimori.store.sqlite import SqliteFile
from sakimori.store.transaction import Snapshot, Transaction

_FILE = "sakimori.db"


class _Engine(Protocol):
    """Where the rows are: a SQLite file or a PostgreSQL server."""

    where: str
    """As it is called in errors; holds no password."""

    def writing(self, tenant: str, *, at_once: bool = False) -> AbstractContextManager[Connection]:
        """A transaction that waits for its turn: within an institution, those that write follow one another.

        ``at_once``: raise Busy where it would wait, be it for a server at each statement.
        """
        ...

    def write_next(self, connection: Connection, tenant: str) -> None:
        """Bind a transaction that writes to another institution, whose turn it waits for as well."""
        ...

    def reading(self, tenant: str) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the database throughout."""
        ...

    def read_next(self, connection: Connection, tenant: str) -> None:
        """Bind a transaction that reads to another institution."""
        ...

    def tidy(self) -> None:
        """Do now what would hold up some later commit."""
        ...

    def close(self) -> None: ...


class Database:
    """State of all institutions of an install. Threads may share it; each transaction belongs to one thread.

    Made by ``of``, ``embedded`` or ``open``; ``close`` it when done. Where the database goes away and comes back, the
    transaction that meets it gone fails and the next one works again.
    """

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine

    @staticmethod
    def of(settings: Settings) -> "Database":
        """The database of an install: ``SAKIMORI_DATABASE``, or the SQLite file in its home.

        Raises:
            InputError: the URL names no database that Sakimori can use.
            StoreError: the database cannot be used, or has the schema of another version.
        """
        return Database.open(url_of(settings))

    @staticmethod
    def embedded(home: Path) -> "Database":
        """The SQLite database of an install, created where absent (file 0600, folder 0700) and brought up to date.

        Raises:
            StoreError: the folder or the database cannot be used, or a newer Sakimori wrote it.
        """
        return Database.open(_embedded(home))

    @staticmethod
    def open(url: str | URL) -> "Database":
        """Open by URL: ``sqlite:///PATH``, created and migrated where needed, or ``postgresql://…``, which must be.

        Raises:
            InputError: the URL names no database that Sakimori can use.
            StoreError: the database cannot be used, has the schema of another version, or would not keep institutions
                apart (PostgreSQL: a role that stands above row-level security, or tables without it).
        """
        parsed = database_url(url)
        if parsed.get_backend_name() == "sqlite":
            return Database(SqliteFile(parsed))
        from sakimori.store.postgresql import PostgresServer  # its driver takes as long to load as all of the rest

        return Database(PostgresServer(parsed))

    @contextmanager
    def transaction(self, tenant: str, *, at_once: bool = False) -> Generator[Transaction, None, None]:
        """Reads and writes of one institution: committed durably at normal exit, rolled back on any exception.

        Those of an institution follow one another: keep it short, and never open one inside another.

        Args:
            at_once: wait for nothing until its end, which waits for the disk: for threads that must not stand still.
                The end may be in another thread.

        Raises:
            Busy: ``at_once``, and something would be waited for.
            StoreError: the database is locked, full, read-only, damaged or gone; nothing was written.
        """
        with explaining(self._engine.where), self._engine.writing(_named(tenant), at_once=at_once) as connection:
            transaction = Transaction(connection, tenant)
            yield transaction
        for do in transaction.afterwards:
            do()

    @contextmanager
    def snapshot(self, tenant: str) -> Generator[Snapshot, None, None]:
        """Consistent reads of one institution, which neither wait for writers nor hold them up.

        Raises:
            StoreError: the database is damaged or gone.
        """
        with explaining(self._engine.where), self._engine.reading(_named(tenant)) as connection:
            yield Snapshot(connection, tenant)

    @contextmanager
    def transactions(self, tenants: Sequence[str]) -> Generator[Iterator[Transaction], None, None]:
        """One transaction that goes from institution to institution, bound to one at a time: all is kept, or nothing.

        A commit waits for the disk, and with thousands of institutions that is most of the work. Whoever writes for one
        of them waits until the end: give some dozens, and always in one order, so that no two wait for each other.

        Raises:
            StoreError: like ``transaction``.
        """
        met: list[Transaction] = []
        with explaining(self._engine.where), self._engine.writing(_named(tenants[0])) as connection:

            def each() -> Iterator[Transaction]:
                for number, tenant in enumerate(tenants):
                    if number:
                        self._engine.write_next(connection, _named(tenant))
                    met.append(Transaction(connection, tenant))
                    yield met[-1]

            yield each()
        for transaction in met:
            for do in transaction.afterwards:
                do()

    @contextmanager
    def snapshots(self, tenants: Sequence[str]) -> Generator[Iterator[Snapshot], None, None]:
        """Consistent reads of several institutions, one after another.

        Raises:
            StoreError: like ``snapshot``.
        """
        with explaining(self._engine.where), self._engine.reading(_named(tenants[0])) as connection:

            def each() -> Iterator[Snapshot]:
                for number, tenant in enumerate(tenants):
                    if number:
                        self._engine.read_next(connection, _named(tenant))
                    yield Snapshot(connection, tenant)

            yield each()

    def tidy(self) -> None:
        """Do now, while others go on, what would hold up some later commit for milliseconds.

        For a thread of a process that writes all the time, each second or so; without it, commits do it themselves.

        Raises:
            StoreError: the database is damaged or gone.
        """
        with explaining(self._engine.where):
            self._engine.tidy()

    def close(self) -> None:
        self._engine.close()


def url_of(settings: Settings) -> URL:
    """Where the database of an install is. Raises InputError, as ``database_url`` does."""
    return database_url(settings.database) if settings.database else _embedded(settings.home)


def _embedded(home: Path) -> URL:
    return URL.create("sqlite", database=str(home / _FILE))


def database_url(url: str | URL) -> URL:
    """A URL that names a database, with the driver that Sakimori uses.

    Raises:
        InputError: it does not; the sentence repeats nothing of it, since a password may stand anywhere in it.
    """
    expected = "expected sqlite:///PATH of a file, or postgresql://ROLE@HOST/DATABASE"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InputError(f"the database URL cannot be read: {expected}") from error
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg") and parsed.database:
        return parsed.set(drivername="postgresql+psycopg")
    raise InputError(f"the database URL names no database that Sakimori can use: {expected}")


def holds_password(url: str) -> bool:
    """Whether whoever reads the URL could log in with it. Raises InputError, as ``database_url`` does."""
    parsed = database_url(url)
    return parsed.password is not None or any("password" in key for key in parsed.query)


def _named(tenant: str) -> str:
    if not tenant:
        raise ValueError("a transaction needs an institution")
    return tenant
