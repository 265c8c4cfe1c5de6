"""Looking at a database without changing it: is it whole, of this version, and does it keep institutions apart?"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL

from sakimori.store.errors import StoreError, explaining
from sakimori.store.migrate import HEAD, revision
from sakimori.store.schema import metadata


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found of one thing that must hold."""

    subject: str
    found: str
    ok: bool


def check(url: URL) -> list[Answer]:
    """Everything that can be asked of the database at ``url`` (``database.database_url``).

    Raises:
        StoreError: it is not there, or does not answer.
    """
    return list(_of_file(url) if url.get_backend_name() == "sqlite" else _of_server(url))


def _of_file(url: URL) -> Iterator[Answer]:
    from sakimori.store import sqlite

    path = Path(url.database or "")
    if not path.exists():
        raise StoreError(f"there is no database at {path}: whatever keeps something makes it, or `sakimori db migrate`")
    engine = sqlite.engine(url)
    try:
        with explaining(str(path)), engine.execution_options(sakimori_begin="BEGIN DEFERRED").connect() as connection:
            problems = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            yield Answer("pages", "; ".join(problems) if problems != ["ok"] else "whole", problems == ["ok"])
            yield _schema(connection)
    except StoreError as error:
        yield Answer("pages", str(error), False)
    finally:
        engine.dispose()


def _of_server(url: URL) -> Iterator[Answer]:
    from sakimori.store import postgresql, protection

    place = postgresql.where(url)
    engine = postgresql.engine(url)
    try:
        with explaining(place), engine.connect() as connection:
            role = protection.user(connection)
            grounds = protection.stands_above(connection, role)
            yield Answer("role", f"'{role}' {grounds or 'is bound by row-level security'}", not grounds)
            if protection.may_read(connection):
                yield _schema(connection)
            else:
                yield Answer("rights", f"none: run `sakimori db migrate --role {role}` as the owner", False)
            unfit = protection.unfit(connection, oldest=postgresql.OLDEST)
            yield Answer("server", unfit or "fit", unfit is None)
            names, unprotected = protection.tables(connection), protection.unprotected(connection)
            found = f"missing or altered on {', '.join(unprotected)}" if unprotected else f"on all {len(names)} tables"
            yield Answer("row-level security", found, bool(names) and not unprotected)
    finally:
        engine.dispose()


def _schema(connection: Connection) -> Answer:
    found = revision(connection)
    if found != HEAD:
        return Answer("schema", f"{found or 'none'}, and this version needs {HEAD}", False)
    missing = set(metadata.tables) - set(inspect(connection).get_table_names())
    return Answer("schema", f"{found}, without {', '.join(sorted(missing))}" if missing else found, not missing)


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has that the connection sees."""
    names = sorted(set(metadata.tables) & set(inspect(connection).get_table_names()))
    quote = connection.dialect.identifier_preparer.quote_identifier
    return {
        name: connection.execute(text(f"SELECT count(*) FROM {quote(name)}")).scalar_one()  # noqa: S608 # our own names
        for name in names
    }
