"""Whatever position of a request something personal stands in: it does not leave, or the request is refused."""

import json
from collections.abc import Iterator
from copy import deepcopy
from hashlib import sha256
from typing import Any, cast

import httpx
import pytest
from tests.gateway.conftest import Bank
from tests.gateway.endpoints.test_requests import CODEX, FUNCTION, MODEL
from tests.scripted_provider import Upstream

from sakimori.gateway import Boundary, Dictionary, Passage
from sakimori.gateway.calls.headers import KNOWN
from sakimori.gateway.endpoints import CHAT_COMPLETIONS, DECISIONS, EMBEDDINGS, RESPONSES, Endpoint
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.shapes import Outgoing

CANARIES = ("4111111111111111", "hanako.sato@mail.example")
_BOUNDARY = Boundary("aozora", b"k" * 32, Dictionary())
SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "t",
    "description": "d",
    "properties": {"host": {"type": "string", "enum": ["a"], "pattern": "x", "default": "b", "examples": ["c"]}},
    "required": ["host"],
    "$defs": {"n": {"anyOf": [{"type": "string", "const": "k"}, {"$ref": "#/$defs/n"}]}},
    "additionalProperties": False,
}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": {"b": ["c"]}}'}}
BODIES: list[tuple[Endpoint, dict[str, Any]]] = [
    (RESPONSES, CODEX),
    (
        RESPONSES,
        {
            "instructions": "i",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "t"}]},
                {"type": "function_call", "call_id": "c", "name": "n", "arguments": '{"a": "b"}'},
                {"type": "function_call_output", "call_id": "c", "output": '{"rows": [{"a": "b"}]}'},
            ],
            "tools": [{**FUNCTION, "description": "d", "parameters": SCHEMA}],
            "text": {"format": {"type": "json_schema", "name": "n", "description": "d", "schema": SCHEMA}},
            "metadata": {"k": "v"},
            "user": "u",
            "safety_identifier": "s",
            "prompt_cache_key": "p",
        },
    ),
    (
        CHAT_COMPLETIONS,
        {
            "messages": [
                {"role": "system", "content": "s", "name": "n"},
                {"role": "user", "content": [{"type": "text", "text": "t"}]},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "r"},
            ],
            "tools": [{"type": "function", "function": {"name": "look", "description": "d", "parameters": SCHEMA}}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
            "stop": ["x"],
            "metadata": {"k": "v"},
            "user": "u",
        },
    ),
    (EMBEDDINGS, {"input": ["a", "b"], "user": "u", "encoding_format": "float"}),
    (
        DECISIONS,
        {
            "input": [{"role": "user", "content": "t"}],
            "questions": [
                {
                    "type": "choice",
                    "name": "n",
                    "instructions": "i",
                    "choices": [{"value": "a", "description": "d"}, {"value": "b"}],
                }
            ],
            "safety_identifier": "s",
        },
    ),
]
IDS = [f"{endpoint.path} {number}" for number, (endpoint, _) in enumerate(BODIES)]


def _sent(endpoint: Endpoint, body: dict[str, Any]) -> str:
    out = Outgoing(
        passage=Passage(_BOUNDARY),
        models=frozenset({MODEL}),
        pseudonym=lambda text: sha256(text.encode()).hexdigest(),
        unseal=lambda text: None,
    )
    return json.dumps(endpoint.shape.send({"model": MODEL, **body}, "", out), ensure_ascii=False)


def _planted(value: Any, canary: str) -> Iterator[Any]:
    """The value with the canary at one place, for every place: texts, names of members, numbers, new members."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        for name, member in members.items():
            for planted in _planted(member, canary):
                yield {**members, name: planted}
            yield {(canary if key == name else key): inner for key, inner in members.items()}
        yield {**members, canary: "x"}
        yield {**members, "x": canary}
    elif isinstance(value, list):
        elements = cast("list[Any]", value)
        for number, element in enumerate(elements):
            for planted in _planted(element, canary):
                yield [*elements[:number], planted, *elements[number + 1 :]]
        yield [*elements, canary]
    elif isinstance(value, str):
        yield canary
        yield f"{value} {canary}"
        yield json.dumps({canary: [value]})
        yield json.dumps({"a": json.dumps({"b": canary})})
    elif canary.isdigit():
        yield int(canary)
        yield canary
    else:
        yield canary


@pytest.mark.parametrize(("endpoint", "body"), BODIES, ids=IDS)
@pytest.mark.parametrize("canary", CANARIES)
def test_wherever_it_stands_it_does_not_leave(endpoint: Endpoint, body: dict[str, Any], canary: str) -> None:
    assert canary not in _sent(endpoint, deepcopy(body))
    refused = sent = 0
    for planted in _planted(body, canary):
        try:
            left = _sent(endpoint, planted)
        except Refusal:
            refused += 1
            continue
        sent += 1
        assert canary not in left, planted
    assert sent > 5
    assert refused > 5


NOT_FREE = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "sakimori-data-class",
        "sakimori-purpose",
        "te",
        "transfer-encoding",
        "upgrade-insecure-requests",
    }
)
"""Headers that say how to read the request, or that the gateway answers itself."""


def test_what_stands_in_headers_does_not_leave(bank: Bank, base_url: str, upstream: Upstream) -> None:
    bank.grant()
    for canary in CANARIES:
        headers = dict.fromkeys(KNOWN - NOT_FREE, canary) | {"Authorization": f"Bearer {bank.key}"}
        answer = httpx.post(f"{base_url}/responses", json={"model": MODEL, "input": "hello"}, headers=headers)
        assert answer.status_code == 200, answer.text
        assert canary not in upstream.sent
    assert len(upstream.bodies) == len(CANARIES)
