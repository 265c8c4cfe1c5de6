"""Who is acting."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone or something that proved who it is. What it may do, policy decides."""

    tenant: str
    id: str
    kind: Literal["key", "person", "service"]
    scopes: frozenset[str]
    """What it was given the right to ask for, such as ``gateway.call``."""

    @property
    def actor(self) -> str:
        """As the ledger names it: ``key:k3n…``."""
        return f"{self.kind}:{self.id}"
