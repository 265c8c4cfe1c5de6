"""A bank with a key and a grant, a gateway that serves it, and a scripted provider that speaks OpenAI's wire format."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from openai import OpenAI

from sakimori.access import keys
from sakimori.access.secrets import Secrets
from sakimori.core import SystemClock
from sakimori.gateway import ProviderConfig, running
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import AccountAsset, Budget, Criticality, DataClass, Grant, HostAsset, Inventory, LedgerEntry
from sakimori.store import Database

Script = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]
DAY = 86_400_000_000_000
MODEL = "gpt-5-mini"


def response_object(output: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A Responses API answer."""
    usage = {
        "input_tokens": 120,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 150,
    }
    answer: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": f"{MODEL}-2026-08-01",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }
    return {**answer, **changes}


def message(text: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}


def chat_object(text: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": f"{MODEL}-2026-08-01",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
    }


async def echo(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Says back the last text that it was sent."""
    if request.path.endswith("/responses"):
        given = body["input"]
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        return web.json_response(response_object([message(text)]))
    return web.json_response(chat_object(body["messages"][-1]["content"]))


@dataclass
class Upstream:
    """The scripted provider: what it got, and what it does next."""

    url: str = ""
    script: Script = echo
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    @property
    def sent(self) -> str:
        """Everything that left, as one text."""
        return json.dumps([self.bodies, self.headers], ensure_ascii=False)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        return await self.script(request, body)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    app = web.Application()
    app.router.add_post("/v1/{path:.*}", made.handle)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/v1"

    made.url = asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield made
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@dataclass
class Bank:
    """One institution's side of a gateway."""

    tenant: str
    database: Database
    secrets: Secrets
    ledger: Ledger
    key: str

    def grant(self, **changes: Any) -> Grant:
        """One day's grant of MODEL for investigation, with changes."""
        now = SystemClock().now()
        fields: dict[str, Any] = {
            "id": "gr-1",
            "tenant": self.tenant,
            "models": (MODEL,),
            "purposes": ("investigation",),
            "data_classes": (DataClass.STRUCTURED,),
            "budget": Budget(tokens=10_000_000, yen=Decimal(100_000), window=timedelta(days=1)),
            "not_before": now - DAY,
            "not_after": now + DAY,
        }
        made = Grant(**{**fields, **changes})
        with self.database.transaction(self.tenant) as transaction:
            transaction.put(made)
        return made

    def inventory(self) -> None:
        """A host, its user, and the bank's own domain."""
        host = HostAsset(
            name="pc-0412.aozora.example",
            role="workstation",
            criticality=Criticality.NORMAL,
            address="10.20.4.12",
            users=("yamada.t",),
        )
        account = AccountAsset(name="yamada.t", display_name="山田 太郎", criticality=Criticality.NORMAL, kind="staff")
        made = Inventory(tenant=self.tenant, taken_at=1, hosts=(host,), accounts=(account,))
        with self.database.transaction(self.tenant) as transaction:
            transaction.put(made)

    def entries(self) -> list[LedgerEntry]:
        with self.database.snapshot(self.tenant) as snapshot:
            return [line.entry for line in self.ledger.lines(snapshot)]

    def issue(self, *scopes: str) -> str:
        with self.database.transaction(self.tenant) as transaction:
            return keys.issue(transaction, self.secrets, name="test", scopes=scopes, clock=SystemClock())[1]


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    database = Database.embedded(tmp_path / "home")
    secrets = Secrets.embedded(tmp_path / "home")
    made = Bank("aozora", database, secrets, Ledger(LocalSigner(secrets)), "")
    made.key = made.issue("gateway", "structured")
    yield made
    database.close()


@pytest.fixture
def provider(upstream: Upstream) -> ProviderConfig:
    return ProviderConfig(base_url=upstream.url, key="upstream-key", name="scripted", timeout=2.0)


@pytest.fixture
def base_url(bank: Bank, provider: ProviderConfig) -> Iterator[str]:
    with running(bank.database, bank.secrets, bank.ledger, provider) as url:
        yield url


@pytest.fixture
def client(base_url: str, bank: Bank) -> Iterator[OpenAI]:
    """The real SDK, set up as a bank would: another base URL and key."""
    with OpenAI(base_url=base_url, api_key=bank.key, max_retries=0, timeout=30) as made:
        yield made
