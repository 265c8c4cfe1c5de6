"""Translating without leaving anything out: each field is taken, and what is left over is refused by its name."""

from collections.abc import Callable, Mapping
from typing import Any

from sakimori.gateway.refusal import Refusal


def unfaithful(param: str, what: str = "has no equal", speaks: str = "Chat Completions") -> Refusal:
    """The field cannot be said in the other endpoint's words."""
    message = (
        f"'{param}' {what} in {speaks}, as which this call would go to its provider: leave it out, or ask for "
        "a provider that speaks this endpoint."
    )
    return Refusal(400, "untranslatable", message, param=param)


class Taken:
    """The members of one object of a request, each of which must be taken."""

    speaks = "Chat Completions"
    """What the provider speaks."""

    def __init__(self, members: Mapping[str, Any], at: str = "") -> None:
        self._left = {name: member for name, member in members.items() if member is not None and member != []}
        self._at = at

    def at(self, name: str) -> str:
        return f"{self._at}.{name}" if self._at else name

    def take(self, name: str) -> Any:
        """The member, or None where there is none."""
        return self._left.pop(name, None)

    def drop(self, *names: str) -> None:
        """Members that say nothing to a model: ids, states, and what asks for the default."""
        for name in names:
            self._left.pop(name, None)

    def only(self, name: str, *values: object) -> None:
        """A member that may have no other value than these, which ask for what happens anyway."""
        if self._left.pop(name, values[0]) not in values:
            raise unfaithful(self.at(name), "has a value that has no equal", self.speaks)

    def move(
        self, into: dict[str, Any], name: str, to: str | None = None, change: Callable[[Any], Any] | None = None
    ) -> None:
        member = self.take(name)
        if member is not None:
            into[to or name] = change(member) if change else member

    def end(self) -> None:
        """Raises Refusal where something is left."""
        left = min(self._left, default=None)
        if left is not None:
            raise unfaithful(self.at(left), speaks=self.speaks)
