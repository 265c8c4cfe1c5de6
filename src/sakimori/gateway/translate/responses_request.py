"""A request to ``/v1/chat/completions`` in the words of ``/v1/responses``."""

from collections.abc import Mapping
from typing import Any, cast

from sakimori.gateway.translate.faithful import Taken

_SAME = (
    "model",
    "access_programs",
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "temperature",
    "top_p",
)
_CALLED = {"function": ("function_call", "arguments"), "custom": ("custom_tool_call", "input")}
"""By the type of a tool: the type of an item that calls it, and what it is called with."""


class _Asked(Taken):
    speaks = "the Responses API"


def responses_request(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Raises Refusal for the first thing that cannot be said."""
    asked = _Asked(sent)
    body: dict[str, Any] = {}
    for name in _SAME:
        asked.move(body, name)
    body["input"] = _items(asked.take("messages") or [])
    asked.move(body, "max_tokens", "max_output_tokens")
    asked.move(body, "max_completion_tokens", "max_output_tokens")
    asked.move(body, "tools", change=lambda tools: [_tool(tool, f"tools[{n}]") for n, tool in enumerate(tools)])
    asked.move(body, "tool_choice", change=_tool_choice)
    effort = asked.take("reasoning_effort")
    if effort is not None:
        body["reasoning"] = {"effort": effort}
    text: dict[str, Any] = {}
    asked.move(text, "response_format", "format", change=_format)
    asked.move(text, "verbosity")
    if text:
        body["text"] = text
    asked.drop("stream_options")  # usage is always told
    asked.only("modalities", ["text"])
    asked.only("logprobs", False)
    asked.only("n", 1)
    for name in ("frequency_penalty", "presence_penalty"):
        asked.only(name, 0)
    asked.end()
    return body


def _items(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    custom: set[str] = set()
    for number, message in enumerate(messages):
        said = _Asked(message, f"messages[{number}]")
        role = said.take("role")
        if role == "tool":
            id = said.take("tool_call_id")
            kind = "custom_tool_call_output" if id in custom else "function_call_output"
            items.append({"type": kind, "call_id": id, "output": _content(said.take("content"), said.at("content"))})
        elif role == "assistant":
            said.drop("annotations")
            items += _spoken(said, number)
            calls = cast("list[dict[str, Any]]", said.take("tool_calls") or [])
            items += map(_call, calls)
            custom |= {call["id"] for call in calls if call["type"] == "custom"}
        else:
            content = _content(said.take("content"), said.at("content"))
            items.append({"type": "message", "role": role, "content": content})
        said.end()
    return items


def _spoken(said: Taken, number: int) -> list[dict[str, Any]]:
    """What the assistant said in a message, if it did."""
    content, refusal = said.take("content"), said.take("refusal")
    if isinstance(content, str) and content and not refusal:
        return [{"type": "message", "role": "assistant", "content": content}]
    given = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or []
    parts = cast("list[dict[str, Any]]", _content(given, said.at("content"), text="output_text") or [])
    if refusal:
        parts.append({"type": "refusal", "refusal": refusal})
    if not parts:
        return []
    # Parts of what was said before stand in an item as an answer has it.
    answered = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed"}
    return [{**answered, "content": parts}]


def _call(call: dict[str, Any]) -> dict[str, Any]:
    kind, field = _CALLED[call["type"]]
    called = call[call["type"]]
    return {"type": kind, "call_id": call["id"], "name": called.get("name"), field: called.get(field) or ""}


def _content(given: object, at: str, *, text: str = "input_text") -> object:
    if not isinstance(given, list):
        return given or ""
    parts = cast("list[dict[str, Any]]", given)
    return [_part(_Asked(part, f"{at}[{number}]"), part["type"], text) for number, part in enumerate(parts)]


def _part(part: Taken, kind: str, text: str) -> dict[str, Any]:
    """``kind`` is one that the shape of the request lets through."""
    part.drop("type")
    said: dict[str, Any]
    if kind == "text":
        said = {"type": text, "text": part.take("text"), **({"annotations": []} if text == "output_text" else {})}
    elif kind == "refusal":
        said = {"type": "refusal", "refusal": part.take("refusal")}
    elif kind == "image_url":
        image = part.take("image_url")
        said = {"type": "input_image", "image_url": image["url"]}
        if image.get("detail"):
            said["detail"] = image["detail"]
    elif kind == "input_audio":
        said = {"type": "input_audio", "input_audio": part.take("input_audio")}
    else:
        said = {"type": "input_file", **{name: member for name, member in part.take("file").items() if member}}
    part.end()
    return said


def _tool(given: dict[str, Any], at: str) -> dict[str, Any]:
    kind = given["type"]
    tool = _Asked(given[kind], f"{at}.{kind}")
    made: dict[str, Any] = {"type": kind}
    for name in ("name", "description", "parameters"):
        tool.move(made, name)
    if kind == "function":
        made["strict"] = bool(tool.take("strict"))  # which is true there where nobody says otherwise
    tool.move(made, "format", change=_custom_format)
    tool.end()
    return made


def _custom_format(given: dict[str, Any]) -> dict[str, Any]:
    return {"type": given["type"], **cast("dict[str, Any]", given.get("grammar") or {})}


def _tool_choice(given: str | dict[str, Any]) -> object:
    if isinstance(given, str):
        return given
    if given["type"] == "allowed_tools":
        allowed = cast("dict[str, Any]", given["allowed_tools"])
        tools = [_tool_choice(tool) for tool in cast("list[dict[str, Any]]", allowed.get("tools") or [])]
        return {"type": "allowed_tools", "mode": allowed.get("mode") or "auto", "tools": tools}
    return {"type": given["type"], "name": given[given["type"]]["name"]}


def _format(given: dict[str, Any]) -> dict[str, Any]:
    if given["type"] != "json_schema":
        return given
    named = {name: member for name, member in given["json_schema"].items() if member is not None}
    return {"type": "json_schema", "schema": {}, **named}
