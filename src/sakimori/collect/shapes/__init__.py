"""Shapes of JSON records: an object in, the one form that all events have out. One module per shape (``Shape``).

Fields get the names that Sigma rules use; nested members are joined with dots. Windows' system fields are
``Provider_Name``, ``Computer``, ``Execution_ProcessID``, …, and event data keep their own names.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, cast

from sakimori.core import Nanos

Fields = dict[str, Any]
"""Field name to JSON value."""


class ShapeError(ValueError):
    """A record that is no event. The message is the reason, without place."""


class Shaped(NamedTuple):
    kind: tuple[str, str, str]
    """Product, channel, code, as in ``EventKind``."""
    time: Nanos | None
    fields: Fields
    repaired: bool = False
    """Whether the record's text had to be repaired before it could be read."""


class Shape(Protocol):
    def recognises(self, record: Fields, /) -> bool:
        """Whether a record has this shape: told by names that only it has, not by values."""
        ...

    def shaped(self, record: Fields, /) -> Shaped:
        """The event in a record that is recognised. The record may be changed.

        Raises:
            ShapeError: it lacks what the shape needs.
        """
        ...


def object_in(value: Any, name: str) -> Mapping[str, Any]:
    """The member ``name``, which must be an object."""
    if value.__class__ is not dict:
        raise ShapeError(f"{name} is no object")
    return cast("Fields", value)


def text_of(value: Any) -> str:
    """A channel or an event id as text. Raises ShapeError where it is neither text nor a whole number."""
    if value.__class__ is str:
        return value
    if value.__class__ is int:
        return str(value)
    raise ShapeError(f"a name or number was expected for channel and event id, got {type(value).__name__}")


Numbers = dict[str, int]
"""By name, the number that the last field of that name got: counting on from it, not from 2, keeps an event with
thousands of fields of one name from costing the square of that."""


def put(fields: Fields, last: Numbers, name: str, value: Any) -> None:
    """Add a field; one that is already there keeps its name, and the newcomer gets the next free number."""
    if name in fields:
        number = last.get(name, 1) + 1
        while (free := f"{name}_{number}") in fields:
            number += 1
        last[name] = number
        name = free
    fields[name] = value
