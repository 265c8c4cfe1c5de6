"""Streams in the wire format of OpenAI's providers. Test code."""

from itertools import pairwise
from typing import Any

from sakimori.gateway.sse import encode

USAGE = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 150,
}


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
        case "web_search_call" | "code_interpreter_call" | "mcp_call":
            middle = []
        case other:
            raise AssertionError(other)
    empty: dict[str, Any] = {"content": [], "summary": [], "arguments": "", "input": ""}
    begun = {name: empty.get(name, member) for name, member in item.items()} | {"status": "in_progress"}
    return [
        {"type": "response.output_item.added", "output_index": index, "item": begun},
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


def chat_message(output: list[dict[str, Any]]) -> dict[str, Any]:
    """Items of a response as the one message of a chat completion."""
    made: dict[str, Any] = {"role": "assistant", "content": None}
    for item in output:
        if item["type"] == "message":
            made["content"] = "".join(part["text"] for part in item["content"])
        elif item["type"] == "function_call":
            called = {"name": item["name"], "arguments": item["arguments"]}
            call = {"id": item["call_id"], "type": "function", "function": called}
            made["tool_calls"] = [*made.get("tool_calls", []), call]
    return made


def chat_chunks(
    message: dict[str, Any], *, length: int = 3, finish: str = "stop", **changes: Any
) -> list[dict[str, Any]]:
    """A chat completion in pieces of so many characters, its usage last."""
    chunks = [chunk(says(role="assistant", content=""), **changes)]
    for name in ("reasoning_content", "content", "refusal"):
        if message.get(name):
            chunks += [chunk({**says(), "delta": {name: piece}}, **changes) for piece in pieces(message[name], length)]
    for index, call in enumerate(message.get("tool_calls", [])):
        kind = call["type"]
        field = "arguments" if kind == "function" else "input"
        first, *rest = pieces(call[kind][field], length)
        begun = {"index": index, "id": call["id"], "type": kind, kind: {"name": call[kind]["name"], field: first}}
        chunks.append(chunk(says(tool_calls=[begun]), **changes))
        chunks += [chunk(says(tool_calls=[{"index": index, kind: {field: piece}}]), **changes) for piece in rest]
    return [*chunks, chunk(says(finish=finish), **changes), chunk(usage=CHAT_USAGE, **changes)]


CHAT_USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
