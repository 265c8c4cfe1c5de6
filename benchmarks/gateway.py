"""What the gateway costs, beside a bare pass-through and LiteLLM's proxy, and how fast the boundary reads.

The gateway runs as `sakimori gateway serve` does, in a process of its own, so that its CPU time is its own: prompts of
2 kB, each another, over 250 hosts and users; durable reservation, settlement and ledger entries, boundary on with a
dictionary. The pass-through is an aiohttp server and client that copy request and answer. LiteLLM is measured twice: as
it is (a master key, no budget, no log, nothing looked for in prompts), and as near to what the gateway does as it comes
without a database (``litellm_proxy.GUARDED``). All are measured in the same session against the same upstream; of CPU
times, which other work on the machine only lengthens, the least of several rounds counts.
"""

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import aiohttp
import orjson

from benchmarks import litellm_proxy
from benchmarks.bank import bank
from benchmarks.figure import Figure
from benchmarks.gateway_servers import CHUNKS
from sakimori.core import LOCAL_TENANT
from sakimori.gateway import Boundary, Dictionary
from sakimori.records import (
    AccountAsset,
    Criticality,
    HostAsset,
    Inventory,
)

_COMMAND = "make bench ONLY=gateway"
_CALLS = 400
_ROUNDS = 3
_AT_ONCE = 8
_PER_SECOND = 100
_SECONDS = 20.0
_ENGLISH = (
    "2026-11-22T01:02:03Z pc-{n:04}.bank.example EventID=4624 LogonType=3 TargetUserName=user{n:03} "
    "IpAddress=10.20.{n}.17 ProcessName=C:\\Windows\\System32\\svchost.exe the session lasted longer than usual\n"
)
_NUMBERS = count()
"""Of prompts: each is another, since the boundary knows texts that come again."""
_JAPANESE = (
    "端末pc-{n:04}の利用者user{n:03}から問い合わせがあり、見覚えのない画面が表示されたとのことでした。"
    "宛先は10.20.{n}.17です。取引の件数はふだんより多く、至急の確認が必要と考えられます。\n"
)


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    key: str
    pid: int
    started: float
    """Seconds from its process to its first connection."""

    def cpu(self) -> float:
        """Seconds of CPU that it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        """MB of memory that it holds."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run() -> list[Figure]:
    figures = [_reading("ASCII", _ENGLISH), _reading("Japanese", _JAPANESE), _prompt()]
    with tempfile.TemporaryDirectory() as folder, scripted_upstream() as upstream:
        with served("bare", Path(folder), upstream) as server:
            bare = _costs([server])[0]
            bare_took = asyncio.run(_paced(server, _SECONDS))
        litellm = _litellm(Path(folder) / "litellm", upstream)
        with served("gateway", Path(folder) / "home", upstream) as server:
            first = server.started
        with served("gateway", Path(folder) / "home", upstream) as server:
            resident = server.resident()
            with served("observed", Path(folder) / "observed", upstream) as observed:
                cost, with_measures = _costs([server, observed])
            took = asyncio.run(_paced(server, _SECONDS))
            figures += [
                _beside("gateway, CPU per call (2 kB prompt)", 0, cost, bare, litellm),
                _beside(f"gateway, CPU per stream of {CHUNKS} chunks", 1, cost, bare, litellm),
                Figure(
                    "gateway, CPU per call with measures collected",
                    with_measures[0],
                    "ms",
                    f"without {cost[0]:.2f} ms",
                    _COMMAND,
                ),
                _added("p50", took, bare_took, 0.5),
                _added("p99", took, bare_took, 0.99),
                Figure("gateway, start to listening", server.started, "s", f"its first start {first:.2f} s", _COMMAND),
                Figure(
                    "gateway, resident memory after these calls",
                    server.resident(),
                    "MB",
                    f"{resident:.0f} MB before",
                    _COMMAND,
                ),
            ]
    return figures


def _litellm(folder: Path, upstream: str) -> dict[str, tuple[float, float] | str]:
    """Milliseconds of CPU per call and per stream by what it does; a sentence where it cannot be measured."""
    folder.mkdir()
    try:
        python = litellm_proxy.install(folder)
    except litellm_proxy.NotInstalled as reason:
        return {"LiteLLM": str(reason)}
    found: dict[str, tuple[float, float] | str] = {}
    for name, guarded in (("LiteLLM", False), (f"LiteLLM with {litellm_proxy.GUARDED}", True)):
        names = [*(host.name for host in _inventory().hosts), *(account.name for account in _inventory().accounts)]
        try:
            with litellm_proxy.serving(python, folder, upstream, names if guarded else None) as (process, url):
                found[name] = _costs([Server(f"{url}/chat/completions", "sk-bench", process.pid, 0)])[0]
        except litellm_proxy.NotInstalled as reason:
            found[name] = str(reason)
    return found


def _beside(
    name: str,
    which: int,
    cost: tuple[float, float],
    bare: tuple[float, float],
    litellm: dict[str, tuple[float, float] | str],
) -> Figure:
    others = [f"bare aiohttp pass-through {bare[which]:.2f} ms"]
    for other, found in litellm.items():
        shown = found if isinstance(found, str) else f"{found[which]:.1f} ms, {found[which] / cost[which]:.1f} times"
        others.append(f"{other}: {shown}")
    return Figure(name, cost[which], "ms", "; ".join(others), _COMMAND)


def _added(name: str, took: list[float], bare: list[float], share: float) -> Figure:
    with_gateway, without = took[int(len(took) * share)], bare[int(len(bare) * share)]
    beside = f"whole call {with_gateway:.1f} ms, through the bare pass-through {without:.1f} ms"
    title = f"gateway, latency added at {_PER_SECOND} calls a second, {name}"
    return Figure(title, with_gateway - without, "ms", beside, _COMMAND)


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


def _text(line: str, characters: int, seed: int) -> str:
    chosen = random.Random(seed)
    lines = ""
    while len(lines) < characters:
        lines += line.format(n=chosen.randrange(250))
    return lines[:characters]


def _reading(name: str, line: str) -> Figure:
    """Characters per second of CPU over texts of 20,000 characters: three identifiers in each line."""
    boundary = Boundary("bench", b"k" * 32, _dictionary())
    best = min(_per_text(boundary, line, characters=20_000, times=20) for _ in range(5))
    return Figure(f"boundary, {name}", 20_000 / best / 1e6, "M characters per CPU-second", None, _COMMAND)


def _prompt() -> Figure:
    boundary = Boundary("bench", b"k" * 32, _dictionary())
    best = min(_per_text(boundary, _ENGLISH, characters=2_000, times=200) for _ in range(5))
    return Figure("boundary, one 2 kB prompt", best * 1e3, "ms of CPU", None, _COMMAND)


def _per_text(boundary: Boundary, line: str, *, characters: int, times: int) -> float:
    """Seconds of CPU, over texts of which none came before."""
    texts = [_text(line, characters, next(_NUMBERS)) for _ in range(times)]
    start = time.process_time()
    for text in texts:
        boundary.tokenise(text)
    return (time.process_time() - start) / times


@contextmanager
def served(kind: str, home: Path, upstream: str) -> Generator[Server]:
    """``bare``, ``gateway`` (as `sakimori gateway serve` runs it) or ``observed`` (measured by Prometheus besides)."""
    key, command = "none", [sys.executable, "-m", "benchmarks.gateway_servers", "bare", upstream]
    if kind != "bare":
        key = bank(home, model="gpt-5-mini", inventories=[_inventory()])
        command = [sys.executable, "-m", "sakimori.cli", "gateway", "serve", "--port", "0"]
        command += ["--admin-listen", "127.0.0.1:0"] if kind == "observed" else []
    environment = {**os.environ, "SAKIMORI_HOME": str(home), "OPENAI_BASE_URL": upstream}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert process.stdout is not None
    try:
        line = b""
        while b"/v1" not in line:
            line = process.stdout.readline()
            assert line, "the server did not start"
        url = next(word.rstrip(";") for word in line.decode().split() if "/v1" in word)
        yield Server(f"{url}/chat/completions", key, process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def scripted_upstream() -> Generator[str]:
    command = [sys.executable, "-m", "benchmarks.gateway_servers", "upstream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _costs(servers: list[Server]) -> list[tuple[float, float]]:
    """Milliseconds of CPU that each uses per call and per stream, taking turns."""
    measured: defaultdict[tuple[int, bool], list[float]] = defaultdict(list)
    for server in servers:
        for stream in (False, True):
            asyncio.run(load(server, 50, stream=stream))
    for _ in range(_ROUNDS):
        for server in servers:
            for stream in (False, True):
                measured[server.pid, stream].append(cost(server, stream=stream))
    return [(min(measured[server.pid, False]), min(measured[server.pid, True])) for server in servers]


def cost(server: Server, *, stream: bool, calls: int = _CALLS) -> float:
    """Milliseconds of CPU that the server uses per call."""
    before = server.cpu()
    asyncio.run(load(server, calls, stream=stream))
    return (server.cpu() - before) / calls * 1e3


async def load(server: Server, calls: int, *, stream: bool) -> None:
    """So many calls, eight at a time, each as soon as the one before has ended."""
    left = iter(range(calls))

    async def client(session: aiohttp.ClientSession) -> None:
        for _ in left:
            await _call(session, server, stream=stream)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(client(session) for _ in range(_AT_ONCE)))


async def _paced(server: Server, seconds: float) -> list[float]:
    """Milliseconds of each call, of a hundred a second that come whether or not those before have ended."""
    loop = asyncio.get_running_loop()
    took: list[float] = []

    async def one(session: aiohttp.ClientSession, at: float) -> None:
        await _call(session, server, stream=False)
        took.append((loop.time() - at) * 1e3)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        begin = loop.time()
        calls: list[asyncio.Task[None]] = []
        for number in range(int(seconds * _PER_SECOND)):
            at = begin + number / _PER_SECOND
            await asyncio.sleep(at - loop.time())
            calls.append(asyncio.create_task(one(session, at)))
        await asyncio.gather(*calls)
    return sorted(took[_PER_SECOND:])


async def _call(session: aiohttp.ClientSession, server: Server, *, stream: bool) -> None:
    message = {"role": "user", "content": _text(_ENGLISH, 2_000, next(_NUMBERS))}
    body = {"model": "gpt-5-mini", "messages": [message], "max_tokens": 500, "stream": stream}
    headers = {"authorization": f"Bearer {server.key}", "content-type": "application/json"}
    async with session.post(server.url, data=orjson.dumps(body), headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        whole = await answer.read()
        assert not stream or whole.endswith(b"data: [DONE]\n\n"), whole[-200:]
