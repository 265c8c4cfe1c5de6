"""What a rule can ask of one field: the patterns, as typed and serialisable values.

How fields without an ordinary value are read:

- A field that is *missing*, a JSON null, and an array without any text offer no text: only ``Null`` holds for them.
- ``Null`` is ``field: null``. ``Exists`` looks at presence alone: a field that is there with null or ``''`` exists.
- ``''`` is a text like any other: ``field: ''`` holds for it, ``field: null`` does not.
- An array offers each of its elements; a pattern holds if it holds for any of them.
- Booleans are the texts ``true`` and ``false``, compared without case.
- Negation is two-valued: ``not field: x`` holds where the field is missing.
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from sakimori.detect.sigma.text import Piece, Wild, exact, fold, number


class Place(StrEnum):
    """Where one text lies in another."""

    EQUALS = "equals"
    STARTS = "starts"
    ENDS = "ends"
    CONTAINS = "contains"

    def holds(self, text: str, part: str) -> bool:
        match self:
            case Place.EQUALS:
                return text == part
            case Place.STARTS:
                return text.startswith(part)
            case Place.ENDS:
                return text.endswith(part)
            case Place.CONTAINS:
                return part in text


_PLACES = {
    (False, False): Place.EQUALS,
    (False, True): Place.STARTS,
    (True, False): Place.ENDS,
    (True, True): Place.CONTAINS,
}
"""By whether ``*`` stands before the literal, and after it."""


class Order(StrEnum):
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    NEQ = "neq"


class Part(StrEnum):
    """A part of a time."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_STAR = (Wild.ANY,)
_ANY = Wild.ANY  # a name of its own, since an enumeration takes its time to look members up


@dataclass(frozen=True, slots=True)
class Text:
    """Text with wildcards; without case unless ``cased`` (then ``pieces`` are already folded)."""

    pieces: tuple[Piece, ...]
    cased: bool = False

    def place(self) -> tuple[Place, str] | None:
        """The one literal and its place, where that is all the pattern says; None for a general wildcard pattern."""
        # Comparisons: ``match`` takes five times as long, and this is asked of tens of thousands of patterns.
        pieces = self.pieces
        begins, ends = bool(pieces) and pieces[0] is _ANY, len(pieces) > 1 and pieces[-1] is _ANY
        inner = pieces[begins : len(pieces) - ends]
        if len(inner) != 1 or not isinstance(inner[0], str):
            return None if pieces else (Place.EQUALS, "")
        return _PLACES[begins, ends], inner[0]

    @property
    def anything(self) -> bool:
        """Whether it holds for every text: ``*``."""
        return self.pieces == _STAR

    @property
    def longest(self) -> str:
        """The longest literal; a text that matches contains it."""
        return max((piece for piece in self.pieces if isinstance(piece, str)), key=len, default="")


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression that is searched for. Matched in linear time; no look-around, no back references."""

    source: str
    flags: str = ""
    """A sorted subset of ``ims``."""


@dataclass(frozen=True, slots=True)
class Number:
    """Equality with a number, by value (see ``text.number``)."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Compare:
    order: Order
    value: int | float


@dataclass(frozen=True, slots=True)
class Network:
    """An IPv4 or IPv6 network. An IPv4-mapped IPv6 address counts as its IPv4 address too."""

    cidr: str


@dataclass(frozen=True, slots=True)
class Null:
    """The field offers no text."""


@dataclass(frozen=True, slots=True)
class Exists:
    present: bool


@dataclass(frozen=True, slots=True)
class SameAs:
    """The field's text compared without case with another field's text; never holds where either offers none."""

    other: str
    place: Place = Place.EQUALS


@dataclass(frozen=True, slots=True)
class TimePart:
    """A part of the time that the field spells in RFC 3339 (or ``YYYY-MM-DD hh:mm:ss``), as it is written there."""

    part: Part
    value: int
    order: Order | None = None
    """How the part compares with ``value``; None: it equals it."""


Pattern = Text | Regex | Number | Compare | Network | Null | Exists | SameAs | TimePart


@dataclass(frozen=True, slots=True)
class Atom:
    """One question to an event. ``field`` None: a keyword, asked of every field."""

    field: str | None
    pattern: Pattern


def text_pattern(pieces: list[Piece], *, cased: bool) -> Text:
    """The normal form: adjacent literals joined, runs of ``*`` collapsed, folded unless ``cased``."""
    normal: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Wild):
            if piece is Wild.ANY and normal and normal[-1] is Wild.ANY:
                continue
            normal.append(piece)
        elif piece:
            literal = piece if cased else fold(piece)
            if normal and not isinstance(normal[-1], Wild):
                normal[-1] += literal
            else:
                normal.append(literal)
    return Text(tuple(normal), cased)


def compares(pattern: Compare, text: str) -> bool:
    value = number(text)
    return value is not None and ordered(value, pattern.order, exact(pattern.value))


def ordered(value: int | Fraction, order: Order | None, limit: int | Fraction) -> bool:
    """Whether they compare so; None: whether they are equal."""
    match order:
        case None:
            return value == limit
        case Order.LT:
            return value < limit
        case Order.LTE:
            return value <= limit
        case Order.GT:
            return value > limit
        case Order.GTE:
            return value >= limit
        case Order.NEQ:
            return value != limit


def number_to_plain(value: float) -> int | float | str:
    """Numbers beyond 64 bits as text, since the JSON form has no place for them."""
    return value if isinstance(value, float) or -(1 << 63) <= value < 1 << 63 else str(value)


def number_from_plain(plain: float | str) -> int | float:
    """The inverse of ``number_to_plain``. Raises ValueError where it is not its output."""
    return int(plain) if isinstance(plain, str) else plain


def to_plain(atom: Atom) -> list[Any]:
    """``[field, kind, …]``: the JSON form."""
    match atom.pattern:
        case Text(pieces, cased):
            rest: list[Any] = ["text", list(pieces), cased]
        case Regex(source, flags):
            rest = ["regex", source, flags]
        case Number(value):
            rest = ["number", number_to_plain(value)]
        case Compare(order, value):
            rest = ["compare", order, number_to_plain(value)]
        case Network(cidr):
            rest = ["network", cidr]
        case Null():
            rest = ["null"]
        case Exists(present):
            rest = ["exists", present]
        case SameAs(other, place):
            rest = ["same", other, place]
        case TimePart(part, value, order):
            rest = ["time", part, value, order]
    return [atom.field, *rest]


def from_plain(plain: Any) -> Atom:
    """The inverse of ``to_plain``. Raises ValueError (or another of Python's errors) where it is not its output."""
    field, kind, *rest = plain
    if not isinstance(field, str) and (field is not None or kind not in ("text", "regex")):
        raise ValueError("not the name of a field")
    if kind == "text":  # first and without ceremony: nearly all are
        pieces: list[str | int] = rest[0]
        return Atom(field, Text(tuple([p if isinstance(p, str) else _WILDS[p] for p in pieces]), rest[1] is True))
    return Atom(field, _from_plain(kind, rest))


def _from_plain(kind: object, rest: list[Any]) -> Pattern:
    match kind, rest:
        case "regex", [str(source), str(flags)]:
            return Regex(source, flags)
        case "number", [int() | float() | str() as value]:
            return Number(number_from_plain(value))
        case "compare", [order, int() | float() | str() as value]:
            return Compare(Order(order), number_from_plain(value))
        case "network", [str(cidr)]:
            return Network(str(ipaddress.ip_network(cidr)))
        case "null", []:
            return Null()
        case "exists", [bool(present)]:
            return Exists(present)
        case "same", [str(other), place]:
            return SameAs(other, Place(place))
        case "time", [part, int(value), order]:
            return TimePart(Part(part), value, None if order is None else Order(order))
        case _:
            raise ValueError(f"no pattern is called {kind!r}")


_WILDS = tuple(Wild)
