"""What the gateway costs: CPU per call beside a bare pass-through, and how fast the boundary reads.

The gateway runs in a process of its own, so that its CPU time is its own: prompts of 2 kB, each another, over 250 hosts
and users; durable reservation, settlement and ledger entries, boundary on with a dictionary. The pass-through is an
aiohttp server and client that copy request and answer, measured in the same session against the same upstream.
"""

import asyncio
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from benchmarks.figure import Figure
from sakimori.access import keys
from sakimori.access.secrets import Secrets
from sakimori.core import LOCAL_TENANT, SystemClock
from sakimori.gateway import Boundary, Dictionary, Gateway, Parts, Providers
from sakimori.ledger import Ledger, LocalSigner
from sakimori.observe import lines, metrics
from sakimori.records import (
    AccountAsset,
    Criticality,
    DataClass,
    Grant,
    GrantState,
    HostAsset,
    Inventory,
    Limit,
    Window,
)
from sakimori.store import Database

_COMMAND = "make bench ONLY=gateway"
_CALLS = 400
_AT_ONCE = 8
_DAY = 86_400_000_000_000
_ENGLISH = (
    "2026-11-22T01:02:03Z pc-{n:04}.bank.example EventID=4624 LogonType=3 TargetUserName=user{n:03} "
    "IpAddress=10.20.{n}.17 ProcessName=C:\\Windows\\System32\\svchost.exe the session lasted longer than usual\n"
)
_JAPANESE = (
    "端末pc-{n:04}の利用者user{n:03}から問い合わせがあり、見覚えのない画面が表示されたとのことでした。"
    "宛先は10.20.{n}.17です。取引の件数はふだんより多く、至急の確認が必要と考えられます。\n"
)


def run() -> list[Figure]:
    figures = [_reading("ASCII", _ENGLISH), _reading("Japanese", _JAPANESE), _prompt()]
    bare = _served("bare")
    gateway = _served("gateway")
    beside = f"bare aiohttp pass-through {bare:.2f} ms ({gateway / bare:.1f} times)"
    figures.append(Figure("gateway, CPU per call (2 kB prompt)", gateway, "ms", beside, _COMMAND))
    observed = _served("observed")
    beside = f"without {gateway:.2f} ms (both vary with what else the machine does)"
    figures.append(Figure("gateway, CPU per call with log lines and measures", observed, "ms", beside, _COMMAND))
    return figures


def _dictionary() -> Dictionary:
    return Dictionary.of(_inventory())


def _inventory() -> Inventory:
    hosts = tuple(
        HostAsset(name=f"pc-{n:04}.bank.example", role="w", criticality=Criticality.NORMAL, address="10.0.0.1")
        for n in range(500)
    )
    accounts = tuple(
        AccountAsset(name=f"user{n:03}", display_name=f"利用者{n:03}", criticality=Criticality.NORMAL, kind="staff")
        for n in range(500)
    )
    return Inventory(tenant=LOCAL_TENANT, taken_at=1, hosts=hosts, accounts=accounts)


def _text(line: str, characters: int, seed: int = 1) -> str:
    chosen = random.Random(seed)
    lines = ""
    while len(lines) < characters:
        lines += line.format(n=chosen.randrange(250))
    return lines[:characters]


def _reading(name: str, line: str) -> Figure:
    """Characters per second of CPU, best of five, over texts of a prompt's size: three identifiers in each line."""
    boundary = Boundary("bench", b"k" * 32, _dictionary())
    text = _text(line, 20_000)
    best = min(_cpu(lambda: boundary.tokenise(text), times=20) for _ in range(5))
    return Figure(f"boundary, {name}", len(text) / best / 1e6, "M characters per CPU-second", None, _COMMAND)


def _prompt() -> Figure:
    boundary = Boundary("bench", b"k" * 32, _dictionary())
    text = _text(_ENGLISH, 2_000)
    best = min(_cpu(lambda: boundary.tokenise(text), times=200) for _ in range(5))
    return Figure("boundary, one 2 kB prompt", best * 1e3, "ms of CPU", None, _COMMAND)


def _cpu(function: Callable[[], object], *, times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - start) / times


def _served(kind: str) -> float:
    """Milliseconds of CPU that the server used per call."""
    with tempfile.TemporaryDirectory() as folder, _process("upstream") as upstream:
        key = "none" if kind == "bare" else _bank(Path(folder))
        with _process(kind, folder, f"http://127.0.0.1:{upstream}/v1") as port:
            url = f"http://127.0.0.1:{port}/v1/responses"
            asyncio.run(_load(url, key, 50))
            before = asyncio.run(_used(port))
            asyncio.run(_load(url, key, _CALLS))
            return (asyncio.run(_used(port)) - before) / _CALLS * 1e3


@contextmanager
def _process(*arguments: str) -> Generator[int, None, None]:
    """A server of this file in a process of its own; gives its port."""
    command = [sys.executable, "-m", "benchmarks.gateway", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _bank(home: Path) -> str:
    database, secrets, clock = Database.embedded(home), Secrets.embedded(home), SystemClock()
    grant = Grant(
        id="gr-bench",
        tenant=LOCAL_TENANT,
        state=GrantState.READY,
        models=("gpt-5-mini",),
        purposes=("bench",),
        data_classes=(DataClass.STRUCTURED,),
        limits=(Limit(window=Window.DAY, tokens=10**12, yen=Decimal(10**9)),),
        not_before=clock.now() - _DAY,
        not_after=clock.now() + _DAY,
    )
    with database.transaction(LOCAL_TENANT) as transaction:
        transaction.put(grant, _inventory())
        _, key = keys.issue(transaction, secrets, name="bench", scopes=["gateway", "structured"], clock=clock)
    database.close()
    return key


async def _load(url: str, key: str, calls: int) -> None:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    left = iter(range(calls))

    async def client(session: aiohttp.ClientSession) -> None:
        for call in left:
            text = _text(_ENGLISH, 2_000, seed=call)
            body = orjson.dumps({"model": "gpt-5-mini", "input": text, "max_output_tokens": 500})
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(client(session) for _ in range(_AT_ONCE)))


async def _used(port: int) -> float:
    """Seconds of CPU that the server has used so far."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/cpu") as answer:
        return float(await answer.text())


async def _cpu_so_far(_request: web.Request) -> web.Response:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return web.Response(text=str(usage.ru_utime + usage.ru_stime))


def _upstream() -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        text = orjson.loads(await request.read())["input"]
        content: list[Any] = [{"type": "output_text", "text": text, "annotations": []}]
        message: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": content,
        }
        usage = {"input_tokens": 900, "output_tokens": 700, "total_tokens": 1600}
        made: dict[str, Any] = {
            "id": "resp_1",
            "object": "response",
            "model": "gpt-5-mini",
            "output": [message],
            "usage": usage,
        }
        return web.Response(body=orjson.dumps(made), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/responses", answer)
    return app


def _bare(url: str) -> web.Application:
    async def session(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as made:
            app[_SESSION] = made
            yield

    async def forward(request: web.Request) -> web.Response:
        body = await request.read()
        async with request.app[_SESSION].post(f"{url}/responses", data=body) as answer:
            return web.Response(body=await answer.read(), content_type="application/json")

    app = web.Application()
    app.cleanup_ctx.append(session)
    app.router.add_post("/v1/responses", forward)
    return app


_SESSION = web.AppKey("session", aiohttp.ClientSession)


def _gateway(home: str, url: str) -> web.Application:
    secrets = Secrets.embedded(Path(home))
    database = Database.embedded(Path(home))
    providers = Providers.from_environment({"OPENAI_BASE_URL": url})
    ledger = Ledger(LocalSigner(secrets))
    parts = Parts(database, secrets, ledger, providers, SystemClock())
    return Gateway(parts).application()


def _observed(home: str, url: str) -> web.Application:
    """As `gateway serve --admin-listen` runs it."""
    lines.set_up(os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"), text=False)
    metrics.collect()
    return _gateway(home, url)


async def _serve(app: web.Application) -> None:
    app.router.add_get("/cpu", _cpu_so_far)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def _main(kind: str, *arguments: str) -> None:
    made = {
        "upstream": _upstream,
        "gateway": lambda: _gateway(*arguments),
        "observed": lambda: _observed(*arguments),
        "bare": lambda: _bare(arguments[1]),
    }
    asyncio.run(_serve(made[kind]()))


if __name__ == "__main__":
    _main(*sys.argv[1:])
