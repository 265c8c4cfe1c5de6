"""Statements made once and for all institutions: making one costs several times more than running it."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Executable

from sakimori.store.prepared import Found, Prepared
from sakimori.store.transaction import INSTITUTION, Snapshot, Transaction, institution


class _OfAny(Transaction):
    """Makes statements that are told whose rows they are about when they run, and cannot run without."""

    def __init__(self) -> None:
        self.institution = institution()


def run(view: Snapshot, make: Callable[[Transaction], Executable], values: Mapping[str, Any]) -> Found:
    """Execute the statement that ``make``, a function of a module, makes, for the institution of ``view``.

    Values that differ from one execution to the next are ``bindparam``s; ``values`` has them by name.
    """
    connection = view.connection
    return _made(make, connection.dialect).run(connection, {**values, INSTITUTION: view.tenant})


@lru_cache(1024)
def _made(make: Callable[[Transaction], Executable], dialect: Dialect) -> Prepared:
    return Prepared(make(_OfAny()), dialect)
