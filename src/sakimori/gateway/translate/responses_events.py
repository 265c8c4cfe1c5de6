"""A streamed answer of ``/v1/responses`` as the chunks of ``/v1/chat/completions``."""

from collections.abc import Mapping
from typing import Any, cast

from sakimori.gateway.endpoints import hosted
from sakimori.gateway.endpoints.responses_stream import KEEP_ALIVE, cyber_of, hold_event
from sakimori.gateway.endpoints.stream import AnswerStream, unusable
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.translate.chat_answer import as_list, as_object
from sakimori.gateway.translate.responses_answer import (
    BETWEEN_MESSAGES,
    about,
    call_of,
    finish_of,
    said_in,
    usage_of,
)

_TEXTS = {"response.output_text": "output_text", "response.refusal": "refusal"}
_CALLS: Mapping[str, tuple[str, str]] = {
    "response.function_call_arguments": ("function", "arguments"),
    "response.custom_tool_call_input": ("custom", "input"),
}
_ITEMS = {"function_call": ("function", "arguments"), "custom_tool_call": ("custom", "input")}
_LAST = frozenset({"response.completed", "response.incomplete"})
_QUIET = frozenset(
    {
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.annotation.added",
        *(f"response.reasoning_{of}.{state}" for of in ("text", "summary_text") for state in ("delta", "done")),
        *(f"response.reasoning_{of}.{state}" for of in ("part", "summary_part") for state in ("added", "done")),
    }
)
"""What a chat completion has no word for, or what others say again."""


class ChatOfResponses(AnswerStream):
    """Takes the events of a response, and gives ``client``, a stream of chat completions, their chunks."""

    def __init__(self, client: AnswerStream) -> None:
        super().__init__(client._passage, client._seal, client._hosted_tools)
        self._client = client
        self._about: dict[str, Any] = {}
        self._said: dict[tuple[object, ...], str] = {}
        """By place: what was said of a text, or of what a tool is called with."""
        self._spoke_in: dict[str, object] = {}
        """By member of the message: the output index of the item that spoke in it last."""
        self._calls: dict[int, tuple[int, str]] = {}
        """By output index: the place of a call among the calls, and its kind."""

    def event(self, name: str, data: dict[str, Any]) -> list[bytes]:
        kind = data.setdefault("type", name)
        if not isinstance(kind, str):
            raise unusable("sent an event without its kind")
        if kind in _LAST or kind in ("response.created", "response.failed"):
            return self._about_all(kind, as_object(data.get("response")))
        hold_event(kind, data, self._hosted_tools)
        of, _, state = kind.rpartition(".")
        if of in _TEXTS and state in ("delta", "done"):
            return self._text(_TEXTS[of], _index(data), data.get("content_index") or 0, data, state)
        if of in _CALLS and state in ("delta", "done"):
            return self._called(_index(data), data, state, _CALLS[of][1])
        if kind in ("response.output_item.added", "response.output_item.done"):
            return self._item(_index(data), as_object(data.get("item")), state)
        if kind == "error":
            return self._failed(data.get("error") if isinstance(data.get("error"), dict) else data)
        if kind == KEEP_ALIVE:
            return [b": still there\n\n"]
        if kind in _QUIET:
            return []
        raise hosted.not_known("an event", kind)

    def end(self) -> list[bytes]:
        return self._client.end()

    def fail(self, refusal: Refusal) -> bytes:
        return self._client.fail(refusal)

    def _about_all(self, kind: str, answer: dict[str, Any]) -> list[bytes]:
        """The first event, or the last one."""
        self.model = answer.get("model", self.model)
        self.cyber = cyber_of(answer) or self.cyber
        self._about = self._about or about(answer)
        if kind == "response.created":
            return self._emit({"role": "assistant", "content": ""})
        self.usage = hosted.response_usage(answer)
        if kind == "response.failed":
            return self._failed(answer.get("error"))
        hosted.hold_response(answer, self._hosted_tools)
        out = self._emit({}, finish=finish_of(answer, calls=bool(self._calls)))
        out += self._client.event("", {**self._chunk(), "choices": [], "usage": usage_of(answer)})
        self.finished = True
        return out

    def _text(self, kind: object, index: int, content_index: object, data: dict[str, Any], state: str) -> list[bytes]:
        member, field = said_in(kind)
        text = self._new((index, member, content_index), data, state, field)
        if not text:
            return []
        before = self._spoke_in.get(member, index)
        self._spoke_in[member] = index
        return self._emit({member: (BETWEEN_MESSAGES if before != index else "") + text})

    def _item(self, index: int, item: dict[str, Any], state: str) -> list[bytes]:
        kind, out = item.get("type"), list[bytes]()
        if kind == "message" and state == "done":
            for number, part in enumerate(map(as_object, as_list(item.get("content")))):
                out += self._text(part.get("type"), index, number, part, state)
        elif isinstance(kind, str) and kind in _ITEMS:
            of, field = _ITEMS[kind]
            if index not in self._calls:
                self._calls[index] = (len(self._calls), of)
                begun = call_of({**item, field: ""})
                out += self._emit({"tool_calls": [{"index": self._calls[index][0], **begun}]})
            if state == "done":
                out += self._called(index, item, state, field)
        elif kind not in ("message", "reasoning"):
            raise unusable("sent a kind of answer that was not asked for")
        return out

    def _called(self, index: int, data: dict[str, Any], state: str, field: str) -> list[bytes]:
        if index not in self._calls:
            raise unusable("sent a part of a tool call without its place")
        place, of = self._calls[index]
        text = self._new((index,), data, state, field)
        return self._emit({"tool_calls": [{"index": place, of: {field: text}}]}) if text else []

    def _new(self, place: tuple[object, ...], data: dict[str, Any], state: str, field: str) -> str:
        """What an event says of a text beyond what others said; that it is done, some say alone."""
        text = data.get("delta" if state == "delta" else field)
        if not isinstance(text, str) or any(isinstance(at, dict | list) for at in place):
            raise unusable("sent a part of an answer that is no text, or has no place")
        said = self._said.get(place, "")
        new = text if state == "delta" else text[len(said) :]
        self._said[place] = said + new
        return new

    def _failed(self, error: object) -> list[bytes]:
        told = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
        out = self._client.event("", {"error": told or {"message": "The model provider failed."}})
        self.failed, self.finished = self._client.failed, True
        return out

    def _emit(self, delta: dict[str, Any], finish: str | None = None) -> list[bytes]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._client.event("", {**self._chunk(), "choices": [choice], "usage": None})

    def _chunk(self) -> dict[str, Any]:
        return {**self._about, "object": "chat.completion.chunk"}


def _index(data: Mapping[str, Any]) -> int:
    index = data.get("output_index")
    if not isinstance(index, int):
        raise unusable("sent an event without its place")
    return index
