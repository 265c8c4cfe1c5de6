"""Streamed answers of /v1/chat/completions, as a client hears them."""

import json
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from tests.gateway.endpoints.streams import HOST, USER, heard, stream_of, through
from tests.openai_wire import chat_wire, chunk, pieces, says

from sakimori.gateway.endpoints import CHAT_COMPLETIONS, Usage
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.sse import Event

ARGUMENTS = json.dumps({"host": HOST, "who": USER})
USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
ASKS_FOR_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def called(index: int, **function: str) -> dict[str, Any]:
    return {"index": index, "function": function}


def answer(length: int) -> list[dict[str, Any]]:
    """Two answers at once: one speaks and calls two tools, one only speaks."""
    return [
        chunk(says(0, role="assistant", content="")),
        chunk(says(1, role="assistant", content="")),
        *(
            chunk(says(0, content=first), says(1, content=second))
            for first, second in zip(pieces(f"It is {HOST}", length), pieces(f"No, {USER} !", length), strict=True)
        ),
        chunk(says(0, tool_calls=[{**called(0, name="isolate", arguments=""), "id": "call_0", "type": "function"}])),
        *(chunk(says(0, tool_calls=[called(0, arguments=piece)])) for piece in pieces(ARGUMENTS, length)),
        chunk(
            says(0, tool_calls=[{**called(1, name="lock", arguments=ARGUMENTS), "id": "call_1", "type": "function"}])
        ),
        chunk(says(0, finish="tool_calls")),
        chunk(says(1, finish="stop")),
        chunk(usage=USAGE),
    ]


@given(st.integers(1, 40))
def test_deltas_put_together_are_the_whole_restored(length: int) -> None:
    stream = stream_of(CHAT_COMPLETIONS)
    said: dict[tuple[int, Any], str] = defaultdict(str)
    finished: dict[int, str] = {}
    for event in through(stream, chat_wire(answer(length))):
        part = ChatCompletionChunk.model_validate(event)
        for choice in part.choices:
            said[choice.index, "content"] += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                said[choice.index, call.index] += (call.function and call.function.arguments) or ""
            if choice.finish_reason:
                finished[choice.index] = choice.finish_reason
    expected = {"host": "pc-0412", "who": "AOZORA\\yamada.t"}
    assert said[0, "content"] == "It is pc-0412"
    assert said[1, "content"] == "No, AOZORA\\yamada.t !"
    assert json.loads(said[0, 0]) == json.loads(said[0, 1]) == expected
    assert finished == {0: "tool_calls", 1: "stop"}
    assert stream.usage == Usage(20, 5)
    assert stream.model == "gpt-5-mini-2026-08-01"


def test_who_did_not_ask_for_usage_hears_none() -> None:
    wire = chat_wire([chunk(says(content="ok")), chunk(says(finish="stop")), chunk(usage=USAGE)])
    silent, telling = stream_of(CHAT_COMPLETIONS), stream_of(CHAT_COMPLETIONS, ASKS_FOR_USAGE)
    assert all("usage" not in event for event in through(silent, wire))
    assert [event["usage"] for event in through(telling, wire)] == [None, None, USAGE]
    assert silent.usage == telling.usage == Usage(20, 5)


def test_parts_that_say_nothing_yet_are_not_sent() -> None:
    wire = chat_wire([chunk(says(content="HOST_7K2M")), chunk(says(content="9QX4AB00")), chunk(says(finish="stop"))])
    (event,) = through(stream_of(CHAT_COMPLETIONS), wire)
    assert event["choices"] == [
        {"index": 0, "delta": {"content": "pc-0412"}, "finish_reason": "stop", "logprobs": None}
    ]


def test_reasoning_that_other_servers_stream_is_restored_too() -> None:
    wire = chat_wire(
        [chunk(says(reasoning_content=piece)) for piece in pieces(f"{HOST}?", 5)] + [chunk(says(finish="stop"))]
    )
    told = through(stream_of(CHAT_COMPLETIONS), wire)
    assert "".join(event["choices"][0]["delta"].get("reasoning_content", "") for event in told) == "pc-0412?"


def test_a_stream_ends_as_clients_expect_it() -> None:
    stream = stream_of(CHAT_COMPLETIONS)
    assert not stream.finished
    stream.event("", chunk(says(content="ok", finish="stop")))
    assert stream.take(Event("", b"[DONE]")) == []
    assert stream.finished
    assert stream.end() == [b"data: [DONE]\n\n"]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"object": "chat.completion"},
        chunk("x"),  # pyright: ignore[reportArgumentType]  (what no provider should send)
        chunk({"delta": {"content": "x"}}),
        chunk(says(content="x", audio={"data": "AAAA"})),
        chunk(says(function_call={"name": "x"})),
        chunk(says(tool_calls=[{"function": {"arguments": "x"}}])),
        chunk(says(tool_calls=[called(0, arguments=7)])),  # pyright: ignore[reportArgumentType]
    ],
)
def test_what_is_no_part_of_an_answer_ends_the_call(data: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        stream_of(CHAT_COMPLETIONS).event("", data)
    assert refused.value.code == "provider_invalid_response"


def test_errors_within_the_stream_are_told_as_the_sdk_reads_them() -> None:
    stream = stream_of(CHAT_COMPLETIONS)
    (told,) = heard([stream.fail(Refusal(502, "provider_disconnected", "Broke off."))])
    assert told == {
        "error": {"message": "Broke off.", "type": "server_error", "param": None, "code": "provider_disconnected"}
    }
    (passed_on,) = heard(stream.event("", {"error": {"message": f"no {HOST}", "code": "overloaded"}}))
    assert passed_on["error"]["message"] == "no pc-0412"
    assert stream.failed == "overloaded"
