"""A whole answer of ``/v1/chat/completions`` in the words of ``/v1/responses``."""

from collections.abc import Mapping
from typing import Any, cast

from sakimori.gateway.endpoints.stream import unusable
from sakimori.gateway.endpoints.usage import Usage
from sakimori.gateway.translate.tool_names import ToolNames

_ECHOED = (
    "instructions",
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "safety_identifier",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
)
_REASONING = ("reasoning_content", "reasoning")
"""What servers call the text of a model's reasoning, some both; Chat Completions has no word for it."""
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def response_of(answer: Mapping[str, Any], asked: Mapping[str, Any], names: ToolNames) -> dict[str, Any]:
    """``names``: what tools were called in the request. Raises Refusal where the answer is none."""
    choices = as_list(answer.get("choices"))
    if not choices:
        raise unusable("sent an answer that says nothing")
    choice = as_object(choices[0])
    message = as_object(choice.get("message"))
    made = _Output(str(answer.get("id", "")), names)
    made.add_text("reasoning", reasoning_in(message))
    made.add_text("output_text", message.get("content"))
    made.add_text("refusal", message.get("refusal"))
    for call in as_list(message.get("tool_calls")):
        made.add_call(as_object(call))
    return response(answer, asked, made.items, choice.get("finish_reason"))


def response(
    answer: Mapping[str, Any], asked: Mapping[str, Any], output: list[dict[str, Any]], finish: object
) -> dict[str, Any]:
    reason = _INCOMPLETE.get(finish) if isinstance(finish, str) else None
    defaults: dict[str, Any] = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "instructions": None}
    return {
        **defaults,
        **{name: asked[name] for name in _ECHOED if asked.get(name) is not None},
        "id": f"resp_{answer.get('id', '')}",
        "object": "response",
        "created_at": answer.get("created", 0),
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "error": None,
        "model": answer.get("model"),
        "output": output,
        "store": False,
        "usage": _usage(answer.get("usage")),
    }


def _usage(given: object) -> dict[str, Any] | None:
    usage = Usage.read(given, "prompt_tokens", "completion_tokens")
    if usage is None:
        return None
    told = cast("dict[str, Any]", given)
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": _detail(told, "prompt_tokens_details", "cached_tokens"),
            "cache_write_tokens": 0,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": _detail(told, "completion_tokens_details", "reasoning_tokens")},
        "total_tokens": usage.input + usage.output,
    }


def _detail(usage: dict[str, Any], of: str, name: str) -> int:
    details = usage.get(of)
    count = cast("dict[str, Any]", details).get(name) if isinstance(details, dict) else None
    return count if isinstance(count, int) else 0


class _Output:
    """The items of a whole answer."""

    def __init__(self, answer_id: str, names: ToolNames) -> None:
        self._id = answer_id
        self._names = names
        self.items: list[dict[str, Any]] = []

    def add_text(self, kind: str, text: object) -> None:
        if not isinstance(text, str) or not text:
            return
        if kind == "reasoning":
            self.items.append({**reasoning_item(self._next()), "content": [{"type": "reasoning_text", "text": text}]})
            return
        if not self.items or self.items[-1]["type"] != "message":
            self.items.append({**message_item(self._next()), "status": "completed"})
        self.items[-1]["content"].append(text_part(kind, text))

    def add_call(self, call: dict[str, Any]) -> None:
        self.items.append({**call_item(self._next(), call, self._names), "status": "completed"})

    def _next(self) -> str:
        return f"{self._id}_{len(self.items)}"


def reasoning_in(message: Mapping[str, Any]) -> object:
    """The text of the model's reasoning in a message or in a part of one."""
    return next((message[name] for name in _REASONING if message.get(name)), None)


def message_item(id: str) -> dict[str, Any]:
    return {"type": "message", "id": f"msg_{id}", "role": "assistant", "status": "in_progress", "content": []}


def reasoning_item(id: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": f"rs_{id}", "summary": []}


def text_part(kind: str, text: str) -> dict[str, Any]:
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": kind, "text": text, **({"annotations": []} if kind == "output_text" else {})}


def call_item(id: str, call: dict[str, Any], names: ToolNames) -> dict[str, Any]:
    """Raises Refusal where it is no call."""
    kind = "custom" if call.get("custom") else "function"
    called = as_object(call.get(kind))
    if not isinstance(called.get("name"), str) or not isinstance(call.get("id"), str):
        raise unusable("sent a call of a tool without its name")
    said = called.get("input" if kind == "custom" else "arguments")
    if not isinstance(said or "", str):
        raise unusable("sent a call of a tool without its arguments")
    namespace, name = names.given(called["name"])
    item: dict[str, Any] = {"call_id": call["id"], "name": name, "status": "in_progress"}
    if namespace is not None:
        item["namespace"] = namespace
    if kind == "custom":
        return {**item, "type": "custom_tool_call", "id": f"ctc_{id}", "input": said or ""}
    return {**item, "type": "function_call", "id": f"fc_{id}", "arguments": said or ""}


def as_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise unusable("sent an answer that is none")
    return cast("dict[str, Any]", value)


def as_list(value: object) -> list[object]:
    if not isinstance(value or [], list):
        raise unusable("sent an answer that is none")
    return cast("list[object]", value or [])
