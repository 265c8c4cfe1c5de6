"""Tools at work at the provider: what an answer shows of one that no grant names ends there."""

from typing import Any, get_args

import pytest
from openai.types.responses import ResponseOutputItem
from openai.types.responses.response_output_text import Annotation
from tests.gateway.endpoints.streams import stream_of, through
from tests.openai_wire import chunk, message, response, responses_wire, says

from sakimori.gateway.endpoints import CHAT_COMPLETIONS, RESPONSES, Endpoint, HostedToolRan, Usage
from sakimori.gateway.endpoints.hosted import GRANTABLE
from sakimori.gateway.refusal import Refusal

NOTHING = frozenset[str]()
EVERYTHING = GRANTABLE | {"file_search", "computer", "image_generation", "shell", "programmatic_tool_calling"}
CITED = {"type": "url_citation", "url": "https://example.com", "title": "x", "start_index": 0, "end_index": 1}


def kinds_of(union: Any) -> set[str]:
    return {get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(get_args(union)[0])}


def said(*annotations: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "output_text", "text": "x", "annotations": list(annotations)}
    return {**message("x"), "content": [text]}


ITEMS: list[tuple[dict[str, Any], str]] = [
    ({"type": "web_search_call", "action": {"type": "search", "query": "pc-0412"}}, "web_search"),
    ({"type": "file_search_call", "queries": ["x"]}, "file_search"),
    ({"type": "code_interpreter_call", "code": "import os", "container_id": "c"}, "code_interpreter"),
    ({"type": "mcp_call", "server_label": "mail", "name": "send", "arguments": "{}"}, "mcp"),
    ({"type": "mcp_list_tools", "server_label": "mail", "tools": []}, "mcp"),
    ({"type": "mcp_approval_request", "server_label": "mail", "name": "send", "arguments": "{}"}, "mcp"),
    ({"type": "image_generation_call", "result": "AAAA"}, "image_generation"),
    ({"type": "computer_call", "call_id": "c", "pending_safety_checks": []}, "computer"),
    ({"type": "program", "code": "1", "fingerprint": "f"}, "programmatic_tool_calling"),
    ({"type": "function_call", "name": "f", "caller": {"type": "program"}}, "programmatic_tool_calling"),
    ({"type": "shell_call", "environment": {"type": "container_reference", "container_id": "c"}}, "shell"),
    ({"type": "shell_call_output", "output": []}, "shell"),
    (said(CITED), "web_search"),
    (said({"type": "file_citation", "file_id": "f", "filename": "x", "index": 0}), "file_search"),
    (said({"type": "container_file_citation", "container_id": "c", "file_id": "f"}), "code_interpreter"),
]


@pytest.mark.parametrize(("item", "tool"), ITEMS, ids=lambda value: value if isinstance(value, str) else value["type"])
def test_a_tool_that_no_grant_names_is_seen_wherever_its_item_stands(item: dict[str, Any], tool: str) -> None:
    # What an MCP server found may be cited like what a search found.
    others = EVERYTHING - {tool, "mcp"} if item["type"] == "message" else EVERYTHING - {tool}
    with pytest.raises(HostedToolRan, match=f"'{tool}'"):
        RESPONSES.hold(response([message("x"), item]), others)
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response([item])},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response([item])},
    ]
    for event in events:
        with pytest.raises(HostedToolRan) as ran:
            stream_of(RESPONSES, None, *others).event(event["type"], event)
        assert ran.value.tool == tool
        assert (ran.value.status, ran.value.may_retry) == (502, False)
    if tool in GRANTABLE:
        RESPONSES.hold(response([item]), frozenset({tool}))
        for event in events:
            assert stream_of(RESPONSES, None, tool).event(event["type"], event)
    else:  # never offered, so that no grant can mean it
        with pytest.raises(HostedToolRan):
            RESPONSES.hold(response([item]), frozenset({tool}))


NOT_KNOWN = {
    "compaction",
    "function_call_output",
    "custom_tool_call_output",
    "local_shell_call_output",
    "apply_patch_call_output",
}
"""Never asked for, or the client's to send."""
OWN = {
    "message",
    "reasoning",
    "function_call",
    "custom_tool_call",
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
}


@pytest.mark.parametrize("kind", sorted(kinds_of(ResponseOutputItem)))
def test_every_item_of_the_sdk_is_known_or_refused_on_purpose(kind: str) -> None:
    """A new one in the next SDK must be looked at: until then it is refused by its name."""
    answer = response([{"type": kind}])
    if kind in OWN:
        RESPONSES.hold(answer, NOTHING)
        return
    with pytest.raises(Refusal) as refused:
        RESPONSES.hold(answer, NOTHING)
    assert isinstance(refused.value, HostedToolRan) == (kind not in NOT_KNOWN)
    assert kind not in NOT_KNOWN or f"'{kind}'" in refused.value.message


@pytest.mark.parametrize("kind", sorted(kinds_of(Annotation)))
def test_every_annotation_of_the_sdk_tells_of_a_tool(kind: str) -> None:
    with pytest.raises(HostedToolRan):
        RESPONSES.hold(response([said({"type": kind})]), NOTHING)


def test_searches_that_only_the_usage_tells_of_are_seen() -> None:
    used = {"web_search": {"num_requests": 2}, "image_gen": {"total_tokens": 0}}
    with pytest.raises(HostedToolRan, match="'web_search'"):
        RESPONSES.hold(response([message("x")], tool_usage=used), NOTHING)
    RESPONSES.hold(response([message("x")], tool_usage=used), frozenset({"web_search"}))
    RESPONSES.hold(response([message("x")], tool_usage={"web_search": {"num_requests": 0}}), NOTHING)


def test_what_was_used_is_known_though_the_last_event_is_withheld() -> None:
    stream = stream_of(RESPONSES)
    with pytest.raises(HostedToolRan):
        through(stream, responses_wire([{"type": "response.completed", "response": response([said(CITED)])}]))
    assert stream.usage == Usage(120, 30)
    assert not stream.finished


SEARCHED: list[dict[str, Any]] = [
    {"content": "x", "annotations": [{"type": "url_citation", "url_citation": CITED}]},
    {"content": "x", "executed_tools": [{"type": "search"}]},
]


@pytest.mark.parametrize("spoken", SEARCHED)
def test_chat_completions_that_searched_are_seen_whole_and_streamed(spoken: dict[str, Any]) -> None:
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", **spoken}}]}
    with pytest.raises(HostedToolRan):
        CHAT_COMPLETIONS.hold(whole, NOTHING)
    with pytest.raises(HostedToolRan):
        stream_of(CHAT_COMPLETIONS).event("", chunk(says(**spoken)))


def test_a_provider_that_says_what_it_read_has_searched() -> None:
    with pytest.raises(HostedToolRan, match="'web_search'"):
        stream_of(CHAT_COMPLETIONS).event("", chunk(says(content="x"), citations=["https://example.com"]))
    assert stream_of(CHAT_COMPLETIONS, None, "web_search").event(
        "", chunk(says(content="x"), citations=["https://example.com"])
    )


UNKNOWN: list[tuple[Endpoint, dict[str, Any], str]] = [
    (RESPONSES, response([{"type": "quantum_call"}]), "an item of the type 'quantum_call'"),
    (RESPONSES, response([{"type": "<script>"}]), "an item without a readable type"),
    (RESPONSES, response([{"type": "message", "content": [{"type": "output_image"}]}]), "'output_image'"),
    (RESPONSES, response([said({"type": "new_citation"})]), "'new_citation'"),
    (RESPONSES, {**response([]), "output": {}}, "an answer that is none"),
    (CHAT_COMPLETIONS, {"choices": [{"message": {"tool_calls": [{"type": "quantum"}]}}]}, "'quantum'"),
    (CHAT_COMPLETIONS, {"choices": [{"message": {"audio": {"data": "AAAA"}}}]}, "'audio'"),
]


@pytest.mark.parametrize(("endpoint", "answer", "named"), UNKNOWN, ids=[named for _, _, named in UNKNOWN])
def test_what_is_not_known_is_refused_by_its_name(endpoint: Endpoint, answer: dict[str, Any], named: str) -> None:
    with pytest.raises(Refusal) as refused:
        endpoint.hold(answer, EVERYTHING)
    assert refused.value.code == "provider_invalid_response"
    assert named in refused.value.message
