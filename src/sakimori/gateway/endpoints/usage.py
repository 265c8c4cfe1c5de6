"""What a call used."""

from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    input: int
    output: int

    @staticmethod
    def read(given: object, input_name: str, output_name: str | None) -> "Usage | None":
        """From a provider's ``usage``; None where it says nothing that can be believed.

        ``output_name`` None: the endpoint has no output tokens.
        """
        if not isinstance(given, dict):
            return None
        counts = cast("dict[str, Any]", given)
        input = _count(counts.get(input_name))
        output = 0 if output_name is None else _count(counts.get(output_name))
        return None if input is None or output is None else Usage(input=input, output=output)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else None
