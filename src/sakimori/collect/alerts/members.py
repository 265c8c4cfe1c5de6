"""What the members of an alert say, whatever their types turn out to be. Alerts are flattened first (``a.b.c``).

A member of a type that it should not have says nothing; what is longer than it can sensibly be is left out or cut.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

from sakimori.collect.shapes import Fields, ShapeError
from sakimori.collect.times import time_of
from sakimori.core import Nanos, addresses_of
from sakimori.records import Entity, EntityType, Severity, entity_named

Named = tuple[tuple[EntityType, str], ...]
"""Entity type and the member that names such entities, in the order in which readers should see them."""

LONGEST = 1024
"""Characters of a name, id or address."""
_LONGEST_TITLE = 300
_MOST = 100
"""Elements of one array that are looked at, and entities of one alert."""
_DIGEST = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})\Z")
_SECOND = 10**9
_MILLISECOND = 10**6


def texts(fields: Mapping[str, Any], *names: str) -> Iterator[str]:
    """Texts and numbers under these names, element by element where there are several, without blanks around them."""
    for name in names:
        value = fields.get(name)
        items = cast("list[Any]", value) if value.__class__ is list else (value,)
        for item in islice(items, _MOST):
            if item.__class__ in (str, int, float):
                text = str(item).strip()
                if 0 < len(text) <= LONGEST:
                    yield _whole(text)


def text(fields: Mapping[str, Any], *names: str) -> str:
    """The first of ``texts``; empty where there is none."""
    return next(texts(fields, *names), "")


def needed(fields: Mapping[str, Any], *names: str) -> str:
    """The first of ``texts``.

    Raises:
        ShapeError: there is none.
    """
    found = text(fields, *names)
    if not found:
        raise ShapeError(f"an alert without {' or '.join(names)} (or longer than {LONGEST} characters)")
    return found


def title(fields: Mapping[str, Any], *names: str) -> str:
    """The first text on one line, cut where it is long; empty where there is none."""
    for name in names:
        value = fields.get(name)
        first: Any = cast("list[Any]", value)[0] if value.__class__ is list and value else value
        if isinstance(first, str):
            line = " ".join(_whole(first[: 10 * _LONGEST_TITLE]).split())
            if line:
                return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + "…"
    return ""


def objects(value: object) -> Iterator[Fields]:
    """The objects of an array, at most a hundred; none where it is no array."""
    if value.__class__ is list:
        yield from (item for item in cast("list[Any]", value)[:_MOST] if item.__class__ is dict)


def member(record: Fields, name: str) -> Fields:
    """A member that is an object; empty where it is none."""
    value = record.get(name)
    return cast("Fields", value) if value.__class__ is dict else {}


def first_time(fields: Mapping[str, Any], *names: str) -> Nanos | None:
    """RFC 3339; or seconds or milliseconds since the epoch, told apart by their size."""
    for name in names:
        for said in texts(fields, name):
            found = time_of(said)
            if found is None:
                found = _epoch(said)
            if found is not None:
                return found
    return None


def _epoch(said: str) -> Nanos | None:
    whole, _, fraction = said.partition(".")
    if not (whole.isascii() and whole.isdecimal() and 9 <= len(whole) <= 13) or (fraction and not fraction.isdecimal()):
        return None
    if len(whole) >= 12:
        return int(whole) * _MILLISECOND
    return int(whole) * _SECOND + int((fraction[:9] or "0").ljust(9, "0"))


_SEVERITIES = {severity.label: severity for severity in Severity} | {"info": Severity.INFORMATIONAL}


def severity_named(*words: str) -> Severity:
    """The first word that is one; where none is, medium: somebody should look."""
    return next((found for word in words if (found := _SEVERITIES.get(word.lower()))), Severity.MEDIUM)


def entities(fields: Mapping[str, Any], named: Named) -> Iterator[Entity]:
    for kind, name in named:
        for said in texts(fields, name):
            if found := entity(kind, said):
                yield found


def entity(kind: EntityType, said: str) -> Entity | None:
    """As ``entity_named``; what is no digest is no hash, and a host by its address is an address."""
    if kind is EntityType.HASH and not _DIGEST.match(said.lower()):
        return None
    if kind is EntityType.HOST and addresses_of(said):
        kind = EntityType.IP
    return entity_named(kind, said)


def host(name: str, domain: str) -> Entity | None:
    """The host under its full name where the product says its DNS domain: so telemetry names it."""
    if name and "." not in name and "." in domain:
        name = f"{name}.{domain}"
    return entity(EntityType.HOST, name)


def distinct(found: Iterable[Entity | None]) -> tuple[Entity, ...]:
    """Each once, at most a hundred."""
    return tuple(islice(dict.fromkeys(item for item in found if item), _MOST))


def letters(word: str) -> str:
    """To compare words however they are spelled: ``False Positive``, ``false_positive``, ``falsePositive``."""
    return "".join(filter(str.isalnum, word)).lower()


def _whole(said: str) -> str:
    """Without half surrogates, which no UTF-8 can hold."""
    return said if said.isascii() else said.encode("utf-8", "replace").decode()
