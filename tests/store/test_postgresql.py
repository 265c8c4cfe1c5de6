"""What only a server does: institutions kept apart by row-level security, roles, and going away."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import Pool, event
from sqlalchemy.exc import DBAPIError
from tests.postgres_cluster import AUTHORITY, OPEN_ROLES, ORDINARY, OWNER, PASSWORD_ROLE, Cluster

from sakimori.core import ExitCode
from sakimori.records import DataClass, Grant, GrantState, Limit, Source, Window
from sakimori.store import Database, StoreError, postgresql, usage
from sakimori.store import database as module
from sakimori.store.budgets import Amount, reserve
from sakimori.store.schema import evidence

pytestmark = pytest.mark.services
SEE_ALL = "SET sakimori.maintenance = 'on'"


@pytest.fixture
def database_url(cluster: Cluster) -> str:
    return cluster.url(cluster.emptied())


@pytest.fixture
def name(database_url: str) -> str:
    return str(module.database_url(database_url).database)


@pytest.fixture
def banks(database: Database) -> None:
    """A and B each have one row, under the same id."""
    for tenant in ("A", "B"):
        with database.transaction(tenant) as transaction:
            transaction.insert(evidence, [{"event_id": "ev-1", "raw": tenant.encode()}])


@pytest.fixture
def bound(cluster: Cluster, name: str, banks: None) -> Iterator[psycopg.Connection]:
    """A connection of the ordinary role, in a transaction bound to A, for SQL written by hand."""
    with psycopg.connect(host=str(cluster.folder), dbname=name, user=ORDINARY) as connection:
        connection.execute("SELECT set_config('sakimori.tenant', 'A', true)")
        yield connection
        connection.rollback()


def rows_of_b(cluster: Cluster, name: str) -> str:
    return cluster.sql("SELECT event_id, convert_from(raw, 'UTF8') FROM evidence WHERE tenant = 'B'", database=name)


READS = [
    "SELECT tenant FROM evidence",
    "SELECT tenant FROM evidence WHERE tenant = 'B' OR true",
    "SELECT tenant FROM ONLY evidence",
    "TABLE evidence",
    "WITH x AS (SELECT * FROM evidence) SELECT tenant FROM x",
    "SELECT e.tenant FROM evidence e JOIN evidence f ON f.event_id = e.event_id",
    "SELECT tenant FROM evidence WHERE EXISTS (SELECT FROM evidence x WHERE x.tenant = 'B')",
    "SELECT tenant FROM evidence FOR UPDATE",
    "SELECT max(tenant) FROM evidence",
]


@pytest.mark.parametrize("query", READS)
def test_no_query_of_a_sees_anything_of_b(bound: psycopg.Connection, query: str) -> None:
    assert {row[0] for row in bound.execute(query.encode())} <= {"A"}


WRITES = [
    "INSERT INTO evidence VALUES ('B', 'ev-2', 'x')",
    "INSERT INTO evidence VALUES ('', 'ev-2', 'x')",
    "INSERT INTO evidence SELECT 'B', event_id || 'x', raw FROM evidence",
    "INSERT INTO evidence VALUES ('B', 'ev-1', 'x') ON CONFLICT DO NOTHING",
    "INSERT INTO evidence VALUES ('B', 'ev-1', 'x') ON CONFLICT (tenant, event_id) DO UPDATE SET raw = 'x'",
    "UPDATE evidence SET tenant = 'B', event_id = 'ev-3'",
    "UPDATE evidence SET raw = 'x' WHERE tenant = 'B'",
    "UPDATE evidence SET raw = 'x'",
    "DELETE FROM evidence WHERE tenant = 'B'",
    "DELETE FROM evidence",
    "MERGE INTO evidence e USING (VALUES ('B', 'ev-1')) AS v (t, i) ON e.tenant = v.t AND e.event_id = v.i "
    "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES ('B', 'ev-4', 'x')",
    "TRUNCATE evidence",
    "COPY evidence FROM STDIN",
    "DROP TABLE evidence",
    "ALTER TABLE evidence DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE evidence NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY institution ON evidence",
    "CREATE POLICY all_of_it ON evidence USING (true)",
    "CREATE TABLE child (tenant text, event_id text, FOREIGN KEY (tenant, event_id) REFERENCES evidence)",
    "CREATE TRIGGER t BEFORE INSERT ON evidence EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    f"SET ROLE {OWNER}",
    "SET session_replication_role = replica",
]


@pytest.mark.parametrize("statement", WRITES)
def test_no_statement_of_a_changes_anything_of_b(
    bound: psycopg.Connection, cluster: Cluster, name: str, statement: str
) -> None:
    try:
        bound.execute(statement.encode())
    except psycopg.Error:
        bound.rollback()
    bound.commit()
    assert rows_of_b(cluster, name) == "ev-1|B"
    forced = "SELECT relforcerowsecurity AND relrowsecurity FROM pg_class WHERE relname = 'evidence'"
    assert cluster.sql(forced, database=name) == "t"


def test_what_a_copies_out_is_its_own(bound: psycopg.Connection) -> None:
    with bound.cursor().copy("COPY evidence (tenant) TO STDOUT") as copy:
        assert b"".join(copy) == b"A\n"


def test_a_statement_prepared_for_a_gives_b_its_own_rows(bound: psycopg.Connection) -> None:
    """The plan is kept by the connection, the institution is not."""
    bound.execute("PREPARE mine AS SELECT tenant FROM evidence")
    for tenant in ("A", "B") * 6:
        bound.execute("SELECT set_config('sakimori.tenant', %s, true)", [tenant])
        assert bound.execute("EXECUTE mine").fetchall() == [(tenant,)]


def test_row_level_security_cannot_be_switched_off_to_see_more(bound: psycopg.Connection) -> None:
    bound.execute("SET row_security = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        bound.execute("SELECT * FROM evidence")


def test_what_is_for_the_owner_shows_nothing_more_to_others(bound: psycopg.Connection) -> None:
    bound.execute(SEE_ALL)
    assert bound.execute("SELECT tenant FROM evidence").fetchall() == [("A",)]


def test_whoever_may_write_any_sql_may_bind_it_to_another_institution(bound: psycopg.Connection) -> None:
    """The limit of all this, and why docs/operations.md says what to do where that is not enough."""
    bound.execute("SET LOCAL sakimori.tenant = 'B'")
    assert bound.execute("SELECT tenant FROM evidence").fetchall() == [("B",)]


@pytest.mark.parametrize("role", [ORDINARY, OWNER])
@pytest.mark.parametrize("before", ["SELECT 1", "SET sakimori.tenant = ''", "RESET sakimori.tenant"])
def test_without_an_institution_there_are_no_rows(
    cluster: Cluster, name: str, banks: None, role: str, before: str
) -> None:
    with psycopg.connect(host=str(cluster.folder), dbname=name, user=role, autocommit=True) as connection:
        connection.execute(before.encode())
        assert connection.execute("SELECT * FROM evidence").fetchall() == []
        with connection.transaction():
            connection.execute("SELECT set_config('sakimori.tenant', 'A', true)")
            assert len(connection.execute("SELECT * FROM evidence").fetchall()) == 1
        assert connection.execute("SELECT current_setting('sakimori.tenant', true)").fetchall() == [("",)]
        assert connection.execute("SELECT * FROM evidence").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO evidence VALUES ('', 'ev-9', 'x')")


def test_a_connection_goes_back_to_the_pool_without_an_institution(
    database: Database, banks: None, request: pytest.FixtureRequest
) -> None:
    """After a commit, after an error of SQL, after an exception, after reading."""
    left: list[str | None] = []

    def look(connection: psycopg.Connection | None, _record: object) -> None:
        if connection is not None:
            found = connection.execute("SELECT current_setting('sakimori.tenant', true)").fetchone()
            connection.rollback()
            left.append(found[0] if found else None)

    event.listen(Pool, "checkin", look)
    request.addfinalizer(lambda: event.remove(Pool, "checkin", look))

    def fail(statement: str) -> None:
        with database.transaction("A") as transaction:
            transaction.connection.exec_driver_sql(statement)
            raise RuntimeError

    with database.transaction("A"), database.snapshot("B"):
        pass
    for statement in ("SELECT 1", "SELECT 1/0", "nonsense"):
        with pytest.raises((RuntimeError, DBAPIError)):
            fail(statement)
    assert len(left) == 5
    assert set(left) <= {"", None}
    # Even who sets it by hand for the whole session leaves nothing that a transaction of another would see.
    with database.transaction("A") as transaction:
        transaction.connection.exec_driver_sql("SET sakimori.tenant = 'A'")
    with database.transaction("B") as transaction:
        assert [row.raw for row in transaction.connection.execute(transaction.rows(evidence))] == [b"B"]


def test_every_table_is_under_forced_row_level_security(cluster: Cluster, name: str) -> None:
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    assert cluster.sql(f"{query} AND NOT (relrowsecurity AND relforcerowsecurity)", database=name) == "alembic_version"
    assert len(cluster.sql(query, database=name).splitlines()) > 15


@pytest.mark.parametrize(
    ("role", "grounds"),
    [
        ("postgres", "is, or may become, a superuser"),
        (OWNER, "owns the tables, or may become who does"),
        *OPEN_ROLES.items(),
    ],
)
def test_a_role_above_row_level_security_may_not_run_anything(
    cluster: Cluster, name: str, role: str, grounds: str
) -> None:
    with pytest.raises(StoreError, match=f"role '{role}' {grounds}"):
        Database.open(cluster.url(name, role))


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE source NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE source DISABLE ROW LEVEL SECURITY",
        "DROP POLICY institution ON source",
        "DROP POLICY institution ON source; CREATE POLICY institution ON source USING (true)",
        "CREATE POLICY more ON source USING (true)",
        "ALTER POLICY maintenance ON source TO PUBLIC",
        "ALTER POLICY institution ON source WITH CHECK (true)",
        "ALTER POLICY institution ON source TO sakimori",
    ],
)
def test_a_table_that_is_open_is_refused_until_it_is_protected_again(cluster: Cluster, change: str) -> None:
    name = cluster.new()
    cluster.sql(change, database=name, role=OWNER)
    with pytest.raises(StoreError, match="does not keep institutions apart in source: run `sakimori db migrate`"):
        Database.open(cluster.url(name))
    postgresql.migrate(module.database_url(cluster.url(name, OWNER)), postgresql.Roles(ORDINARY, AUTHORITY))
    Database.open(cluster.url(name)).close()
    cluster.drop(name)


def grant(tenant: str, number: int) -> Grant:
    return Grant(
        id=f"gr-{number}",
        tenant=tenant,
        state=GrantState.READY,
        models=("m",),
        purposes=("p",),
        data_classes=(DataClass.STRUCTURED,),
        limits=(Limit(window=Window.DAY, tokens=100, yen=Decimal(10)),),
        not_before=0,
        not_after=10**18,
    )


def test_the_authority_reads_sums_and_no_rows(cluster: Cluster, name: str, database: Database) -> None:
    for tenant, grants in (("A", 2), ("銀行", 1)):
        with database.transaction(tenant) as transaction:
            for number in range(grants):
                made = grant(tenant, number)
                transaction.put(made)
                amount = Amount(tokens=10 + number, yen=Decimal(1))
                reserve(transaction, made, model="m", upper=amount, now=5, lifetime=timedelta(seconds=1))
                usage.count(
                    transaction,
                    now=5,
                    outcome=usage.Outcome.ANSWERED,
                    model="m",
                    purpose="p",
                    provider="o",
                    input_tokens=3,
                    output_tokens=1,
                    yen=Decimal("0.5"),
                )

    def ask(query: str, role: str = AUTHORITY) -> str:
        return cluster.sql(query, database=name, role=role)

    assert ask("SELECT * FROM authority.grants() ORDER BY 1") == "A|2\n銀行|1"
    budgets = [
        f"{tenant}|{period}|{sums}"
        for tenant, sums in (("A", "2|21|2000000"), ("銀行", "1|10|1000000"))
        for period in ("1970-01", "1970-01-01", "1970-01-01T00:00Z")
    ]
    assert ask("SELECT * FROM authority.budgets() ORDER BY 1, 2").splitlines() == budgets
    used = ["A|1970-01-01|m|p|o|answered||2|6|2|1000000", "銀行|1970-01-01|m|p|o|answered||1|3|1|500000"]
    assert ask("SELECT * FROM authority.usage() ORDER BY 1").splitlines() == used
    assert ask("; ".join((SEE_ALL, "SELECT * FROM authority.grants() ORDER BY 1"))) == "A|2\n銀行|1"
    tables = cluster.sql(
        "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        database=name,
    ).splitlines()
    for table in tables:
        for statement in ("SELECT * FROM ", "SELECT count(*) FROM ", "DELETE FROM "):
            with pytest.raises(subprocess.CalledProcessError) as refused:
                ask(f"{SEE_ALL}; SET sakimori.tenant = 'A'; {statement}{table}")
            assert "permission denied" in refused.value.stderr
    with pytest.raises(subprocess.CalledProcessError):
        ask("SELECT * FROM authority.grants()", role=ORDINARY)


def test_a_server_that_goes_away_is_one_sentence_and_back_again_it_is_used() -> None:
    server = Cluster()
    try:
        database = Database.open(server.url(server.new()))
        source = Source(tenant="A", digest="ab" * 32, path="p", format="evtx", size=1)
        with database.transaction("A") as transaction:
            transaction.put(source)

        def lose_it_half_way() -> None:
            with database.transaction("A") as transaction:
                transaction.put(replace(source, digest="cd" * 32))
                server.stop()
                transaction.all(Source)

        with pytest.raises(StoreError, match="does not answer: check that its server runs") as gone:
            lose_it_half_way()
        assert gone.value.exit_code is ExitCode.ENVIRONMENT
        with pytest.raises(StoreError, match="does not answer"), database.snapshot("A"):
            pass
        server.start()
        with database.snapshot("A") as snapshot:
            assert snapshot.all(Source) == [source]
        # Every connection of the pool had died.
        server.stop()
        server.start()
        with database.transaction("A") as transaction:
            assert transaction.all(Source) == [source]
        database.close()
    finally:
        server.remove()


def test_writers_of_one_institution_wait_for_each_other_and_not_for_another(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Database.open(database_url)
    with database.transaction("A"):
        with other.transaction("B") as transaction:
            transaction.insert(evidence, [{"event_id": "ev-1", "raw": b""}])
        monkeypatch.setattr(postgresql, "PATIENCE", 0.05)
        with pytest.raises(StoreError, match="is locked by another process"), other.transaction("A"):
            pass
    with other.transaction("A"):
        pass
    other.close()


def test_a_standby_is_one_sentence(cluster: Cluster, name: str) -> None:
    url = module.database_url(cluster.url(name)).update_query_dict({"options": "-c default_transaction_read_only=on"})
    database = Database.open(url)
    with pytest.raises(StoreError, match="is read-only: use its primary"), database.transaction("A") as transaction:
        transaction.insert(evidence, [{"event_id": "ev-1", "raw": b""}])
    database.close()


def test_a_database_that_is_not_there_and_a_role_that_is_not_are_one_sentence(cluster: Cluster) -> None:
    with pytest.raises(StoreError, match=r'does not let us in.*database "nowhere" does not exist'):
        Database.open(cluster.url("nowhere"))
    with pytest.raises(StoreError, match=r'does not let us in.*role "nobody_known" does not exist'):
        Database.open(cluster.url("postgres", "nobody_known"))


def test_a_password_is_in_no_sentence(cluster: Cluster, name: str) -> None:
    """The role may only come in with a password, and this one is wrong."""
    url = module.database_url(cluster.url(name, PASSWORD_ROLE)).set(password="hunter2")
    with pytest.raises(StoreError, match=r"does not let us in.*password authentication failed") as refused:
        Database.open(url)
    for error in (refused.value, refused.value.__cause__):
        assert "hunter2" not in str(error)
        assert "hunter2" not in repr(error)


@pytest.mark.parametrize(
    "tenant", ["ﾃｽﾄ銀行", "Ünïted Bånk", "بنك", "a'; DROP TABLE source; --", "%s", ":tenant", "😀"]
)
def test_institutions_have_names_in_any_script(database: Database, tenant: str) -> None:
    source = Source(tenant=tenant, digest="ab" * 32, path="p", format="evtx", size=1)
    with database.transaction(tenant) as transaction:
        transaction.put(source)
    with database.snapshot(tenant) as snapshot:
        assert snapshot.all(Source) == [source]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("53100", "is full: free some space; nothing was written"),
        ("53200", "is out of memory"),
        ("53300", "takes no more connections"),
        ("55P03", "is locked by another process"),
        ("40P01", "is locked by another process"),
        ("57P01", "does not answer"),
        ("58030", "the disk failed"),
        ("XX001", "is damaged"),
        ("42P01", "lacks a table or column"),
    ],
)
def test_what_a_server_refuses_is_one_sentence_and_nothing_is_written(
    database: Database, code: str, sentence: str
) -> None:
    """A real server says each of these when told to: it cannot be made to run out of disk for a test."""

    def write() -> None:
        with database.transaction("A") as transaction:
            transaction.insert(evidence, [{"event_id": "ev-1", "raw": b""}])
            refusal = f"DO $$ BEGIN RAISE EXCEPTION 'the raw record' USING ERRCODE = '{code}'; END $$"
            transaction.connection.exec_driver_sql(refusal)

    with pytest.raises(StoreError, match=sentence) as refused:
        write()
    assert "raw record" not in str(refused.value)
    with database.snapshot("A") as snapshot:
        assert snapshot.is_empty(evidence)
