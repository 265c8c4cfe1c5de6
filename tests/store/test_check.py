import os
from pathlib import Path

import pytest
from tests.postgres_cluster import OPEN_ROLES, OWNER, PASSWORD_ROLE, Cluster

from sakimori import access, ledger, store
from sakimori.records import Source
from sakimori.store import Database, StoreError, sqlite
from sakimori.store.check import check
from sakimori.store.database import database_url as parse
from sakimori.store.schema import declare_tables

declare_tables(store, access, ledger)


def problems(url: str) -> dict[str, str]:
    return {answer.subject: answer.found for answer in check(parse(url)) if not answer.ok}


def test_a_database_that_is_as_it_should_be_has_no_problems(database: Database, database_url: str) -> None:
    assert problems(database_url) == {}


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database at"):
        check(parse(f"sqlite:///{tmp_path}/sakimori.db"))
    assert not list(tmp_path.iterdir())


def test_damaged_pages_are_found(tmp_path: Path) -> None:
    database = Database.embedded(tmp_path)
    with database.transaction("a") as transaction:
        for number in range(200):
            made = Source(tenant="a", digest=f"{number:064x}", path="x" * 500, format="evtx", size=1)
            transaction.put(made)
    database.close()
    path = tmp_path / "sakimori.db"
    data = bytearray(path.read_bytes())
    data[-4096 * 20 : -4096 * 10] = os.urandom(4096 * 10)
    path.write_bytes(data)
    assert "pages" in problems(f"sqlite:///{path}")


def test_another_schema_and_a_table_that_is_gone_are_found(tmp_path: Path) -> None:
    Database.embedded(tmp_path).close()
    url = f"sqlite:///{tmp_path}/sakimori.db"
    engine = sqlite.engine(parse(url))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE verdict")
    assert problems(url)["schema"].endswith("without verdict")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert problems(url)["schema"].startswith("0001, and this version needs")
    engine.dispose()


@pytest.mark.services
@pytest.mark.parametrize("role", OPEN_ROLES)
def test_a_role_that_row_level_security_does_not_bind_is_found(cluster: Cluster, role: str) -> None:
    assert problems(cluster.url(cluster.emptied(), role))["role"] == f"'{role}' {OPEN_ROLES[role]}"


@pytest.mark.services
def test_a_role_without_rights_is_told_how_to_get_them(cluster: Cluster) -> None:
    url = cluster.url(cluster.emptied(), PASSWORD_ROLE).replace("@", ":secret@")
    assert problems(url) == {"rights": f"none: run `sakimori db migrate --role {PASSWORD_ROLE}` as the owner"}
    with pytest.raises(StoreError, match=f"role '{PASSWORD_ROLE}' has no rights in the database"):
        Database.open(url)


@pytest.mark.services
def test_an_open_table_and_a_database_without_schema_are_found(cluster: Cluster) -> None:
    name = cluster.new()
    cluster.sql("ALTER TABLE plan NO FORCE ROW LEVEL SECURITY", database=name, role=OWNER)
    assert problems(cluster.url(name)) == {"row-level security": "missing or altered on plan"}
    cluster.drop(name)
    cluster.create("bare")
    assert set(problems(cluster.url("bare"))) == {"schema", "row-level security"}
    cluster.drop("bare")
