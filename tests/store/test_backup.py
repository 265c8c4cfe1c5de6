import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL
from tests.postgres_cluster import OWNER, Cluster

from sakimori import access, ledger, store
from sakimori.access.secrets import Secrets
from sakimori.core import InputError
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import LedgerEntry, Source
from sakimori.store import Database, StoreError, detection, evidence, sqlite
from sakimori.store.backup import backup, restore
from sakimori.store.database import database_url as parse
from sakimori.store.schema import declare_tables

declare_tables(store, access, ledger)
TENANTS = ("銀行", "local", "B")


def by_owner(url: str) -> URL:
    """Backups are the business of whoever owns the tables; a file has no roles."""
    parsed = parse(url)
    return parsed if parsed.get_backend_name() == "sqlite" else parsed.set(username=OWNER)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a backup is restored to."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/restored/sakimori.db"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = cluster.new()
    yield cluster.url(name)
    cluster.drop(name)


def fill(database: Database, log: Ledger) -> None:
    """Rows of every shape: text in any script and with NUL, bytes, numbers, booleans, what is pending and sealed."""
    for tenant in TENANTS:
        with database.transaction(tenant) as transaction:
            transaction.put(Source(tenant=tenant, digest="ab" * 32, path="振込\0\x1b😀", format="evtx", size=2**40))
            evidence.put_raw(transaction, "ev-1", bytes(range(256)))
            detection.put_state(transaction, {"k\0ey": b"1"})
            log.append(transaction, entry(tenant, 1))
            log.seal(transaction)
            log.append(transaction, entry(tenant, 2))


def entry(tenant: str, number: int) -> LedgerEntry:
    return LedgerEntry(
        id=f"le-{number}", tenant=tenant, time=number, actor="a", action="a.b", subject="s", detail={"n": number}
    )


def contents(database: Database, log: Ledger, tenant: str) -> object:
    with database.snapshot(tenant) as snapshot:
        return (
            snapshot.all(Source),
            evidence.get_raw(snapshot, "ev-1"),
            detection.get_state(snapshot),
            list(log.lines(snapshot)),
            log.verify(snapshot).checkpoint,
        )


def test_everything_comes_back_whichever_way_it_goes(
    database: Database, database_url: str, target: str, tmp_path: Path
) -> None:
    """Also from a file to a server and from a server to a file."""
    log = Ledger(LocalSigner(Secrets.embedded(tmp_path)))
    fill(database, log)
    made = backup(by_owner(database_url), tmp_path / "b" / "backup.db")
    assert (tmp_path / "b" / "backup.db").stat().st_mode & 0o077 == 0
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["backup.db"]
    assert restore(by_owner(target), tmp_path / "b" / "backup.db") == made
    restored = Database.open(target)
    for tenant in TENANTS:
        assert contents(restored, log, tenant) == contents(database, log, tenant)
    # It goes on where it was: numbers that the database gives do not meet those that were restored.
    with restored.transaction("local") as transaction:
        log.append(transaction, entry("local", 3))
        sealed = log.seal(transaction)
        assert sealed is not None
        assert sealed.size == 3
        assert [line.entry.id for line in log.lines(transaction)] == ["le-1", "le-2", "le-3"]
    restored.close()


def test_a_backup_under_load_is_one_moment_and_holds_nobody_up(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Each transaction writes one source for two institutions' worth of rows: a backup has both rows or neither."""
    stop = threading.Event()
    written = [0]

    def write() -> None:
        while not stop.is_set():
            number = written[0]
            with database.transaction("a") as transaction:
                transaction.put(Source(tenant="a", digest=f"{number:064x}", path="p", format="evtx", size=1))
                evidence.put_raw(transaction, f"ev-{number}", b"x" * 2000)
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(4):
            before = written[0]
            backup(by_owner(database_url), tmp_path / f"{number}.db")
            after = written[0] + 1
            with sqlite3.connect(tmp_path / f"{number}.db") as copy:
                (sources,) = copy.execute("SELECT count(*) FROM source").fetchone()
                (raws,) = copy.execute("SELECT count(*) FROM evidence").fetchone()
            copy.close()
            assert sources == raws
            assert before <= sources <= after
    finally:
        stop.set()
        writer.join()


def test_a_backup_under_load_is_restored_with_a_ledger_that_is_whole_and_goes_on(
    database: Database, database_url: str, target: str, tmp_path: Path
) -> None:
    """Taken while several institutions write and seal: whatever moment it is of, it is one that there was."""
    log = Ledger(LocalSigner(Secrets.embedded(tmp_path)))
    fill(database, log)
    stop = threading.Event()

    def work(tenant: str) -> None:
        number = 10
        while not stop.is_set():
            with database.transaction(tenant) as transaction:
                log.append(transaction, entry(tenant, number), entry(tenant, number + 1))
                if number % 3 == 0:
                    log.seal(transaction)
            number += 2

    workers = [threading.Thread(target=work, args=(tenant,)) for tenant in TENANTS]
    for worker in workers:
        worker.start()
    try:
        backup(by_owner(database_url), tmp_path / "backup.db")
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    restore(by_owner(target), tmp_path / "backup.db")
    restored = Database.open(target)
    for tenant in TENANTS:
        with restored.snapshot(tenant) as snapshot:
            found = log.verify(snapshot)
            assert found.problem is None
            ids = [line.entry.id for line in log.lines(snapshot)]
        assert found.leaves + found.pending == len(ids) == len(set(ids)) >= 2
        with restored.transaction(tenant) as transaction:
            log.append(transaction, entry(tenant, 10**6))
        assert log.sequence(restored, tenant) is not None
        with restored.snapshot(tenant) as snapshot:
            assert log.verify(snapshot).leaves == len(ids) + 1
            assert [line.entry.id for line in log.lines(snapshot)] == [*ids, "le-1000000"]
    restored.close()


def test_nothing_is_overwritten(database: Database, database_url: str, target: str, tmp_path: Path) -> None:
    fill(database, Ledger(LocalSigner(Secrets.embedded(tmp_path))))
    url, file = by_owner(database_url), tmp_path / "backup.db"
    backup(url, file)
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"backup\.db is there already: nothing is overwritten"):
        backup(url, file)
    assert file.read_bytes() == before
    with pytest.raises(InputError, match=r"is there already: stop what uses it|holds rows already"):
        restore(url, file)
    assert Database.open(target) is not None
    restored = Database.open(target)
    with restored.transaction("a") as transaction:
        transaction.put(Source(tenant="a", digest="cd" * 32, path="p", format="evtx", size=1))
    with pytest.raises(InputError, match=r"is there already: stop what uses it|holds rows already"):
        restore(by_owner(target), file)
    with restored.snapshot("a") as snapshot:
        assert len(snapshot.all(Source)) == 1
    restored.close()


@pytest.mark.parametrize("leftover", ["-wal", "-shm"])
def test_what_is_left_of_an_older_database_is_not_mixed_in(tmp_path: Path, leftover: str) -> None:
    Database.embedded(tmp_path / "old").close()
    url = parse(f"sqlite:///{tmp_path}/new/sakimori.db")
    backup(parse(f"sqlite:///{tmp_path}/old/sakimori.db"), tmp_path / "backup.db")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / f"sakimori.db{leftover}").write_bytes(b"of another database")
    with pytest.raises(InputError, match="stop what uses it and move it away"):
        restore(url, tmp_path / "backup.db")
    assert not (tmp_path / "new" / "sakimori.db").exists()


def damaged(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096 * 6 :] = os.urandom(len(data) - 4096 * 6)
    file.write_bytes(data)


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: 4096 * 9])


def foreign(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE holidays (x)")
    connection.close()


def no_database(file: Path) -> None:
    file.write_bytes(b"these are my holiday photographs\n" * 1000)


def newer(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


@pytest.mark.parametrize("harm", [damaged, truncated, foreign, no_database, newer], ids=lambda harm: harm.__name__)
def test_a_backup_that_cannot_be_used_leaves_nothing_behind(
    harm: Callable[[Path], None], target: str, tmp_path: Path
) -> None:
    source = Database.embedded(tmp_path / "home")
    fill(source, Ledger(LocalSigner(Secrets.embedded(tmp_path))))
    source.close()
    file = tmp_path / "backup.db"
    backup(parse(f"sqlite:///{tmp_path}/home/sakimori.db"), file)
    harm(file)
    with pytest.raises(
        (StoreError, InputError), match=r"damaged|no database of Sakimori|not a Sakimori|newer Sakimori"
    ):
        restore(by_owner(target), file)
    assert not (tmp_path / "restored").exists() or not list((tmp_path / "restored").iterdir())
    restored = Database.open(target)
    with restored.snapshot("local") as snapshot:
        assert snapshot.all(Source) == []
    restored.close()


def test_a_backup_of_an_older_version_is_brought_forward(target: str, tmp_path: Path) -> None:
    from tests.store.test_migrations import first_schema_with_rows

    engine_url = parse(f"sqlite:///{tmp_path}/old.db")
    kept = first_schema_with_rows(engine_url)
    assert restore(by_owner(target), tmp_path / "old.db").schema == "0001"
    restored = Database.open(target)
    with restored.snapshot("A") as snapshot:
        assert evidence.get_raw(snapshot, kept["evidence"]["event_id"]) == kept["evidence"]["raw"]
    restored.close()


def test_a_backup_that_dies_half_way_is_no_backup(tmp_path: Path) -> None:
    """Killed before its last step, it has left a draft under another name."""
    Database.embedded(tmp_path / "home").close()
    program = """
import os, signal, sys
from pathlib import Path
from sakimori import access, ledger, store
from sakimori.store import backup
from sakimori.store.database import database_url
from sakimori.store.schema import declare_tables

declare_tables(store, access, ledger)
backup._digest_of_file = lambda path: os.kill(os.getpid(), signal.SIGKILL)
backup.backup(database_url(sys.argv[1]), Path(sys.argv[2]))
"""
    url, file = f"sqlite:///{tmp_path}/home/sakimori.db", tmp_path / "backup.db"
    killed = subprocess.run([sys.executable, "-c", program, url, str(file)], check=False)
    assert killed.returncode == -9
    assert not file.exists()
    backup(parse(url), file)


def test_rows_that_do_not_arrive_as_they_were_are_noticed(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that loses a row without saying so, between the writing and the reading again."""
    fill(database, Ledger(LocalSigner(Secrets.embedded(tmp_path))))
    real = sqlite.engine

    def losing(url: URL, *, live: bool = True) -> Engine:
        made = real(url, live=live)
        if not live and "mode" not in url.query:
            event.listen(made, "checkout", lose)
        return made

    def lose(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        with suppress(sqlite3.OperationalError):  # there are no tables yet
            connection.execute("DELETE FROM source WHERE tenant = 'B'")

    monkeypatch.setattr(sqlite, "engine", losing)
    with pytest.raises(StoreError, match=r"is not whole|did not arrive as they were"):
        backup(by_owner(database_url), tmp_path / "backup.db")
    assert not (tmp_path / "backup.db").exists()


@pytest.mark.services
def test_an_ordinary_role_cannot_take_a_backup(cluster: Cluster, tmp_path: Path) -> None:
    """It would see the rows of one institution at most."""
    with pytest.raises(
        StoreError, match=r"role 'sakimori' does not own the tables .*: give the URL of 'sakimori_owner'"
    ):
        backup(parse(cluster.url(cluster.emptied())), tmp_path / "backup.db")
    assert not list(tmp_path.iterdir())
