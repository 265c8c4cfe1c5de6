"""A grant's level of cyber access where a chat completion is asked for, which has no word for levels."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web
from openai import APIStatusError, OpenAI
from openai.types.chat import ChatCompletionMessageParam
from tests.gateway.conftest import Bank, scripted
from tests.openai_wire import response_events, responses_wire
from tests.scripted_provider import MODEL, Upstream, message, response_object

from sakimori.gateway import Providers, running
from sakimori.records import CyberAccess

BLUE, STANDARD = CyberAccess.DAYBREAK_BLUE, CyberAccess.STANDARD
MESSAGES: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Is 10.20.4.12 scanning?"},
]


@contextmanager
def client_of(bank: Bank, upstream: Upstream, **changes: Any) -> Generator[OpenAI]:
    providers = Providers((scripted(upstream.url, key=None, **changes),))
    with (
        running(bank.database, bank.secrets, bank.ledger, providers) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0) as client,
    ):
        yield client


def answering(level: str | None) -> Any:
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        assert request.path == "/v1/responses"
        programs = {"cyber": level} if level else None
        if not body.get("stream"):
            return web.json_response(response_object([message("It is.")], access_programs=programs))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(responses_wire(response_events([message("It is.")], access_programs=programs)))
        return response

    return answer


def ask(client: OpenAI, *, stream: bool, **options: Any) -> str:
    create: Any = client.chat.completions.create
    answer = create(model=MODEL, messages=MESSAGES, max_tokens=100, stream=stream, **options)
    if not stream:
        return answer.choices[0].message.content
    return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


def noted(bank: Bank, *names: str) -> list[dict[str, Any]]:
    return [entry.detail for entry in bank.entries() if entry.action in names]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("answered", ["daybreak_blue", None])
def test_a_level_above_the_standard_one_is_asked_for_in_words_that_have_it(
    bank: Bank, upstream: Upstream, answered: str | None, stream: bool
) -> None:
    """The client notices nothing; that a provider falls back to less is an event, as everywhere."""
    bank.grant(cyber=BLUE)
    upstream.script = answering(answered)
    with client_of(bank, upstream) as client:
        assert ask(client, stream=stream) == "It is."
    assert upstream.bodies[0]["access_programs"] == {"cyber": "daybreak_blue"}
    call = noted(bank, "gateway.call")[0]
    assert (call["cyber"], call["cyber_answered"]) == ("daybreak_blue", answered)
    assert len(noted(bank, "gateway.cyber_fallback")) == (answered is None)


def test_a_provider_of_chat_completions_alone_is_not_asked_at_the_standard_level_instead(
    bank: Bank, upstream: Upstream
) -> None:
    bank.grant(cyber=BLUE)
    with (
        client_of(bank, upstream, endpoints=frozenset({"chat/completions"})) as client,
        pytest.raises(APIStatusError, match="'daybreak_blue'") as refused,
    ):
        ask(client, stream=False)
    assert (refused.value.status_code, refused.value.code) == (403, "cyber_level_not_available")
    assert not upstream.bodies
    assert noted(bank, "gateway.refused")[0]["code"] == "cyber_level_not_available"


def test_another_provider_that_can_be_told_the_level_is_asked(bank: Bank, upstream: Upstream) -> None:
    bank.grant(cyber=BLUE)
    upstream.script = answering("daybreak_blue")
    deaf = scripted("http://127.0.0.1:9/v1", key=None, name="deaf", endpoints=frozenset({"chat/completions"}), order=0)
    providers = Providers((deaf, scripted(upstream.url, key=None)))
    with (
        running(bank.database, bank.secrets, bank.ledger, providers) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0) as client,
    ):
        assert ask(client, stream=False) == "It is."
    assert noted(bank, "gateway.call")[0]["tried"] == []


def test_a_grant_of_the_standard_level_serves_what_one_above_it_cannot(bank: Bank, upstream: Upstream) -> None:
    bank.grant(id="gr-1", cyber=BLUE)
    bank.grant(id="gr-2", cyber=STANDARD)
    with client_of(bank, upstream, endpoints=frozenset({"chat/completions"})) as client:
        assert ask(client, stream=False) == "Is 10.20.4.12 scanning?"
    assert noted(bank, "gateway.call")[0]["grant"] == "gr-2"


def test_what_cannot_be_said_in_those_words_is_refused_with_the_reason(bank: Bank, upstream: Upstream) -> None:
    bank.grant(cyber=BLUE)
    with client_of(bank, upstream) as client, pytest.raises(APIStatusError, match="'daybreak_blue'") as refused:
        ask(client, stream=False, n=2)
    assert (refused.value.code, refused.value.param) == ("untranslatable", "n")
    assert not upstream.bodies


@pytest.mark.parametrize(
    ("endpoints", "told"), [({"chat/completions", "responses"}, None), ({"responses"}, {"cyber": "standard"})]
)
def test_the_standard_level_is_named_where_the_provider_is_spoken_to_in_words_that_have_it(
    bank: Bank, upstream: Upstream, endpoints: set[str], told: Any
) -> None:
    bank.grant()
    if told:
        upstream.script = answering("standard")
    with client_of(bank, upstream, kind="openai", endpoints=frozenset(endpoints)) as client:
        ask(client, stream=False)
    assert upstream.bodies[0].get("access_programs") == told
    assert noted(bank, "gateway.call")[0]["cyber"] is None
