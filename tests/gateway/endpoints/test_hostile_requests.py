"""Requests with something else at any of their places: they are refused, or they go; nothing else happens."""

import copy
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.endpoints.test_requests import outgoing

from sakimori.gateway.endpoints import ENDPOINTS, Decided
from sakimori.gateway.refusal import Refusal

MODEL = "gpt-5-mini"
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,aaaa"
SOUND = {"data": "aaaa", "format": "wav"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": ["string", "null"]}},
    "items": [{}],
    "allOf": [{}],
    "$defs": {"x": {}},
    "enum": [1],
}
CONTENT: list[dict[str, Any]] = [
    {"type": "input_text", "text": "a"},
    {"type": "input_image", "image_url": PNG, "detail": "low"},
    {"type": "input_file", "filename": "x", "file_data": PDF},
    {"type": "input_audio", "input_audio": SOUND},
    {"type": "output_text", "text": "x"},
    {"type": "refusal", "refusal": "x"},
]
CALLS: list[dict[str, Any]] = [
    {"type": "message", "role": "user", "status": "completed", "content": CONTENT},
    {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "x"}]},
    {"type": "function_call", "arguments": "{}", "call_id": "c", "name": "f", "caller": {"type": "direct"}},
    {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
    {"type": "custom_tool_call", "input": "x", "call_id": "d", "name": "c", "namespace": "n"},
    {"type": "custom_tool_call_output", "call_id": "d", "output": "x"},
    {"type": "configuration_update", "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}},
    {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "h"}]},
]
OTHERS: list[dict[str, Any]] = [
    {"type": "reasoning", "encrypted_content": "sealed:a"},
    {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": ["a"], "env": {"a": "b"}}},
    {"type": "shell_call", "call_id": "c", "action": {"commands": ["a"]}, "environment": {"type": "local"}},
    {
        "type": "shell_call_output",
        "call_id": "c",
        "output": [{"stdout": "", "stderr": "", "outcome": {"type": "exit", "exit_code": 1}}],
    },
    {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "create_file", "path": "a", "diff": "b"}},
    {"type": "tool_search_call", "arguments": {"a": 1}},
    {"type": "tool_search_output", "tools": [{"type": "web_search"}]},
    {"type": "web_search_call", "id": "w", "action": {"type": "search"}},
    {"type": "code_interpreter_call", "outputs": [{"type": "logs", "logs": "x"}]},
    {"type": "mcp_list_tools", "server_label": "x", "tools": [{"a": 1}]},
]
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "name": "f", "parameters": SCHEMA, "allowed_callers": ["direct"], "defer_loading": False},
    {"type": "custom", "name": "c", "format": {"type": "grammar", "definition": "x", "syntax": "lark"}},
    {"type": "namespace", "name": "n", "description": "x", "tools": [{"type": "function", "name": "g"}]},
]
HOSTED: list[dict[str, Any]] = [
    {"type": "web_search", "filters": {"allowed_domains": ["a"]}, "user_location": {"type": "approximate"}},
    {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}},
    {"type": "mcp", "server_label": "a", "server_url": "b", "require_approval": {"always": {"tool_names": ["x"]}}},
    {"type": "tool_search", "execution": "server"},
]
ALLOWED: dict[str, Any] = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}
PLAIN: dict[str, Any] = {
    "model": MODEL,
    "input": CALLS,
    "tools": TOOLS,
    "tool_choice": ALLOWED,
    "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}, "verbosity": "low"},
    "reasoning": {"effort": "low", "context": "auto", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "metadata": {"a": "b"},
    "access_programs": {"cyber": "standard"},
    "stream": True,
}
CHAT: dict[str, Any] = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "x"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "x"},
                {"type": "image_url", "image_url": {"url": PNG}},
                {"type": "input_audio", "input_audio": SOUND},
                {"type": "file", "file": {"file_data": PDF}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "x"}, {"type": "refusal", "refusal": "n"}],
            "refusal": "x",
            "tool_calls": [
                {"type": "function", "id": "c", "function": {"name": "f", "arguments": "{}"}},
                {"type": "custom", "id": "d", "custom": {"name": "c", "input": "x"}},
            ],
            "annotations": [{"a": 1}],
        },
        {"role": "tool", "tool_call_id": "d", "content": "x"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": SCHEMA}},
        {"type": "custom", "custom": {"name": "c", "format": {"type": "grammar", "grammar": {"definition": "a"}}}},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
    },
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
    "n": 1,
    "stream": True,
    "stream_options": {"include_usage": True},
}
DECISIONS: dict[str, Any] = {
    "model": MODEL,
    "input": [CALLS[0], CALLS[2]],
    "questions": [
        {"type": "predicate", "instructions": "a"},
        {"type": "choice", "instructions": CONTENT[:1], "choices": [{"value": "a"}, {"value": True}]},
        {"type": "score", "instructions": "x", "levels": [{"label": "a"}, {"label": "b"}]},
    ],
}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("responses", PLAIN),
    ("responses", {**PLAIN, "input": [*CALLS, *OTHERS], "tools": [*TOOLS, *HOSTED], "max_tool_calls": 4}),
    ("chat/completions", CHAT),
    ("embeddings", {"model": MODEL, "input": ["a", "b"], "dimensions": 3}),
    ("decisions", DECISIONS),
]
JUNK: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**30, "", "x", "\0", "auto"),
    *([], {}, [[]], [{}], [None], {"type": []}, {"type": {}}, {"type": None}, {"type": "function"}, {"a": {"b": []}}),
]
GRANTED = {
    "hosted_tools": frozenset({"web_search", "code_interpreter", "mcp"}),
    "media": frozenset({"image", "audio", "file"}),
}
Place = tuple[str | int, ...]


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    if at:
        yield at
    members: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        members = [*cast("dict[str | int, Any]", value).items()]
    elif isinstance(value, list):
        members = [*enumerate(cast("list[Any]", value))]
    for name, member in members:
        yield from places(member, (*at, name))


def heard(path: str, request: dict[str, Any]) -> int:
    """How far a request gets before it leaves, at a provider of its own words and at one of others: 200, or why not."""
    endpoint = ENDPOINTS[path]
    try:
        sent = cast("dict[str, Any]", endpoint.shape.send(request, "", outgoing(**GRANTED)))
        endpoint.decide(sent, Decided(principal="p", cyber="daybreak_red"))
        tools = endpoint.offered(sent)
        assert (tools.calls > 0) == bool(tools.tools)
        json.dumps(sent)
        for translate in endpoint.translate.values():
            json.dumps(translate(sent).body)
    except Refusal as refusal:
        return refusal.status
    return 200


PLACES = [(number, at) for number, (_, request) in enumerate(REQUESTS) for at in places(request)]


@pytest.mark.parametrize(("path", "request_"), REQUESTS)
def test_the_requests_themselves_go(path: str, request_: dict[str, Any]) -> None:
    assert ENDPOINTS[path].shape.send(request_, "", outgoing(**GRANTED))


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(JUNK), st.booleans()), min_size=1, max_size=2))
@settings(max_examples=200, deadline=None)
def test_whatever_stands_at_a_place_is_let_through_or_refused(
    changes: list[tuple[tuple[int, Place], Any, bool]],
) -> None:
    number = changes[0][0][0]
    path, request = REQUESTS[number]
    made = copy.deepcopy(request)
    for (of, at), junk, dropped in changes:
        holder: Any = made
        try:
            for name in at[:-1]:
                holder = holder[name]
            if of != number:
                continue
            if dropped:
                del holder[at[-1]]
            else:
                holder[at[-1]] = junk
        except (KeyError, IndexError, TypeError):
            continue  # what was there is gone with the first change
    assert heard(path, made) in (200, 400, 403)


MET: list[tuple[str, dict[str, Any]]] = [
    ("decisions", {**DECISIONS, "input": [{"type": []}]}),
    ("responses", {**PLAIN, "tools": [{"type": "function", "name": "f", "parameters": {"type": {}}}]}),
    ("responses", {**PLAIN, "tools": [{"type": "function", "name": "f", "parameters": {"type": [[]]}}]}),
    ("responses", {**PLAIN, "input": []}),
    ("responses", {**PLAIN, "tool_choice": {"type": "allowed_tools", "tools": []}}),
    ("responses", {**PLAIN, "tool_choice": {"type": "allowed_tools", "mode": "auto"}}),
    ("chat/completions", {**CHAT, "tool_choice": {"type": "allowed_tools", "allowed_tools": None}}),
    ("chat/completions", {**CHAT, "tool_choice": {"type": "allowed_tools"}}),
]


@pytest.mark.parametrize(("path", "request_"), MET)
def test_what_once_made_the_gateway_fail_is_let_through_or_refused(path: str, request_: dict[str, Any]) -> None:
    assert heard(path, request_) in (200, 400)
