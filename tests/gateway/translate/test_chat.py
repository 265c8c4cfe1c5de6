"""Chat completions at providers that only speak the Responses API."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter
from tests.gateway.conftest import Bank, scripted
from tests.gateway.endpoints.streams import HOST, USER, heard, stream_of, through
from tests.gateway.test_clients import QUESTION, SCHEMA, SECRET_PARTS, investigate, known_about
from tests.openai_wire import message, response, response_events, responses_wire
from tests.scripted_provider import MODEL, Upstream, playing

from sakimori.gateway import Providers, running
from sakimori.gateway.endpoints import CHAT_COMPLETIONS, HostedToolRan, Translated, Usage
from sakimori.gateway.refusal import Refusal

RESPONSES_REQUEST = TypeAdapter[Any](ResponseCreateParamsNonStreaming)
ASKED: dict[str, Any] = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": f"Is {HOST} ill?"}]},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                {"id": "c2", "type": "custom", "custom": {"name": "sh", "input": "ps"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "fine"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "none"}]},
        {"role": "assistant", "refusal": "No."},
    ],
    "tools": [
        {"type": "function", "function": {"name": "look", "description": "d", "parameters": SCHEMA}},
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
    "max_completion_tokens": 500,
    "temperature": 0.5,
    "n": 1,
    "frequency_penalty": 0.0,
    "parallel_tool_calls": False,
    "safety_identifier": "abc",
    "store": False,
}
OUTPUT: list[dict[str, Any]] = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": f"Looking at {HOST}"}]},
    {**message(f"{HOST} is fine"), "id": "msg_1"},
    {
        **message("and more"),
        "id": "msg_2",
        "content": [
            {"type": "output_text", "text": "and more", "annotations": []},
            {"type": "refusal", "refusal": "I will not lock it"},
        ],
    },
    {"id": "fc", "type": "function_call", "call_id": "c1", "name": "look", "arguments": json.dumps({"user": USER})},
    {"id": "ct", "type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": f"ping {HOST}"},
]


def translated(**changes: Any) -> Translated:
    return CHAT_COMPLETIONS.translate["responses"]({**ASKED, **changes})


def test_a_request_says_the_same_in_other_words() -> None:
    body = translated().body
    RESPONSES_REQUEST.validate_python(body)
    assert body == {
        "model": MODEL,
        "input": [
            {"type": "message", "role": "system", "content": "Be brief."},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": f"Is {HOST} ill?"}]},
            {"type": "message", "role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": "ps"},
            {"type": "function_call_output", "call_id": "c1", "output": "fine"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "none"}]},
            {
                "type": "message",
                "id": "msg_5",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "refusal", "refusal": "No."}],
            },
        ],
        "tools": [
            {"type": "function", "name": "look", "description": "d", "parameters": SCHEMA, "strict": False},
            {"type": "custom", "name": "sh", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
        ],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
        "text": {"format": {"type": "json_schema", "name": "v", "schema": SCHEMA, "strict": True}, "verbosity": "low"},
        "reasoning": {"effort": "low"},
        "max_output_tokens": 500,
        "temperature": 0.5,
        "parallel_tool_calls": False,
        "safety_identifier": "abc",
        "store": False,
    }


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"n": 2}, "n"),
        ({"stop": ["x"]}, "stop"),
        ({"seed": 1}, "seed"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options"),
        ({"messages": [{"role": "user", "content": "x", "name": "sato"}]}, "messages[0].name"),
        ({"something_new": 1}, "something_new"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal, match="in the Responses API, as which this call would go") as refused:
        translated(**changes)
    assert (refused.value.code, refused.value.param) == ("untranslatable", param)


def test_an_answer_comes_back_as_a_chat_completion() -> None:
    answer = translated().answer(response(OUTPUT))
    ChatCompletion.model_validate(answer)
    assert CHAT_COMPLETIONS.usage(answer) == Usage(120, 30)
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == f"{HOST} is fine\n\nand more"
    assert choice["message"]["refusal"] == "I will not lock it"
    function, custom = choice["message"]["tool_calls"]
    assert (function["id"], json.loads(function["function"]["arguments"])) == ("c1", {"user": USER})
    assert (custom["id"], custom["custom"]) == ("c2", {"name": "sh", "input": f"ping {HOST}"})


@pytest.mark.parametrize(("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_says_so(reason: str, finish: str) -> None:
    cut: dict[str, Any] = {"status": "incomplete", "incomplete_details": {"reason": reason}}
    answer = translated().answer(response([message("It is")], **cut))
    assert answer["choices"][0]["finish_reason"] == finish
    *_, last = streamed(response_events([message("It is")], **cut))
    assert last["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    "answer",
    [
        {"output": "x"},
        response([{"type": "message", "content": [{"type": "output_text"}]}]),
        response([{"type": "function_call"}]),
        response([{"type": "web_search_call"}]),
        response([], status="failed", error={"code": "server_error", "message": "lost"}),
    ],
)
def test_what_is_no_answer_is_no_completion(answer: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        translated().answer(answer)


def streamed(events: list[dict[str, Any]], **asked: Any) -> list[dict[str, Any]]:
    make = translated().stream
    assert make is not None
    return through(make(stream_of(CHAT_COMPLETIONS, asked)), responses_wire(events))


def put_together(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {"content": "", "refusal": "", "tool_calls": {}}
    for chunk in chunks:
        if '"custom"' not in json.dumps(chunk):  # which the SDK's type of a piece does not know
            ChatCompletionChunk.model_validate(chunk)
        for choice in chunk["choices"]:
            for name in ("content", "refusal"):
                made[name] += choice["delta"].get(name) or ""
            for call in choice["delta"].get("tool_calls", ()):
                known = made["tool_calls"].setdefault(call["index"], {"said": ""})
                known |= {name: call[name] for name in ("id", "type") if name in call}
                called: dict[str, Any] = call.get("function") or call.get("custom") or {}
                known["name"] = called.get("name", known.get("name"))
                known["said"] += called.get("arguments") or called.get("input") or ""
    return made


@given(st.integers(1, 50))
def test_a_stream_says_what_the_whole_answer_would(length: int) -> None:
    told = streamed(response_events(OUTPUT, length=length), stream_options={"include_usage": True})
    assert HOST not in json.dumps(told)
    whole = stream_of(CHAT_COMPLETIONS).restore(translated().answer(response(OUTPUT)))
    said, spoken = put_together(told), whole["choices"][0]["message"]
    assert (said["content"], said["refusal"]) == (spoken["content"], spoken["refusal"])
    calls = [
        {
            "id": call["id"],
            "type": call["type"],
            "name": call[call["type"]]["name"],
            "said": call[call["type"]].get("arguments") or call[call["type"]].get("input"),
        }
        for call in spoken["tool_calls"]
    ]
    assert list(said["tool_calls"].values()) == calls
    assert told[-1]["usage"]["total_tokens"] == 150
    assert told[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert {chunk["id"] for chunk in told} == {whole["id"]}


def test_a_server_that_only_says_that_texts_are_done_says_all() -> None:
    events = [event for event in response_events(OUTPUT) if not event["type"].endswith(".delta")]
    assert put_together(streamed(events)) == put_together(streamed(response_events(OUTPUT)))


def test_a_break_and_an_error_are_told_in_the_words_of_the_client() -> None:
    make = translated().stream
    assert make is not None
    stream = make(stream_of(CHAT_COMPLETIONS))
    (told,) = heard(stream.event("error", {"type": "error", "code": "overloaded", "message": f"no {HOST}"}))
    assert told["error"]["message"] == "no pc-0412"
    assert (stream.failed, stream.finished) == ("overloaded", True)
    (told,) = heard([stream.fail(Refusal(502, "provider_disconnected", "Broke off."))])
    assert told["error"]["code"] == "provider_disconnected"


def test_a_tool_at_the_provider_that_no_grant_names_is_seen_here_too() -> None:
    make = translated().stream
    assert make is not None
    item = {"type": "web_search_call", "id": "ws"}
    with pytest.raises(HostedToolRan):
        make(stream_of(CHAT_COMPLETIONS)).event("", {"type": "response.output_item.added", "item": item})


@pytest.mark.parametrize("stream", [False, True])
def test_openai_for_python_at_a_provider_that_only_speaks_responses(
    bank: Bank, upstream: Upstream, stream: bool
) -> None:
    bank.inventory()
    bank.grant()
    upstream.script = playing(investigate)
    speaks = scripted(upstream.url, key=None, endpoints=frozenset({"responses"}))
    conversation: list[Any] = [{"role": "user", "content": QUESTION}]
    tools: Any = [{"type": "function", "function": {"name": "lookup", "parameters": SCHEMA, "strict": True}}]
    with (
        running(bank.database, bank.secrets, bank.ledger, Providers((speaks,))) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0) as client,
    ):

        def ask() -> Any:
            if not stream:
                return (
                    client.chat.completions.create(model=MODEL, messages=conversation, tools=tools).choices[0].message
                )
            with client.chat.completions.stream(model=MODEL, messages=conversation, tools=tools) as events:
                return events.get_final_completion().choices[0].message

        (call,) = ask().tool_calls
        called: Any = {"name": call.function.name, "arguments": call.function.arguments}
        conversation += [
            {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": called}]},
            {"role": "tool", "tool_call_id": call.id, "content": known_about(**json.loads(called["arguments"]))},
        ]
        assert json.loads(ask().content) == {"host": "PC-0412", "malicious": True}
    assert not [part for part in SECRET_PARTS if part in upstream.sent]
    ended = [entry.detail for entry in bank.entries() if entry.action == "gateway.call"]
    assert [(call["outcome"], call["input_tokens"]) for call in ended] == [("answered", 120)] * 2
