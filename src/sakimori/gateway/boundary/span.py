"""What detectors say: which part of a text is what."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a replaced text is. The name stands in its token, so that a model knows what it reasons about."""

    HOST = "HOST"
    USER = "USER"
    PERSON = "PERSON"
    DOMAIN = "DOMAIN"
    MAIL = "MAIL"
    IP = "IP"
    CARD = "CARD"
    MYNUMBER = "MYNUMBER"
    SECRET = "SECRET"  # noqa: S105  (the name of a kind)
    QUOTED = "QUOTED"
    """Text that was there already and looks like one of our tokens."""


class Hit(NamedTuple):
    """A detector's claim about a folded text (see ``fold``)."""

    start: int
    end: int
    kind: Kind
    detector: str
    value: str
    """The normalised value: equal for two spellings of one thing."""


class Span(NamedTuple):
    """A replaced part of an input text, in code points of that input."""

    start: int
    end: int
    kind: Kind
    detector: str
