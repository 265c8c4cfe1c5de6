"""Streamed answers as a provider of OpenAI's would send them, and what becomes of them on their way to a client."""

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from sakimori.gateway.boundary import Boundary, Dictionary, Passage
from sakimori.gateway.endpoints import AnswerStream, Endpoint
from sakimori.gateway.sse import Decoder, encode

HOST, USER = "HOST_7K2M9QX4AB00", "USER_0AAAAAAAAA00"
KNOWN = {HOST: "pc-0412", USER: "AOZORA\\yamada.t"}
USAGE = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 150,
}


def passage() -> Passage:
    return Passage(
        Boundary("aozora", b"k" * 32, Dictionary(frozenset(), frozenset(), frozenset(), frozenset())), known=KNOWN
    )


def stream_of(endpoint: Endpoint, asked: Mapping[str, Any] | None = None) -> AnswerStream:
    assert endpoint.stream is not None
    return endpoint.stream(passage(), lambda text: f"sealed({text})", asked or {})


def through(stream: AnswerStream, raw: bytes, *, end: bool = True) -> list[dict[str, Any]]:
    """What a client hears of a provider's whole stream: the data of its events, as JSON."""
    out: list[bytes] = []
    for event in Decoder().feed(raw):
        out += stream.take(event)
    if end:
        assert stream.finished
        out += stream.end()
    return heard(out)


def heard(chunks: Iterable[bytes]) -> list[dict[str, Any]]:
    events = Decoder().feed(b"".join(chunks))
    for event in events:
        if event.name:
            assert json.loads(event.data)["type"] == event.name
    return [json.loads(event.data) for event in events if event.data != b"[DONE]"]


def pieces(text: str, length: int) -> list[str]:
    bounds = [*range(0, len(text), length), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)] or [""]


def responses_wire(events: list[dict[str, Any]]) -> bytes:
    return b"".join(encode({**event, "sequence_number": number}, event["type"]) for number, event in enumerate(events))


def chat_wire(chunks: list[dict[str, Any]]) -> bytes:
    return b"".join(map(encode, chunks)) + b"data: [DONE]\n\n"


def response(output: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": "gpt-5-mini-2026-08-01",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "instructions": f"You guard {HOST}.",
        "usage": USAGE,
    }
    return {**made, **changes}


def message(text: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}


def text_events(item: dict[str, Any], index: int, length: int) -> list[dict[str, Any]]:
    """How one output item is streamed, in pieces of so many characters."""
    at = {"output_index": index, "item_id": item["id"]}
    match item["type"]:
        case "message":
            parts = [
                ("output_text", part["text"], "text")
                if part["type"] == "output_text"
                else ("refusal", part["refusal"], "refusal")
                for part in item["content"]
            ]
            middle: list[dict[str, Any]] = []
            for number, ((kind, text, field), part) in enumerate(zip(parts, item["content"], strict=True)):
                place = {**at, "content_index": number}
                middle += [
                    {"type": "response.content_part.added", **place, "part": {**part, field: ""}},
                    *(
                        {"type": f"response.{kind}.delta", **place, "delta": piece, "logprobs": [], "obfuscation": "xx"}
                        for piece in pieces(text, length)
                    ),
                    {"type": f"response.{kind}.done", **place, field: text, "logprobs": []},
                    {"type": "response.content_part.done", **place, "part": part},
                ]
        case "function_call" | "custom_tool_call":
            kind, field = (
                ("function_call_arguments", "arguments")
                if item["type"] == "function_call"
                else ("custom_tool_call_input", "input")
            )
            middle = [
                *({"type": f"response.{kind}.delta", **at, "delta": piece} for piece in pieces(item[field], length)),
                {"type": f"response.{kind}.done", **at, field: item[field]},
            ]
        case "reasoning":
            middle = []
            for number, part in enumerate(item["summary"]):
                place = {**at, "summary_index": number}
                middle += [
                    {"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}},
                    *(
                        {"type": "response.reasoning_summary_text.delta", **place, "delta": piece}
                        for piece in pieces(part["text"], length)
                    ),
                    {"type": "response.reasoning_summary_text.done", **place, "text": part["text"]},
                    {"type": "response.reasoning_summary_part.done", **place, "part": part},
                ]
        case other:
            raise AssertionError(other)
    return [
        {"type": "response.output_item.added", "output_index": index, "item": {**item, "status": "in_progress"}},
        *middle,
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def response_events(output: list[dict[str, Any]], *, length: int = 3, **changes: Any) -> list[dict[str, Any]]:
    begun = response([], status="in_progress", usage=None)
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *(event for index, item in enumerate(output) for event in text_events(item, index, length)),
        {"type": "response.completed", "response": response(output, **changes)},
    ]


def chunk(*choices: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "gpt-5-mini-2026-08-01",
        "choices": list(choices),
        "usage": None,
        "obfuscation": "xxxx",
    }
    return {**made, **changes}


def says(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}
