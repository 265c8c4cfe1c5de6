"""One way to write records as JSON and to read them back.

A *record* is a frozen, keyword-only dataclass. Records that are stored or exchanged on their own declare a ``SCHEMA``
such as ``"sakimori.finding/1"``; it is the first member of their JSON form, and a reader refuses any other. One whose
form has changed says in ``EARLIER``, by schema, how the members of an earlier form become those of this one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar, cast, dataclass_transform

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

from sakimori.core import InputError

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class a record: frozen, slotted, keyword-only, and strict about unknown members when parsed."""
    made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made.__pydantic_config__ = ConfigDict(extra="forbid", strict=False)  # type: ignore[attr-defined]
    return made


class Document(Protocol):
    """A record that stands on its own in a file, a table or a message."""

    SCHEMA: ClassVar[str]

    @property
    def tenant(self) -> str:
        """The institution that the record belongs to."""
        ...

    @property
    def id(self) -> str: ...


D = TypeVar("D", bound=Document)


@cache
def _adapter(cls: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def as_plain(value: object) -> Any:
    """The JSON value (dicts, lists, strings, numbers) of any record."""
    return _adapter(cast("type[Any]", type(value))).dump_python(value, mode="json")


def to_json(document: Document) -> bytes:
    """The versioned JSON form: UTF-8, one line, members in order of declaration after ``schema``."""
    return orjson.dumps({"schema": type(document).SCHEMA, **as_plain(document)})


def from_json(cls: type[D], data: bytes | str) -> D:
    """Read what ``to_json`` wrote.

    Raises:
        InputError: not JSON, another schema, or a member that is missing, unknown or of the wrong type.
    """
    plain = parse_object(data, what=cls.SCHEMA)
    schema = plain.pop("schema", None)
    if isinstance(schema, str) and (renewed := getattr(cls, "EARLIER", {}).get(schema)):
        return from_plain(cls, _renewed(cls, renewed, plain))
    if schema != cls.SCHEMA:
        raise InputError(f"expected a {cls.SCHEMA} document, got {schema!r}: it was written by another version")
    return from_plain(cls, plain)


def _renewed(cls: type[Document], renew: Callable[[dict[str, Any]], dict[str, Any]], plain: dict[str, Any]) -> Any:
    try:
        return renew(plain)
    except (KeyError, TypeError) as error:
        raise InputError(f"{cls.__name__}: an earlier form of it, of which a member is missing: {error}") from error


def from_plain(cls: type[T], plain: object) -> T:
    """Parse a JSON value into a record; the error names the first member that is wrong.

    Raises:
        InputError: a member is missing, unknown or of the wrong type.
    """
    try:
        return cast("T", _adapter(cls).validate_python(plain))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise InputError(f"{cls.__name__}: {where}: {first['msg']}") from error


def parse_object(data: bytes | str, *, what: str) -> dict[str, Any]:
    """Raises InputError where ``data`` is not one JSON object."""
    try:
        plain: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InputError(f"{what}: not valid JSON: {error}") from error
    if not isinstance(plain, dict):
        raise InputError(f"{what}: expected a JSON object")
    return cast("dict[str, Any]", plain)


def canonical_json(value: object) -> bytes:
    """Bytes to hash or sign: compact UTF-8 JSON, sorted keys (RFC 8785 for the ASCII-keyed, float-free values here)."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
