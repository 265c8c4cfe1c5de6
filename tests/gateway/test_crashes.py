"""Budgets where gateways die: 64 clients, two processes, one of them killed at random again and again."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.scripted_provider import MODEL, Upstream, message, response_object, serving

from sakimori.access import keys
from sakimori.access.secrets import Secrets
from sakimori.core import SystemClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import DataClass, Grant, GrantState, Limit, Reservation, ReservationState, Window
from sakimori.store import Database, budgets

BANK = "あおぞら銀行"
CLIENTS = 64
MOST_TOKENS = 60_000
"""A call holds about 1,200 and uses about 40: calls of a process that dies are what fills it."""
AT_A_TIME = 40
HOUR = 3_600 * 10**9


@dataclass
class Spent:
    """What the provider bills, by purpose, whether anybody hears of it or not."""

    tokens: Counter[str] = field(default_factory=Counter[str])
    seed: random.Random = field(default_factory=lambda: random.Random(6))

    async def answer(self, _request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        usage: dict[str, Any] = {
            "input_tokens": self.seed.randrange(10, 40),
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": self.seed.randrange(1, 16),
            "output_tokens_details": {"reasoning_tokens": 0},
        }
        usage["total_tokens"] = usage["input_tokens"] + usage["output_tokens"]
        self.tokens[body["input"]] += usage["total_tokens"]
        await asyncio.sleep(self.seed.uniform(0, 0.05))
        return web.json_response(response_object([message("ok")], usage=usage))


@pytest.fixture
def spent() -> Spent:
    return Spent()


@pytest.fixture
def upstream(spent: Spent) -> Iterator[Upstream]:
    with serving() as made:
        made.script = spent.answer
        yield made


NURSERY = """
import os, signal, sys
from sakimori.cli import cli
import sakimori.cli.gateway, sakimori.store.postgresql

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for port in sys.stdin:
    child = os.fork()
    if child == 0:
        os.close(0)
        cli(["gateway", "serve", "--port", port.strip(), "--reuse-port"], standalone_mode=False)
        os._exit(0)
    print(child, flush=True)
"""


class Gateways:
    """Two processes that share a port, forked from one that has loaded everything: a start takes a moment then."""

    def __init__(self, home: Path, database_url: str, provider: str) -> None:
        given = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        ours = {"SAKIMORI_HOME": str(home), "SAKIMORI_DATABASE": database_url, "SAKIMORI_TENANT": BANK}
        self._nursery = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            env={**given, **ours, "OPENAI_BASE_URL": provider, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = ""
        self.port = "0"
        self.processes = [self.start()]
        self.processes.append(self.start())

    def start(self) -> int:
        """The id of a process; it serves once this returns."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(f"{self.port}\n")
        self._nursery.stdin.flush()
        lines = sorted(self._nursery.stdout.readline() for _ in range(2))
        self.url = lines[1].split()[2].rstrip(";")
        self.port = self.url.rpartition(":")[2].partition("/")[0]
        return int(lines[0])

    def close(self) -> None:
        for process in self.processes:
            os.kill(process, signal.SIGKILL)
        self._nursery.kill()
        self._nursery.communicate()


def granted(database: Database, number: int) -> Grant:
    """A grant of its own for each round."""
    now = SystemClock().now()
    made = Grant(
        id=f"gr-{number}",
        tenant=BANK,
        state=GrantState.READY,
        models=(MODEL,),
        purposes=(f"round-{number}",),
        data_classes=(DataClass.STRUCTURED,),
        limits=(Limit(window=Window.MONTH, tokens=MOST_TOKENS, yen=Decimal(10**9)),),
        concurrency=AT_A_TIME,
        not_before=now - HOUR,
        not_after=now + HOUR,
    )
    with database.transaction(BANK) as transaction:
        transaction.put(made)
    return made


async def round_(running: Gateways, database: Database, key: str, grant: Grant, seed: random.Random) -> Counter[str]:
    """Clients call while one process is killed; then another takes its place. Returns what they heard."""
    heard: Counter[str] = Counter()
    over = asyncio.Event()
    (purpose,) = grant.purposes
    headers = {"authorization": f"Bearer {key}", "sakimori-purpose": purpose}
    body = {"model": MODEL, "input": purpose, "max_output_tokens": 16}

    async def client(session: aiohttp.ClientSession) -> None:
        while not over.is_set():
            try:
                async with session.post(f"{running.url}/responses", json=body, headers=headers) as answer:
                    told = await answer.json()
                    heard["answered" if answer.status == 200 else told["error"]["code"]] += 1
            except aiohttp.ClientError:
                heard["broken off"] += 1

    async def watch() -> None:
        while not over.is_set():
            await asyncio.to_thread(check, database, grant)
            await asyncio.sleep(0.02)

    connections = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connections) as session, asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client(session))
        group.create_task(watch())
        await asyncio.sleep(seed.uniform(0.2, 0.6))
        dies = running.processes.pop(seed.randrange(2))
        os.kill(dies, signal.SIGKILL)
        await asyncio.sleep(0.1)
        over.set()
    running.processes.append(running.start())
    return heard


def check(database: Database, grant: Grant) -> list[Reservation]:
    """At this moment: books are the sum of reservations, within the limits."""
    with database.snapshot(BANK) as snapshot:
        used = budgets.used(snapshot, grant.id, Window.MONTH, now=time.time_ns())
        made = budgets.reservations(snapshot, grant.id)
        assert budgets.under_way(snapshot, grant.id, now=time.time_ns()) <= AT_A_TIME
    counted = [one for one in made if one.state is not ReservationState.EXPIRED]
    assert (used.requests, used.tokens) == (len(counted), sum(one.tokens for one in counted))
    assert used.tokens <= MOST_TOKENS
    return made


@pytest.mark.parametrize(
    ("database_url", "rounds"),
    [
        pytest.param("sqlite", 2, id="sqlite-2"),
        pytest.param("sqlite", 20, id="sqlite-20", marks=pytest.mark.services),
        pytest.param("postgresql", 20, id="postgresql-20", marks=pytest.mark.services),
    ],
    indirect=["database_url"],
)
def test_wherever_a_process_dies_nothing_is_overspent_and_nothing_stays_held(
    tmp_path: Path, database_url: str, database: Database, upstream: Upstream, spent: Spent, rounds: int
) -> None:
    secrets = Secrets.embedded(tmp_path / "home")
    with database.transaction(BANK) as transaction:
        scopes = ("gateway", "structured")
        _, key = keys.issue(transaction, secrets, name="t", scopes=scopes, clock=SystemClock())
    seed = random.Random(20)
    lost: list[Reservation] = []
    heard: Counter[str] = Counter()
    with closing(Gateways(tmp_path / "home", database_url, upstream.url)) as running:
        for number in range(rounds):
            grant = granted(database, number)
            heard += asyncio.run(round_(running, database, key, grant, seed))
            made = check(database, grant)
            assert spent.tokens[grant.purposes[0]] <= sum(one.tokens for one in made) <= MOST_TOKENS
            lost += [one for one in made if one.state is not ReservationState.SETTLED]
        assert {one.state for one in lost} <= {ReservationState.SENT}
        assert lost or rounds < 20, "no call was under way when a process was killed: nothing was tried"
        with database.transaction(BANK) as transaction:
            assert budgets.expire(transaction, now=time.time_ns() + HOUR) == len(lost)
        for number in range(rounds):
            made = check(database, grant := granted(database, number))
            assert {one.state for one in made} <= {ReservationState.SETTLED, ReservationState.PRESUMED}
            with database.snapshot(BANK) as snapshot:
                assert budgets.under_way(snapshot, grant.id, now=time.time_ns()) == 0
    assert set(heard) <= {"answered", "budget_exceeded", "broken off"}, heard
    assert heard["answered"] > CLIENTS
    ledger = Ledger(LocalSigner(secrets))
    with database.transaction(BANK) as transaction:
        ledger.seal(transaction)
        assert ledger.verify(transaction).ok
