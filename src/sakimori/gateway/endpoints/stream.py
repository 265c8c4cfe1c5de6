"""Answers that come in pieces: what every endpoint's stream has in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, cast

import orjson

from sakimori.gateway import sse
from sakimori.gateway.boundary import Passage
from sakimori.gateway.boundary.lane import Lane
from sakimori.gateway.depth import too_deep
from sakimori.gateway.endpoints.usage import Usage
from sakimori.gateway.refusal import Refusal

Seal = Callable[[str], str]
"""Makes of what the provider encrypted something that is known when it comes back."""
_DEEPEST = 100


class AnswerStream(ABC):
    """One streamed answer on its way to the client. Feed it the provider's events; what it returns goes to the client.

    After the provider's last event: ``end`` where ``finished`` holds, else ``fail``.
    """

    def __init__(self, passage: Passage, seal: Seal, hosted_tools: frozenset[str]) -> None:
        """``hosted_tools``: those that may run at the provider; an answer that shows another one ends there."""
        self._passage = passage
        self._seal = seal
        self._hosted_tools = hosted_tools
        self._restored_before = passage.restored
        self.model: object = None
        """The model that the provider says answers."""
        self.cyber: str | None = None
        """The level of cyber access that the provider says it answered with."""
        self.usage: Usage | None = None
        self.finished = False
        """Whether the answer is whole."""
        self.failed: str | None = None
        """What the provider called its failure, where it said in the stream that it failed."""

    def take(self, event: sse.Event) -> list[bytes]:
        """An event of the provider, as it stands in the stream.

        Raises:
            Refusal: it is none that this gateway can pass on; the call has failed.
        """
        try:
            data: object = orjson.loads(event.data)
        except orjson.JSONDecodeError:
            raise unusable("sent an event that is not JSON") from None
        if not isinstance(data, dict) or too_deep(cast("object", data), _DEEPEST, event.data):
            raise unusable("sent an event that is no object, or nested too deeply")
        return self.event(event.name, cast("dict[str, Any]", data))

    @abstractmethod
    def event(self, name: str, data: dict[str, Any]) -> list[bytes]:
        """An event of the provider, with its data parsed. Raises Refusal as ``take`` does."""

    @abstractmethod
    def end(self) -> list[bytes]:
        """What closes a finished answer."""

    @abstractmethod
    def fail(self, refusal: Refusal) -> bytes:
        """What tells the client that there will be no more, and why; in a form that its library raises as an error."""

    def whole(self, text: str) -> str:
        """A text that is there at once, restored as a lane would have said it in pieces."""
        return self._passage.receive(text)

    def restore(self, value: Any, name: str = "") -> Any:
        """A JSON value, its texts restored and what is encrypted in it sealed. It repeats: nothing of it is counted."""
        counted = self._passage.restored
        made = restored(value, self._passage, self._seal, name)
        self._passage.restored = counted
        return made

    def restore_last(self, value: Any) -> Any:
        """Like ``restore``, for what repeats the whole answer: it alone counts."""
        self._passage.restored = self._restored_before
        return restored(value, self._passage, self._seal)


class Lanes:
    """The lanes of one answer, by what tells its texts apart."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._lanes: dict[tuple[object, ...], Lane] = {}

    def feed(self, key: tuple[object, ...], text: object, *, json: bool) -> str:
        """What can be said of this text now. Raises Refusal where it is none."""
        if not isinstance(text, str):
            raise unusable("sent a part of an answer that is no text")
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = self._passage.lane(json=json)
        return lane.feed(text)

    def flush(self, *beginning: object) -> list[tuple[tuple[object, ...], str]]:
        """End the texts whose keys begin so; what was still held of them, by key."""
        ended = [key for key in self._lanes if key[: len(beginning)] == beginning]
        rests = [(key, self._lanes.pop(key).flush()) for key in ended]
        return [(key, rest) for key, rest in rests if rest]


def restored(value: Any, passage: Passage, seal: Seal, name: str = "") -> Any:
    """A JSON value of an answer, its texts and names restored as if they had come in pieces, so that whole answers say
    what streams do; what is encrypted in it is sealed. ``name``: of the member whose value it is."""
    if isinstance(value, str):
        return passage.receive(value, json=name == "arguments")
    if isinstance(value, list):
        return [restored(element, passage, seal, name) for element in cast("list[Any]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        encrypted = members.get("encrypted_content")
        made = {passage.receive(key): restored(member, passage, seal, key) for key, member in members.items()}
        if isinstance(encrypted, str) and members.get("type") == "reasoning":
            made["encrypted_content"] = seal(encrypted)
        return made
    return value


def unusable(what: str) -> Refusal:
    return Refusal(502, "provider_invalid_response", f"The model provider {what}.", may_retry=True)
