"""What the gateway needs to know of one of the provider's endpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from sakimori.gateway.shapes import Fields

# Reasons are shared, so that a refusal reads the same everywhere.
KEEPS_STATE = "it keeps state at the provider, where the institution cannot see or erase it"
REACHES_OUT = "it lets the provider reach outside systems on the institution's behalf, which no grant allows"
NO_MEDIA = "images, audio and files cannot be tokenised yet"
NO_STREAM = "streaming is not supported yet; ask without it"
NO_LOGPROBS = "pieces of tokens cannot be restored"
NOT_GRANTED = "grants do not cover it yet"
OTHER_PRICE = "it is billed differently from what the budget reserves"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    path: str
    """Beneath the provider's base URL."""
    shape: Fields
    output_limits: tuple[str, ...]
    """Fields that bound the output tokens of one answer; the first that is given counts."""
    answers: str | None
    """The field that says how many answers are made."""
    object: str
    """What the answer's ``object`` must be."""
    usage_fields: tuple[str, str]
    """Where ``usage`` has input and output tokens."""
    seal: Callable[[dict[str, Any], Callable[[str], str]], None]
    """Seals in place what the provider encrypted in an answer, so that it is known when it comes back."""

    def usage(self, answer: dict[str, Any]) -> Usage | None:
        """What the provider says it used; None where it says nothing that can be believed."""
        given = answer.get("usage")
        if not isinstance(given, dict):
            return None
        input, output = (_count(cast("dict[str, Any]", given).get(name)) for name in self.usage_fields)
        return None if input is None or output is None else Usage(input=input, output=output)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else None
