"""Streamed answers as a provider of OpenAI's would send them, and what becomes of them on their way to a client."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sakimori.gateway.boundary import Boundary, Dictionary, Passage
from sakimori.gateway.endpoints import AnswerStream, Endpoint
from sakimori.gateway.sse import Decoder

HOST, USER = "HOST_7K2M9QX4AB00", "USER_0AAAAAAAAA00"
KNOWN = {HOST: "pc-0412", USER: "AOZORA\\yamada.t"}


def passage() -> Passage:
    return Passage(
        Boundary("aozora", b"k" * 32, Dictionary(frozenset(), frozenset(), frozenset(), frozenset())), known=KNOWN
    )


def stream_of(endpoint: Endpoint, asked: Mapping[str, Any] | None = None, *hosted_tools: str) -> AnswerStream:
    """``hosted_tools``: those that the grant names."""
    assert endpoint.stream is not None
    return endpoint.stream(passage(), lambda text: f"sealed({text})", asked or {}, frozenset(hosted_tools))


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
