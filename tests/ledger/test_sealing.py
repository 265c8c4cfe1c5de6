"""Groups, the fence between sequencers, processes that die, and a database that went back."""

import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.conftest import Keys, Write, entry

from sakimori.ledger import Checkpoint, Fenced, Ledger, LedgerError, LocalSigner, Memory, export, sealing
from sakimori.ledger.checkpoint import origin
from sakimori.ledger.memory import MemoryUnusable
from sakimori.store import Database, StoreError, Transaction


def appended(database: Database, ledger: Ledger, count: int, *, first: int = 0) -> None:
    with database.transaction("a") as transaction:
        ledger.append(transaction, *(entry(first + number) for number in range(count)))


def test_a_long_queue_is_sealed_in_bounded_groups(
    database: Database, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "GROUP", 4)
    appended(database, ledger, 11)
    with database.transaction("a") as transaction:
        first = ledger.seal(transaction)
        assert first is not None
        assert first.size == 4
        assert ledger.verify(transaction).pending == 7
    newest = ledger.sequence(database, "a")
    assert newest is not None
    with database.snapshot("a") as snapshot:
        found = ledger.verify(snapshot)
        assert (found.ok, found.leaves, found.pending, found.checkpoint) == (True, 11, 0, newest)
        assert [line.entry for line in ledger.lines(snapshot)] == [entry(number) for number in range(11)]


def test_some_can_be_sealed_and_remembered_later(database: Database, remembering: Ledger) -> None:
    appended(database, remembering, 3)
    with database.transaction("a") as transaction:
        some = remembering.seal_some(transaction, 2)
    with database.transaction("a") as transaction:
        rest = remembering.seal_some(transaction, 2)
        none = remembering.seal_some(transaction, 2)
    assert (some.entries, rest.entries, none.entries) == (2, 1, 0)
    assert some.newest is not None
    assert rest.newest is not None
    assert (some.newest.size, rest.newest.size) == (2, 3)
    assert none.newest == rest.newest
    assert remembering.remembered("a") is None
    remembering.remember("a", rest.newest)
    remembering.remember("a", some.newest)  # whose turn came late
    assert remembering.remembered("a") == rest.newest


def test_institutions_that_write_in_turn_keep_their_own_order_and_show_nothing_of_the_others(
    database: Database, ledger: Ledger
) -> None:
    """Their numbers while pending come from one sequence."""
    for number in range(6):
        for tenant in ("a", "銀行"):
            with database.transaction(tenant) as transaction:
                ledger.append(transaction, entry(number, tenant=tenant), entry(10 + number, tenant=tenant))
    written = [f"le-{number + tens}" for number in range(6) for tens in (0, 10)]
    told: list[bytes] = []
    for tenant in ("a", "銀行"):
        with database.snapshot(tenant) as snapshot:
            assert [line.entry.id for line in ledger.lines(snapshot)] == written
        ledger.sequence(database, tenant)
        with database.snapshot(tenant) as snapshot:
            assert [(line.position, line.entry.id) for line in ledger.lines(snapshot)] == list(enumerate(written))
            chosen = export.choose(snapshot, ledger.verifier(tenant))
            told += export.lines(snapshot, ledger.verifier(tenant), chosen)
    assert b"arrival" not in b"".join(told)


def test_a_clock_that_was_set_back_is_reported_and_allowed(database: Database, ledger: Ledger) -> None:
    with database.transaction("a") as transaction:
        ledger.append(transaction, *(entry(number, time=time) for number, time in enumerate([5, 9, 3, 3, -1, 8])))
    ledger.sequence(database, "a")
    with database.snapshot("a") as snapshot:
        found = ledger.verify(snapshot)
    assert (found.ok, found.backwards) == (True, 2)


def test_whoever_was_overtaken_is_undone(database: Database, ledger: Ledger, write: Write) -> None:
    write(2)
    appended(database, ledger, 2, first=7)
    with database.transaction("a") as transaction:
        stale = sealing.end_of_log(transaction, ledger.verifier)
    appended(database, ledger, 1, first=9)
    ledger.sequence(database, "a")
    appended(database, ledger, 1, first=10)
    with (
        pytest.raises(Fenced, match="sealed entries of 'a' at the same moment"),
        database.transaction("a") as transaction,
    ):
        sealing.seal_group(transaction, LocalSigner(Keys()), stale)
    newest = ledger.sequence(database, "a")
    assert newest is not None
    assert newest.size == 6
    with database.snapshot("a") as snapshot:
        assert ledger.verify(snapshot).leaves == 6


@pytest.mark.parametrize("epoch", ["'text'", "x'00'", "1.5", "-1", "9223372036854775807"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_fence_that_was_altered_is_said_and_loses_nothing(
    database: Database, ledger: Ledger, write: Write, epoch: str
) -> None:
    write(1)
    appended(database, ledger, 1, first=5)
    with database.transaction("a") as transaction:
        transaction.connection.exec_driver_sql(f"UPDATE ledger_sequencer SET epoch = {epoch}")  # noqa: S608
    with pytest.raises(LedgerError, match="run `sakimori ledger verify`"):
        ledger.sequence(database, "a")
    with database.snapshot("a") as snapshot:
        assert ledger.verify(snapshot).pending == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("id", "'le-other'"), ("salt", "zeroblob(32)"), ("salt", "7"), ("digest", "zeroblob(32)"), ("body", "x'7b7d'")],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_entry_that_was_altered_while_pending_is_not_sealed(
    database: Database, ledger: Ledger, write: Write, column: str, value: str
) -> None:
    """Sealed, it would make the whole log fail every later check."""
    write(2)
    appended(database, ledger, 1, first=5)
    with database.transaction("a") as transaction:
        transaction.connection.exec_driver_sql(f"UPDATE ledger_pending SET {column} = {value}")  # noqa: S608
    with pytest.raises(LedgerError):
        ledger.sequence(database, "a")
    with database.snapshot("a") as snapshot:
        found = ledger.verify(snapshot)
        newest = ledger.checkpoint(snapshot)
    assert found.problem is not None
    assert newest is not None
    assert newest.size == 2


@pytest.mark.services
@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.services)], indirect=True)
def test_without_turns_the_fence_alone_keeps_two_sequencers_apart(database: Database, database_url: str) -> None:
    """Connections of our own, which take no advisory lock: as if the database's turns had failed."""
    from concurrent.futures import ThreadPoolExecutor

    from sqlalchemy import text

    from sakimori.store.database import database_url as parsed
    from sakimori.store.postgresql import engine

    ledger = Ledger(LocalSigner(Keys()))
    appended(database, ledger, 3)
    raw = engine(parsed(database_url))
    bind = text("SELECT set_config('sakimori.tenant', 'a', true)")
    with raw.connect() as one, raw.connect() as two, ThreadPoolExecutor(1) as pool:
        one.execute(bind)
        two.execute(bind)
        first, second = Transaction(one, "a"), Transaction(two, "a")
        stale = sealing.end_of_log(second, ledger.verifier)
        ledger.seal(first)
        appended(database, ledger, 1, first=3)  # so that the second has something to seal, however late it looks
        late = pool.submit(sealing.seal_group, second, LocalSigner(Keys()), stale)
        one.commit()
        with pytest.raises(Fenced):
            late.result(timeout=30)
        two.rollback()
    raw.dispose()
    with database.snapshot("a") as snapshot:
        found = ledger.verify(snapshot)
    assert (found.ok, found.leaves, found.pending) == (True, 3, 1)


def _seal_often(url: str, home: Path, first: int, go: Any) -> None:
    ledger = Ledger(LocalSigner(Keys()), Memory(home))
    database = Database.open(url)
    go.wait()
    for number in range(15):
        appended(database, ledger, 3, first=first + 3 * number)
        ledger.sequence(database, "a")
    database.close()


def test_two_processes_that_write_and_seal_at_once_make_one_log(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    go = context.Event()
    writers = [context.Process(target=_seal_often, args=(database_url, tmp_path, 1000 * n, go)) for n in range(2)]
    for writer in writers:
        writer.start()
    go.set()
    for writer in writers:
        writer.join(timeout=60)
        assert writer.exitcode == 0
    ledger = Ledger(LocalSigner(Keys()), Memory(tmp_path))
    with database.snapshot("a") as snapshot:
        found = ledger.verify(snapshot, remembered=ledger.remembered("a"))
        ids = [line.entry.id for line in ledger.lines(snapshot)]
    assert (found.problem, found.leaves, found.pending) == (None, 90, 0)
    for first in (0, 1000):
        own = [id for id in ids if (int(id[3:]) >= 1000) == bool(first)]
        assert own == [f"le-{first + number}" for number in range(45)]
    remembered = ledger.remembered("a")
    assert remembered is not None
    assert remembered.size == 90


_DRIVER = """
import os, signal, sys
from pathlib import Path
from sakimori.ledger import Ledger, LocalSigner, Memory, sealing
from sakimori.store import Database
from tests.ledger.conftest import Keys, entry
home = Path(sys.argv[1])
sealing.GROUP = 2
WATCHED = (os.sep + "ledger" + os.sep, os.sep + "store" + os.sep, "sqlalchemy", "pathlib")

def work(count):
    ledger = Ledger(LocalSigner(Keys()), Memory.embedded(home))
    database = Database.embedded(home)
    with database.transaction("a") as transaction:
        ledger.append(transaction, entry(count), entry(count + 1), entry(count + 2))
    (home / "promised").write_text(str(count + 3))
    ledger.sequence(database, "a")
    database.close()

def victim(count, at):
    calls = 0
    def profile(frame, event, argument):
        nonlocal calls
        if event == "call" and any(part in frame.f_code.co_filename for part in WATCHED):
            calls += 1
            if calls == at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(profile)
    work(count)
    sys.setprofile(None)
    (home / "calls").write_text(str(calls))
    os._exit(0)

def run(count, at):
    child = os.fork()
    if child == 0:
        victim(count, at)
    return os.waitpid(child, 0)[1]

def check(count):
    ledger = Ledger(LocalSigner(Keys()), Memory.embedded(home))
    remembered = ledger.remembered("a")
    database = Database.embedded(home)
    with database.snapshot("a") as snapshot:
        found = ledger.verify(snapshot, remembered=remembered)
        ids = [line.entry.id for line in ledger.lines(snapshot)]
    assert found.ok, found.problem
    promised = home / "promised"
    assert len(set(ids)) == len(ids)
    if promised.exists():
        assert len(ids) >= int(promised.read_text()), (len(ids), promised.read_text())
    database.close()
    return max([int(id[3:]) + 1 for id in ids], default=0)

work(0)
count = check(0)
assert run(count, -1) == 0
total = int((home / "calls").read_text())
count = check(count)
step = max(1, total // 20)
died = 0
for at in range(1, total, step):
    died += run(count, at) == signal.SIGKILL
    count = check(count)
assert died > 14, died
assert run(count, -1) == 0
print(check(count), died)
"""


def test_kill_9_at_any_point_of_appending_and_sealing_loses_and_forks_nothing(tmp_path: Path) -> None:
    """Each child is killed at another call; what a commit promised is there, and the log goes on from where it was."""
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER, str(home)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def remembering(tmp_path: Path) -> Ledger:
    return Ledger(LocalSigner(Keys()), Memory(tmp_path / "memory"))


def sealed(database: Database, ledger: Ledger, first: int) -> Checkpoint:
    appended(database, ledger, 2, first=first)
    newest = ledger.sequence(database, "a")
    assert newest is not None
    return newest


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_restored_to_yesterday_is_noticed_and_not_sealed_upon(
    database: Database, tmp_path: Path, remembering: Ledger
) -> None:
    sealed(database, remembering, 0)
    database.close()
    shutil.copy(tmp_path / "sakimori.db", tmp_path / "yesterday")
    database = Database.embedded(tmp_path)
    newest = sealed(database, remembering, 2)
    database.close()
    for left in tmp_path.glob("sakimori.db*"):
        left.unlink()
    shutil.copy(tmp_path / "yesterday", tmp_path / "sakimori.db")

    database = Database.embedded(tmp_path)
    appended(database, remembering, 1, first=9)
    with pytest.raises(LedgerError, match="ends at 2 entries, and this install saw 4 of them signed: an older state"):
        remembering.sequence(database, "a")
    remembered = remembering.remembered("a")
    assert remembered == newest
    with database.snapshot("a") as snapshot:
        found = remembering.verify(snapshot, remembered=remembered)
        assert "an older state of the database was restored: 2 leaves are left of the 4" in str(found.problem)
        assert found.pending == 1
        before = remembering.checkpoint(snapshot)
    remembering.forget("a", before)
    assert sealed(database, remembering, 10).size == 5
    database.close()


def test_a_history_rewritten_with_the_same_key_is_not_sealed_upon(database: Database, remembering: Ledger) -> None:
    sealed(database, remembering, 0)
    forger = Ledger(LocalSigner(Keys()))
    with database.transaction("a") as transaction:
        for table in ("leaf", "content", "checkpoint", "sequencer"):
            transaction.connection.exec_driver_sql(f"DELETE FROM ledger_{table}")  # noqa: S608
        forger.append(transaction, entry(0), entry(7), entry(8))
        forger.seal(transaction)
    remembered = remembering.remembered("a")
    with database.snapshot("a") as snapshot:
        assert remembering.verify(snapshot).ok
        assert remembering.verify(snapshot, remembered=remembered).problem == (
            "the first 2 leaves are not what this install saw signed: history was rewritten"
        )
    with pytest.raises(LedgerError, match="no longer holds what this install saw signed at 2 entries"):
        remembering.sequence(database, "a")


def test_only_what_was_committed_is_remembered(database: Database, remembering: Ledger) -> None:
    def fail() -> None:
        with database.transaction("a") as transaction:
            for number in range(3):
                remembering.append(transaction, entry(number))
                remembering.seal(transaction)
            raise RuntimeError("the deed failed")

    with pytest.raises(RuntimeError):
        fail()
    assert remembering.remembered("a") is None
    kept = sealed(database, remembering, 5)
    assert remembering.remembered("a") == kept
    with database.transaction("a") as transaction:
        remembering.append(transaction, entry(6))
        newest = remembering.seal(transaction)
        assert remembering.remembered("a") == kept, "nobody knows yet whether it is committed"
    assert remembering.remembered("a") == newest

    def fail_in_part(transaction: Transaction) -> None:
        with transaction.part():
            remembering.append(transaction, entry(7))
            remembering.seal(transaction)
            raise RuntimeError("this part failed")

    with database.transaction("a") as transaction:
        with pytest.raises(RuntimeError):
            fail_in_part(transaction)
        assert list(remembering.lines(transaction))[-1].entry.id == "le-6"
    assert remembering.remembered("a") == newest


def test_what_a_process_did_not_live_to_remember_is_remembered_at_the_next_sealing(
    database: Database, remembering: Ledger, signer: LocalSigner
) -> None:
    """Killed between commit and memory, or sealed by an install of another home."""
    sealed(database, Ledger(signer), 0)
    assert remembering.remembered("a") is None
    with database.transaction("a") as transaction:
        newest = remembering.seal(transaction)
    assert remembering.remembered("a") == newest


@pytest.mark.parametrize("content", [b"", b"\xff", b"a checkpoint"])
def test_a_memory_that_was_altered_is_said(
    database: Database, remembering: Ledger, tmp_path: Path, content: bytes
) -> None:
    sealed(database, remembering, 0)
    memory = Memory(tmp_path / "memory")
    assert memory.path(origin("a")).stat().st_mode & 0o777 == 0o600
    memory.path(origin("a")).write_bytes(content)
    with pytest.raises(LedgerError, match=r"a checkpoint of the ledger of 'a' in .*/memory/.* cannot be trusted"):
        sealed(database, remembering, 2)


def test_a_memory_that_cannot_be_written_is_one_sentence(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MemoryUnusable, match=r"the checkpoint kept in .* cannot be used"):
        sealed(database, Ledger(LocalSigner(Keys()), Memory(tmp_path / "file" / "ledger")), 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("pragma", "sentence"),
    [("max_page_count = 1", "is full: free some space; nothing was written"), ("query_only = ON", "is read-only")],
)
def test_a_full_or_read_only_database_keeps_entries_pending(
    database: Database, ledger: Ledger, write: Write, pragma: str, sentence: str
) -> None:
    write(1)
    appended(database, ledger, 200, first=5)

    def seal() -> None:
        with database.transaction("a") as transaction:
            transaction.connection.exec_driver_sql(f"PRAGMA {pragma}")
            ledger.seal(transaction)

    with pytest.raises(StoreError, match=sentence):
        seal()
    database.close()  # the setting went with the connection: there is room again
    with database.snapshot("a") as snapshot:
        found = ledger.verify(snapshot)
    assert (found.ok, found.leaves, found.pending) == (True, 1, 200)
    newest = ledger.sequence(database, "a")
    assert newest is not None
    assert newest.size == 201
