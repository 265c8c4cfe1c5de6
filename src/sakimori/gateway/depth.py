"""How deep a JSON value may be nested, so that what walks it by recursion cannot be made to fail."""

from typing import cast


def too_deep(value: object, levels: int) -> bool:
    """Whether a JSON value is nested deeper than so many levels."""
    if not isinstance(value, dict | list):
        return False
    members = cast("dict[str, object]", value).values() if isinstance(value, dict) else cast("list[object]", value)
    return levels == 0 or any(too_deep(member, levels - 1) for member in members)
