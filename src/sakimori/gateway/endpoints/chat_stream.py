"""Streamed answers of ``/v1/chat/completions``: chunks as ``openai.types.chat.ChatCompletionChunk`` of the SDK 3.54."""

from collections.abc import Mapping
from typing import Any, cast

from sakimori.gateway import sse
from sakimori.gateway.boundary import Passage
from sakimori.gateway.endpoints.hosted import hold_chat
from sakimori.gateway.endpoints.stream import AnswerStream, Lanes, Seal, unusable
from sakimori.gateway.endpoints.usage import Usage
from sakimori.gateway.refusal import Refusal

_DONE = b"[DONE]"
_OBJECT = "chat.completion.chunk"
_CALLED = {"function": "arguments", "custom": "input"}
"""By the type of a tool call: what comes in pieces of it."""
_DROPPED = ("obfuscation", "prompt_logprobs", "prompt_token_ids")


class ChatStream(AnswerStream):
    def __init__(self, passage: Passage, seal: Seal, asked: Mapping[str, object], hosted_tools: frozenset[str]) -> None:
        super().__init__(passage, seal, hosted_tools)
        self._lanes = Lanes(passage)
        options = asked.get("stream_options")
        self._tells_usage = (
            isinstance(options, dict) and cast("dict[str, object]", options).get("include_usage") is True
        )
        self._open: dict[int, bool] = {}
        """For each answer that has begun, whether it goes on."""

    def take(self, event: sse.Event) -> list[bytes]:
        return [] if event.data == _DONE else super().take(event)

    def event(self, name: str, data: dict[str, Any]) -> list[bytes]:
        if data.get("error"):
            return [self._provider_error(data["error"])]
        choices = data.get("choices")
        if data.get("object") != _OBJECT or not isinstance(choices, list):
            raise unusable("sent an event that is no part of an answer")
        self.model = data.get("model", self.model)
        usage = data.get("usage")
        self.usage = Usage.read(usage, "prompt_tokens", "completion_tokens") or self.usage
        hold_chat(data, self._hosted_tools)
        if not self._tells_usage:
            data.pop("usage", None)
        data = {name: member for name, member in data.items() if name not in _DROPPED}
        spoken = [self._choice(choice) for choice in cast("list[Any]", choices)]
        self.finished = bool(self._open) and not any(self._open.values())
        says_usage = self._tells_usage and usage is not None
        if not says_usage and not any(map(_says_something, spoken)):
            return []
        return [sse.encode({**self.restore({**data, "choices": []}), "choices": spoken})]

    def end(self) -> list[bytes]:
        return [b"data: [DONE]\n\n"]

    def fail(self, refusal: Refusal) -> bytes:
        return sse.encode(refusal.body)

    def _choice(self, given: object) -> dict[str, Any]:
        choice = _object(given)
        index, delta = choice.get("index"), _object(choice.get("delta") or {})
        if not isinstance(index, int):
            raise unusable("sent a part of an answer without its place")
        said: dict[str, Any] = {}
        for name, member in delta.items():
            if name == "tool_calls" and member:
                said[name] = [self._tool_call(index, call) for call in _list(member)]
            elif isinstance(member, str) and name != "role":
                said[name] = self._lanes.feed((index, name), member, json=False)
            else:
                said[name] = self.restore(member)
        self._open[index] = self._open.get(index, True)
        if choice.get("finish_reason") is not None:
            self._open[index] = False
            self._add_rests(index, said)
        return {**choice, "delta": said, **({"logprobs": None} if "logprobs" in choice else {})}

    def _tool_call(self, choice: int, given: object) -> dict[str, Any]:
        call = _object(given)
        index = call.get("index")
        if not isinstance(index, int):
            raise unusable("sent a part of a tool call without its place")
        said = self.restore({name: member for name, member in call.items() if name not in _CALLED})
        for kind, field in _CALLED.items():
            called = call.get(kind)
            if called is None:
                continue
            called = _object(called)
            said[kind] = self.restore({name: member for name, member in called.items() if name != field})
            if called.get(field) is not None:
                key = (choice, "tool_calls", index, kind)
                said[kind][field] = self._lanes.feed(key, called[field], json=kind == "function")
        return said

    def _add_rests(self, choice: int, said: dict[str, Any]) -> None:
        """What was still held goes out with the part that ends the answer."""
        for key, rest in self._lanes.flush(choice):
            if key[1] != "tool_calls":
                name = cast("str", key[1])
                said[name] = (said.get(name) or "") + rest
                continue
            kind = cast("str", key[3])
            calls = cast("list[dict[str, Any]]", said.setdefault("tool_calls", []))
            same = next((call for call in calls if call["index"] == key[2] and kind in call), None)
            if same is None:
                same = cast("dict[str, Any]", {"index": key[2], kind: {}})
                calls.append(same)
            called = cast("dict[str, Any]", same[kind])
            called[_CALLED[kind]] = (called.get(_CALLED[kind]) or "") + rest

    def _provider_error(self, error: object) -> bytes:
        told = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
        message, code = told.get("message"), told.get("code")
        self.failed = code if isinstance(code, str) and code.isascii() and code.isidentifier() else "provider_error"
        self.finished = True
        text = self.whole(message) if isinstance(message, str) else "The model provider failed."
        return sse.encode({"error": {"message": text, "type": "server_error", "param": None, "code": self.failed}})


def _says_something(choice: dict[str, Any]) -> bool:
    """Not where all that it said is held back."""
    delta = choice["delta"]
    if choice.get("finish_reason") is not None:
        return True
    calls = cast("list[dict[str, Any]]", delta.get("tool_calls") or [])
    texts = [member for name, member in delta.items() if name != "tool_calls"]
    for call in calls:
        texts.append(call.get("id"))
        for kind in _CALLED:
            texts.extend(cast("dict[str, Any]", call.get(kind) or {}).values())
    return any(text not in (None, "", []) for text in texts)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise unusable("sent a part of an answer that is no object")
    return cast("dict[str, Any]", value)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise unusable("sent a part of an answer that is no array")
    return cast("list[Any]", value)
