"""Statements made once per institution: making one costs several times more than running it."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import ClauseElement

from sakimori.store.transaction import Snapshot

S = TypeVar("S", bound=ClauseElement)
V = TypeVar("V", bound=Snapshot)

_MOST = 10_000
_made: dict[tuple[str, Callable[..., ClauseElement]], ClauseElement] = {}


def kept(view: V, make: Callable[[V], S]) -> S:
    """The statement that ``make``, a function of a module, makes for the institution of ``view``.

    Values that differ from one execution to the next are ``bindparam``s.
    """
    statement = _made.get((view.tenant, make))
    if statement is None:
        if len(_made) >= _MOST:
            _made.clear()
        statement = _made[view.tenant, make] = make(view)
    return statement  # type: ignore[return-value] # what ``make`` made, by its key
