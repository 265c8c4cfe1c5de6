"""Programs that will really call: an agent with tools, and many clients at once."""

import asyncio
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from aiohttp import web
from openai import AsyncOpenAI, OpenAI, RateLimitError
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.openai import OpenAIProvider
from tests.gateway.conftest import Bank
from tests.scripted_provider import MODEL, Upstream, message, response_object

from sakimori.core import SystemClock
from sakimori.records import Limit, Window
from sakimori.store import budgets


class Judged(BaseModel):
    host: str
    malicious: bool


def test_an_agent_with_a_tool_loop_sees_real_names_and_the_provider_sees_none(
    base_url: str, bank: Bank, upstream: Upstream
) -> None:
    bank.inventory()
    bank.grant()
    asked: list[str] = []

    async def play(_request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        """A model that looks up the host it was told of, and then judges it."""
        items = body["input"]
        told = json.dumps(items)
        token = told[told.index("HOST_") :][:17]
        if not any(item.get("type") == "function_call_output" for item in items):
            call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "lookup", "status": "completed"}
            output: list[dict[str, Any]] = [
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
                {**call, "arguments": json.dumps({"host": token})},
            ]
            return web.json_response(response_object(output))
        return web.json_response(response_object([message(json.dumps({"host": token, "malicious": True}))]))

    upstream.script = play

    async def judge() -> Judged:
        async with AsyncOpenAI(base_url=base_url, api_key=bank.key, max_retries=0) as client:
            return await _agent(client, asked)

    assert asyncio.run(judge()) == Judged(host="PC-0412", malicious=True)
    assert asked == ["PC-0412"]
    assert len(upstream.bodies) == 2
    assert not [part for part in ("0412", "yamada", "10.20.4.12") if part in upstream.sent]
    assert [item["encrypted_content"] for item in upstream.bodies[1]["input"] if item.get("type") == "reasoning"] == [
        "gAAAA"
    ]


async def _agent(client: AsyncOpenAI, asked: list[str]) -> Judged:
    agent = Agent(
        OpenAIResponsesModel(MODEL, provider=OpenAIProvider(openai_client=client)),
        output_type=NativeOutput(Judged, strict=True),
        instructions="Judge the host.",
    )

    @agent.tool_plain
    def lookup(host: str) -> str:  # pyright: ignore[reportUnusedFunction] - the agent calls it
        """What is known of a host."""
        asked.append(host)
        return f"{host} belongs to yamada.t at 10.20.4.12"

    settings = OpenAIResponsesModelSettings(openai_store=False, max_tokens=500)
    return (await agent.run("Is PC-0412 under attack?", model_settings=settings)).output


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
