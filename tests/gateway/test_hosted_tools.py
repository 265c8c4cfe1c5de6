"""A provider that runs tools of its own accord: its answer is withheld, entered in the ledger, and paid for."""

from typing import Any

import pytest
from aiohttp import web
from openai import APIError, APIStatusError, OpenAI
from tests.gateway.conftest import Bank
from tests.gateway.test_streaming import begun, sent, settled
from tests.openai_wire import chat_wire, chunk, message, response_events, responses_wire, says
from tests.scripted_provider import MODEL, Upstream, chat_object, response_object

SEARCH: dict[str, Any] = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "what the bank asked"},
}
CITATION = {"url": "https://example.com", "title": "x", "start_index": 0, "end_index": 1}
NOTED: dict[str, Any] = {"grant": "gr-1", "provider": "scripted", "tool": "web_search", "granted": []}


async def searches(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response(response_object([SEARCH, message("found")]))


async def searches_in_a_chat(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    answer = chat_object("found")
    answer["choices"][0]["message"]["annotations"] = [{"type": "url_citation", "url_citation": CITATION}]
    return web.json_response(answer)


def search_in_a_stream() -> bytes:
    events = response_events([message("found")])
    begun = {**SEARCH, "status": "in_progress"}
    searched: list[dict[str, Any]] = [
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
        {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"},
        {"type": "response.output_item.done", "output_index": 0, "item": SEARCH},
    ]
    return responses_wire([*events[:2], *searched, *events[2:]])


def noted(bank: Bank) -> list[dict[str, Any]]:
    return [entry.detail for entry in bank.entries() if entry.action == "gateway.hosted_tool"]


def test_a_whole_answer_that_searched_is_withheld_entered_and_booked_as_reported(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant()
    upstream.script = searches
    with pytest.raises(APIStatusError) as refused:
        client.responses.create(model=MODEL, input="hi", max_output_tokens=100)
    assert (refused.value.status_code, refused.value.code) == (502, "hosted_tool_not_granted")
    assert "'web_search'" in refused.value.message
    assert refused.value.response.headers["x-should-retry"] == "false"  # it would search, and cost, again
    call = settled(bank)
    assert (call["outcome"], call["input_tokens"], call["output_tokens"]) == ("hosted_tool_not_granted", 120, 30)
    assert noted(bank) == [NOTED]


def test_a_chat_completion_that_searched_is_withheld(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    upstream.script = searches_in_a_chat
    with pytest.raises(APIStatusError) as refused:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}], max_tokens=100)
    assert refused.value.code == "hosted_tool_not_granted"
    assert settled(bank)["input_tokens"] == 20
    assert noted(bank) == [NOTED]


def test_a_stream_is_cut_where_a_search_begins_and_booked_at_its_upper_bound(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant()
    upstream.script = sent(search_in_a_stream(), step=200)
    stream = client.responses.create(model=MODEL, input="hi", max_output_tokens=100, stream=True)
    kinds: list[str] = []
    with pytest.raises(APIError, match="'web_search'") as refused:
        kinds.extend(event.type for event in stream)
    assert refused.value.code == "hosted_tool_not_granted"
    assert kinds == ["response.created", "response.in_progress"]
    call = settled(bank)
    assert (call["outcome"], call["output_tokens"]) == ("hosted_tool_not_granted", None)  # it may be billed in full
    assert noted(bank) == [NOTED]


def test_a_streamed_chat_completion_is_cut_where_it_shows_a_search(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant()
    wire = chat_wire(
        [
            chunk(says(content="found ")),
            chunk(says(content="it", annotations=[{"type": "url_citation", "url_citation": CITATION}])),
            chunk(says(finish="stop")),
        ]
    )
    upstream.script = sent(wire)
    stream = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "hi"}], max_tokens=100, stream=True
    )
    said: list[str | None] = []
    with pytest.raises(APIError) as refused:
        said.extend(piece.choices[0].delta.content for piece in stream)
    assert (refused.value.code, said) == ("hosted_tool_not_granted", ["found "])
    assert noted(bank) == [NOTED]


def test_what_the_grant_names_passes_whole_and_streamed(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant(hosted_tools=("web_search",))
    upstream.script = searches
    offered: Any = [{"type": "web_search"}]
    answer = client.responses.create(model=MODEL, input="hi", tools=offered, max_output_tokens=100)
    assert [item.type for item in answer.output] == ["web_search_call", "message"]
    upstream.script = sent(search_in_a_stream())
    stream = client.responses.create(model=MODEL, input="hi", tools=offered, max_output_tokens=100, stream=True)
    assert "response.web_search_call.searching" in [event.type for event in stream]
    assert noted(bank) == []


async def speaks_of_the_unknown(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    item = {"type": "teleport_call", "id": "t"}
    if not body.get("stream"):
        return web.json_response(response_object([item]))
    events = response_events([])
    response = await begun(request)
    added = {"type": "response.teleport_call.completed", "output_index": 0}
    await response.write(responses_wire([*events[:2], added, *events[2:]]))
    return response


def test_items_and_events_that_nobody_knows_are_refused_by_their_name(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant()
    upstream.script = speaks_of_the_unknown
    with pytest.raises(APIStatusError, match="'teleport_call'") as refused:
        client.responses.create(model=MODEL, input="hi", max_output_tokens=100)
    assert refused.value.code == "provider_invalid_response"
    with pytest.raises(APIError, match=r"'response\.teleport_call\.completed'"):
        list(client.responses.create(model=MODEL, input="hi", max_output_tokens=100, stream=True))
