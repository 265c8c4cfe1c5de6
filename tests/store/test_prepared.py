"""Statements that go to the driver as text: they do what SQLAlchemy's own way does with them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    insert,
    select,
)

from sakimori.store.prepared import Prepared
from sakimori.store.schema import AnyText

_KINDS = Table(
    "kinds",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("state", Text, default="made"),
    Column("raw", LargeBinary),
    Column("name", AnyText),
)
_ROWS = [{"id": number, "raw": b"\0\xff", "name": "a\0b\x1b"} for number in (1, 2)]


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    _KINDS.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_rows_come_back_as_they_were_given_one_or_several(connection: Connection) -> None:
    made = Prepared(insert(_KINDS), connection.dialect, ("id", "raw", "name"))
    made.run(connection, _ROWS)
    made.run(connection, {**_ROWS[0], "id": 3})
    found = connection.execute(select(_KINDS).order_by(_KINDS.c.id)).all()
    assert [(row.id, row.raw, row.name) for row in found] == [(number, b"\0\xff", "a\0b\x1b") for number in (1, 2, 3)]
    assert {row.state for row in found} == {"made"}  # what only SQLAlchemy knows is not forgotten


def test_lists_of_values_and_fixed_ones_are_part_of_a_statement(connection: Connection) -> None:
    connection.execute(insert(_KINDS), _ROWS)
    wanted = select(_KINDS.c.id).where(_KINDS.c.state == "made", _KINDS.c.id.in_([2, 9]), _KINDS.c.id > bindparam("n"))
    found = Prepared(wanted, connection.dialect)
    assert found.run(connection, {"n": 0}).rows == [(2,)]
    assert found.run(connection, {"n": 2}).rows == []


def test_what_is_not_given_is_not_taken_for_nothing(connection: Connection) -> None:
    changed = _KINDS.update().where(_KINDS.c.id == bindparam("of", required=True)).values(state="kept")
    statement = Prepared(changed, connection.dialect)
    connection.execute(insert(_KINDS), _ROWS)
    with pytest.raises(KeyError):
        statement.run(connection, {})
    assert statement.run(connection, {"of": 1}).rowcount == 1
    assert connection.execute(select(_KINDS.c.state).order_by(_KINDS.c.id)).scalars().all() == ["kept", "made"]
