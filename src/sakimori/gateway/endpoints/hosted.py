"""Tools at work at the provider: what an answer shows of them is held against what the request offered.

A request offers only what its grant names (``responses_tools``), and the cost is held before it leaves; a provider may
run more of its own accord (models that always search, a project's defaults). Words are those of
``openai.types.responses`` and ``openai.types.chat`` of the SDK 3.54; what is not among them is refused by its name,
since nobody can say what it did.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from sakimori.gateway.endpoints.stream import unusable
from sakimori.gateway.endpoints.usage import Usage, count
from sakimori.gateway.refusal import Refusal
from sakimori.records import HostedTool

Tools = frozenset[str]
"""Those that run at the provider, and that the request offers under its grant."""
GRANTABLE: Tools = frozenset(HostedTool)
"""The others are never offered (``responses_tools``), so that no grant can mean them."""
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class HostedToolRan(Refusal):
    """The provider used a tool that the call does not offer. What it did is done; its answer is withheld, and that is
    written."""

    def __init__(self, tool: str) -> None:
        super().__init__(
            502,
            "hosted_tool_not_granted",
            f"The model provider used '{tool}', a tool that runs there and that this call does not offer under its "
            "grant; its answer is withheld from here on.",
        )
        self.tool = tool


def allow(tool: str, tools: Tools) -> None:
    """Raises HostedToolRan where the call does not offer it."""
    if tool not in tools or tool not in GRANTABLE:
        raise HostedToolRan(tool)


def not_known(what: str, name: object) -> Refusal:
    """``what``: "an item", "an event", …; its name is told where it looks like one."""
    named = f"of the type '{name}'" if isinstance(name, str) and _NAME.fullmatch(name) else "without a readable type"
    return unusable(f"sent {what} {named}, which this gateway does not know")


# /v1/responses

_RUN_BY_CLIENT = frozenset({"function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call"})
_ITEMS: Mapping[str, str | None] = {
    "message": None,
    "reasoning": None,
    **dict.fromkeys(_RUN_BY_CLIENT),
    # What these find are tools that the request offered.
    **dict.fromkeys(("tool_search_call", "tool_search_output", "additional_tools")),
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    **dict.fromkeys(("mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"), "mcp"),
    "image_generation_call": "image_generation",
    **dict.fromkeys(("computer_call", "computer_call_output"), "computer"),
    **dict.fromkeys(("program", "program_output"), "programmatic_tool_calling"),
    "shell_call_output": "shell",
}
"""By the type of an item: the tool that it is of, if that runs at the provider. Outputs of what clients run are theirs
to send, and compaction is never asked for: where they come from a provider, they are not known."""
_ANNOTATIONS: Mapping[str, tuple[str, ...]] = {
    "url_citation": ("web_search", "mcp"),
    "file_citation": ("file_search",),
    "container_file_citation": ("code_interpreter",),
    "file_path": ("code_interpreter",),
}
"""By the type of an annotation: the tools that leave such, the usual one first."""
_PARTS = frozenset({"output_text", "refusal", "reasoning_text", "summary_text"})


def hold_response(answer: Mapping[str, Any], tools: Tools) -> None:
    """A whole response, or one within an event.

    Raises:
        HostedToolRan: a tool was at work that the call does not offer.
        Refusal: it has something that is not known.
    """
    _each(answer.get("output"), hold_item, tools)
    used = answer.get("tool_usage")
    if isinstance(used, dict):
        told = cast("dict[str, Any]", used)
        for tool, count in (("web_search", "num_requests"), ("image_gen", "total_tokens")):
            counted = told.get(tool)
            if isinstance(counted, dict) and cast("dict[str, Any]", counted).get(count):
                allow({"image_gen": "image_generation"}.get(tool, tool), tools)


_NOT_SEARCHED = frozenset({"open_page", "find_in_page"})
"""What a model does with what it found (``ActionOpenPage``, ``ActionFind``): no search, and not billed as one."""


def response_usage(answer: Mapping[str, Any], shown: Sequence[object] = ()) -> Usage | None:
    """What a response says it used. ``shown``: items that its stream showed, for servers whose last event has none."""
    used = Usage.read(answer.get("usage"), "input_tokens", "output_tokens")
    return replace(used, calls=_calls(answer, shown)) if used else None


def _calls(answer: Mapping[str, Any], shown: Sequence[object]) -> dict[str, int]:
    """How often tools ran, as they are billed: searches, containers, calls of MCP servers."""
    output = answer.get("output") or shown
    counted: dict[str, int] = {}
    containers: set[str] = set()
    for given in cast("list[object]", output) if isinstance(output, list) else []:
        item = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        kind = item.get("type")
        if kind == "web_search_call" and _type_of(item.get("action")) not in _NOT_SEARCHED:
            counted["web_search"] = counted.get("web_search", 0) + 1
        elif kind == "mcp_call":
            counted["mcp"] = counted.get("mcp", 0) + 1
        elif kind == "code_interpreter_call":
            containers.add(str(item.get("container_id") or len(containers)))
    if containers:
        counted["code_interpreter"] = len(containers)
    told = answer.get("tool_usage")
    searched = cast("dict[str, Any]", told).get("web_search") if isinstance(told, dict) else None
    requests = count(cast("dict[str, Any]", searched).get("num_requests")) if isinstance(searched, dict) else None
    if requests is not None:  # the provider's own count of what it bills
        counted["web_search"] = requests
    return {tool: calls for tool, calls in counted.items() if calls}


def hold_item(item: object, tools: Tools) -> None:
    """An item of a response. Raises like ``hold_response``."""
    members = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    kind = members.get("type")
    if not isinstance(kind, str) or kind not in _ITEMS:
        raise not_known("an item", kind)
    tool = _ITEMS[kind]
    if tool is not None:
        allow(tool, tools)
    if kind == "message":
        _each(members.get("content"), hold_part, tools)
    elif kind in _RUN_BY_CLIENT:
        if _type_of(members.get("caller")) not in (None, "direct"):
            allow("programmatic_tool_calling", tools)
        if _type_of(members.get("environment")) not in (None, "local"):
            allow("shell", tools)


def hold_part(part: object, tools: Tools) -> None:
    """A part of a message or of reasoning. Raises like ``hold_response``."""
    kind = _type_of(part)
    if kind not in _PARTS:
        raise not_known("a part of an answer", kind)
    _each(cast("dict[str, Any]", part).get("annotations"), hold_annotation, tools)


def hold_annotation(annotation: object, tools: Tools) -> None:
    """A note on where a text comes from. Raises like ``hold_response``."""
    kind = _type_of(annotation)
    if not isinstance(kind, str) or kind not in _ANNOTATIONS:
        raise not_known("an annotation", kind)
    leaving = _ANNOTATIONS[kind]
    allow(next((tool for tool in leaving if tool in tools), leaving[0]), tools)


# /v1/chat/completions

_CALLED = frozenset({None, "function", "custom"})
_SEARCHED = ("citations", "search_results")
"""Members by which providers that search of their own accord (Perplexity, xAI) tell what they read."""


def hold_chat(answer: Mapping[str, Any], tools: Tools) -> None:
    """A whole chat completion, or a chunk of one. Raises like ``hold_response``."""
    if any(answer.get(name) for name in _SEARCHED):
        allow("web_search", tools)
    choices = answer.get("choices")
    for choice in cast("list[Any]", choices) if isinstance(choices, list) else []:
        if isinstance(choice, dict):
            members = cast("dict[str, Any]", choice)
            hold_message(members.get("message"), tools)
            hold_message(members.get("delta"), tools)


def hold_message(message: object, tools: Tools) -> None:
    """A message of a chat completion, or a piece of one. Raises like ``hold_response``."""
    if not isinstance(message, dict):
        return
    members = cast("dict[str, Any]", message)
    if members.get("annotations"):
        _each(members["annotations"], hold_annotation, tools)
    if members.get("executed_tools"):  # Groq's name for what its systems ran
        raise HostedToolRan("executed_tools")
    for name in ("audio", "function_call"):
        if members.get(name):
            raise unusable(f"sent '{name}', which was not asked for")
    if members.get("tool_calls"):
        _each(members["tool_calls"], _hold_call, tools)


def _hold_call(call: object, _tools: Tools) -> None:
    kind = _type_of(call)
    if kind not in _CALLED:
        raise not_known("a call of a tool", kind)


def _each(given: object, hold: Callable[[object, Tools], None], tools: Tools) -> None:
    if given is None:
        return
    if not isinstance(given, list):
        raise unusable("sent an answer that is none")
    for element in cast("list[object]", given):
        hold(element, tools)


def _type_of(value: object) -> object:
    kind = cast("dict[str, object]", value).get("type") if isinstance(value, dict) else None
    return kind if kind is None or isinstance(kind, str) else ""
