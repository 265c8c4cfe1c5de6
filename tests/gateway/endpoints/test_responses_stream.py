"""Streamed answers of /v1/responses, as a client hears them."""

import json
from collections import defaultdict
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter
from tests.gateway.endpoints.streams import HOST, USER, heard, stream_of, through
from tests.openai_wire import message, response, response_events, responses_wire

from sakimori.gateway.endpoints import RESPONSES, Usage
from sakimori.gateway.endpoints.hosted import GRANTABLE
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.sse import Event

ARGUMENTS = json.dumps({"host": HOST, "who": USER, "body": json.dumps({"user": USER})})
OUTPUT: list[dict[str, Any]] = [
    {
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": f"Looking at {HOST}"}, {"type": "summary_text", "text": USER}],
        "encrypted_content": "gAAA",
    },
    {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "isolate", "arguments": ARGUMENTS},
    {"id": "ct_1", "type": "custom_tool_call", "call_id": "c2", "name": "shell", "input": f"ping {HOST}"},
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": f"{USER} signed in at {HOST}", "annotations": []},
            {"type": "refusal", "refusal": f"I will not attack {HOST}"},
        ],
    },
    {
        "id": "msg_2",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": json.dumps({"user": USER}), "annotations": []}],
    },
]
EVENTS = TypeAdapter[Any](ResponseStreamEvent)


@given(st.integers(1, 60))
def test_deltas_put_together_are_what_the_done_events_and_the_last_event_say(length: int) -> None:
    stream = stream_of(RESPONSES)
    events = through(stream, responses_wire(response_events(OUTPUT, length=length)))
    said: dict[tuple[Any, ...], str] = defaultdict(str)
    for event in events:
        EVENTS.validate_python(event)
        kind = event["type"]
        key = (
            event.get("output_index"),
            kind.rpartition(".")[0],
            event.get("content_index"),
            event.get("summary_index"),
        )
        if kind.endswith(".delta"):
            assert event["delta"]
            said[key] += event["delta"]
        elif key in said:
            whole = next(event[field] for field in ("text", "refusal", "arguments", "input") if field in event)
            assert said[key] == whole
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    last = events[-1]["response"]
    reasoning, function, custom, spoken, structured = last["output"]
    assert [part["text"] for part in reasoning["summary"]] == ["Looking at pc-0412", "AOZORA\\yamada.t"]
    assert json.loads(function["arguments"]) == {
        "host": "pc-0412",
        "who": "AOZORA\\yamada.t",
        "body": json.dumps({"user": "AOZORA\\yamada.t"}),
    }
    assert custom["input"] == "ping pc-0412"
    assert spoken["content"][0]["text"] == "AOZORA\\yamada.t signed in at pc-0412"
    assert spoken["content"][1]["refusal"] == "I will not attack pc-0412"
    assert json.loads(structured["content"][0]["text"]) == {"user": "AOZORA\\yamada.t"}
    assert list(said.values()) == [
        *(part["text"] for part in reasoning["summary"]),
        function["arguments"],
        custom["input"],
        spoken["content"][0]["text"],
        spoken["content"][1]["refusal"],
        structured["content"][0]["text"],
    ]
    assert not any(token in json.dumps(events) for token in (HOST, USER))
    assert stream.usage == Usage(120, 30)
    assert stream.model == "gpt-5-mini-2026-08-01"
    assert stream.failed is None


def test_what_was_restored_is_counted_as_in_a_whole_answer() -> None:
    stream = stream_of(RESPONSES)
    through(stream, responses_wire(response_events([message(f"{HOST} and {HOST}")], instructions=f"You guard {HOST}.")))
    assert stream._passage.restored == 3  # pyright: ignore[reportPrivateUsage]  # twice, and once in the instructions


def test_encrypted_reasoning_is_sealed_wherever_it_stands() -> None:
    events = through(stream_of(RESPONSES), responses_wire(response_events(OUTPUT[:1])))
    told = json.dumps(events)
    assert told.count('"sealed(gAAA)"') == 3  # added, done, and in the last event
    assert '"gAAA"' not in told


def test_the_level_of_cyber_access_that_was_given_is_known() -> None:
    stream = stream_of(RESPONSES)
    through(stream, responses_wire(response_events([message("ok")], access_programs={"cyber": "daybreak_blue"})))
    assert stream.cyber == "daybreak_blue"


def test_texts_of_two_items_that_come_at_once_are_kept_apart() -> None:
    first = {"type": "response.output_text.delta", "item_id": "a", "output_index": 0, "content_index": 0}
    second = {**first, "item_id": "b", "output_index": 1}
    deltas: list[dict[str, Any]] = [
        {**item, "delta": half, "logprobs": []} for half in (HOST[:9], HOST[9:] + "!") for item in (first, second)
    ]
    events = through(stream_of(RESPONSES), responses_wire(deltas), end=False)
    assert [(event["item_id"], event["delta"]) for event in events] == [("a", "pc-0412!"), ("b", "pc-0412!")]


def test_what_is_held_back_when_a_text_ends_comes_before_its_done_event() -> None:
    events = through(stream_of(RESPONSES), responses_wire(response_events([message(f"It is {HOST}")], length=100)))
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert kinds[4:8] == ["output_text.delta", "output_text.delta", "output_text.done", "content_part.done"]
    assert [event["delta"] for event in events[4:6]] == ["It is ", "pc-0412"]


def test_a_stream_without_done_events_still_says_everything() -> None:
    events = [event for event in response_events([message(f"at {HOST}")]) if not event["type"].endswith(".done")]
    told = through(stream_of(RESPONSES), responses_wire(events))
    assert "".join(event.get("delta", "") for event in told) == "at pc-0412"


@pytest.mark.parametrize(
    "data",
    [
        {"type": "response.output_item.added", "item": {"type": "something_new"}},
        {"type": "response.output_item.done", "item": None},
        {"type": "response.content_part.added", "part": {"type": "output_image"}},
        {"type": "response.created", "response": {"output": [{"type": "something_new"}]}},
        {"type": "response.audio.delta", "delta": "AAAA"},
        {"type": "response.something.new", "delta": HOST},
        {"type": ["response.created"]},
        {"type": "response.completed"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": {"text": "x"}},
        {"type": "response.output_text.delta", "output_index": [0], "content_index": 0, "delta": "x"},
        {},
    ],
)
def test_an_event_that_is_not_known_ends_the_call(data: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        stream_of(RESPONSES).event("", data)
    assert refused.value.code == "provider_invalid_response"
    assert refused.value.status == 502


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff", b"{}" * 2, b'{"a":' * 200 + b"1" + b"}" * 200])
def test_an_event_that_is_no_object_ends_the_call(data: bytes) -> None:
    with pytest.raises(Refusal):
        stream_of(RESPONSES).take(Event("response.created", data))


@pytest.mark.parametrize("granted", [frozenset[str](), GRANTABLE])
def test_every_kind_of_event_of_the_sdk_is_either_passed_on_or_refused_on_purpose(granted: frozenset[str]) -> None:
    kinds = {get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(get_args(ResponseStreamEvent)[0])}
    refused: set[str] = set()
    for kind in kinds:
        data: dict[str, Any] = {
            "type": kind,
            "response": response([]),
            "delta": "x",
            "item": message("x"),
            "part": {"type": "output_text", "text": "x"},
            "message": "x",
        }
        if kind == "response.output_text.annotation.added":
            data["annotation"] = {"type": "url_citation", "url": "https://example.com"}
        try:
            assert stream_of(RESPONSES, None, *granted).event(kind, data)
        except Refusal:
            refused.add(kind)
    never = {"audio", "compaction", "image_generation_call", "shell_call_output_content", "file_search_call"}
    where_granted = {
        "web_search_call",
        "output_text",
        "code_interpreter_call",
        "code_interpreter_call_code",
        "mcp_call",
        "mcp_call_arguments",
        "mcp_list_tools",
    }
    assert {kind.split(".")[1] for kind in refused} == (never if granted else never | where_granted)


def test_a_break_after_the_first_event_is_told_in_the_form_of_an_error() -> None:
    stream = stream_of(RESPONSES)
    before = through(stream, responses_wire(response_events([message("never ends")])[:6]), end=False)
    assert not stream.finished
    refusal = Refusal(502, "provider_disconnected", "The model provider broke off.", may_retry=True)
    error, failed = heard([stream.fail(refusal)])
    assert (error["type"], error["code"], error["message"]) == (
        "error",
        "provider_disconnected",
        "The model provider broke off.",
    )
    assert error["error"]["code"] == "provider_disconnected"
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    numbers = [event["sequence_number"] for event in [*before, error, failed]]
    assert numbers == list(range(len(numbers)))
    for event in (error, failed):
        EVENTS.validate_python(event)


def test_an_error_of_the_provider_within_the_stream_is_passed_on_restored() -> None:
    stream = stream_of(RESPONSES)
    data = {"type": "error", "code": "rate_limit_exceeded", "message": f"Too much about {HOST}", "param": None}
    (error,) = heard(stream.event("error", data))
    assert error["message"] == "Too much about pc-0412"
    assert stream.failed == "rate_limit_exceeded"


def test_what_servers_send_beyond_the_sdk_does_not_end_the_call() -> None:
    stream = stream_of(RESPONSES)
    assert stream.event("keepalive", {"type": "keepalive", "sequence_number": 3}) == [b": still there\n\n"]
    for kind in ("response.reasoning_part.added", "response.reasoning_part.done"):
        assert stream.event(kind, {"type": kind, "part": {"type": "reasoning_text", "text": HOST}}) == []


def test_a_response_that_failed_is_known_as_failed() -> None:
    stream = stream_of(RESPONSES)
    failed = response([], status="failed", error={"code": "server_error", "message": f"lost {HOST}"}, usage=None)
    (event,) = heard(stream.event("response.failed", {"type": "response.failed", "response": failed}))
    assert event["response"]["error"]["message"] == "lost pc-0412"
    assert (stream.failed, stream.usage, stream.finished) == ("server_error", None, True)
