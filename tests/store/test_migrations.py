import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, LargeBinary, String, Table, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine
from tests.postgres_cluster import AUTHORITY, OPEN_ROLES, ORDINARY, OWNER, Cluster

from sakimori import access, ledger, store
from sakimori.core import InputError
from sakimori.store import Database, StoreError, migrate, postgresql
from sakimori.store.database import database_url as parse
from sakimori.store.schema import TenantColumns, declare_tables, metadata


def test_the_migrations_make_the_tables_that_the_code_declares(database: Database, database_url: str) -> None:
    declare_tables(store, access, ledger)
    engine = create_engine(parse(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        config = migrate.configuration(connection)
    engine.dispose()
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_every_table_belongs_to_institutions() -> None:
    declare_tables(store, access, ledger)
    assert metadata.tables
    for table in metadata.tables.values():
        assert not table.c.tenant.nullable, table.name


def first_schema_with_rows(url: URL) -> dict[str, dict[str, Any]]:
    """Make the first schema there ever was, and a row of institution A in each of its tables. Returns the rows."""
    made = create_engine(url)
    rows: dict[str, dict[str, Any]] = {}
    with made.begin() as connection:
        connection.execute(text("SELECT 1"))
        command.upgrade(migrate.configuration(connection), "0001")
        for table in inspect(connection).get_table_names():
            if table == "alembic_version":
                continue
            columns = inspect(connection).get_columns(table)
            rows[table] = {column["name"]: _value(column["name"], column["type"]) for column in columns}
            names = ", ".join(rows[table])
            values = ", ".join(f":{name}" for name in rows[table])
            quote = connection.dialect.identifier_preparer.quote_identifier
            connection.execute(text(f"INSERT INTO {quote(table)} ({names}) VALUES ({values})"), rows[table])  # noqa: S608
    made.dispose()
    return rows


def _value(name: str, type_: TypeEngine[Any]) -> Any:
    if name == "tenant":
        return "A"
    if isinstance(type_, LargeBinary):
        return b"\0\xff"
    if isinstance(type_, Boolean):
        return True
    return "経理" if isinstance(type_, String) else 7


def test_rows_of_the_first_version_are_there_in_this_one(tmp_path: Path) -> None:
    url = parse(f"sqlite:///{tmp_path}/sakimori.db")
    _compare_with(first_schema_with_rows(url), url)


@pytest.mark.services
def test_rows_of_the_first_version_are_there_in_this_one_on_a_server(cluster: Cluster) -> None:
    """Rows were written before anything protected them; whoever migrates gives them their protection."""
    cluster.create("first")
    url = parse(cluster.url("first", OWNER))
    rows = first_schema_with_rows(url)
    cluster.sql(f"GRANT SELECT ON alembic_version TO {ORDINARY}", database="first")
    with pytest.raises(StoreError, match="has the older schema 0001, and this version needs"):
        Database.open(cluster.url("first"))
    postgresql.migrate(url, postgresql.Roles(ORDINARY))
    _compare_with(rows, parse(cluster.url("first")))
    cluster.drop("first")


def _compare_with(rows: dict[str, dict[str, Any]], url: URL) -> None:
    """All rows are as they were, but for what later versions keep in another form."""
    declare_tables(store, access, ledger)
    budget = rows.pop("budget_booked")
    of_day = {"grant_id": budget["grant_id"], "period": "1970-01-01", "requests": 0, "tokens": budget["tokens"]}
    rows["budget_window"] = {"tenant": "A", **of_day, "microyen": budget["microyen"]}
    del rows["budget_reservation"]["window_start"]
    database = Database.open(url)
    with database.snapshot("A") as snapshot:
        for table, row in rows.items():
            declared = cast("Table[TenantColumns]", metadata.tables[table])
            found = snapshot.connection.execute(snapshot.rows(declared)).mappings().one()
            assert {name: found[name] for name in row} == row
    database.close()


@pytest.mark.services
def test_two_may_migrate_a_server_at_once(cluster: Cluster) -> None:
    cluster.create("twice")
    url = parse(cluster.url("twice", OWNER))
    with ThreadPoolExecutor() as pool:
        roles = postgresql.Roles(ORDINARY, AUTHORITY)
        for migrated in [pool.submit(postgresql.migrate, url, roles) for _ in range(3)]:
            migrated.result()
    Database.open(cluster.url("twice")).close()
    cluster.drop("twice")


@pytest.mark.services
def test_a_server_with_a_newer_schema_is_refused_and_left_alone(cluster: Cluster) -> None:
    name = cluster.new()
    cluster.sql("UPDATE alembic_version SET version_num = '9999'", database=name)
    with pytest.raises(StoreError, match=r"was written by a newer Sakimori \(schema 9999, this version knows \d+\)"):
        Database.open(cluster.url(name))
    with pytest.raises(StoreError, match="was written by a newer Sakimori"):
        postgresql.migrate(parse(cluster.url(name, OWNER)), postgresql.Roles(ORDINARY))
    assert cluster.sql("SELECT version_num FROM alembic_version", database=name) == "9999"
    cluster.drop(name)


@pytest.mark.services
def test_a_migration_of_a_server_that_fails_leaves_nothing_behind(cluster: Cluster) -> None:
    cluster.create("failing")
    cluster.sql("CREATE TABLE verdict (tenant text)", database="failing", role=OWNER)
    with pytest.raises(DBAPIError, match="already exists"):
        postgresql.migrate(parse(cluster.url("failing", OWNER)), postgresql.Roles(ORDINARY))
    assert cluster.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database="failing") == "verdict"
    cluster.drop("failing")


@pytest.mark.services
@pytest.mark.parametrize("role", [ORDINARY, *OPEN_ROLES])
def test_only_the_owner_migrates_and_only_ordinary_roles_get_rights(cluster: Cluster, role: str) -> None:
    name = cluster.new()
    owner = parse(cluster.url(name, OWNER))
    if role == ORDINARY:
        with pytest.raises(StoreError, match=f"does not own the tables .*: give the URL of '{OWNER}'"):
            postgresql.migrate(owner.set(username=role), postgresql.Roles(ORDINARY))
    else:
        with pytest.raises(InputError, match=f"role '{role}' {OPEN_ROLES[role]}: name one that row-level security"):
            postgresql.migrate(owner, postgresql.Roles(role))
        with pytest.raises(InputError, match=f"role '{role}'"):
            postgresql.migrate(owner, postgresql.Roles(ORDINARY, role))
    with pytest.raises(InputError, match="knows no role 'nobody_known': create it, or name another one"):
        postgresql.migrate(owner, postgresql.Roles("nobody_known"))
    cluster.drop(name)


def test_the_authority_is_not_the_role_that_reads_rows() -> None:
    url = parse("postgresql://owner@127.0.0.1:1/d")
    with pytest.raises(InputError, match="role 'sakimori' cannot be the authority's as well"):
        postgresql.migrate(url, postgresql.Roles("sakimori", "sakimori"))


@pytest.mark.services
@pytest.mark.parametrize(
    "options", ["ENCODING 'SQL_ASCII' LOCALE 'C'", "LOCALE_PROVIDER icu ICU_LOCALE 'ja' LOCALE 'C'"]
)
def test_a_database_that_sorts_text_in_another_way_is_refused(cluster: Cluster, options: str) -> None:
    cluster.sql(f"CREATE DATABASE sorted OWNER {OWNER} TEMPLATE template0 {options}")
    with pytest.raises(StoreError, match="does not sort text by code point in UTF-8: create it with"):
        postgresql.migrate(parse(cluster.url("sorted", OWNER)), postgresql.Roles(ORDINARY))
    cluster.drop("sorted")


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    Database.embedded(tmp_path).close()
    path = tmp_path / "sakimori.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"was written by a newer Sakimori \(schema 9999, this version knows \d+\)"):
        Database.embedded(tmp_path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
    connection.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may die in the middle: the next start finds the database as it was and migrates again."""
    path = tmp_path / "sakimori.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE verdict (x)")
    connection.close()
    with pytest.raises(Exception, match="table verdict already exists"):
        Database.embedded(tmp_path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("verdict",)]
        connection.execute("DROP TABLE verdict")
    connection.close()
    Database.embedded(tmp_path).close()
