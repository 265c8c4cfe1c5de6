import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from sqlalchemy.exc import DBAPIError
from tests.postgres_cluster import Cluster

from sakimori.ledger import Checkpoint, Ledger, LedgerError, LocalSigner, sealing, tables
from sakimori.ledger.leaf import content_digest
from sakimori.ledger.merkle import Frontier, leaf_hash
from sakimori.ledger.verification import Chain
from sakimori.records import LedgerEntry
from sakimori.store import Database, Transaction, WrongTenant


class Keys:
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def key(self, tenant: str, purpose: str) -> bytes:
        return bytes([self.seed]) * 32

    def provision_all(self, wanted: object) -> None:
        """They are there for everybody."""


LEDGER = Ledger(LocalSigner(Keys(1)))
FORGER = Ledger(LocalSigner(Keys(2)))


def entry(number: int, *, tenant: str = "a") -> LedgerEntry:
    return LedgerEntry(
        id=f"le-{number}",
        tenant=tenant,
        time=number,
        actor="person:山田",
        action="gateway.call",
        subject="rq-1",
        detail={"tokens": number, "models": ["m"], "nested": {"b": 1, "a": None}},
    )


def write(database: Database, *numbers: int, tenant: str = "a") -> Checkpoint | None:
    with database.transaction(tenant) as transaction:
        LEDGER.append(transaction, *(entry(number, tenant=tenant) for number in numbers))
        return LEDGER.seal(transaction)


def sql(transaction: Transaction, statement: str, *parameters: object) -> list[Any]:
    """What someone does who edits the file."""
    if transaction.connection.dialect.name == "postgresql":
        statement = statement.replace("?", "%s")
    result = transaction.connection.exec_driver_sql(statement, parameters)
    return list(result.all()) if result.returns_rows else []


def test_entries_stand_or_fall_with_what_they_tell_of(database: Database) -> None:
    def fail() -> None:
        with database.transaction("a") as transaction:
            LEDGER.append(transaction, entry(1))
            raise RuntimeError("the deed failed")

    with pytest.raises(RuntimeError):
        fail()
    with database.snapshot("a") as snapshot:
        assert list(LEDGER.lines(snapshot)) == []


def test_pending_entries_are_counted_until_they_are_sealed(database: Database) -> None:
    with database.transaction("a") as transaction:
        assert LEDGER.seal(transaction) is None
        LEDGER.append(transaction, entry(1), entry(2))
        found = LEDGER.verify(transaction)
        assert (found.ok, found.leaves, found.pending) == (True, 0, 2)
        assert any("2 pending" in limit for limit in found.undetectable)
        made = LEDGER.seal(transaction)
        assert made is not None
        found = LEDGER.verify(transaction)
        assert (found.ok, found.leaves, found.pending, found.checkpoint) == (True, 2, 0, made)
        assert LEDGER.seal(transaction) == made
        assert LEDGER.checkpoint(transaction) == made


def test_lines_come_in_order_with_the_pending_last(database: Database) -> None:
    write(database, 3, 1, 2)
    with database.transaction("a") as transaction:
        LEDGER.append(transaction, entry(9), entry(4))
        places = [(line.position, line.entry) for line in LEDGER.lines(transaction)]
        assert places == [(0, entry(3)), (1, entry(1)), (2, entry(2)), (None, entry(9)), (None, entry(4))]
        for newest in range(1, 7):
            shown = [(line.position, line.entry) for line in LEDGER.lines(transaction, newest=newest)]
            assert shown == places[-newest:]


def test_each_institution_has_its_own_log(database: Database) -> None:
    write(database, 1, 2)
    write(database, 1, tenant="b")
    with database.transaction("b") as transaction:
        with pytest.raises(WrongTenant):
            LEDGER.append(transaction, entry(5))
        assert LEDGER.verify(transaction).leaves == 1
    write(database, 3)
    with database.snapshot("a") as snapshot:
        assert [line.entry for line in LEDGER.lines(snapshot)] == [entry(1), entry(2), entry(3)]
        assert LEDGER.verify(snapshot).ok


def test_equal_content_has_different_leaves(database: Database) -> None:
    """Content that was erased must not be recognised by hashing a guess."""
    write(database, 1, 1)
    with database.transaction("a") as transaction:
        leaves = sql(transaction, "SELECT substr(leaf, 33) FROM ledger_leaf")
    assert leaves[0] != leaves[1]


def test_nothing_is_sealed_on_top_of_a_damaged_log(database: Database) -> None:
    last = write(database, 1, 2, 3)
    assert last is not None
    damages: list[tuple[str, *tuple[bytes, ...]]] = [
        ("DELETE FROM ledger_leaf WHERE position = 2",),
        ("DELETE FROM ledger_checkpoint",),
        ("UPDATE ledger_checkpoint SET frontier = ?", bytes(1)),
        ("UPDATE ledger_checkpoint SET frontier = ?", bytes(64)),
        ("UPDATE ledger_checkpoint SET note = ?", last.note.replace("3", "2").encode()),
    ]
    for damage, *values in damages:
        with database.transaction("a") as transaction:
            sql(transaction, "SAVEPOINT before")
            sql(transaction, damage, *values)
            LEDGER.append(transaction, entry(4))
            with pytest.raises(LedgerError, match="run `sakimori ledger verify`"):
                LEDGER.seal(transaction)
            assert LEDGER.verify(transaction).pending == 1
            sql(transaction, "ROLLBACK TO before")
    assert write(database, 4) is not None


def test_a_log_cut_off_with_its_checkpoints_is_noticed_by_an_anchor_only(database: Database) -> None:
    write(database, 1, 2)
    anchor = write(database, 3, 4)
    with database.transaction("a") as transaction:
        for table in ("ledger_leaf", "ledger_content"):
            sql(transaction, f"DELETE FROM {table} WHERE position >= 2")  # noqa: S608
        sql(transaction, "DELETE FROM ledger_checkpoint WHERE size > 2")
        found = LEDGER.verify(transaction)
        assert found.ok
        assert any("removal of the newest entries" in limit for limit in found.undetectable)
        assert LEDGER.verify(transaction, anchor=anchor).problem == (
            "the log was cut off, or an older state of the database was restored: "
            "2 leaves are left of the 4 that the anchor signed"
        )


def test_a_history_rewritten_with_the_same_key_is_noticed_by_an_anchor(database: Database) -> None:
    write(database, 1, 2)
    anchor = write(database, 3)
    with database.transaction("a") as transaction:
        for table in ("ledger_leaf", "ledger_content", "ledger_checkpoint"):
            sql(transaction, f"DELETE FROM {table}")  # noqa: S608
        LEDGER.append(transaction, entry(1), entry(7), entry(3), entry(4))
        LEDGER.seal(transaction)
        assert LEDGER.verify(transaction).ok
        found = LEDGER.verify(transaction, anchor=anchor)
        assert found.problem == "the first 3 leaves are not what the anchor signed: history was rewritten"


def test_an_old_anchor_still_holds_for_a_log_that_grew(database: Database) -> None:
    anchor = write(database, 1, 2, 3)
    write(database, 4)
    with database.snapshot("a") as snapshot:
        assert LEDGER.verify(snapshot, anchor=anchor).ok


def flip(value: object, at: int) -> object:
    """One bit of a value, as it lies in the file."""
    if isinstance(value, int):
        return value ^ (1 << at % 8)
    data = bytearray(value if isinstance(value, bytes) else str(value).encode())
    data[at // 8 % len(data)] ^= 1 << at % 8
    return bytes(data) if isinstance(value, bytes) else data.decode(errors="replace")


COLUMNS = {
    "ledger_leaf": ["position", "leaf"],
    "ledger_content": ["position", "id", "salt", "body"],
    "ledger_checkpoint": ["size", "note", "frontier"],
}
"""The first of each is the key."""


class EditedLedger(RuleBasedStateMachine):
    """However a log grew, whatever is then changed in the rows is noticed (each change is made, judged, taken back)."""

    def __init__(self) -> None:
        super().__init__()
        self.database = self.opened()
        self.written = 0
        self.anchor: Checkpoint | None = None

    def opened(self) -> Database:
        """An empty database."""
        raise NotImplementedError

    def teardown(self) -> None:
        self.database.close()

    @rule(count=st.integers(1, 5), sealed=st.booleans())
    def write(self, count: int, sealed: bool) -> None:
        with self.database.transaction("a") as transaction:
            LEDGER.append(transaction, *(entry(self.written + number) for number in range(count)))
            if sealed:
                self.anchor = LEDGER.seal(transaction)
            self.written += count
            found = LEDGER.verify(transaction, anchor=self.anchor)
            assert found.ok, found.problem
            assert found.leaves + found.pending == self.written
            assert found.leaves == (self.anchor.size if self.anchor else 0)

    def noticed(self, *edits: Callable[[Transaction], object]) -> None:
        with self.database.transaction("a") as transaction:
            sql(transaction, "SAVEPOINT before")
            try:
                for edit in edits:
                    edit(transaction)
            except DBAPIError as error:
                # PostgreSQL keeps to its columns' types, and takes no NUL in text: nothing was changed.
                if not isinstance(error.orig, psycopg.errors.DatatypeMismatch | psycopg.DataError):
                    raise
                noticed = True
            else:
                noticed = not LEDGER.verify(transaction, anchor=self.anchor).ok
            sql(transaction, "ROLLBACK TO before")
        assert noticed

    @property
    def sealed(self) -> int:
        return self.anchor.size if self.anchor else 0

    @precondition(lambda self: self.sealed)
    @rule(data=st.data(), column=st.sampled_from([(table, c) for table, cs in COLUMNS.items() for c in cs]))
    def flip_a_bit(self, data: st.DataObject, column: tuple[str, str]) -> None:
        table, name = column
        key = COLUMNS[table][0]
        with self.database.transaction("a") as transaction:
            rows = sql(transaction, f"SELECT {key}, {name} FROM {table}")  # noqa: S608
        row, value = data.draw(st.sampled_from(rows))
        changed = flip(value, data.draw(st.integers(0, 4000)))
        if name in ("position", "size") and changed in {other for _, other in rows}:
            return  # the primary key refuses it
        statement = f"UPDATE {table} SET {name} = ? WHERE {key} = ?"  # noqa: S608
        self.noticed(lambda transaction: sql(transaction, statement, changed, row))

    @precondition(lambda self: self.sealed)
    @rule(data=st.data(), column=st.sampled_from(["leaf", "salt", "body", "note", "frontier"]))
    def put_in_another_form(self, data: st.DataObject, column: str) -> None:
        table = next(table for table, columns in COLUMNS.items() if column in columns)
        value = data.draw(st.sampled_from(["text", 7, 1.5, b""]))
        statement = f"UPDATE {table} SET {column} = ?"  # noqa: S608
        self.noticed(lambda transaction: sql(transaction, statement, value))

    @precondition(lambda self: self.sealed)
    @rule(data=st.data(), table=st.sampled_from(["ledger_leaf", "ledger_content"]))
    def remove_a_row(self, data: st.DataObject, table: str) -> None:
        position = data.draw(st.integers(0, self.sealed - 1))
        statement = f"DELETE FROM {table} WHERE position = ?"  # noqa: S608
        self.noticed(lambda transaction: sql(transaction, statement, position))

    @precondition(lambda self: self.sealed >= 2)
    @rule(data=st.data(), tables=st.sampled_from([("ledger_leaf",), ("ledger_content",), tuple(COLUMNS)[:2]]))
    def swap_two(self, data: st.DataObject, tables: tuple[str, ...]) -> None:
        first = data.draw(st.integers(0, self.sealed - 2))
        second = data.draw(st.integers(first + 1, self.sealed - 1))

        def swap(transaction: Transaction) -> None:
            for table in tables:
                for old, new in ((first, -1), (second, first), (-1, second)):
                    sql(transaction, f"UPDATE {table} SET position = ? WHERE position = ?", new, old)  # noqa: S608

        self.noticed(swap)

    @precondition(lambda self: self.sealed)
    @rule(data=st.data(), checkpoints_too=st.booleans())
    def cut_off_the_end(self, data: st.DataObject, checkpoints_too: bool) -> None:
        keep = data.draw(st.integers(0, self.sealed - 1))

        def cut(transaction: Transaction) -> None:
            sql(transaction, "DELETE FROM ledger_leaf WHERE position >= ?", keep)
            sql(transaction, "DELETE FROM ledger_content WHERE position >= ?", keep)
            if checkpoints_too:
                sql(transaction, "DELETE FROM ledger_checkpoint WHERE size > ?", keep)

        self.noticed(cut)

    @precondition(lambda self: self.sealed)
    @rule()
    def remove_the_newest_checkpoint(self) -> None:
        self.noticed(lambda t: sql(t, "DELETE FROM ledger_checkpoint WHERE size = ?", self.sealed))

    @precondition(lambda self: self.sealed)
    @rule()
    def add_a_leaf_without_signature(self) -> None:
        def add(transaction: Transaction) -> None:
            ((last,),) = sql(transaction, "SELECT leaf FROM ledger_leaf ORDER BY position DESC LIMIT 1")
            salt, body = b"s" * 32, b'{"id":"le-x"}'
            leaf = leaf_hash(last) + content_digest(salt, body)
            sql(transaction, "INSERT INTO ledger_leaf VALUES ('a', ?, ?)", self.sealed, leaf)
            sql(
                transaction,
                "INSERT INTO ledger_content (tenant, position, id, salt, body) VALUES ('a', ?, 'le-x', ?, ?)",
                self.sealed,
                salt,
                body,
            )

        self.noticed(add)

    @precondition(lambda self: self.sealed)
    @rule()
    def rewrite_history_under_another_key(self) -> None:
        def rewrite(transaction: Transaction) -> None:
            for table in COLUMNS:
                sql(transaction, f"DELETE FROM {table}")  # noqa: S608
            FORGER.append(transaction, *(entry(number) for number in range(self.sealed)))
            FORGER.seal(transaction)

        self.noticed(rewrite)

    @precondition(lambda self: self.written > self.sealed)
    @rule(data=st.data(), column=st.sampled_from(["id", "salt", "digest", "body"]))
    def flip_a_bit_of_a_pending_entry(self, data: st.DataObject, column: str) -> None:
        with self.database.transaction("a") as transaction:
            rows = sql(transaction, f"SELECT arrival, {column} FROM ledger_pending")  # noqa: S608
        arrival, value = data.draw(st.sampled_from(rows))
        changed = flip(value, data.draw(st.integers(0, 4000)))
        statement = f"UPDATE ledger_pending SET {column} = ? WHERE arrival = ?"  # noqa: S608
        self.noticed(lambda transaction: sql(transaction, statement, changed, arrival))


def test_every_edit_is_noticed(tmp_path: Path) -> None:
    Database.embedded(tmp_path / "template").close()

    class InAFile(EditedLedger):
        def opened(self) -> Database:
            self.home = Path(tempfile.mkdtemp(dir=tmp_path))
            shutil.copy(tmp_path / "template" / "sakimori.db", self.home)
            return Database.embedded(self.home)

        def teardown(self) -> None:
            super().teardown()
            shutil.rmtree(self.home)

    run_state_machine_as_test(InAFile, settings=settings(max_examples=15, stateful_step_count=15, deadline=None))


@pytest.mark.services
def test_every_edit_is_noticed_on_a_server(cluster: Cluster) -> None:
    class OnAServer(EditedLedger):
        def opened(self) -> Database:
            return Database.open(cluster.url(cluster.emptied()))

    run_state_machine_as_test(OnAServer, settings=settings(max_examples=6, stateful_step_count=15, deadline=None))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_page_of_garbage_in_a_text_column_is_noticed(database: Database, tmp_path: Path) -> None:
    write(database, 1, 2)
    with sqlite3.connect(tmp_path / "sakimori.db") as connection:
        connection.execute("UPDATE ledger_content SET id = CAST(x'ff' AS TEXT) WHERE position = 1")
    connection.close()
    with database.snapshot("a") as snapshot:
        assert "has a form that was never written" in str(LEDGER.verify(snapshot).problem)


def test_the_frontier_of_the_newest_checkpoint_is_what_the_leaves_give(database: Database) -> None:
    for number in range(9):
        write(database, number)
    frontier = Frontier()
    with database.transaction("a") as transaction:
        for (leaf,) in sql(transaction, "SELECT leaf FROM ledger_leaf ORDER BY position"):
            frontier.append(leaf_hash(leaf))
        newest = LEDGER.checkpoint(transaction)
    assert newest is not None
    assert (newest.size, newest.root) == (9, frontier.root())


def test_a_bug_of_ours_is_not_called_tampering(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    write(database, 1)

    def bug(*_: object) -> bool:
        raise TypeError("a bug")

    monkeypatch.setattr(Chain, "extend", bug)
    with database.snapshot("a") as snapshot, pytest.raises(TypeError, match="a bug"):
        LEDGER.verify(snapshot)


def test_content_that_is_no_entry_is_noticed_though_its_leaf_fits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds the key can sign what our own sequencer would not."""

    def unchecked(transaction: Transaction, most: int) -> list[Any]:
        return list(transaction.connection.execute(transaction.rows(tables.pending).limit(most)))

    monkeypatch.setattr(sealing, "oldest_pending", unchecked)
    for body in (b"", b"[1]", b"7", b"{}", b"\xff"):
        with database.transaction("a") as transaction:
            sql(transaction, "SAVEPOINT before")
            LEDGER.append(transaction, entry(1))
            ((salt,),) = sql(transaction, "SELECT salt FROM ledger_pending")
            digest = content_digest(salt, body)
            sql(transaction, "UPDATE ledger_pending SET body = ?, digest = ?", body, digest)
            assert LEDGER.verify(transaction).problem == "the pending entry le-1 was altered"
            LEDGER.seal(transaction)
            assert LEDGER.verify(transaction).problem == "the content of leaf 0 is filed under a wrong id"
            sql(transaction, "ROLLBACK TO before")


def test_the_key_is_made_for_the_first_checkpoint_only(database: Database) -> None:
    asked: list[str] = []

    class Signer(LocalSigner):
        def provision(self, *tenants: str) -> None:
            asked.extend(tenants)

    ledger = Ledger(Signer(Keys(1)))
    for number in range(3):
        with database.transaction("a") as transaction:
            assert ledger.verify(transaction).ok
            ledger.append(transaction, entry(number))
            ledger.seal(transaction)
    assert asked == ["a"]


def test_salt_and_content_cannot_be_divided_differently(database: Database) -> None:
    """The hash of both together would stay the same."""
    write(database, 1)
    with database.transaction("a") as transaction:
        sql(transaction, "UPDATE ledger_content SET body = substr(salt, 32) || body, salt = substr(salt, 1, 31)")
        assert "has a form that was never written" in str(LEDGER.verify(transaction).problem)
