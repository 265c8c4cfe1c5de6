"""What a call used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    input: int
    output: int
    calls: Mapping[str, int] = field(default_factory=dict[str, int])
    """Calls of tools that ran at the provider, by tool as grants name it; those that are not there did not run."""

    @staticmethod
    def read(given: object, input_name: str, output_name: str | None) -> "Usage | None":
        """From a provider's ``usage``; None where it says nothing that can be believed.

        ``output_name`` None: the endpoint has no output tokens.
        """
        if not isinstance(given, dict):
            return None
        counts = cast("dict[str, Any]", given)
        input = count(counts.get(input_name))
        output = 0 if output_name is None else count(counts.get(output_name))
        return None if input is None or output is None else Usage(input=input, output=output)


def count(value: object) -> int | None:
    """What a provider counted; None where that cannot be."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else None
