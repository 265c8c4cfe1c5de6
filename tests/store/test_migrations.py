import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from sakimori import access, ledger, store
from sakimori.store import Database, StoreError, migrate
from sakimori.store.schema import declare_tables, metadata


def test_the_migrations_make_the_tables_that_the_code_declares(tmp_path: Path) -> None:
    declare_tables(store, access, ledger)
    Database.embedded(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path}/sakimori.db")
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
