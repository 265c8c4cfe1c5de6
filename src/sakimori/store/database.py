"""Opening the database, and transactions on it."""

import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sakimori.core import InputError
from sakimori.store.errors import StoreError, explaining
from sakimori.store.migrate import migrate
from sakimori.store.transaction import Snapshot, Transaction

_FILE = "sakimori.db"
_PATIENCE = 10.0
"""Seconds to wait for another writer. Transactions are short; one that holds the lock longer hangs."""


class Database:
    """State of all institutions of an install. Threads may share it; each transaction belongs to one thread.

    Made by ``embedded`` or ``open``; ``close`` it when done.
    """

    def __init__(self, engine: Engine, where: str) -> None:
        self._writing = engine
        self._reading = engine.execution_options(sakimori_begin="BEGIN DEFERRED")
        self._where = where
        self._file = _identity(Path(where))
        # SQLite's own waiting polls and is unfair: under load a thread may starve. Threads queue here instead.
        self._writer = threading.Lock()

    @staticmethod
    def embedded(home: Path) -> "Database":
        """The SQLite database of an install, created where absent (file 0600, folder 0700) and brought up to date.

        Raises:
            StoreError: the folder or the database cannot be used, or a newer Sakimori wrote it.
        """
        return Database.open(URL.create("sqlite", database=str(home / _FILE)))

    @staticmethod
    def open(url: str | URL) -> "Database":
        """Open by SQLAlchemy URL: ``sqlite:///PATH``.

        Raises:
            InputError: the URL names no database that Sakimori can use.
            StoreError: the database cannot be used, or a newer Sakimori wrote it.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise InputError("the database URL cannot be read: expected sqlite:///PATH") from error
        if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
            raise InputError(
                f"the database URL '{parsed.render_as_string()}' cannot be used: expected sqlite:///PATH of a file"
            )
        path = Path(parsed.database)
        _create(path)
        engine = _engine(parsed)
        with explaining(str(path)):
            migrate(engine, str(path))
        return Database(engine, str(path))

    @contextmanager
    def transaction(self, tenant: str) -> Generator[Transaction, None, None]:
        """Reads and writes of one institution: committed durably at normal exit, rolled back on any exception.

        One writer at a time: keep it short, and never open one inside another.

        Raises:
            StoreError: the database is locked, full, read-only, damaged or gone; nothing was written.
        """
        if not self._writer.acquire(timeout=_PATIENCE):
            raise StoreError(
                f"the database {self._where} is held by another transaction of this process "
                f"for more than {_PATIENCE:.0f} s: try again"
            )
        try:
            self._refuse_if_moved()
            with explaining(self._where), self._writing.begin() as connection:
                yield Transaction(connection, tenant)
        finally:
            self._writer.release()

    @contextmanager
    def snapshot(self, tenant: str) -> Generator[Snapshot, None, None]:
        """Consistent reads of one institution, which neither wait for writers nor hold them up.

        Raises:
            StoreError: the database is damaged or gone.
        """
        self._refuse_if_moved()
        with explaining(self._where), self._reading.connect() as connection:
            yield Snapshot(connection, tenant)

    def close(self) -> None:
        self._writing.dispose()

    def _refuse_if_moved(self) -> None:
        """An open file that was removed can still be written to, and all of it is lost afterwards."""
        if _identity(Path(self._where)) != self._file:
            raise StoreError(f"the database {self._where} was removed or replaced: put it back, or start again")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _create(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise StoreError(
            f"the database {path} cannot be created: {error.strerror}; check its folder or set SAKIMORI_HOME"
        ) from error


def _engine(url: URL) -> Engine:
    """hide_parameters: values bound to statements may be secret and must not stand in errors."""
    engine = create_engine(url, connect_args={"timeout": _PATIENCE}, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction control begins too late and not for SELECT or DDL; ``_begin`` does it instead
    # (SQLAlchemy, "Enabling Non-Legacy SQLite Transactional Modes").
    connection.isolation_level = None
    _write_ahead_log(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switching the journal mode does not wait for other connections as statements do: wait here."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin(connection: Connection) -> None:
    # IMMEDIATE: a transaction that will write takes its turn at once instead of failing when it first writes.
    connection.exec_driver_sql(connection.get_execution_options().get("sakimori_begin", "BEGIN IMMEDIATE"))
