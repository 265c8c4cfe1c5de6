"""The Responses API at providers that only speak Chat Completions."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tests.gateway.endpoints.streams import HOST, USER, heard, stream_of, through
from tests.openai_wire import CHAT_USAGE, chat_chunks, chat_wire, chunk, says

from sakimori.gateway.endpoints import RESPONSES, Translated, Usage
from sakimori.gateway.refusal import Refusal

EVENTS = TypeAdapter[Any](ResponseStreamEvent)
CHAT_REQUEST = TypeAdapter[Any](CompletionCreateParamsNonStreaming)
SCHEMA = {"type": "object", "properties": {"host": {"type": "string"}}}
ASKED: dict[str, Any] = {
    "model": "gpt-5-mini",
    "instructions": f"Guard {HOST}.",
    "input": [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": f"Is {HOST} ill?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "phase": "commentary",
            "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
        },
        {"type": "function_call", "id": "f", "call_id": "c1", "name": "look", "arguments": "{}", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": "ps"},
        {"type": "function_call_output", "call_id": "c1", "output": "fine"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "none"}]},
    ],
    "tools": [
        {"type": "function", "name": "look", "description": "d", "parameters": SCHEMA, "strict": True},
        {"type": "custom", "name": "sh", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
    "text": {"format": {"type": "json_schema", "name": "v", "schema": SCHEMA, "strict": True}, "verbosity": "low"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "max_output_tokens": 500,
    "temperature": 0.5,
    "parallel_tool_calls": False,
    "safety_identifier": "abc",
    "store": False,
    "truncation": "disabled",
}
MESSAGE = {
    "role": "assistant",
    "reasoning_content": f"Let me see {HOST}",
    "content": f"{HOST} is fine",
    "refusal": "I will not lock it",
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": json.dumps({"user": USER})}},
        {"id": "call_2", "type": "custom", "custom": {"name": "sh", "input": f"ping {HOST}"}},
    ],
}
UNSAYABLE: list[tuple[dict[str, Any], str]] = [
    ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "shell", "name": "f"}]}]}, "tools[0].tools[0]"),
    (
        {
            "tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}],
            "tool_choice": {"type": "function", "name": "f"},
        },
        "tool_choice.name",
    ),
    ({"input": [{"type": "additional_tools", "tools": [{"type": "mcp"}]}]}, "input[0].tools[0]"),
    ({"input": [{"type": "configuration_update", "reasoning": {"summary": "detailed"}}]}, "input[0].reasoning.summary"),
    ({"tools": [{"type": "web_search"}]}, "tools[0]"),
    ({"tools": [{"type": "function", "name": "f", "output_schema": SCHEMA}]}, "output_schema"),
    ({"tools": [{"type": "function", "name": "f", "defer_loading": True}]}, "defer_loading"),
    ({"tool_choice": {"type": "shell"}}, "tool_choice.type"),
    ({"input": [{"type": "reasoning", "encrypted_content": "gAAA"}]}, "input[0].encrypted_content"),
    ({"input": [{"type": "local_shell_call", "call_id": "c", "action": {}}]}, "input[0].type"),
    ({"reasoning": {"summary": "detailed"}}, "reasoning.summary"),
    ({"reasoning": {"context": "all_turns"}}, "reasoning.context"),
    ({"max_tool_calls": 3}, "max_tool_calls"),
    ({"truncation": "auto"}, "truncation"),
    ({"access_programs": {"cyber": "daybreak_blue"}}, "access_programs"),
    ({"something_new": 1}, "something_new"),
]


AGENTS: dict[str, Any] = {
    "type": "namespace",
    "name": "agents",
    "description": "Sub-agents.",
    "tools": [
        {"type": "function", "name": "look", "description": "Looks elsewhere.", "parameters": SCHEMA},
        {"type": "custom", "name": "say", "format": {"type": "text"}},
    ],
}


def translated(**changes: Any) -> Translated:
    return RESPONSES.translate["chat/completions"]({**ASKED, **changes})


def chat_answer(message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "gpt-5-mini-2026-08-01",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": CHAT_USAGE,
    }


def test_a_request_says_the_same_in_other_words() -> None:
    body = translated().body
    CHAT_REQUEST.validate_python(body)
    assert body == {
        "model": "gpt-5-mini",
        "messages": [
            {"role": "system", "content": f"Guard {HOST}."},
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": f"Is {HOST} ill?"}]},
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "I look."}],
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                    {"id": "c2", "type": "custom", "custom": {"name": "sh", "input": "ps"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "fine"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "none"}]},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "look", "description": "d", "parameters": SCHEMA, "strict": True},
            },
            {
                "type": "custom",
                "custom": {
                    "name": "sh",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}},
                },
            },
        ],
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "look"}}]},
        },
        "response_format": {"type": "json_schema", "json_schema": {"name": "v", "schema": SCHEMA, "strict": True}},
        "verbosity": "low",
        "reasoning_effort": "low",
        "max_tokens": 500,
        "temperature": 0.5,
        "parallel_tool_calls": False,
        "safety_identifier": "abc",
        "store": False,
    }


@pytest.mark.parametrize(("changes", "param"), UNSAYABLE)
def test_what_cannot_be_said_is_refused_by_name(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as refused:
        translated(**changes)
    assert refused.value.code == "untranslatable"
    assert refused.value.param is not None
    assert refused.value.param.endswith(param)
    assert "leave it out, or ask for a provider" in refused.value.message


def test_reasoning_of_earlier_turns_is_refused_with_what_it_means() -> None:
    with pytest.raises(Refusal, match="reasoning of earlier turns"):
        translated(reasoning={"context": "all_turns"})
    assert translated(reasoning={"context": "auto"}).body == translated(reasoning=None).body


def test_tools_in_namespaces_get_plain_names_which_answers_are_put_back_by() -> None:
    """Two tools called 'look', one of them in a namespace; an earlier turn called it, and the next one does again."""
    earlier = {"type": "function_call", "call_id": "c", "name": "look", "namespace": "agents", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "namespace": "agents", "output": "gone"}
    asked = translated(input=[earlier, output], tools=[*ASKED["tools"], AGENTS], tool_choice="auto")
    CHAT_REQUEST.validate_python(asked.body)
    assert [tool[tool["type"]]["name"] for tool in asked.body["tools"]] == ["look", "sh", "agents__look", "agents__say"]
    assert asked.body["tools"][2]["function"] == {
        "name": "agents__look",
        "description": "Looks elsewhere.\n\nSub-agents.",
        "parameters": SCHEMA,
    }
    (call,) = asked.body["messages"][1]["tool_calls"]
    assert call["function"]["name"] == "agents__look"
    called = {
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "agents__look", "arguments": "{}"}},
            {"id": "2", "type": "custom", "custom": {"name": "agents__say", "input": "hi"}},
            {"id": "3", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        ]
    }
    assert asked.stream is not None
    told = through(asked.stream(stream_of(RESPONSES)), chat_wire(chat_chunks(called, finish="tool_calls")))
    for output in (asked.answer(chat_answer(called, "tool_calls"))["output"], told[-1]["response"]["output"]):
        assert [(item.get("namespace"), item["name"]) for item in output] == [
            ("agents", "look"),
            ("agents", "say"),
            (None, "look"),
        ]
    added = [event["item"] for event in told if event["type"] == "response.output_item.added"]
    assert [item.get("namespace") for item in added] == ["agents", "agents", None]
    Response.model_validate(told[-1]["response"])


def test_tools_and_settings_that_items_add_hold_for_the_next_answer() -> None:
    update = {"type": "configuration_update", "reasoning": {"effort": "high"}, "text": {"format": {"type": "text"}}}
    added = {"type": "additional_tools", "id": "at", "role": "developer", "tools": [AGENTS]}
    asked = translated(input=[added, {"role": "user", "content": "x"}, update]).body
    CHAT_REQUEST.validate_python(asked)
    assert [tool[tool["type"]]["name"] for tool in asked["tools"]] == ["look", "sh", "agents__look", "agents__say"]
    assert (asked["reasoning_effort"], "response_format" in asked) == ("high", False)
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]


def test_an_answer_comes_back_as_a_response() -> None:
    answer = translated().answer(chat_answer(MESSAGE, "tool_calls"))
    Response.model_validate(answer)
    assert RESPONSES.usage(answer) == Usage(120, 30)
    assert answer["usage"]["output_tokens_details"] == {"reasoning_tokens": 2}
    reasoning, message, function, custom = answer["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": f"Let me see {HOST}"}]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    assert (function["call_id"], json.loads(function["arguments"])) == ("call_1", {"user": USER})
    assert (custom["call_id"], custom["input"]) == ("call_2", f"ping {HOST}")
    assert answer["status"] == "completed"


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_says_so(finish: str, reason: str) -> None:
    answer = translated().answer(chat_answer({"content": "It is"}, finish))
    assert (answer["status"], answer["incomplete_details"]) == ("incomplete", {"reason": reason})
    told = streamed(chat_chunks({"content": "It is"}, finish=finish))
    assert told[-1]["type"] == "response.incomplete"
    assert told[-1]["response"]["incomplete_details"] == {"reason": reason}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": []},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"tool_calls": [{"id": "c"}]}}]},
        {"choices": ["x"]},
    ],
)
def test_what_is_no_answer_is_no_response(answer: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        translated().answer(answer)


def streamed(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    make = translated().stream
    assert make is not None
    return through(make(stream_of(RESPONSES)), chat_wire(chunks))


@given(st.integers(1, 50))
def test_a_stream_says_what_the_whole_answer_would(length: int) -> None:
    told = streamed(chat_chunks(MESSAGE, length=length, finish="tool_calls"))
    for event in told:
        EVENTS.validate_python(event)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    whole = stream_of(RESPONSES).restore(translated().answer(chat_answer(MESSAGE, "tool_calls")))
    assert told[-1]["response"] == whole
    assert HOST not in json.dumps(told)
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert [item["id"] for item in done] == [item["id"] for item in whole["output"]]
    deltas = [event for event in told if event["type"].endswith(".delta")]
    texts = [first["delta"] for first in deltas[:1]]
    for before, event in pairwise(deltas):
        if (before["type"], before["item_id"]) == (event["type"], event["item_id"]):
            texts[-1] += event["delta"]
        else:
            texts.append(event["delta"])
    assert texts == [
        "Let me see pc-0412",
        "pc-0412 is fine",
        "I will not lock it",
        json.dumps({"user": "AOZORA\\yamada.t"}),
        "ping pc-0412",
    ]


def test_what_a_stream_used_is_known_when_it_ends() -> None:
    make = translated().stream
    assert make is not None
    stream = make(stream_of(RESPONSES))
    through(stream, chat_wire(chat_chunks({"content": "ok"})))
    assert (stream.usage, stream.model, stream.failed) == (Usage(120, 30), "gpt-5-mini-2026-08-01", None)


def test_a_break_and_an_error_are_told_in_the_words_of_the_client() -> None:
    make = translated().stream
    assert make is not None
    stream = make(stream_of(RESPONSES))
    stream.event("", chunk(says(content="It is")))
    assert not stream.finished
    error, failed = heard([stream.fail(Refusal(502, "provider_disconnected", "Broke off."))])
    assert (error["type"], failed["type"]) == ("error", "response.failed")
    other = make(stream_of(RESPONSES))
    (told,) = heard(other.event("", {"error": {"message": f"no {HOST}", "code": "overloaded"}}))
    assert (told["type"], told["message"], other.failed) == ("error", "no pc-0412", "overloaded")
