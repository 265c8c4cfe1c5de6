"""How deep JSON may be nested, so that what walks it by recursion cannot be made to fail, and of how many values it may
be, so that a few megabytes cannot take gigabytes and minutes."""

import re
from typing import cast

_STRING = re.compile(rb'"[^"]*"?')


def too_deep(value: object, levels: int, raw: bytes) -> bool:
    """Whether a JSON value is nested deeper than so many levels. ``raw``: as it came, which mostly tells it sooner."""
    return raw.count(b"{") + raw.count(b"[") > levels and _is_deeper(value, levels)


def too_many(raw: bytes, values: int) -> bool:
    """Whether JSON, as it came, has more than so many values and names. A comma or a colon stands before each but the
    first of a list; what is no JSON may count as anything."""
    return _separators(raw) > values and _separators(_without_strings(raw)) > values


def _separators(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b":")


def _without_strings(raw: bytes) -> bytes:
    return _STRING.sub(b"", raw.replace(b"\\\\", b"").replace(b'\\"', b""))


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = cast("dict[str, object]", value).values() if isinstance(value, dict) else cast("list[object]", value)
    return levels == 0 or any(_is_deeper(member, levels - 1) for member in members)
