"""Nested JSON as flat fields, under the names that Sigma rules for such logs use: members joined with dots."""

from collections.abc import Iterator
from typing import Any, cast

from sakimori.collect.shapes import Fields, Numbers, put


def flattened(record: Fields) -> Fields:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``. Nulls and empty objects stay, arrays of scalars too.

    An array that holds objects becomes one array per member of those, as Elasticsearch shows it to rules:
    ``{"answers": [{"rdata": "a"}, {"rdata": "b"}]}`` as ``{"answers.rdata": ["a", "b"]}``. What is no object in such an
    array keeps the array's own name. Two members that come to the same name are numbered (see ``put``).
    """
    if not any(value.__class__ in _NESTING for value in record.values()):
        return record
    fields: Fields = {}
    last: Numbers = {}
    for name, value in record.items():
        for leaf, content in _leaves(name, value):
            put(fields, last, leaf, content)
    return fields


_NESTING = (dict, list)
DEPTH = 32
"""Levels that become names; what lies deeper stays JSON."""
LONGEST_NAME = 1024
"""Characters of a name that is still joined with others: a long one before many members would be written as often."""


def _leaves(name: str, value: Any, depth: int = DEPTH) -> Iterator[tuple[str, Any]]:
    if not depth or len(name) > LONGEST_NAME:
        yield name, value
    elif value.__class__ is dict and value:
        for member, content in cast("Fields", value).items():
            yield from _leaves(f"{name}.{member}", content, depth - 1)
    elif value.__class__ is list and any(item.__class__ is dict for item in value):
        gathered: dict[str, list[Any]] = {}
        for item in cast("list[Any]", value):
            for leaf, content in _leaves(name, item, depth - 1):
                found = gathered.setdefault(leaf, [])
                if content.__class__ is list:
                    found.extend(content)
                else:
                    found.append(content)
        yield from gathered.items()
    else:
        yield name, value
