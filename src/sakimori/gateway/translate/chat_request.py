"""A request to ``/v1/responses`` in the words of ``/v1/chat/completions``."""

from collections.abc import Mapping
from typing import Any, cast

from sakimori.gateway.translate.faithful import Taken, unfaithful
from sakimori.gateway.translate.tool_names import ToolNames

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


def chat_request(sent: Mapping[str, Any]) -> tuple[dict[str, Any], ToolNames]:
    """The request, and what tools are called in it. Raises Refusal for the first thing that cannot be said."""
    asked = Taken(sent)
    body: dict[str, Any] = {}
    for name in _SAME:
        asked.move(body, name)
    told: Any = asked.take("input") or list[Any]()
    items = cast("list[dict[str, Any]]", [{"role": "user", "content": told}] if isinstance(told, str) else told)
    offered = _offered(asked.take("tools") or [], items)
    names = ToolNames(tool for _, tool in offered)
    instructions = asked.take("instructions")
    body["messages"] = [{"role": "system", "content": instructions}] if instructions else []
    for number, item in enumerate(items):
        _add_item(body["messages"], Taken(item, f"input[{number}]"), item.get("type", "message"), names)
    asked.move(body, "max_output_tokens", "max_tokens")
    if offered:
        body["tools"] = [plain for at, tool in offered for plain in _tools(tool, at, names)]
    asked.move(body, "tool_choice", change=lambda choice: _tool_choice(choice, names))
    if asked.take("stream"):
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    _add_reasoning(Taken(asked.take("reasoning") or {}, "reasoning"), body)
    _add_text(Taken(asked.take("text") or {}, "text"), body)
    for number, item in enumerate(items):
        if item.get("type") == "configuration_update":
            _update(Taken(item, f"input[{number}]"), body)
    asked.only("include", ["reasoning.encrypted_content"])  # of which there is none
    asked.only("background", False)
    asked.only("truncation", "disabled")
    asked.only("access_programs", {"cyber": "standard"})
    asked.end()
    return body, names


def _offered(tools: list[dict[str, Any]], items: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Every tool that the model may call next, with its path; those that input items add are as good as any."""
    offered = [(f"tools[{number}]", tool) for number, tool in enumerate(tools)]
    for number, item in enumerate(items):
        if item.get("type") == "additional_tools":
            added = cast("list[dict[str, Any]]", item["tools"])
            offered += [(f"input[{number}].tools[{place}]", tool) for place, tool in enumerate(added)]
    return offered


def _update(item: Taken, body: dict[str, Any]) -> None:
    """Of what is to hold from here on, the last counts: the next answer is all that is asked for."""
    item.drop("type", "id")
    reasoning, text = item.take("reasoning"), item.take("text")
    if reasoning:
        _add_reasoning(Taken(reasoning, item.at("reasoning")), body)
    if text:
        body.pop("response_format", None)
        _add_text(Taken(text, item.at("text")), body)
    item.end()


def _add_reasoning(asked: Taken, body: dict[str, Any]) -> None:
    asked.move(body, "effort", "reasoning_effort")
    for name in ("summary", "generate_summary"):
        asked.only(name, "auto")
    if asked.take("context") not in (None, "auto"):
        what = "says which reasoning of earlier turns the model reads again, which cannot be shown to it"
        raise unfaithful(asked.at("context"), what)
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


def _add_item(messages: list[dict[str, Any]], item: Taken, kind: str, names: ToolNames) -> None:
    item.drop("type", "id", "status")
    if kind == "message":
        item.drop("phase")
        role = _ROLES[item.take("role")]
        messages.append({"role": role, "content": _content(item.take("content"), item.at("content"))})
    elif kind == "function_call":
        called = {"name": names.plain(item.take("namespace"), item.take("name")), "arguments": item.take("arguments")}
        _add_call(messages, {"id": item.take("call_id"), "type": "function", "function": called}, item)
    elif kind == "custom_tool_call":
        called = {"name": names.plain(item.take("namespace"), item.take("name")), "input": item.take("input")}
        _add_call(messages, {"id": item.take("call_id"), "type": "custom", "custom": called}, item)
    elif kind in ("function_call_output", "custom_tool_call_output"):
        item.drop("name", "namespace")  # the id of the call says which it was
        content = _content(item.take("output"), item.at("output"))
        messages.append({"role": "tool", "tool_call_id": item.take("call_id"), "content": content})
        item.only("caller", {"type": "direct"})
    elif kind == "reasoning":
        # As plain text no model of such a provider reads it again; what is encrypted was meant to be read again.
        item.drop("summary", "content")
    elif kind in ("additional_tools", "configuration_update"):
        return  # told with the request itself
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


def _tools(given: dict[str, Any], at: str, names: ToolNames) -> list[dict[str, Any]]:
    """A tool, or all of a namespace, each of which says what the namespace is for."""
    if given["type"] != "namespace":
        return [_tool(given, at)]
    space = Taken(given, at)
    space.drop("type")
    named, about, made = space.take("name"), space.take("description"), list[dict[str, Any]]()
    for number, member in enumerate(space.take("tools") or []):
        description = "\n\n".join(text for text in (member.get("description"), about) if text)
        told = {**member, "name": names.plain(named, member["name"]), "description": description or None}
        made.append(_tool(told, f"{at}.tools[{number}]"))
    space.end()
    return made


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


def _tool_choice(given: str | dict[str, Any], names: ToolNames) -> object:
    if isinstance(given, str):
        return given
    if given["type"] == "allowed_tools":
        tools = [_tool_choice(tool, names) for tool in given["tools"]]
        return {"type": "allowed_tools", "allowed_tools": {"mode": given["mode"], "tools": tools}}
    if given["type"] not in ("function", "custom"):
        raise unfaithful("tool_choice.type", "has a value that has no equal")
    if names.is_ambiguous(given["name"]):
        raise unfaithful("tool_choice.name", "is the name of a tool in a namespace, which has no equal")
    return {"type": given["type"], given["type"]: {"name": given["name"]}}
