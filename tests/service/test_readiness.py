"""What every service needs, asked of a real database of each kind and of real secrets."""

import sqlite3
from pathlib import Path

import pytest

from sakimori.access.secrets import SecretsError
from sakimori.core import Settings
from sakimori.service.readiness import checks
from sakimori.store import Database, StoreError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", tenant="aozora", language="en")


def test_all_is_well(settings: Settings, database: Database) -> None:
    for check in checks(settings, database).values():
        check()


def test_a_database_that_another_version_changed_meanwhile_is_not_ready(settings: Settings) -> None:
    """As in a rolling upgrade, where the new version migrates while the old one still serves."""
    database = Database.embedded(settings.home)
    needs = checks(settings, database)
    with sqlite3.connect(settings.home / "sakimori.db") as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    with pytest.raises(StoreError, match="the database has the schema 9999, and this version needs"):
        needs["database"]()
    database.close()


def test_secrets_that_went_away_are_noticed_and_never_made_anew(settings: Settings, database: Database) -> None:
    needs = checks(settings, database)
    secrets = settings.home / "secrets"
    secrets.rename(settings.home / "elsewhere")
    with pytest.raises(SecretsError, match="the readiness key of institution 'aozora' is missing"):
        needs["secrets"]()
    assert not secrets.exists()
