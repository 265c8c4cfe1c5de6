"""A database in one file: SQLite in WAL mode, for an install of its own.

SQLite knows no institutions: that every statement is about one is the work of ``store.transaction`` alone.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, RootTransaction, create_engine, event
from sqlalchemy.engine import URL

from sakimori.store.errors import Busy, StoreError, explaining
from sakimori.store.migrate import migrate
from sakimori.store.prepared import command, driver

PATIENCE = 10.0
"""Seconds to wait for another writer. Transactions are short; one that holds the lock longer hangs."""
_LONGEST_LOG = 8192
"""Pages of 4 kB in the write-ahead log, after which whoever commits takes them over into the file: some 20 ms."""

_LONG_LOG = 4096
"""Pages, likewise, after which others wait until all of it is taken over: a few milliseconds."""


class SqliteFile:
    """One file, one writer at a time, whichever institution it writes for."""

    def __init__(self, url: URL) -> None:
        """Open the file, created where absent (0600, in a folder 0700) and brought up to date.

        Raises:
            StoreError: it cannot be used, or a newer Sakimori wrote it.
        """
        self.where = url.database or ""
        _create(Path(self.where))
        self._writing = engine(url)
        with explaining(self.where):
            migrate(self._writing, self.where)
        self._reading = self._writing.execution_options(sakimori_begin="BEGIN DEFERRED")
        self._held: Connection | None = None
        """What writes: to fetch it from the pool and give it back costs as much as a short transaction."""
        self._file = _identity(self.where)
        # SQLite's own waiting polls and is unfair: under load a thread may starve. Threads queue here instead.
        self._writer = threading.Lock()

    @contextmanager
    def writing(self, tenant: str, *, at_once: bool = False) -> Generator[Connection, None, None]:
        if not self._writer.acquire(timeout=0 if at_once else PATIENCE):
            if at_once:
                raise Busy(f"the database {self.where} is held by another transaction of this process")
            raise StoreError(
                f"the database {self.where} is held by another transaction of this process "
                f"for more than {PATIENCE:.0f} s: try again"
            )
        try:
            self._refuse_if_moved()
            connection = self._held = self._held or self._writing.connect()
            try:
                with _begun(connection, self.where) if at_once else connection.begin():
                    yield connection
            except BaseException:
                self._held = None
                connection.close()  # the pool looks after what a failure leaves behind
                raise
        finally:
            self._writer.release()

    def write_next(self, connection: Connection, tenant: str) -> None:
        """There is one turn for all, and it is held already."""

    @contextmanager
    def reading(self, tenant: str) -> Generator[Connection, None, None]:
        self._refuse_if_moved()
        with self._reading.connect() as connection:
            connection.begin()  # statements that go past SQLAlchemy would begin nothing
            yield connection

    def read_next(self, connection: Connection, tenant: str) -> None:
        """A file knows no institutions."""

    def tidy(self) -> None:
        """Take the write-ahead log over into the file, so that it is written from its beginning again.

        That is while others write. Where something came after what was taken over, the log goes on: it is long before
        they wait for all of it.
        """
        with self._reading.connect() as connection:
            if _left(connection) > _LONG_LOG:
                with self._writer:
                    _left(connection)

    def close(self) -> None:
        if self._held is not None and not self._held.in_transaction():
            self._held.close()
        self._held = None
        self._writing.dispose()

    def _refuse_if_moved(self) -> None:
        """An open file that was removed can still be written to, and all of it is lost afterwards."""
        if _identity(self.where) != self._file:
            raise StoreError(f"the database {self.where} was removed or replaced: put it back, or start again")


def engine(url: URL, *, live: bool = True) -> Engine:
    """Connections whose transactions begin when they are told to, and are durable once committed.

    Only where the database is ``live`` do readers and writers not wait for each other, at the price of two more files.
    """
    # hide_parameters: values bound to statements may be secret and must not stand in errors.
    made = create_engine(url, connect_args={"timeout": PATIENCE}, hide_parameters=True)
    event.listen(made, "connect", _prepare)
    if live:
        event.listen(made, "connect", _write_ahead_log)
    event.listen(made, "begin", _begin)
    return made


def _left(connection: Connection) -> int:
    """Pages that the log goes on from, once what nobody waits for was taken over; 0: it begins again."""
    _, pages, done = driver(connection).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return pages if done < pages else 0


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - each transaction asks, and to make a Path costs more than the answer
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


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction control begins too late and not for SELECT or DDL; ``_begin`` does it instead
    # (SQLAlchemy, "Enabling Non-Legacy SQLite Transactional Modes").
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LONGEST_LOG}")


def _write_ahead_log(connection: sqlite3.Connection, _record: object) -> None:
    """Switching the journal mode does not wait for other connections as statements do: wait here."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begun(connection: Connection, where: str) -> RootTransaction:
    """A transaction that waits for no other process. Raises Busy."""
    command(connection, "PRAGMA busy_timeout = 0")
    try:
        return connection.begin()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        raise Busy(f"the database {where} is held by a transaction of another process") from error
    finally:
        command(connection, f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")


def _begin(connection: Connection) -> None:
    # IMMEDIATE: a transaction that will write takes its turn at once instead of failing when it first writes.
    command(connection, connection.get_execution_options().get("sakimori_begin", "BEGIN IMMEDIATE"))
