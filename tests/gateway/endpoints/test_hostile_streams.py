"""Providers that send garbage: a stream takes it or refuses it, and what it says of tokens never depends on luck."""

import copy
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.endpoints.streams import HOST, stream_of
from tests.openai_wire import chat_chunks, message, response, response_events

from sakimori.gateway.endpoints import CHAT_COMPLETIONS, RESPONSES, AnswerStream
from sakimori.gateway.refusal import Refusal

CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"host": "x"}'}}
OUTPUT: list[dict[str, Any]] = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gA"},
    {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"host": "x"}'},
    message(f"at {HOST}"),
]
RESPONSE_EVENTS = response_events(OUTPUT, length=8)
CHUNKS = chat_chunks({"reasoning_content": "hm", "content": f"at {HOST}", "tool_calls": [CALL]}, length=8)
GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**63) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every member of a JSON value."""
    members: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        members = list(cast("dict[str, Any]", value).items())
    elif isinstance(value, list):
        members = list(enumerate(cast("list[Any]", value)))
    return [path, *(place for key, member in members for place in places(member, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a stream, one of them with garbage somewhere, perhaps in another order."""
    made = copy.deepcopy(events)
    event = draw(st.sampled_from(made))
    *path, last = draw(st.sampled_from([place for place in places(event) if place]))
    inner: Any = event
    for key in path:
        inner = inner[key]
    inner[last] = draw(GARBAGE)
    return draw(st.permutations(made)) if draw(st.booleans()) else made


def feed(stream: AnswerStream, events: list[dict[str, Any]]) -> None:
    """All of it, and then the end; only a Refusal may stop it."""
    try:
        for event in events:
            kind = event.get("type")
            stream.event(kind if isinstance(kind, str) else "", event)
        if stream.finished:
            stream.end()
    except Refusal as refusal:
        stream.fail(refusal)


@given(damaged(RESPONSE_EVENTS))
def test_damaged_events_of_responses_are_taken_or_refused(events: list[dict[str, Any]]) -> None:
    feed(stream_of(RESPONSES), events)


@given(damaged(CHUNKS))
def test_damaged_chunks_of_chat_completions_are_taken_or_refused(events: list[dict[str, Any]]) -> None:
    feed(stream_of(CHAT_COMPLETIONS), events)


@given(damaged(CHUNKS))
def test_damaged_chunks_are_taken_or_refused_where_they_are_translated(events: list[dict[str, Any]]) -> None:
    make = RESPONSES.translate["chat/completions"]({"model": "m", "input": "x"}).stream
    assert make is not None
    feed(make(stream_of(RESPONSES)), events)


@given(damaged(RESPONSE_EVENTS))
def test_damaged_events_are_taken_or_refused_where_they_are_translated(events: list[dict[str, Any]]) -> None:
    make = CHAT_COMPLETIONS.translate["responses"]({"model": "m", "messages": []}).stream
    assert make is not None
    feed(make(stream_of(CHAT_COMPLETIONS)), events)


@given(damaged([response(OUTPUT)]))
def test_damaged_responses_are_taken_or_refused_where_they_are_translated(answers: list[dict[str, Any]]) -> None:
    try:
        made = CHAT_COMPLETIONS.translate["responses"]({"model": "m", "messages": []}).answer(answers[0])
        RESPONSES.hold(answers[0], frozenset())
    except Refusal:
        return
    CHAT_COMPLETIONS.usage(made)


@given(GARBAGE, st.sampled_from(["choices", "usage", "message", "content", "tool_calls", "finish_reason"]))
def test_damaged_answers_are_taken_or_refused_where_they_are_translated(garbage: Any, name: str) -> None:
    said: dict[str, Any] = {"role": "assistant", "content": "x", "tool_calls": [CALL]}
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": said}
    answer: dict[str, Any] = {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": {}}
    for place in (answer, choice, said):
        if name in place:
            place[name] = garbage
    try:
        made = RESPONSES.translate["chat/completions"]({"model": "m", "input": "x"}).answer(answer)
    except Refusal:
        return
    RESPONSES.usage(made)


@pytest.mark.parametrize("endpoint", [RESPONSES, CHAT_COMPLETIONS])
def test_nothing_at_all_is_no_answer(endpoint: Any) -> None:
    assert not stream_of(endpoint).finished
