"""Bringing a database to the schema of this version, and refusing one of a newer version."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from sakimori.store.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0002"
"""The newest revision in ``migrations/versions``; known here so that the usual start need not load alembic."""


def migrate(engine: Engine, where: str) -> None:
    """Run the migrations that the database lacks, all or none. Two processes may do so at once.

    Raises:
        StoreError: the database was written by a newer version.
    """
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        revision = _revision(connection)
        if revision != HEAD:
            _upgrade(connection, revision, where)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def configuration(connection: Connection) -> "Config":
    """Alembic's settings: our migrations, on this connection and in its transaction."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection, revision: str | None, where: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = configuration(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreError(
            f"the database {where} was written by a newer Sakimori (schema {revision}, this version knows {HEAD}): "
            "use that version, or another SAKIMORI_HOME"
        )
    command.upgrade(config, "head")
