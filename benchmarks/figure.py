"""One measured number."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: float
    unit: str
    baseline: str | None
    """What else was measured in the same session, to compare with."""
    command: str
    """How to measure it again."""
