"""Times as logs write them."""

from functools import lru_cache
from typing import Any

from sakimori.core import Nanos, parse_rfc3339


def time_of(value: Any) -> Nanos | None:
    """RFC 3339 and its usual variants; None for anything else, and for what 64 bits of nanoseconds cannot hold."""
    return _parsed_time(value) if value.__class__ is str and len(value) <= LONGEST_TIME else None


LONGEST_TIME = 64
"""Characters. The cache below keeps what it was asked, and a hostile log may ask for megabytes."""


@lru_cache(8192)  # a log says the same second many times over
def _parsed_time(text: str) -> Nanos | None:
    try:
        time = parse_rfc3339(text)
    except ValueError:
        return None
    return time if -(2**63) <= time < 2**63 else None
