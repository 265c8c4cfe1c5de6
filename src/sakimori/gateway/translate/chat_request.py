"""A request to ``/v1/responses`` in the words of ``/v1/chat/completions``."""

from collections.abc import Mapping
from typing import Any, cast

from sakimori.gateway.translate.faithful import Taken, unfaithful

_SAME = (
    "model",
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "top_p",
)
_ROLES = {"developer": "system", "system": "system", "user": "user", "assistant": "assistant"}
"""Servers that only speak Chat Completions know no developers."""


def chat_request(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Raises Refusal for the first thing that cannot be said."""
    asked = Taken(sent)
    body: dict[str, Any] = {}
    for name in _SAME:
        asked.move(body, name)
    instructions = asked.take("instructions")
    messages = [{"role": "system", "content": instructions}] if instructions else []
    body["messages"] = messages + _messages(asked.take("input"))
    asked.move(body, "max_output_tokens", "max_tokens")
    asked.move(body, "tools", change=lambda tools: [_tool(tool, f"tools[{n}]") for n, tool in enumerate(tools)])
    asked.move(body, "tool_choice", change=_tool_choice)
    if asked.take("stream"):
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    _add_reasoning(Taken(asked.take("reasoning") or {}, "reasoning"), body)
    _add_text(Taken(asked.take("text") or {}, "text"), body)
    asked.only("include", ["reasoning.encrypted_content"])  # of which there is none
    asked.only("background", False)
    asked.only("truncation", "disabled")
    asked.only("access_programs", {"cyber": "standard"})
    asked.end()
    return body


def _add_reasoning(asked: Taken, body: dict[str, Any]) -> None:
    asked.move(body, "effort", "reasoning_effort")
    for name in ("summary", "generate_summary", "context"):
        asked.only(name, "auto")
    asked.only("mode", "standard")
    asked.end()


def _add_text(asked: Taken, body: dict[str, Any]) -> None:
    asked.move(body, "verbosity")
    form = asked.take("format")
    if form and form["type"] == "json_schema":
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {name: member for name, member in form.items() if name != "type" and member is not None},
        }
    elif form and form["type"] != "text":
        body["response_format"] = form
    asked.end()


def _messages(given: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    messages: list[dict[str, Any]] = []
    for number, item in enumerate(given):
        _add_item(messages, Taken(item, f"input[{number}]"), item.get("type", "message"))
    return messages


def _add_item(messages: list[dict[str, Any]], item: Taken, kind: str) -> None:
    item.drop("type", "id", "status")
    if kind == "message":
        item.drop("phase")
        role = _ROLES[item.take("role")]
        messages.append({"role": role, "content": _content(item.take("content"), item.at("content"))})
    elif kind == "function_call":
        called = {"name": item.take("name"), "arguments": item.take("arguments")}
        _add_call(messages, {"id": item.take("call_id"), "type": "function", "function": called}, item)
    elif kind == "custom_tool_call":
        called = {"name": item.take("name"), "input": item.take("input")}
        _add_call(messages, {"id": item.take("call_id"), "type": "custom", "custom": called}, item)
    elif kind in ("function_call_output", "custom_tool_call_output"):
        item.drop("name")
        content = _content(item.take("output"), item.at("output"))
        messages.append({"role": "tool", "tool_call_id": item.take("call_id"), "content": content})
        item.only("caller", {"type": "direct"})
    elif kind == "reasoning":
        # As plain text no model of such a provider reads it again; what is encrypted was meant to be read again.
        item.drop("summary", "content")
    else:
        raise unfaithful(item.at("type"), "has a value that has no equal")
    item.end()


def _add_call(messages: list[dict[str, Any]], call: dict[str, Any], item: Taken) -> None:
    """Calls belong to the assistant's message before them."""
    item.only("caller", {"type": "direct"})
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1].setdefault("tool_calls", []).append(call)


def _content(given: object, at: str) -> object:
    if not isinstance(given, list):
        return given or ""
    return [_part(part, f"{at}[{number}]") for number, part in enumerate(cast("list[dict[str, Any]]", given))]


def _part(given: dict[str, Any], at: str) -> dict[str, Any]:
    part = Taken(given, at)
    match part.take("type"):
        case "input_text" | "output_text":
            part.drop("annotations")
            said: dict[str, Any] = {"type": "text", "text": part.take("text")}
        case "refusal":
            said = {"type": "refusal", "refusal": part.take("refusal")}
        case "input_image":
            image = {"url": part.take("image_url")}
            part.move(image, "detail")
            said = {"type": "image_url", "image_url": image}
        case "input_audio":
            said = {"type": "input_audio", "input_audio": part.take("input_audio")}
        case "input_file":
            said = {"type": "file", "file": {"filename": part.take("filename"), "file_data": part.take("file_data")}}
        case _:
            raise unfaithful(part.at("type"), "has a value that has no equal")
    part.end()
    return said


def _tool(given: dict[str, Any], at: str) -> dict[str, Any]:
    tool = Taken(given, at)
    kind = tool.take("type")
    if kind not in ("function", "custom"):
        raise unfaithful(at, f"is a tool of the type '{kind}', which has no equal")
    made: dict[str, Any] = {}
    for name in ("name", "description", "parameters", "strict"):
        tool.move(made, name)
    tool.move(made, "format", change=_custom_format)
    tool.only("allowed_callers", ["direct"])
    tool.only("defer_loading", False)
    tool.only("async", False)
    tool.end()
    return {"type": kind, kind: made}


def _custom_format(given: dict[str, Any]) -> dict[str, Any]:
    if given["type"] != "grammar":
        return given
    return {"type": "grammar", "grammar": {name: member for name, member in given.items() if name != "type"}}


def _tool_choice(given: str | dict[str, Any]) -> object:
    if isinstance(given, str):
        return given
    if given["type"] == "allowed_tools":
        tools = [_tool_choice(tool) for tool in given["tools"]]
        return {"type": "allowed_tools", "allowed_tools": {"mode": given["mode"], "tools": tools}}
    if given["type"] not in ("function", "custom"):
        raise unfaithful("tool_choice.type", "has a value that has no equal")
    return {"type": given["type"], given["type"]: {"name": given["name"]}}
