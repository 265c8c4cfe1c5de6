"""Whole answers and streams say the same, whatever a text is and wherever it is cut."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from tests.gateway.endpoints.streams import HOST, USER, passage, stream_of, through
from tests.openai_wire import chat_chunks, chat_wire, chunk, message, response, response_events, responses_wire, says

from sakimori.gateway.endpoints import CHAT_COMPLETIONS, RESPONSES, Endpoint

PIECES = st.one_of(
    st.sampled_from([HOST, USER, USER.lower(), "USER\\_0AAAAAAAAA00", "USER_99999999999Z", "HOST_7K2M"]),
    st.sampled_from(["{", "[", "}", "]", '"', '\\"', "\\", ":", ",", " ", "\n", "null", "[INFO] ", "1", "\u0301"]),
    st.text(max_size=3),
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)
"""Among them much that begins like JSON, or like JSON within JSON, and is none."""
CUTS = st.lists(st.integers(0, 200), max_size=6)


def received(endpoint: Endpoint, answer: dict[str, Any]) -> dict[str, Any]:
    return endpoint.receive(answer, passage(), lambda text: f"sealed({text})")


def cut(text: str, places: list[int]) -> list[str]:
    bounds = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(bounds)] or [""]


@given(TEXTS, TEXTS, CUTS)
@example(f'["{USER}" is no list', "{}", [3])
@example(f'[1] "{USER}"', f'{{"note": "[2] \\"{USER}\\""}}', [5, 20])
def test_a_text_and_the_arguments_of_a_call_in_responses(text: str, arguments: str, places: list[int]) -> None:
    call = {"id": "fc", "type": "function_call", "call_id": "c", "name": "f", "arguments": arguments}
    output = [message(text), call]
    events: list[dict[str, Any]] = [{"type": "response.created", "response": response([])}]
    spoken, called = {"output_index": 0, "content_index": 0}, {"output_index": 1}
    events += [{"type": "response.output_text.delta", **spoken, "delta": piece} for piece in cut(text, places)]
    pieces = cut(arguments, places)
    events += [{"type": "response.function_call_arguments.delta", **called, "delta": piece} for piece in pieces]
    told = through(
        stream_of(RESPONSES), responses_wire([*events, {"type": "response.completed", "response": response(output)}])
    )
    whole = received(RESPONSES, response(output))["output"]
    assert told[-1]["response"]["output"] == whole
    said = {0: "", 1: ""}
    for event in told:
        if event["type"].endswith(".delta"):
            said[event["output_index"]] += event["delta"]
    assert said == {0: whole[0]["content"][0]["text"], 1: whole[1]["arguments"]}


@given(TEXTS, TEXTS, CUTS)
@example(f'{{"{USER}": 1}} is none', f"[{USER}", [4])
def test_a_text_and_the_arguments_of_a_call_in_chat_completions(text: str, arguments: str, places: list[int]) -> None:
    called = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    spoken = {"role": "assistant", "content": text, "tool_calls": [called]}
    first, *rest = cut(arguments, places)
    begun = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": first}}
    chunks = [chunk(says(content=piece)) for piece in cut(text, places)]
    chunks.append(chunk(says(tool_calls=[begun])))
    chunks += [chunk(says(tool_calls=[{"index": 0, "function": {"arguments": piece}}])) for piece in rest]
    told = through(stream_of(CHAT_COMPLETIONS), chat_wire([*chunks, chunk(says(finish="tool_calls"))]))
    whole = received(CHAT_COMPLETIONS, {"choices": [{"index": 0, "message": spoken}]})["choices"][0]["message"]
    deltas = [choice["delta"] for event in told for choice in event["choices"]]
    calls = [call["function"].get("arguments") or "" for delta in deltas for call in delta.get("tool_calls", ())]
    assert "".join(delta.get("content") or "" for delta in deltas) == whole["content"]
    assert "".join(calls) == whole["tool_calls"][0]["function"]["arguments"]


@given(TEXTS, st.integers(1, 40))
def test_structured_outputs_stay_json_in_both(text: str, length: int) -> None:
    """JSON with any text in it: both say the same, it is JSON, and it holds what the texts stand for."""
    told = json.dumps({"host": f"see {text}"}, ensure_ascii=False)
    events = through(stream_of(RESPONSES), responses_wire(response_events([message(told)], length=length)))
    whole = received(RESPONSES, response([message(told)]))["output"][0]["content"][0]["text"]
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == whole
    assert json.loads(whole) == {"host": passage().restore(f"see {text}")}
    streamed = through(stream_of(CHAT_COMPLETIONS), chat_wire(chat_chunks({"content": told}, length=length)))
    assert "".join(choice["delta"].get("content") or "" for event in streamed for choice in event["choices"]) == whole
