"""What may be told of what happens: events with declared, typed fields. There is no type for free text.

    @dataclass(frozen=True)
    class CallEnded(Event, id="gateway.call", level=Level.INFO):
        call: Id
        outcome: Code
        seconds: float

A field that is declared with another type is refused when its module is imported; a value that does not look like its
type is written as ``(withheld)``, because telling something must never end what is told of.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, TypeAlias, Union, get_args, get_origin, get_type_hints

from sakimori.core import plain
from sakimori.observe.fault import told

_WITHHELD = "(withheld)"
_DIGITS = 6
"""After the point: microseconds, where it is seconds."""
_LONGEST_TENANT = 128
"""Bytes in UTF-8, as ``core.settings`` has it."""
STANDARD = frozenset({"time", "level", "logger", "event", "trace_id", "span_id"})
"""Every line has these, or may have; an event may not have a field of the same name."""

Told: TypeAlias = str | int | float | bool | dict[str, Any] | None
"""What a field becomes: as JSON has it."""


class Level(IntEnum):
    """Of logging. WARNING: an operator should look; ERROR: something that was asked for was not done."""

    INFO = logging.INFO
    WARNING = logging.WARNING
    ERROR = logging.ERROR
    CRITICAL = logging.CRITICAL


@dataclass(frozen=True, slots=True)
class _Form:
    """What a text must look like, so that it cannot be content."""

    fits: Callable[[str], object]


def _is_institution(text: str) -> bool:
    return len(text.encode("utf-8", "replace")) <= _LONGEST_TENANT and plain(text) == text


Id: TypeAlias = Annotated[str, _Form(re.compile(r"[a-z]{2,12}(-[0-9a-f]{1,64}){1,2}").fullmatch)]
"""An id that we made: a word, then hexadecimal digits, such as ``call-5f0c…``. No key has this form."""
Code: TypeAlias = Annotated[str, _Form(re.compile(r"[a-z][a-z0-9_./]{0,63}").fullmatch)]
"""One of our own words for what something is, such as ``budget_exceeded``."""
KeyId: TypeAlias = Annotated[str, _Form(re.compile(r"[0-9A-Za-z]{10}").fullmatch)]
"""By which a service key is listed and revoked: the part of it that is no secret."""
Model: TypeAlias = Annotated[str, _Form(re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}").fullmatch)]
"""A model, as the grant that allows it spells it."""
Tenant: TypeAlias = Annotated[str, _Form(_is_institution)]
"""An institution, in any script."""
Address: TypeAlias = Annotated[str, _Form(re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}:[0-9]{1,5}").fullmatch)]
"""Host and port."""


class Event:
    """Something that happened. Subclasses are frozen dataclasses; the fields are all that can be told of it."""

    id: ClassVar[str]
    """What operators look for: the room, a dot, what happened."""
    level: ClassVar[Level]
    _logger: ClassVar[logging.Logger]
    _writers: ClassVar[Mapping[str, Callable[[Any], Told]]]

    def __init_subclass__(cls, *, id: str, level: Level) -> None:
        """Raises TypeError where a field could hold free text."""
        super().__init_subclass__()
        cls.id, cls.level = id, level
        cls._logger = logging.getLogger(f"sakimori.{id.partition('.')[0]}")
        declared = {name: hint for name, hint in get_type_hints(cls, include_extras=True).items() if name not in _OWN}
        if taken := STANDARD & declared.keys():
            raise TypeError(f"{cls.__name__}: every line has {', '.join(sorted(taken))} already")
        cls._writers = {name: _writer(f"{cls.__name__}.{name}", hint) for name, hint in declared.items()}

    def fields(self) -> dict[str, Told]:
        """Those that have a value, as JSON has them."""
        values = ((name, writer, getattr(self, name)) for name, writer in self._writers.items())
        return {name: writer(value) for name, writer, value in values if value is not None}

    def __str__(self) -> str:
        """For a person: ``gateway.call call=call-5f0c outcome=answered``."""
        return " ".join([self.id, *(f"{name}={_shown(value)}" for name, value in self.fields().items())])


_OWN = frozenset(Event.__annotations__)


def log(event: Event) -> None:
    """Tell it, where the process was set up to (``service.begin``); warnings and worse in any case."""
    logger = event._logger  # pyright: ignore[reportPrivateUsage] # its own module
    if logger.isEnabledFor(event.level):
        # ``Logger.log`` would look through the stack for its caller, of whom no line tells.
        logger.handle(logging.LogRecord(logger.name, event.level, "", 0, event, (), None))


def _writer(where: str, hint: Any) -> Callable[[Any], Told]:
    """How a value of a declared type is written; raises TypeError for a type that could hold content."""
    if get_origin(hint) in (Union, UnionType):
        members = [member for member in get_args(hint) if member is not NoneType]
        if len(members) == 1:
            return _writer(where, members[0])
    elif get_origin(hint) is Annotated:
        form = next((item for item in hint.__metadata__ if isinstance(item, _Form)), None)
        if form is not None:
            return _text(form)
    elif isinstance(hint, type):
        if issubclass(hint, StrEnum):
            return lambda value: str(value) if isinstance(value, hint) else _WITHHELD
        if issubclass(hint, BaseException):
            return lambda value: told(value) if isinstance(value, BaseException) else _WITHHELD
        if hint is float:
            return lambda value: round(value, _DIGITS) if isinstance(value, int | float) else _WITHHELD
        if hint in (int, bool):
            return lambda value: value if isinstance(value, int) else _WITHHELD
    raise TypeError(f"{where}: {hint} could hold content; declare one of the types of sakimori.observe")


def _text(form: _Form) -> Callable[[Any], Told]:
    return lambda value: value if isinstance(value, str) and form.fits(value) else _WITHHELD


def _shown(value: Told) -> str:
    if isinstance(value, dict):
        return plain(": ".join(str(value[key]) for key in ("type", "message") if key in value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
