"""Looks at every statement that is about to run: it must say whose rows it is about."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import ClauseElement, Column, Connection, Engine, Insert, Table, event
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression

from sakimori.store.prepared import Found, Prepared, Values
from sakimori.store.schema import metadata
from sakimori.store.transaction import Snapshot


class Unscoped(AssertionError):
    pass


def check(statement: Any, parameters: list[dict[str, Any]], tenant: str) -> None:
    """Raises Unscoped unless the statement is about rows of this institution only."""

    def names_it(value: Any) -> bool:
        """A literal, or a parameter (``store.kept``) that every execution gives."""
        if getattr(value, "key", None) == "institution" and getattr(value, "required", False):
            return bool(parameters) and all(row.get("institution") == tenant for row in parameters)
        return getattr(value, "value", None) == tenant

    if isinstance(statement, Insert):
        if not parameters or any(row.get("tenant") != tenant for row in parameters):
            raise Unscoped(str(statement))
        return
    if not isinstance(statement, ClauseElement) or not hasattr(statement, "whereclause"):
        return
    where: Any = getattr(statement, "whereclause", None)
    tables = {table.name for table in walk(statement) if isinstance(table, Table) and table.metadata is metadata}
    bound = {left.table.name for left, right in tenants(where) if names_it(right)}
    # A table that is joined on equal institutions is bound by the other one.
    for left, right in tenants(statement):
        if isinstance(right, Column) and bound & {left.table.name, right.table.name}:
            bound |= {left.table.name, right.table.name}
    if tables - bound:
        raise Unscoped(f"{', '.join(sorted(tables - bound))}: {statement}")


def walk(clause: Any) -> list[Any]:
    return [] if clause is None else list(visitors.iterate(clause))


def tenants(clause: Any) -> list[tuple[Any, Any]]:
    """The two sides wherever a clause says ``table.tenant = …``."""
    equalities = [
        (element.left, element.right)
        for element in walk(clause)
        if isinstance(element, BinaryExpression) and element.operator is operators.eq
    ]
    return [(left, right) for left, right in equalities if getattr(left, "name", None) == "tenant"]


@contextmanager
def watching(look: Callable[[Any], None] = lambda statement: None) -> Generator[None, None, None]:
    """Check each statement of each transaction against the institution that it is bound to, then show it to ``look``.

    Connections without an institution belong to migrations and backups, which are about all.
    """
    begin, run = Snapshot.__init__, Prepared.run

    def begun(self: Snapshot, connection: Connection, tenant: str) -> None:
        connection.info["institution"] = tenant
        begin(self, connection, tenant)

    def watch(
        connection: Connection, statement: Any, many: list[dict[str, Any]], one: dict[str, Any], _options: object
    ) -> None:
        see(connection, statement, many or ([one] if one else []))

    def ran(self: Prepared, connection: Connection, values: Values | Sequence[Values]) -> Found:
        """These go past SQLAlchemy's event as text."""
        see(connection, self.statement, [dict(row) for row in ([values] if isinstance(values, Mapping) else values)])
        return run(self, connection, values)

    def see(connection: Connection, statement: Any, parameters: list[dict[str, Any]]) -> None:
        tenant = connection.info.get("institution")
        if tenant is not None:
            check(statement, parameters, tenant)
            look(statement)

    event.listen(Engine, "before_execute", watch)
    try:
        with patch.object(Snapshot, "__init__", begun), patch.object(Prepared, "run", ran):
            yield
    finally:
        event.remove(Engine, "before_execute", watch)
