"""Bringing a database to the schema of this version, and refusing one of a newer version."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from sakimori.store.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0009"
"""The newest revision in ``migrations/versions``; known here so that the usual start need not load alembic."""


def migrate(engine: Engine, where: str) -> None:
    """Run the migrations that the database lacks, all or none. Two processes may do so at once.

    Raises:
        StoreError: the database was written by a newer version.
    """
    with engine.connect() as connection:
        if revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        upgrade(connection, where)


def revision(connection: Connection) -> str | None:
    """The schema that the database has; None: none of ours."""
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


def upgrade(connection: Connection, where: str) -> None:
    """Run the migrations that the database lacks, in the connection's transaction.

    Raises:
        StoreError: the database was written by a newer version.
    """
    found = revision(connection)
    if found == HEAD:
        return
    from alembic import command

    if found is not None:
        refuse_newer(found, where)
    command.upgrade(configuration(connection), "head")


def refuse_newer(found: str, where: str) -> None:
    """Raises StoreError where no migration of this version made the schema."""
    # Revisions are numbers of equal length, so that this needs no alembic.
    if found > HEAD:
        raise StoreError(
            f"the database {where} was written by a newer Sakimori (schema {found}, this version knows {HEAD}): "
            "use that version, or another database"
        )
