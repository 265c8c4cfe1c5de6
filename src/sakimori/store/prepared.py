"""Statements compiled once, and given to the driver as text with their values from then on.

SQLAlchemy's own way from a statement to the driver costs several times what a database does for a short one, and what
a busy gateway does is many short ones.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import SelectBase
from sqlalchemy.types import TypeEngine

Values = Mapping[str, Any]
_Processor = Callable[[Any], Any]


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
            name: made for name, bind in binds.items() if (made := _impl(bind.type, dialect).bind_processor(dialect))
        }
        self._direct = not (
            compiled.post_compile_params  # lists of values, whose text is another with each length
            or compiled.insert_prefetch
            or compiled.update_prefetch
            or _converts(statement, dialect)
        )

    def run(self, connection: Connection, values: Values | Sequence[Values]) -> CursorResult[Any]:
        """Execute it with values by name, or with each of several.

        Raises:
            KeyError, StatementError: a value is missing.
        """
        if not self._direct:
            return connection.execute(self.statement, values)
        if isinstance(values, Mapping):
            return connection.exec_driver_sql(self._text, self._given(values))
        given = [self._given(each) for each in values]
        return connection.exec_driver_sql(self._text, given[0] if len(given) == 1 else given)

    def _given(self, values: Values) -> Any:
        """As the driver takes them."""
        found = {**self._fixed, **values}
        for name, into in self._into.items():
            found[name] = into(found[name])
        if self._order is None:
            return {name: found[name] for name in self._names}
        return tuple(found[name] for name in self._order)


def _impl(type: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return type.dialect_impl(dialect)


def _converts(statement: Executable, dialect: Dialect) -> bool:
    """Whether what is read is not what the driver gives."""
    if not isinstance(statement, SelectBase):
        return False
    types = (column.type for column in statement.selected_columns)
    return any(_impl(type, dialect).result_processor(dialect, None) for type in types)
