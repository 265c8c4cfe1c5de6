"""How deep a JSON value may be nested, so that what walks it by recursion cannot be made to fail."""

from typing import cast


def too_deep(value: object, levels: int, raw: bytes) -> bool:
    """Whether a JSON value is nested deeper than so many levels. ``raw``: as it came, which mostly tells it sooner."""
    return raw.count(b"{") + raw.count(b"[") > levels and _is_deeper(value, levels)


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = cast("dict[str, object]", value).values() if isinstance(value, dict) else cast("list[object]", value)
    return levels == 0 or any(_is_deeper(member, levels - 1) for member in members)
