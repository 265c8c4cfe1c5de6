import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from sakimori.core import InputError
from sakimori.records import Source
from sakimori.store import Busy, Database, StoreError, sqlite
from sakimori.store.errors import explaining
from sakimori.store.schema import evidence


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.embedded(tmp_path / "home")
    yield opened
    opened.close()


def source(number: int, *, tenant: str = "a", size: int = 1) -> Source:
    return Source(tenant=tenant, digest=f"{number:064x}", path="x" * size, format="evtx", size=size)


def count(database: Database, tenant: str = "a") -> int:
    with database.snapshot(tenant) as snapshot:
        return len(snapshot.all(Source))


def test_an_install_is_closed_to_others(tmp_path: Path) -> None:
    Database.embedded(tmp_path / "new" / "home").close()
    assert (tmp_path / "new" / "home").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "home" / "sakimori.db").stat().st_mode & 0o077 == 0


def test_writes_are_durable_and_readers_do_not_wait(database: Database) -> None:
    with database.transaction("a") as transaction:
        settings = {
            name: transaction.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        transaction.put(source(1))
        assert count(database) == 0
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert count(database) == 1


def test_an_exception_takes_back_everything(database: Database) -> None:
    def write_half() -> None:
        with database.transaction("a") as transaction:
            transaction.put(source(1))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert count(database) == 0
    with database.transaction("a") as transaction:
        transaction.put(source(2))
    assert count(database) == 1


def test_a_snapshot_does_not_change_while_it_is_read(database: Database) -> None:
    with database.snapshot("a") as snapshot:
        assert snapshot.all(Source) == []
        with database.transaction("a") as transaction:
            transaction.put(source(1))
        assert snapshot.all(Source) == []


def test_a_killed_process_leaves_what_it_committed_and_nothing_else(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from sakimori.records import Source
from sakimori.store import Database

def source(number):
    return Source(tenant="a", digest=f"{number:064x}", path="x", format="evtx", size=1)

database = Database.embedded(Path(sys.argv[1]))
with database.transaction("a") as transaction:
    transaction.put(source(1), source(2))
with database.transaction("a") as transaction:
    transaction.put(*(source(number) for number in range(3, 5000)))
    print("written", flush=True)
    sys.stdin.read()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        child.send_signal(signal.SIGKILL)
    database = Database.embedded(tmp_path)
    assert count(database) == 2
    with database.transaction("a") as transaction:
        transaction.put(source(3))
    assert count(database) == 3
    database.close()


def test_two_processes_that_begin_at_once_share_one_database(tmp_path: Path) -> None:
    """Neither exists before: both create it, migrate it, and then write in turn."""
    program = """
import sys
from pathlib import Path
from sakimori.records import Source
from sakimori.store import Database

sys.stdin.readline()
database = Database.embedded(Path(sys.argv[1]))
for number in range(30):
    with database.transaction("a") as transaction:
        before = len(transaction.all(Source))
        digest = f"{int(sys.argv[2]) * 1000 + number:064x}"
        transaction.put(Source(tenant="a", digest=digest, path=str(before), format="evtx", size=1))
"""
    children = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name], stdin=subprocess.PIPE, text=True)
        for name in ("1", "2")
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
    assert [child.returncode for child in children] == [0, 0]
    database = Database.embedded(tmp_path)
    with database.snapshot("a") as snapshot:
        # Each saw what all before it had written: transactions followed one another.
        assert sorted(int(kept.path) for kept in snapshot.all(Source)) == list(range(60))
    database.close()


def test_threads_take_turns(database: Database) -> None:
    def write(thread: int) -> None:
        for number in range(10):
            with database.transaction("a") as transaction:
                before = len(transaction.all(Source))
                transaction.put(source(thread * 100 + number, size=before))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.snapshot("a") as snapshot:
        assert sorted(kept.size for kept in snapshot.all(Source)) == list(range(60))


def test_a_locked_database_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
    database = Database.embedded(tmp_path)
    other = sqlite3.connect(tmp_path / "sakimori.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="is locked by another process"), database.transaction("a"):
        pass
    other.execute("ROLLBACK")
    other.close()
    with database.transaction("a") as transaction:
        transaction.put(source(1))
    database.close()


def test_a_transaction_inside_another_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
    database = Database.embedded(tmp_path)
    with (
        database.transaction("a"),
        pytest.raises(StoreError, match="held by another transaction of this process"),
        database.transaction("a"),
    ):
        pass
    database.close()


def test_what_is_to_begin_at_once_waits_for_nobody(database: Database, tmp_path: Path) -> None:
    def begin() -> None:
        with database.transaction("a", at_once=True) as transaction:
            transaction.put(source(1))

    with database.transaction("a"), pytest.raises(Busy, match="of this process"):
        begin()
    elsewhere = Database.embedded(tmp_path / "home")  # as another process has it
    with elsewhere.transaction("a"), pytest.raises(Busy, match="of another process"):
        begin()
    elsewhere.close()
    begin()
    assert count(database) == 1
    with database.transaction("a") as transaction:  # and who is to wait does so
        assert transaction.connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 10_000


def test_a_log_that_is_tidied_does_not_grow(database: Database, tmp_path: Path) -> None:
    sizes: set[int] = set()
    for number in range(5):
        with database.transaction("a") as transaction:
            transaction.put(source(number, size=100_000))
        database.tidy()
        sizes.add((tmp_path / "home" / "sakimori.db-wal").stat().st_size)
    assert len(sizes) == 1
    assert count(database) == 5


@pytest.mark.parametrize("long_log", [0, 1_000_000], ids=["a long log", "a short log"])
def test_who_reads_an_older_state_is_not_disturbed_by_tidying(
    database: Database, monkeypatch: pytest.MonkeyPatch, long_log: int
) -> None:
    monkeypatch.setattr(sqlite, "_LONG_LOG", long_log)
    with database.transaction("a") as transaction:
        transaction.put(source(1))
    with database.snapshot("a") as snapshot:
        assert len(snapshot.all(Source)) == 1
        with database.transaction("a") as transaction:
            transaction.put(source(2))
        database.tidy()
        assert len(snapshot.all(Source)) == 1
    with database.transaction("a") as transaction:
        transaction.put(source(3))
    assert count(database) == 3


def test_a_full_disk_is_one_sentence_and_loses_nothing(database: Database) -> None:
    with database.transaction("a") as transaction:
        transaction.put(source(1))
        # SQLite reports this limit with the same code as a full disk.
        pages = transaction.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        transaction.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="is full: free some space"), database.transaction("a") as transaction:
        transaction.put(*(source(number, size=4000) for number in range(2, 40)))
    assert count(database) == 1


def test_a_read_only_database_is_one_sentence(tmp_path: Path) -> None:
    Database.embedded(tmp_path).close()
    # Tests may run as root, for whom file modes mean nothing: SQLite's own read-only opening stands in.
    connection = sqlite3.connect(f"file:{tmp_path}/sakimori.db?mode=ro", uri=True)
    with pytest.raises(StoreError, match=r"sakimori\.db is read-only"), explaining(str(tmp_path / "sakimori.db")):
        connection.execute("DELETE FROM source")
    connection.close()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be created: Not a directory; check its folder or set SAKIMORI_HOME"):
        Database.embedded(tmp_path / "file" / "home")


def test_a_file_of_something_else_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "sakimori.db").write_text("these are my holiday photographs\n" * 1000)
    with pytest.raises(StoreError, match="is not a Sakimori database"):
        Database.embedded(tmp_path)


def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    database = Database.embedded(tmp_path)
    with database.transaction("a") as transaction:
        transaction.put(*(source(number, size=500) for number in range(200)))
    database.close()
    path = tmp_path / "sakimori.db"
    data = bytearray(path.read_bytes())
    data[4096 * 4 :] = os.urandom(len(data) - 4096 * 4)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="is damaged: put it aside and restore a backup"):
        count(Database.embedded(tmp_path))


def test_text_that_is_no_utf_8_is_damage_in_one_sentence(database: Database, tmp_path: Path) -> None:
    with database.transaction("a") as transaction:
        transaction.put(source(1))
    with sqlite3.connect(tmp_path / "home" / "sakimori.db") as connection:
        connection.execute("UPDATE source SET body = CAST(X'ff' AS TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="is damaged: put it aside and restore a backup"):
        count(database)


def test_a_database_that_was_removed_takes_no_more_writes(database: Database, tmp_path: Path) -> None:
    """SQLite would go on writing to the removed file, and all of it would be lost."""
    path = tmp_path / "home" / "sakimori.db"
    path.rename(path.with_suffix(".away"))
    with pytest.raises(StoreError, match="was removed or replaced"), database.transaction("a"):
        pass
    path.with_suffix(".away").rename(path)
    with database.transaction("a") as transaction:
        transaction.put(source(1))


def test_values_of_a_failed_statement_are_not_in_the_error(database: Database) -> None:
    row = {"event_id": "ev-1", "raw": b"the raw record of a customer"}
    with pytest.raises(IntegrityError) as caught, database.transaction("a") as transaction:
        transaction.insert(evidence, [row, row])
    assert "customer" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://sakimori:hunter2@db/sakimori",
        "postgresql://sakimori:hunter2@db",
        "postgresql+asyncpg://sakimori:hunter2@db/sakimori",
        "postgresql://sakimori:hunter2@db:port/sakimori",
        "nonsense hunter2",
        "",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InputError, match="expected sqlite:///PATH") as refused:
        Database.open(url)
    assert "hunter2" not in str(refused.value)


def test_an_institution_without_a_name_has_no_transactions(database: Database) -> None:
    with pytest.raises(ValueError, match="needs an institution"), database.transaction(""):
        pass
    with pytest.raises(ValueError, match="needs an institution"), database.snapshot(""):
        pass
