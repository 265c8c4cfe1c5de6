"""What every service of an install needs, as checks for /readyz: database and secrets; no provider of models."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from sakimori.access.secrets import Secrets
from sakimori.core import Settings
from sakimori.observe.health import Check
from sakimori.store import Database, StoreError
from sakimori.store.migrate import HEAD, revision

_PURPOSE = "readiness"
"""A key that protects nothing: reading it shows that the others can be read."""


def checks(settings: Settings, database: Database) -> Mapping[str, Check]:
    """``database``: it answers and has this version's schema; ``secrets``: they can be read.

    Raises:
        SecretsError: secrets cannot be kept or read now.
    """
    Secrets.embedded(settings.home).provision(settings.tenant, _PURPOSE)
    return {
        "database": partial(_database_answers, database, settings.tenant),
        "secrets": partial(_secrets_can_be_read, settings.home, settings.tenant),
    }


def _database_answers(database: Database, tenant: str) -> None:
    with database.snapshot(tenant) as snapshot:
        found = revision(snapshot.connection)
    if found != HEAD:
        raise StoreError(
            f"the database has the schema {found or 'of nobody'}, and this version needs {HEAD}: stop all services, "
            "run `sakimori db migrate`, and start services of one version"
        )


def _secrets_can_be_read(home: Path, tenant: str) -> None:
    # Opened anew, since one that is open answers from memory.
    Secrets.embedded(home).key(tenant, _PURPOSE)
