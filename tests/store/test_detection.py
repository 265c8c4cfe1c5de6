"""Where live detection stands: values by key and pieces by path, each institution's own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sakimori.records import Source
from sakimori.store import Database, StoreError
from sakimori.store.detection import get_state, last_read, put_read, put_state, state


def _piece(path: str, start: int, tenant: str = "bank") -> Source:
    return Source(tenant=tenant, digest="5a" * 32, path=path, format="ndjson", size=10, start=start)


_CHANGES = st.lists(st.dictionaries(st.sampled_from("abc"), st.none() | st.binary(max_size=20)), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(rounds=_CHANGES)
def test_what_is_kept_is_what_the_changes_make(database: Database, rounds: list[dict[str, bytes | None]]) -> None:
    with database.transaction("bank") as transaction:
        put_state(transaction, dict.fromkeys("abc"))
    expected: dict[str, bytes] = {}
    for changes in rounds:
        with database.transaction("bank") as transaction:
            put_state(transaction, changes)
        expected = {key: value for key, value in (expected | changes).items() if value is not None}
    with database.snapshot("bank") as snapshot:
        assert get_state(snapshot) == expected


def test_institutions_share_neither_state_nor_reading(database: Database) -> None:
    with database.transaction("bank") as transaction:
        put_state(transaction, {"a": b"1"})
        put_read(transaction, [_piece("x.log", 5)])
    with database.transaction("other") as transaction:
        put_state(transaction, {"a": None})
        assert get_state(transaction) == {}
        assert last_read(transaction, "x.log") is None
    with database.snapshot("bank") as snapshot:
        assert get_state(snapshot) == {"a": b"1"}


def test_of_each_log_the_last_piece_is_known(database: Database) -> None:
    with database.transaction("bank") as transaction:
        put_read(transaction, [_piece("記録.log", 0), _piece("y.log", 3)])
        put_read(transaction, [_piece("記録.log", 10)])
    with database.snapshot("bank") as snapshot:
        assert last_read(snapshot, "記録.log") == _piece("記録.log", 10)
        assert last_read(snapshot, "y.log") == _piece("y.log", 3)


def test_damaged_state_is_named(database: Database) -> None:
    with database.transaction("bank") as transaction:
        put_state(transaction, {"c-1/0": b"1"})
        transaction.connection.execute(transaction.update(state).values(value=b"0"))
    with database.snapshot("bank") as snapshot, pytest.raises(StoreError, match="state 'c-1/0' is damaged"):
        get_state(snapshot)
