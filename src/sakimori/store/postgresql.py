"""A database on a PostgreSQL server (15 or newer), in which row-level security keeps institutions apart.

Each transaction is bound to its institution by ``set_config('sakimori.tenant', …, true)``, which ends with it: before
and after, the setting is unset or empty, and no row is visible (``store.protection``).
"""

import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, TextClause, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from sakimori.core import InputError
from sakimori.store import protection
from sakimori.store.errors import Busy, StoreError, explaining
from sakimori.store.migrate import HEAD, refuse_newer, revision, upgrade

OLDEST = 15
PATIENCE = 10
"""Seconds to wait for a connection, and for another writer of the same institution."""
_LOST = {"tcp_user_timeout": 30_000, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
"""When a machine that went silent is given up (libpq's names): the system's own patience is a quarter of an hour."""
_STANDSTILL = 60
"""Seconds after which the server ends a writing transaction in which nothing happens: its process hangs."""
_LOCKS = 0x53414B49
"""The class of our advisory locks, "SAKI" in ASCII; within it, institutions by a hash, and 0 for migrations."""

# One statement each: a transaction's round trips are most of what it costs.
_BIND_WRITER = text(
    "SELECT set_config('sakimori.tenant', :tenant, true), "
    "set_config('lock_timeout', :patience, true), "
    f"set_config('idle_in_transaction_session_timeout', '{_STANDSTILL}s', true), "
    f"pg_advisory_xact_lock({_LOCKS}, :turn)"
)
_BIND_READER = text("SELECT set_config('sakimori.tenant', :tenant, true)")


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may do what, besides the owner of the tables."""

    ordinary: str = "sakimori"
    """Every process but ``db migrate``, ``backup`` and ``restore``."""
    authority: str | None = None
    """Reads sums over institutions, and nothing else; None: nobody does."""


class PostgresServer:
    """Writers of one institution take turns, by an advisory lock; those of different ones do not wait."""

    def __init__(self, url: URL) -> None:
        """Connect as an ordinary role.

        Raises:
            StoreError: there is no answer, another schema, a role above row-level security, or tables without it.
        """
        self.where = where(url)
        self._writing = engine(url)
        # A pool of its own: to change a connection's mode and back costs more than to have another one.
        self._reading = engine(url, isolation_level="REPEATABLE READ")
        event.listen(self._reading, "connect", _read_only)
        try:
            with explaining(self.where), self._reading.connect() as connection:
                _refuse_unsafe(connection, self.where)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def writing(self, tenant: str, *, at_once: bool = False) -> Generator[Connection, None, None]:
        if at_once:
            raise Busy(f"the server of the database {self.where} is asked at every step")
        with _bound(self._writing, _BIND_WRITER, _writer(tenant)) as connection:
            yield connection
            connection.commit()

    def write_next(self, connection: Connection, tenant: str) -> None:
        connection.execute(_BIND_WRITER, _writer(tenant))

    @contextmanager
    def reading(self, tenant: str) -> Generator[Connection, None, None]:
        with _bound(self._reading, _BIND_READER, {"tenant": tenant}) as connection:
            yield connection

    def read_next(self, connection: Connection, tenant: str) -> None:
        connection.execute(_BIND_READER, {"tenant": tenant})

    def tidy(self) -> None:
        """A server does so by itself."""

    def close(self) -> None:
        self._writing.dispose()
        self._reading.dispose()


def engine(url: URL, *, isolation_level: str = "READ COMMITTED") -> Engine:
    """Connections to a server; whatever the URL leaves out, libpq takes from its own places (``PGPASSFILE``, …)."""
    patience = {"connect_timeout": PATIENCE, **_LOST}
    options: dict[str, Any] = {"client_encoding": "utf8"}
    options.update({name: value for name, value in patience.items() if name not in url.query})
    # hide_parameters: values bound to statements may be secret and must not stand in errors.
    return create_engine(
        url, connect_args=options, pool_timeout=PATIENCE, isolation_level=isolation_level, hide_parameters=True
    )


def where(url: URL) -> str:
    """What a database is called in errors."""
    host = url.host or url.query.get("host") or "the default server"
    return f"'{url.database}' on {host if isinstance(host, str) else ', '.join(host)}" + (
        f":{url.port}" if url.port else ""
    )


def migrate(url: URL, roles: Roles) -> None:
    """As the owner of the tables: run what migrations are missing, protect every table and give roles their rights.

    All or nothing; two may do so at once.

    Raises:
        InputError: a role is missing, is named for both, or could read past row-level security.
        StoreError: there is no answer, we are not the owner, the database is unfit, in use, or newer than this version.
    """
    place = where(url)
    if roles.authority == roles.ordinary:
        raise InputError(f"role '{roles.ordinary}' cannot be the authority's as well: name two, since one reads rows")
    with as_owner(url) as connection:
        if unfit := protection.unfit(connection, oldest=OLDEST):
            raise StoreError(f"the database {place} {unfit}")
        for role in filter(None, (roles.ordinary, roles.authority)):
            _refuse_role(connection, role, place)
        upgrade(connection, place)
        protection.protect(connection, ordinary=roles.ordinary, authority=roles.authority)


@contextmanager
def as_owner(url: URL, *, isolation_level: str = "READ COMMITTED") -> Generator[Connection, None, None]:
    """A transaction of the owner of the tables, who sees all rows; committed at normal exit.

    Raises:
        StoreError: there is no answer, or we are not the owner.
    """
    place = where(url)
    made = engine(url, isolation_level=isolation_level)
    try:
        with explaining(place), made.begin() as connection:
            if isolation_level == "READ COMMITTED":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCKS}, 0)"))
                connection.execute(text(f"SELECT set_config('lock_timeout', '{PATIENCE}s', true)"))
            if (others := protection.owners(connection) - {protection.user(connection)}) or not protection.may_create(
                connection
            ):
                raise StoreError(
                    f"role '{protection.user(connection)}' does not own the tables of the database {place}: "
                    f"give the URL of {' or '.join(map(repr, sorted(others))) or 'the role that owns the database'}"
                )
            connection.execute(text(protection.SEE_ALL))
            yield connection
    finally:
        made.dispose()


def _read_only(connection: psycopg.Connection, _record: object) -> None:
    connection.read_only = True


def _refuse_unsafe(connection: Connection, where: str) -> None:
    """What an ordinary process looks at before it begins."""
    role = protection.user(connection)
    if grounds := protection.stands_above(connection, role):
        raise StoreError(
            f"role '{role}' {grounds}, so that row-level security could not keep institutions apart in the database "
            f"{where}: use the ordinary role, and this one for `sakimori db migrate` only"
        )
    if not protection.may_read(connection):
        raise StoreError(
            f"role '{role}' has no rights in the database {where}: run `sakimori db migrate --role {role}` as the "
            "owner of the tables"
        )
    found = revision(connection)
    if found is not None:
        refuse_newer(found, where)
    if found != HEAD:
        raise StoreError(
            f"the database {where} has {'no schema yet' if found is None else f'the older schema {found}'}, and this "
            f"version needs {HEAD}: run `sakimori db migrate` as the owner of the tables"
        )
    if open_tables := protection.unprotected(connection):
        raise StoreError(
            f"the database {where} does not keep institutions apart in {', '.join(open_tables)}: "
            "run `sakimori db migrate` as the owner of the tables"
        )


def _refuse_role(connection: Connection, role: str, where: str) -> None:
    if not protection.exists(connection, role):
        raise InputError(f"the database {where} knows no role '{role}': create it, or name another one")
    if grounds := protection.stands_above(connection, role):
        raise InputError(f"role '{role}' {grounds}: name one that row-level security binds")


@contextmanager
def _bound(engine: Engine, bind: TextClause, values: Mapping[str, Any]) -> Generator[Connection, None, None]:
    try:
        connection = _begun(engine, bind, values)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        # The server went away since the pool made this connection. Nothing was done on it yet, and it may be back.
        connection = _begun(engine, bind, values)
    with connection:
        yield connection


def _begun(engine: Engine, bind: TextClause, values: Mapping[str, Any]) -> Connection:
    connection = engine.connect()
    try:
        connection.execute(bind, values)
    except BaseException:
        connection.close()
        raise
    return connection


def _writer(tenant: str) -> dict[str, Any]:
    return {"tenant": tenant, "patience": f"{PATIENCE}s", "turn": _turn(tenant)}


def _turn(tenant: str) -> int:
    """Two institutions with the same number wait for each other, and nothing worse. 0 is for migrations."""
    return zlib.crc32(tenant.encode()) // 2 or 1
