"""Clients as banks have them, unchanged but for their base URL and key, in a task that takes several turns."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import agents
import pytest
from aiohttp import web
from openai import APIError, AsyncOpenAI, OpenAI, RateLimitError
from openai.types.responses import Response, ResponseIncludable, ToolParam
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from tests.gateway.conftest import Bank, scripted
from tests.openai_wire import response_events, responses_wire
from tests.scripted_provider import MODEL, Upstream, message, playing

from sakimori.core import SystemClock
from sakimori.gateway import Providers, running
from sakimori.records import Limit, Window
from sakimori.store import budgets

SECRET_PARTS = ("0412", "yamada", "10.20.4.12")
ENCRYPTED = "gAAAA-what-the-model-thought"
QUESTION = "Is PC-0412 under attack?"


class Judged(BaseModel):
    host: str
    malicious: bool


JUDGED = Judged(host="PC-0412", malicious=True)


def investigate(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A model that looks up the host it was told of, and then judges it."""
    told = json.dumps(body.get("input") or body["messages"])
    token = told[told.index("HOST_") :][:17]
    if '"function_call_output"' in told or '"tool"' in told:
        return [message(json.dumps({"host": token, "malicious": True}))]
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "lookup", "status": "completed"}
    return [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": f"I look up {token}."}],
            "encrypted_content": ENCRYPTED,
        },
        {**call, "arguments": json.dumps({"host": token})},
    ]


def known_about(host: str) -> str:
    """What is known of a host."""
    assert host == "PC-0412"
    return f"{host} belongs to yamada.t at 10.20.4.12"


SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"host": {"type": "string"}},
    "required": ["host"],
    "additionalProperties": False,
}


@pytest.fixture
def investigating(bank: Bank, upstream: Upstream) -> Iterator[Upstream]:
    """A provider with that model, and a bank that may ask it. At the end nothing of the bank's has left."""
    bank.inventory()
    bank.grant()
    upstream.script = playing(investigate)
    yield upstream
    assert len(upstream.bodies) == 2
    assert not [part for part in SECRET_PARTS if part in upstream.sent]
    assert all(body["store"] is False for body in upstream.bodies)
    (first, second) = [entry for entry in bank.entries() if entry.action == "gateway.call"]
    for entry in (first, second):
        assert (entry.detail["outcome"], entry.detail["input_tokens"], entry.detail["output_tokens"]) == (
            "answered",
            120,
            30,
        )


def returned_reasoning(upstream: Upstream) -> list[str]:
    """What was encrypted, as the provider gets it back in the second turn."""
    return [item["encrypted_content"] for item in upstream.bodies[1]["input"] if item.get("type") == "reasoning"]


@pytest.mark.parametrize("streams", [False, True])
def test_openai_for_python_responses(client: OpenAI, investigating: Upstream, streams: bool) -> None:
    tools: list[ToolParam] = [{"type": "function", "name": "lookup", "parameters": SCHEMA, "strict": True}]
    include: list[ResponseIncludable] = ["reasoning.encrypted_content"]

    def ask(given: Any) -> Response:
        if not streams:
            return client.responses.create(model=MODEL, input=given, tools=tools, include=include)
        with client.responses.stream(model=MODEL, input=given, tools=tools, include=include) as events:
            said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
            response = events.get_final_response()
            assert said == response.output_text
            return response

    conversation: list[Any] = [{"role": "user", "content": QUESTION}]
    first = ask(conversation)
    reasoning, call = first.output
    assert reasoning.type == "reasoning"
    assert reasoning.summary[0].text == "I look up PC-0412."
    assert reasoning.encrypted_content != ENCRYPTED
    assert call.type == "function_call"
    output = known_about(**json.loads(call.arguments))
    turn: Any = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    conversation += [*turn, {"type": "function_call_output", "call_id": call.call_id, "output": output}]
    assert Judged.model_validate_json(ask(conversation).output_text) == JUDGED
    assert returned_reasoning(investigating) == [ENCRYPTED]


@pytest.mark.parametrize("streams", [False, True])
def test_openai_for_python_parses_answers_of_responses(client: OpenAI, investigating: Upstream, streams: bool) -> None:
    given: Any = [{"role": "user", "content": QUESTION}]
    client.responses.create(model=MODEL, input=given)
    given += [
        {"type": "function_call", "call_id": "call_1", "name": "lookup", "arguments": json.dumps({"host": "PC-0412"})},
        {"type": "function_call_output", "call_id": "call_1", "output": known_about("PC-0412")},
    ]
    if streams:
        with client.responses.stream(model=MODEL, input=given, text_format=Judged) as events:
            assert events.get_final_response().output_parsed == JUDGED
    else:
        assert client.responses.parse(model=MODEL, input=given, text_format=Judged).output_parsed == JUDGED


@pytest.mark.parametrize("streams", [False, True])
def test_openai_for_python_chat_completions(base_url: str, bank: Bank, investigating: Upstream, streams: bool) -> None:
    tools: Any = [{"type": "function", "function": {"name": "lookup", "parameters": SCHEMA, "strict": True}}]
    conversation: Any = [{"role": "user", "content": QUESTION}]

    async def ask(client: AsyncOpenAI, **options: Any) -> Any:
        if not streams:
            made = await client.chat.completions.parse(model=MODEL, messages=conversation, **options)
            return made.choices[0].message
        async with client.chat.completions.stream(model=MODEL, messages=conversation, **options) as events:
            async for _ in events:
                pass
            return (await events.get_final_completion()).choices[0].message

    async def talk() -> object:
        async with AsyncOpenAI(base_url=base_url, api_key=bank.key, max_retries=0) as client:
            asked = await ask(client, tools=tools)
            (call,) = asked.tool_calls
            output = known_about(**json.loads(call.function.arguments))
            called = {"name": "lookup", "arguments": call.function.arguments}
            turn = {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": called}]}
            conversation.extend([turn, {"role": "tool", "tool_call_id": call.id, "content": output}])
            return (await ask(client, response_format=Judged)).parsed

    assert asyncio.run(talk()) == JUDGED


MODELS = {"responses": agents.OpenAIResponsesModel, "chat/completions": agents.OpenAIChatCompletionsModel}


@pytest.mark.parametrize("path", MODELS)
@pytest.mark.parametrize("streams", [False, True])
def test_openai_agents(base_url: str, bank: Bank, investigating: Upstream, path: str, streams: bool) -> None:
    agents.set_tracing_disabled(True)

    async def judge() -> object:
        async with AsyncOpenAI(base_url=base_url, api_key=bank.key, max_retries=0) as client:
            agent = agents.Agent(
                name="investigator",
                instructions="Judge the host.",
                model=MODELS[path](MODEL, client),
                tools=[agents.function_tool(known_about, name_override="lookup")],
                output_type=Judged,
                model_settings=agents.ModelSettings(
                    store=False, response_include=["reasoning.encrypted_content"] if path == "responses" else None
                ),
            )
            if not streams:
                return (await agents.Runner.run(agent, QUESTION)).final_output
            run = agents.Runner.run_streamed(agent, QUESTION)
            async for _ in run.stream_events():
                pass
            return run.final_output

    assert asyncio.run(judge()) == JUDGED
    if path == "responses":
        assert returned_reasoning(investigating) == [ENCRYPTED]


async def _whole(agent: Agent[None, Judged]) -> Judged:
    return (await agent.run(QUESTION)).output


async def _streamed(agent: Agent[None, Judged]) -> Judged:
    async with agent.run_stream(QUESTION) as run:
        return await run.get_output()


@pytest.mark.parametrize("make", [OpenAIResponsesModel, OpenAIChatModel])
@pytest.mark.parametrize("run", [_whole, _streamed])
def test_pydantic_ai(
    base_url: str,
    bank: Bank,
    investigating: Upstream,
    make: Callable[..., OpenAIResponsesModel | OpenAIChatModel],
    run: Callable[[Agent[None, Judged]], Awaitable[Judged]],
) -> None:
    async def judge() -> Judged:
        async with AsyncOpenAI(base_url=base_url, api_key=bank.key, max_retries=0) as client:
            model = make(MODEL, provider=OpenAIProvider(openai_client=client))
            agent = Agent(model, output_type=NativeOutput(Judged, strict=True), instructions="Judge the host.")
            agent.tool_plain(name="lookup")(known_about)
            return await run(agent)

    assert asyncio.run(judge()) == JUDGED
    if make is OpenAIResponsesModel:
        assert returned_reasoning(investigating) == [ENCRYPTED]


@pytest.mark.parametrize("streams", [False, True])
def test_an_agent_of_the_responses_api_at_a_provider_that_only_speaks_chat_completions(
    bank: Bank, investigating: Upstream, monkeypatch: pytest.MonkeyPatch, streams: bool
) -> None:
    monkeypatch.setenv("SCRIPTED_KEY", "upstream-key")
    speaks_chat = Providers((scripted(investigating.url, endpoints=frozenset({"chat/completions"})),))
    with running(bank.database, bank.secrets, bank.ledger, speaks_chat) as base_url:
        test_openai_agents(base_url, bank, _WithoutReasoning(investigating), "responses", streams)
    assert all("messages" in body for body in investigating.bodies)


class _WithoutReasoning(Upstream):
    """Such providers encrypt nothing."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(bodies=[{}, {"input": [{"type": "reasoning", "encrypted_content": ENCRYPTED}]}])


def test_a_client_that_streams_hears_of_a_break_as_an_error_of_its_library(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant()

    async def die(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(responses_wire(response_events([message("It will never end.")])[:8]))
        assert request.transport is not None
        request.transport.close()
        return response

    upstream.script = die
    said: list[str] = []

    def listen() -> None:
        with client.responses.create(model=MODEL, input="x", stream=True) as events:
            said.extend(event.delta for event in events if event.type == "response.output_text.delta")

    with pytest.raises(APIError, match="broke off") as raised:
        listen()
    assert raised.value.code == "provider_disconnected"


def test_embeddings_come_as_the_sdk_asks_for_them(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.inventory()
    bank.grant()

    async def embed(_request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        assert body["encoding_format"] == "base64"
        data = [{"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}]
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        return web.json_response({"object": "list", "data": data, "model": MODEL, "usage": usage})

    upstream.script = embed
    made = client.embeddings.create(model=MODEL, input=["PC-0412 talks to 10.20.4.12"])
    assert made.data[0].embedding == [1.0, 2.0]
    assert not [part for part in SECRET_PARTS if part in upstream.sent]
    assert upstream.bodies[0]["user"]


def test_decisions_come_back_with_their_probabilities(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.inventory()
    bank.grant()

    async def decide(_request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        value = body["questions"][1]["choices"][0]["value"]
        answers = [
            {"type": "predicate", "name": None, "probability": 0.97},
            {"type": "choice", "name": "which", "choice": value, "confidence": 0.8,
             "probabilities": [{"value": value, "probability": 0.8}, {"value": False, "probability": 0.2}]},
        ]  # fmt: skip
        usage = {"input_tokens": 120, "output_tokens": 2, "total_tokens": 122}
        return web.json_response({"answers": answers, "model": MODEL, "usage": usage})

    upstream.script = decide
    made = client.decisions.create(
        model=MODEL,
        input="PC-0412 sent 2 GB to an address nobody knows.",
        questions=[
            {"type": "predicate", "instructions": "Data is being stolen."},
            {
                "type": "choice",
                "name": "which",
                "instructions": "From where?",
                "choices": [{"value": "pc-0412.aozora.example"}, {"value": False}],
            },
        ],
    )
    predicate, choice = made.answers
    assert predicate.type == "predicate"
    assert predicate.probability == 0.97
    assert choice.type == "choice"
    assert choice.choice == "pc-0412.aozora.example"
    assert not [part for part in SECRET_PARTS if part in upstream.sent]


def test_many_clients_at_once_stay_within_the_budget(base_url: str, bank: Bank, upstream: Upstream) -> None:
    """Sixteen at a time on a budget for a few: whoever is let through is answered, the others hear why not."""
    grant = bank.grant(limits=(Limit(window=Window.DAY, tokens=9_000, yen=Decimal(1_000)),))

    def call(number: int) -> str:
        with OpenAI(base_url=base_url, api_key=bank.key, max_retries=0) as client:
            try:
                client.responses.create(model=MODEL, input=f"{number}", max_output_tokens=500)
            except RateLimitError as error:
                return error.code or "?"
            return "answered"

    with ThreadPoolExecutor(16) as threads:
        outcomes = Counter(threads.map(call, range(64)))
    with bank.database.snapshot(bank.tenant) as snapshot:
        used = budgets.used(snapshot, grant.id, Window.DAY, now=SystemClock().now())
        assert {made.state for made in budgets.reservations(snapshot, grant.id)} == {"settled"}
    assert set(outcomes) == {"answered", "budget_exceeded"}
    assert outcomes["answered"] == len(upstream.bodies) == used.tokens // 150
    assert 0 < used.tokens <= 9_000
    ended = [entry for entry in bank.entries() if entry.action != "gateway.sent"]
    assert len(ended) == 64
