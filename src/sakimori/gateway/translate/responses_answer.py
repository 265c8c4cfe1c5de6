"""A whole answer of ``/v1/responses`` in the words of ``/v1/chat/completions``."""

from collections.abc import Mapping
from typing import Any, cast

from sakimori.gateway.endpoints.stream import unusable
from sakimori.gateway.endpoints.usage import Usage
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.translate.chat_answer import as_list, as_object

BETWEEN_MESSAGES = "\n\n"
"""A chat completion has one message; what was said in several is told apart."""
_SAID = {"output_text": ("content", "text"), "refusal": ("refusal", "refusal")}
"""By the type of a part: the member of a message that it belongs to, and where its text is."""
_CALLED = {"function_call": ("function", "arguments"), "custom_tool_call": ("custom", "input")}
_FINISH = {"max_output_tokens": "length", "content_filter": "content_filter"}


def completion_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Raises Refusal where the answer is none, or says that it failed."""
    if answer.get("status") == "failed":
        raise failure(answer.get("error"))
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    calls: list[dict[str, Any]] = []
    for given in as_list(answer.get("output")):
        item = as_object(given)
        kind = item.get("type")
        if kind == "message":
            add_message(message, item)
        elif isinstance(kind, str) and kind in _CALLED:
            calls.append(call_of(item))
        elif kind != "reasoning":  # for which a chat completion has no word, and nobody asked
            raise unusable("sent a kind of answer that was not asked for")
    if calls:
        message["tool_calls"] = calls
    finish = finish_of(answer, calls=bool(calls))
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {**about(answer), "object": "chat.completion", "choices": [choice], "usage": usage_of(answer)}


def about(answer: Mapping[str, Any]) -> dict[str, Any]:
    created = answer.get("created_at")
    return {
        "id": f"chatcmpl-{answer.get('id', '')}",
        "created": int(created) if isinstance(created, int | float) and 0 <= created < 2**53 else 0,
        "model": answer.get("model"),
    }


def add_message(message: dict[str, Any], item: Mapping[str, Any]) -> None:
    """Add what an item says to the one message of a completion."""
    told: set[str] = set()
    for given in as_list(item.get("content")):
        part = as_object(given)
        member, field = said_in(part.get("type"))
        text = part.get(field)
        if not isinstance(text, str):
            raise unusable("sent a part of an answer that is no text")
        between = BETWEEN_MESSAGES if message[member] and member not in told else ""
        message[member] = (message[member] or "") + between + text
        told.add(member)


def said_in(kind: object) -> tuple[str, str]:
    """The member of a message that parts of this type belong to, and where their text is."""
    if not isinstance(kind, str) or kind not in _SAID:
        raise unusable("sent a kind of answer that was not asked for")
    return _SAID[kind]


def call_of(item: Mapping[str, Any]) -> dict[str, Any]:
    kind, field = _CALLED[item["type"]]
    id, name, said = item.get("call_id"), item.get("name"), item.get(field) or ""
    if not isinstance(id, str) or not isinstance(name, str) or not isinstance(said, str):
        raise unusable("sent a call of a tool without its name")
    return {"id": id, "type": kind, kind: {"name": name, field: said}}


def finish_of(answer: Mapping[str, Any], *, calls: bool) -> str:
    if answer.get("status") == "incomplete":
        details = answer.get("incomplete_details")
        reason = cast("dict[str, Any]", details).get("reason") if isinstance(details, dict) else None
        return _FINISH.get(reason, "length") if isinstance(reason, str) else "length"
    return "tool_calls" if calls else "stop"


def failure(error: object) -> Refusal:
    told = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else None
    said = f": {told}" if isinstance(told, str) else ""
    return Refusal(502, "provider_error", f"The model provider failed{said}.", may_retry=True)


def usage_of(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    usage = Usage.read(answer.get("usage"), "input_tokens", "output_tokens")
    if usage is None:
        return None
    told = cast("dict[str, Any]", answer["usage"])
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": _detail(told, "input_tokens_details", "cached_tokens")},
        "completion_tokens_details": {"reasoning_tokens": _detail(told, "output_tokens_details", "reasoning_tokens")},
    }


def _detail(usage: dict[str, Any], of: str, name: str) -> int:
    details = usage.get(of)
    count = cast("dict[str, Any]", details).get(name) if isinstance(details, dict) else None
    return count if isinstance(count, int) else 0
