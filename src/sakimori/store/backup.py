"""Backups: one SQLite file, whichever database it was taken from, and it can be restored into either.

So a backup is also the way from an embedded install to a server. The file is a database of ours: it can be opened as
one, to look at what was kept. It holds no secret keys; those stand in the install's secrets folder.
"""

import os
import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Table, func, insert, inspect, select, text
from sqlalchemy.engine import URL

from sakimori.core import InputError
from sakimori.store import sqlite
from sakimori.store.check import count_rows
from sakimori.store.errors import StoreError, explaining
from sakimori.store.migrate import HEAD, migrate, refuse_newer, revision
from sakimori.store.schema import metadata

_AT_ONCE = 500
"""Rows that are held in memory; raw records may have megabytes each."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup or a restore moved, all of it read again and compared."""

    schema: str
    rows: int
    digest: str
    """SHA-256 of the backup file, in hex."""


def backup(url: URL, to: Path) -> Copied:
    """Write all rows of all institutions, as of one moment, to the new file ``to`` (0600). Writers go on meanwhile.

    PostgreSQL: as the owner of the tables.

    Raises:
        InputError: ``to`` is there already.
        StoreError: the database or the folder of ``to`` cannot be used; there is no file then.
    """
    with _published(to) as draft:
        if url.get_backend_name() == "sqlite":
            schema, rows = _copy_file(Path(url.database or ""), draft)
        else:
            schema, rows = _from_server(url, draft)
        digest = _digest_of_file(draft)
    return Copied(schema, rows, digest)


def restore(url: URL, file: Path) -> Copied:
    """Fill a database with a backup, brought to this version's schema: all or nothing, and only where nothing is yet.

    PostgreSQL: as the owner of the tables, which must be there and empty.

    Raises:
        InputError: the backup is missing, is none, or the database holds something already.
        StoreError: the database cannot be used, or a newer version made the backup.
    """
    if not file.is_file():
        raise InputError(f"there is no backup at {file}")
    digest = _digest_of_file(file)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        _refuse_leftovers(path)
        with _published(path) as draft:
            schema, rows = _copy_file(file, draft)
            _migrated(draft)
        return Copied(schema, rows, digest)
    with tempfile.TemporaryDirectory(prefix="sakimori-restore-") as folder:
        draft = Path(folder) / "backup.db"
        schema, _ = _copy_file(file, draft)
        _migrated(draft)
        return Copied(schema, _into_server(url, draft), digest)


def _copy_file(source: Path, to: Path) -> tuple[str, int]:
    """Copy a SQLite database page by page, as of one moment. Returns its schema and how many rows it has."""
    if not source.is_file():
        raise InputError(f"there is no database at {source}")
    reading = sqlite.engine(
        URL.create("sqlite", database=source.absolute().as_uri(), query={"mode": "ro", "uri": "true"}), live=False
    ).execution_options(sakimori_begin="BEGIN DEFERRED")
    try:
        with explaining(str(source)), reading.connect() as connection:
            schema = revision(connection)
            if schema is None:
                raise InputError(f"the file {source} is no database of Sakimori")
            refuse_newer(schema, str(source))
            counted = count_rows(connection)
            pages = connection.connection.driver_connection
            assert isinstance(pages, sqlite3.Connection)
            with explaining(str(to)), closing(sqlite3.connect(to)) as copy:
                pages.backup(copy)
                # WAL would leave two more files beside it.
                copy.execute("PRAGMA journal_mode = DELETE")
                damage = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if damage != "ok":
            raise StoreError(f"the database {source} is damaged: {damage}; restore a backup")
        with _opened(to) as written, written.connect() as connection:
            if count_rows(connection) != counted:
                raise StoreError(f"the copy of {source} is not whole: check the disk of {to.parent}, and try again")
    finally:
        reading.dispose()
    return schema, sum(counted.values())


def _from_server(url: URL, to: Path) -> tuple[str, int]:
    from sakimori.store import postgresql

    place = postgresql.where(url)
    with _opened(to) as written:
        migrate(written, str(to))
        with postgresql.as_owner(url, isolation_level="REPEATABLE READ") as source:
            _refuse_other_schema(source, place)
            with explaining(str(to)), written.begin() as copy:
                moved = {table.name: _move(table, source, copy) for table in metadata.sorted_tables}
            with explaining(str(to)), written.connect() as copy:
                _compare(moved, copy)
    return HEAD, sum(rows for rows, _ in moved.values())


def _into_server(url: URL, file: Path) -> int:
    from sakimori.store import postgresql

    place = postgresql.where(url)
    with _opened(file) as kept, kept.connect() as source, postgresql.as_owner(url) as target:
        _refuse_other_schema(target, place)
        quote = target.dialect.identifier_preparer.quote_identifier
        names = ", ".join(quote(name) for name in metadata.tables)
        target.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
        if filled := [name for name, rows in count_rows(target).items() if rows]:
            raise InputError(
                f"the database {place} holds rows already ({', '.join(filled)}): restore into an empty one"
            )
        moved = {table.name: _move(table, source, target) for table in metadata.sorted_tables}
        _compare(moved, target)
        for table in metadata.sorted_tables:
            _go_on_counting(table, target)
    return sum(rows for rows, _ in moved.values())


def _move(table: Table, source: Connection, target: Connection) -> tuple[int, str]:
    """Copy the rows of a table. Returns how many there are and a digest of them."""
    rows, digest = 0, sha256()
    for batch in _all_of(table, source).mappings().partitions():
        target.execute(insert(table), [dict(row) for row in batch])
        for row in batch:
            digest.update(repr(list(row.values())).encode())
        rows += len(batch)
    return rows, digest.hexdigest()


def _compare(moved: dict[str, tuple[int, str]], copy: Connection) -> None:
    """Read again what was written. Raises StoreError where it is not what was read."""
    for table in metadata.sorted_tables:
        rows, digest = 0, sha256()
        for row in _all_of(table, copy).mappings():
            digest.update(repr(list(row.values())).encode())
            rows += 1
        if (rows, digest.hexdigest()) != moved[table.name]:
            raise StoreError(f"the rows of {table.name} did not arrive as they were: check the disk, and try again")


def _all_of(table: Table, connection: Connection) -> CursorResult[Any]:
    in_order = select(table).order_by(*table.primary_key)
    return connection.execute(in_order.execution_options(yield_per=_AT_ONCE))


def _go_on_counting(table: Table, target: Connection) -> None:
    """Numbers that the server gives begin behind those that were restored."""
    column = table.autoincrement_column
    if column is None:
        return
    last = target.execute(select(func.max(column))).scalar()
    if last is not None:
        sequence = select(func.setval(func.pg_get_serial_sequence(f'"{table.name}"', column.name), last))
        target.execute(sequence)


def _migrated(file: Path) -> None:
    with _opened(file) as engine:
        migrate(engine, str(file))


def _refuse_other_schema(connection: Connection, where: str) -> None:
    found = revision(connection)
    if found != HEAD:
        raise StoreError(
            f"the database {where} has schema {found or 'none'}, and this version needs {HEAD}: run "
            "`sakimori db migrate` first, or the version that made it"
        )
    if strange := set(inspect(connection).get_table_names()) - set(metadata.tables) - {"alembic_version"}:
        raise StoreError(f"the database {where} has tables that are not ours: {', '.join(sorted(strange))}")


def _refuse_leftovers(path: Path) -> None:
    for leftover in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if leftover.exists():
            raise InputError(f"{leftover} is there already: stop what uses it and move it away before you restore")


@contextmanager
def _published(path: Path) -> Generator[Path, None, None]:
    """A name to write under; what is there at normal exit appears under ``path`` at once and durably, or not at all."""
    if path.exists():
        raise InputError(f"{path} is there already: nothing is overwritten; give another name")
    draft = path.with_name(f".{path.name}.{token_hex(6)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
        yield draft
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError as error:
            raise InputError(f"{path} appeared meanwhile: nothing is overwritten; give another name") from error
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}; check its folder and the disk") from error
    finally:
        for name in (draft.name, f"{draft.name}-journal", f"{draft.name}-wal", f"{draft.name}-shm"):
            draft.with_name(name).unlink(missing_ok=True)


@contextmanager
def _opened(path: Path) -> Generator[Engine, None, None]:
    """A file that nobody else uses."""
    engine = sqlite.engine(URL.create("sqlite", database=str(path)), live=False)
    try:
        with explaining(str(path)):
            yield engine
    finally:
        engine.dispose()


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
