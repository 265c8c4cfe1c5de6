"""A streamed answer of ``/v1/chat/completions`` as the events of ``/v1/responses``."""

from collections.abc import Mapping
from typing import Any, cast

from sakimori.gateway import sse
from sakimori.gateway.endpoints.hosted import hold_chat
from sakimori.gateway.endpoints.stream import AnswerStream, unusable
from sakimori.gateway.endpoints.usage import Usage
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.translate.chat_answer import (
    as_list,
    as_object,
    call_item,
    message_item,
    reasoning_in,
    reasoning_item,
    response,
    text_part,
)
from sakimori.gateway.translate.tool_names import ToolNames

_DONE = b"[DONE]"
_LOGPROBS: Mapping[str, dict[str, Any]] = {"output_text": {"logprobs": []}}
"""Members that events of some texts must have."""
_CALLED = {
    "function_call": ("function_call_arguments", "arguments"),
    "custom_tool_call": ("custom_tool_call_input", "input"),
}


class ResponsesOfChat(AnswerStream):
    """Takes the chunks of a chat completion, and gives ``client``, a stream of the Responses API, their events."""

    def __init__(self, client: AnswerStream, asked: Mapping[str, Any], names: ToolNames) -> None:
        """``names``: what tools were called in the request."""
        super().__init__(client._passage, client._seal, client._hosted_tools)
        self._client = client
        self._asked = asked
        self._names = names
        self._about: dict[str, Any] = {}
        """Id, time and model, of the last chunk that had them."""
        self._items: list[dict[str, Any]] = []
        """The items of the answer so far, by output index."""
        self._speaking: int | None = None
        """The output index of the text item that goes on."""
        self._calls: dict[int, int] = {}
        """Output indices of the calls that go on, by the provider's index."""
        self._finish: object = None
        self._usage: object = None

    def take(self, event: sse.Event) -> list[bytes]:
        return [] if event.data == _DONE else super().take(event)

    def event(self, name: str, data: dict[str, Any]) -> list[bytes]:
        if data.get("error"):
            out = self._client.event("error", {"type": "error", "error": data["error"]})
            self.failed, self.finished = self._client.failed, self._client.finished
            return out
        choices = data.get("choices")
        if data.get("object") != "chat.completion.chunk" or not isinstance(choices, list):
            raise unusable("sent an event that is no part of an answer")
        out: list[bytes] = []
        if not self._about:
            self._about = {name: data.get(name) for name in ("id", "created", "model")}
            self.model = self._about["model"]
            begun = {**response(self._about, self._asked, [], None), "status": "in_progress"}
            for kind in ("created", "in_progress"):
                out += self._emit(f"response.{kind}", response=begun)
        self._usage = data.get("usage") or self._usage
        self.usage = Usage.read(self._usage, "prompt_tokens", "completion_tokens")
        hold_chat(data, self._hosted_tools)
        for choice in cast("list[object]", choices):
            out += self._choice(as_object(choice))
        return out

    def end(self) -> list[bytes]:
        kind = "incomplete" if self._finish in ("length", "content_filter") else "completed"
        about = {**self._about, "usage": self._usage}
        return self._emit(f"response.{kind}", response=response(about, self._asked, self._items, self._finish))

    def fail(self, refusal: Refusal) -> bytes:
        return self._client.fail(refusal)

    def _choice(self, choice: dict[str, Any]) -> list[bytes]:
        delta = as_object(choice.get("delta") or {})
        out: list[bytes] = []
        texts = (
            ("reasoning_text", reasoning_in(delta)),
            ("output_text", delta.get("content")),
            ("refusal", delta.get("refusal")),
        )
        for kind, text in texts:
            if isinstance(text, str) and text:
                out += self._say(kind, text)
        for call in as_list(delta.get("tool_calls")):
            out += self._call(as_object(call))
        if choice.get("finish_reason") is not None:
            self._finish = choice["finish_reason"]
            out += self._close_text()
            for index in self._calls.values():
                out += self._close_call(index)
            self._calls.clear()
            self.finished = True
        return out

    def _say(self, kind: str, text: str) -> list[bytes]:
        out: list[bytes] = []
        wanted = "reasoning" if kind == "reasoning_text" else "message"
        if self._speaking is not None and self._items[self._speaking]["type"] != wanted:
            out += self._close_text()
        if self._speaking is None:
            make = reasoning_item if wanted == "reasoning" else message_item
            self._speaking, opened = self._open({**make(self._next_id()), "content": []})
            out += opened
        parts = cast("list[dict[str, Any]]", self._items[self._speaking]["content"])
        if not parts or parts[-1]["type"] != kind:
            out += self._close_part()
            parts.append(text_part(kind, ""))
            out += self._emit("response.content_part.added", **self._place(), part=parts[-1])
        field = "refusal" if kind == "refusal" else "text"
        parts[-1][field] += text
        return out + self._emit(f"response.{kind}.delta", **self._place(), delta=text, **_LOGPROBS.get(kind, {}))

    def _call(self, call: dict[str, Any]) -> list[bytes]:
        number = call.get("index")
        if not isinstance(number, int):
            raise unusable("sent a part of a tool call without its place")
        if number not in self._calls:
            out = self._close_text()
            item = call_item(self._next_id(), call, self._names)
            _, field = _CALLED[item["type"]]
            first, item[field] = item[field], ""
            self._calls[number], opened = self._open(item)
            return out + opened + self._add_to_call(self._calls[number], first)
        index = self._calls[number]
        _, field = _CALLED[self._items[index]["type"]]
        called = as_object(call.get("function") or call.get("custom") or {})
        return self._add_to_call(index, called.get(field) or "")

    def _add_to_call(self, index: int, text: object) -> list[bytes]:
        if not isinstance(text, str):
            raise unusable("sent a part of an answer that is no text")
        if not text:
            return []
        item = self._items[index]
        event, field = _CALLED[item["type"]]
        item[field] += text
        return self._emit(f"response.{event}.delta", item_id=item["id"], output_index=index, delta=text)

    def _close_call(self, index: int) -> list[bytes]:
        item = self._items[index]
        event, field = _CALLED[item["type"]]
        item["status"] = "completed"
        done = self._emit(f"response.{event}.done", item_id=item["id"], output_index=index, **{field: item[field]})
        return done + self._emit("response.output_item.done", output_index=index, item=item)

    def _close_part(self) -> list[bytes]:
        """The part of the text item that goes on, if there is one."""
        if self._speaking is None or not self._items[self._speaking]["content"]:
            return []
        place = self._place()
        part = self._items[self._speaking]["content"][-1]
        field = "refusal" if part["type"] == "refusal" else "text"
        logprobs = _LOGPROBS.get(part["type"], {})
        done = self._emit(f"response.{part['type']}.done", **place, **{field: part[field]}, **logprobs)
        return done + self._emit("response.content_part.done", **place, part=part)

    def _close_text(self) -> list[bytes]:
        if self._speaking is None:
            return []
        out = self._close_part()
        index, self._speaking = self._speaking, None
        if self._items[index]["type"] == "message":
            self._items[index]["status"] = "completed"
        return out + self._emit("response.output_item.done", output_index=index, item=self._items[index])

    def _open(self, item: dict[str, Any]) -> tuple[int, list[bytes]]:
        self._items.append(item)
        index = len(self._items) - 1
        return index, self._emit("response.output_item.added", output_index=index, item=item)

    def _place(self) -> dict[str, Any]:
        assert self._speaking is not None
        item = self._items[self._speaking]
        return {"item_id": item["id"], "output_index": self._speaking, "content_index": len(item["content"]) - 1}

    def _next_id(self) -> str:
        return f"{self._about['id']}_{len(self._items)}"

    def _emit(self, kind: str, **data: Any) -> list[bytes]:
        return self._client.event(kind, {"type": kind, **data})
