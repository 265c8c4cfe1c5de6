"""What may leave in a request, endpoint by endpoint."""

from typing import Any

import pytest
from tests.gateway.endpoints.streams import passage

from sakimori.gateway.endpoints import CHAT_COMPLETIONS, DECISIONS, EMBEDDINGS, RESPONSES, Decided, Endpoint
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.shapes import Outgoing

MODEL = "gpt-5-mini"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"host": {"type": "string"}}}
PNG = "data:image/png;base64,iVBORw0KGgo="
CARD = "4111 1111 1111 1111"
FUNCTION: dict[str, Any] = {"type": "function", "name": "look", "parameters": SCHEMA, "strict": False}
CONTAINER = {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "1g"}}
SERVER = {"type": "mcp", "server_label": "x", "server_url": "https://example.com"}
IMAGE_URL = {"type": "image_url", "image_url": {"url": PNG}}


def outgoing(*, hosted_tools: frozenset[str] = frozenset(), media: frozenset[str] = frozenset()) -> Outgoing:
    return Outgoing(
        passage=passage(),
        models=frozenset({MODEL}),
        pseudonym=lambda text: f"pseudonym of {text}",
        unseal=lambda text: text.removeprefix("sealed:") if text.startswith("sealed:") else None,
        hosted_tools=hosted_tools,
        media=media,
    )


def sent(endpoint: Endpoint, body: dict[str, Any], **grants: frozenset[str]) -> dict[str, Any]:
    rebuilt: Any = endpoint.shape.send({"model": MODEL, **body}, "", outgoing(**grants))
    return rebuilt


def decided(endpoint: Endpoint, body: dict[str, Any], *, cyber: str | None = None) -> dict[str, Any]:
    rebuilt = sent(endpoint, body)
    endpoint.decide(rebuilt, Decided(principal="who-calls", cyber=cyber))
    return rebuilt


CODEX: dict[str, Any] = {
    "stream": True,
    "store": False,
    "input": [
        {
            "type": "additional_tools",
            "id": "at_1",
            "role": "developer",
            "tools": [
                {
                    "type": "namespace",
                    "name": "functions",
                    "description": "",
                    "tools": [
                        {
                            "type": "custom",
                            "name": "exec",
                            "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
                        },
                        FUNCTION,
                    ],
                }
            ],
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "developer",
            "content": [{"type": "input_text", "text": "You are Codex."}],
            "internal_chat_message_metadata_passthrough": {"turn_id": "t", "content_item_kinds": ["user.text"]},
        },
        {"type": "custom_tool_call", "call_id": "c1", "name": "exec", "namespace": "functions", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "README"},
        {"type": "local_shell_call", "call_id": "c2", "status": "completed",
         "action": {"type": "exec", "command": ["ls"], "env": {}}},
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
    ],
    "tools": [FUNCTION, {"type": "local_shell"}],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "reasoning": {"effort": "low", "context": "all_turns", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "01a2",
    "text": {"verbosity": "low"},
    "client_metadata": {"x-codex-installation-id": "e134", "turn_id": "t"},
}  # fmt: skip


def test_what_codex_says_about_itself_does_not_leave() -> None:
    rebuilt = sent(RESPONSES, CODEX)
    assert "client_metadata" not in rebuilt
    assert "internal_chat_message_metadata_passthrough" not in rebuilt["input"][1]
    assert rebuilt["prompt_cache_key"] == "pseudonym of 01a2"
    unchanged = ("tools", "tool_choice", "reasoning", "include", "text", "stream")
    assert {name: rebuilt[name] for name in unchanged} == {name: CODEX[name] for name in unchanged}
    assert rebuilt["input"][0] == CODEX["input"][0]
    assert rebuilt["input"][2:] == CODEX["input"][2:]


REFUSED: list[tuple[Endpoint, dict[str, Any], str]] = [
        (RESPONSES, {"input": "x", "tools": [{"type": "web_search"}]}, "tools[0]"),
        (RESPONSES, {"input": "x", "tools": [CONTAINER]}, "tools[0]"),
        (RESPONSES, {"input": "x", "tools": [SERVER]}, "tools[0]"),
        (RESPONSES, {"input": "x", "tools": [{"type": "file_search", "vector_store_ids": []}]}, "tools[0]"),
        (RESPONSES, {"input": "x", "tools": [{"type": "shell", "environment": {"type": "container_auto"}}]},
         "tools[0].environment"),
        (RESPONSES, {"input": "x", "tool_choice": {"type": "mcp", "server_label": "x"}}, "tool_choice"),
        (RESPONSES, {"input": [{"type": "web_search_call", "id": "w", "action": {}}]}, "input[0]"),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "i"}]}, "input[0]"),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}]},
         "input[0].content[0]"),
        (RESPONSES, {"input": "x", "stream_options": {"something": True}}, "stream_options.something"),
        (RESPONSES, {"input": "x", "access_programs": {"cyber": "all"}}, "access_programs.cyber"),
        (RESPONSES, {"input": "x", "previous_response_id": "resp_1"}, "previous_response_id"),
        (RESPONSES, {"input": "x", "something": 1}, "something"),
        (CHAT_COMPLETIONS, {"messages": [{"role": "user", "content": [IMAGE_URL]}]}, "messages[0].content[0]"),
        (CHAT_COMPLETIONS, {"messages": [], "web_search_options": {"x": 1}}, "web_search_options"),
        (EMBEDDINGS, {"input": [1, 2, 3]}, "input"),
        (EMBEDDINGS, {"input": [[1, 2], [3]]}, "input"),
        (EMBEDDINGS, {"input": ["a", 1]}, "input"),
        (EMBEDDINGS, {"input": []}, "input"),
        (EMBEDDINGS, {"input": "x", "encoding_format": "hex"}, "encoding_format"),
        (DECISIONS, {"input": "x", "questions": []}, "questions"),
        (DECISIONS, {"input": "x", "questions": [{"type": "essay"}]}, "questions[0].type"),
        (DECISIONS, {"input": "x", "questions": [{"type": "choice", "instructions": "?", "choices": [{"value": "a"}]}]},
         "questions[0].choices"),
        (DECISIONS, {"input": [{"type": "reasoning"}], "questions": [{"type": "predicate", "instructions": "?"}]},
         "input[0]"),
        (DECISIONS, {"input": [{"type": []}], "questions": [{"type": "predicate", "instructions": "?"}]},
         "input[0].type"),
        (DECISIONS, {"input": [{"type": "unheard_of"}], "questions": [{"type": "predicate", "instructions": "?"}]},
         "input[0].type"),
        (RESPONSES, {"input": "x", "max_output_tokens": 10.5}, "max_output_tokens"),
        (RESPONSES, {"input": "x", "metadata": {str(number): "x" for number in range(17)}}, "metadata"),
]  # fmt: skip


@pytest.mark.parametrize(("endpoint", "body", "param"), REFUSED)
def test_what_may_not_leave_is_refused_by_its_path(endpoint: Endpoint, body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as refused:
        sent(endpoint, body)
    assert (refused.value.status, refused.value.param) == (400, param)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        (
            {"type": "web_search", "external_web_access": False, "search_context_size": "low"},
            "web_search",
        ),
        (CONTAINER, "code_interpreter"),
        ({**SERVER, "require_approval": "never", "allowed_tools": {"tool_names": ["t"]}}, "mcp"),
    ],
)
def test_a_tool_at_the_provider_passes_where_a_grant_names_it(tool: dict[str, Any], name: str) -> None:
    out = outgoing(hosted_tools=frozenset({name}))
    rebuilt: Any = RESPONSES.shape.send({"model": MODEL, "input": "x", "tools": [tool]}, "", out)
    assert rebuilt["tools"] == [tool]


def test_what_a_search_left_in_a_conversation_passes_where_a_grant_names_it() -> None:
    found = {"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "x"}}
    body = {"messages": [{"role": "assistant", "content": "x", "annotations": [found]}]}
    assert sent(CHAT_COMPLETIONS, body, hosted_tools=frozenset({"web_search"})) == {"model": MODEL, **body}
    with pytest.raises(Refusal) as refused:
        sent(CHAT_COMPLETIONS, body)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "messages[0].annotations[0]")


@pytest.mark.parametrize("options", [{}, {"search_context_size": "low"}])
def test_a_search_of_chat_completions_never_passes_since_nobody_can_bound_it(options: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="/v1/responses") as refused:
        sent(CHAT_COMPLETIONS, {"messages": [], "web_search_options": options}, hosted_tools=frozenset({"web_search"}))
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "web_search_options")


def test_a_whole_number_may_be_written_with_a_point() -> None:
    rebuilt = sent(RESPONSES, {"input": "x", "max_output_tokens": 10.0})
    assert (rebuilt["max_output_tokens"], type(rebuilt["max_output_tokens"])) == (10, int)


def test_a_credential_for_a_tool_never_leaves() -> None:
    with pytest.raises(Refusal) as refused:
        sent(
            RESPONSES,
            {"input": "x", "tools": [{**SERVER, "authorization": "t0ps3cret"}]},
            hosted_tools=frozenset({"mcp"}),
        )
    assert refused.value.param == "tools[0].authorization"


def test_images_pass_where_a_grant_names_them_and_only_as_they_are() -> None:
    granted = frozenset({"image"})
    body = {"messages": [{"role": "user", "content": [IMAGE_URL]}]}
    assert sent(CHAT_COMPLETIONS, body, media=granted)["messages"] == body["messages"]
    for url in ("https://example.com/a.png", "data:text/plain;base64,aaaa", PNG + "!"):
        content = [{"type": "input_image", "image_url": url}]
        with pytest.raises(Refusal) as refused:
            sent(RESPONSES, {"input": [{"role": "user", "content": content}]}, media=granted)
        assert refused.value.param == "input[0].content[0].image_url"


def test_the_gateway_decides_what_is_kept_and_who_is_named() -> None:
    response = decided(RESPONSES, {"input": "x", "store": True, "user": "yamada", "stream_options": {}})
    assert response == {
        "model": MODEL,
        "input": "x",
        "store": False,
        "safety_identifier": "who-calls",
        "access_programs": {"cyber": "standard"},
    }
    assert decided(EMBEDDINGS, {"input": "x"})["user"] == "who-calls"
    assert decided(EMBEDDINGS, {"input": "x", "user": "a"})["user"] == "pseudonym of a"


def test_usage_is_always_asked_for_in_streams_of_chat_completions() -> None:
    messages = [{"role": "user", "content": "x"}]
    for options in ({}, {"include_usage": False}, {"include_usage": True, "include_obfuscation": True}):
        body = decided(CHAT_COMPLETIONS, {"messages": messages, "stream": True, "stream_options": options})
        assert body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in decided(CHAT_COMPLETIONS, {"messages": messages})


@pytest.mark.parametrize(
    ("asked", "granted", "level"),
    [
        (None, None, "standard"),
        (None, "standard", "standard"),
        (None, "daybreak_red", "daybreak_red"),
        ("standard", "daybreak_red", "standard"),
        ("daybreak_blue", "daybreak_red", "daybreak_blue"),
        ("standard", None, "standard"),
    ],
)
def test_the_level_of_cyber_access_is_the_grants_or_less(asked: str | None, granted: str | None, level: str) -> None:
    body: dict[str, Any] = {"input": "x", **({"access_programs": {"cyber": asked}} if asked else {})}
    assert decided(RESPONSES, body, cyber=granted)["access_programs"] == {"cyber": level}


def test_more_cyber_access_than_granted_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        decided(RESPONSES, {"input": "x", "access_programs": {"cyber": "daybreak_red"}}, cyber="daybreak_blue")
    assert (refused.value.status, refused.value.code) == (403, "not_granted")


def test_texts_to_embed_go_through_the_boundary() -> None:
    rebuilt = sent(EMBEDDINGS, {"input": ["hello", CARD], "encoding_format": "base64", "dimensions": 256})
    assert rebuilt["input"][0] == "hello"
    assert rebuilt["input"][1].startswith("CARD_")
    answer = {"object": "list", "data": [{"embedding": "AAAA"}], "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    assert EMBEDDINGS.receive(answer, passage(), str) == answer
    usage = EMBEDDINGS.usage(answer)
    assert usage is not None
    assert (usage.input, usage.output) == (3, 0)


def test_questions_go_through_the_boundary_and_probabilities_come_back() -> None:
    questions: list[dict[str, Any]] = [
        {"type": "predicate", "name": "q", "instructions": f"Is {CARD} leaked?"},
        {"type": "choice", "instructions": "Which?", "choices": [{"value": CARD, "description": "d"}, {"value": True}]},
        {"type": "score", "instructions": "How bad?", "levels": [{"label": "low"}, {"label": "high"}]},
    ]
    out = outgoing()
    rebuilt: Any = DECISIONS.shape.send({"model": MODEL, "input": f"Card {CARD}", "questions": questions}, "", out)
    token = rebuilt["input"].removeprefix("Card ")
    assert out.passage.tokens[token] == CARD
    assert rebuilt["questions"][0]["instructions"] == f"Is {token} leaked?"
    assert rebuilt["questions"][1]["choices"] == [{"value": token, "description": "d"}, {"value": True}]
    answer = {
        "type": "choice",
        "choice": token,
        "confidence": 0.9,
        "probabilities": [{"value": token, "probability": 0.9}],
    }
    (restored,) = DECISIONS.receive({"answers": [answer]}, out.passage, str)["answers"]
    assert restored == {**answer, "choice": CARD, "probabilities": [{"value": CARD, "probability": 0.9}]}
