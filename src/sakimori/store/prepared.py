"""Statements compiled once, and given to the driver as text with their values from then on.

SQLAlchemy's own way from a statement to the driver costs several times what a database does for a short one, and what
a busy gateway does is many short ones.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Dialect, Executable, LargeBinary, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import SelectBase
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

Values = Mapping[str, Any]
_Processor = Callable[[Any], Any]
_SQLITE = "sqlite"


def command(connection: Connection, text: str) -> None:
    """Execute a statement without values or rows, of which there are many: what begins and ends a part, say."""
    if connection.dialect.name == _SQLITE:
        driver(connection).execute(text)
    else:
        connection.exec_driver_sql(text)


def upsert(dialect: Dialect, table: Table[Any]) -> "postgresql.Insert | sqlite.Insert":
    """``INSERT`` that says what becomes of rows which are there already."""
    if dialect.name == _SQLITE:
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 2 MB, which an install with a file of its own does without

    return postgresql.insert(table)


class Found:
    """What a statement did: the rows that it read, all of them, or how many it changed."""

    __slots__ = ("rowcount", "rows")

    def __init__(self, rows: Sequence[Any], rowcount: int) -> None:
        self.rows = rows
        """Tuples whose members are attributes, too, by the names of the columns."""
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def one(self) -> Any:
        """The only row. Raises ValueError where there is none, or another."""
        (row,) = self.rows
        return row

    def one_or_none(self) -> Any:
        """The only row, if there is any. Raises ValueError where there is another."""
        return self.one() if self.rows else None

    def scalar_one(self) -> Any:
        """The first column of ``one``."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        """The first column of ``one_or_none``."""
        return self.one()[0] if self.rows else None


class Prepared:
    """A statement for databases of one dialect. Safe to use from several threads."""

    def __init__(self, statement: Executable, dialect: Dialect, columns: Sequence[str] | None = None) -> None:
        """``columns``: those that an ``INSERT`` gives values for; None: all of it stands in the statement."""
        self.statement = statement
        """What was compiled, for those who look at what runs (tests/scoping.py)."""
        compiled = cast("ClauseElement", statement).compile(dialect=dialect, column_keys=columns, for_executemany=True)
        assert isinstance(compiled, SQLCompiler)
        binds = compiled.binds
        self._text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup
        self._fixed = {name: bind.value for name, bind in binds.items() if not bind.required}
        self._names = tuple(binds)
        self._into: dict[str, _Processor] = {
            name: made
            for name, bind in binds.items()
            if (made := _impl(bind.type, dialect).bind_processor(dialect))
            and not (dialect.name == _SQLITE and isinstance(bind.type, LargeBinary))  # which takes bytes as they are
        }
        self._direct = not (
            compiled.post_compile_params  # lists of values, whose text is another with each length
            or compiled.insert_prefetch
            or compiled.update_prefetch
            or _converts(statement, dialect)
        )
        self._past_sqlalchemy = self._direct and dialect.name == _SQLITE
        """There, what SQLAlchemy does around each execution is most of its cost; of a server, the way there is."""
        names = statement.selected_columns.keys() if isinstance(statement, SelectBase) else ()
        # pyright wants types, which are the table's.
        self._row: Any = namedtuple("_row", names, rename=True)._make  # pyright: ignore[reportUntypedNamedTuple]

    def run(self, connection: Connection, values: Values | Sequence[Values]) -> Found:
        """Execute it with values by name, or with each of several.

        Raises:
            KeyError, StatementError: a value is missing.
            DBAPIError: the database refuses it.
        """
        if self._past_sqlalchemy:
            return self._run(connection, values)
        if not self._direct:
            result = connection.execute(self.statement, values)
        elif isinstance(values, Mapping):
            result = connection.exec_driver_sql(self._text, self._given(values))
        else:
            given = [self._given(each) for each in values]
            result = connection.exec_driver_sql(self._text, given[0] if len(given) == 1 else given)
        return Found(result.all() if result.returns_rows else (), result.rowcount)

    def _run(self, connection: Connection, values: Values | Sequence[Values]) -> Found:
        to = driver(connection)
        try:
            if isinstance(values, Mapping):
                done = to.execute(self._text, self._given(values))
            else:
                done = to.executemany(self._text, [self._given(each) for each in values])
            rows = [self._row(row) for row in done] if done.description else ()
        except sqlite3.Error as error:
            raise DBAPIError.instance(self._text, None, error, sqlite3.Error, hide_parameters=True) from error
        return Found(rows, done.rowcount)

    def _given(self, values: Values) -> Any:
        """As the driver takes them."""
        if self._order is not None and not self._into and not self._fixed:
            return [values[name] for name in self._order]
        found = {**self._fixed, **values}
        for name, into in self._into.items():
            found[name] = into(found[name])
        if self._order is None:
            return {name: found[name] for name in self._names}
        return [found[name] for name in self._order]


def driver(connection: Connection) -> sqlite3.Connection:
    """What SQLAlchemy's connection to a file stands for."""
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def _impl(type: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return type.dialect_impl(dialect)


def _converts(statement: Executable, dialect: Dialect) -> bool:
    """Whether what is read is not what the driver gives."""
    if not isinstance(statement, SelectBase):
        return False
    types = (column.type for column in statement.selected_columns)
    return any(_impl(type, dialect).result_processor(dialect, None) for type in types)
