"""The failover drill: 100 calls a second while the first of two providers fails in one way after the other.

Gateway and providers are processes of their own. Half of the calls stream. In each phase the first provider does one
thing wrong, then it is well until it is trusted again. A call must end with an answer or a proper error; what it took
longer than the same calls took with both providers well is the added time.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.gateway.providers.drill import Call, calls
from tests.gateway.providers.failing import FailingProvider, failing

from benchmarks.bank import bank
from benchmarks.figure import Figure
from sakimori.access.secrets import Secrets
from sakimori.gateway import PriceList, running
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.provider import Provider, Timeouts
from sakimori.ledger import Ledger, LocalSigner
from sakimori.store import Database

_COMMAND = "make bench ONLY=failover"
_PER_SECOND = 100
_SECONDS = 10
_WELL_AGAIN_SECONDS = 5
_WAYS = (
    ("hang", "hangs"),
    ("reset", "resets connections"),
    ("rate_limited_for_a_second", "is busy (429)"),
    ("fails", "fails (500)"),
    ("html", "answers garbage"),
    ("dies_mid_stream", "dies mid-stream"),
)
_TIMEOUTS = Timeouts(connect=1, first_byte=1, answer=1, idle=1, total=30)
"""A bank that runs its own models knows how soon they begin."""


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, _process("upstream") as upstream:
        ports = _line(upstream).split()
        key = bank(Path(folder), model="m")
        with _process("gateway", folder, *ports) as gateway:
            return asyncio.run(_drill(_line(gateway), key, upstream))


async def _drill(base_url: str, key: str, upstream: subprocess.Popen[str]) -> list[Figure]:
    await calls(base_url, key, per_second=_PER_SECOND, count=2 * _PER_SECOND)
    well = await _phase(base_url, key, upstream, "answer")
    usual = f"both well: p50 {_ms(well, 50):.0f} ms, p99 {_ms(well, 99):.0f} ms, {_share(well):.2%} answered"
    figures: list[Figure] = []
    for mode, words in _WAYS:
        made = await _phase(base_url, key, upstream, mode)
        _do(upstream, "answer")
        await calls(base_url, key, per_second=_PER_SECOND, count=_WELL_AGAIN_SECONDS * _PER_SECOND)
        name = f"failover, first provider {words}"
        lost = sum(call.ending == "neither" for call in made)
        errors = sum(call.ending == "error" for call in made)
        beside = f"{usual}; {errors} of {len(made)} got a proper error, {lost} neither"
        figures.append(Figure(f"{name}: answered", 100 * _share(made), "% of calls", beside, _COMMAND))
        added = f"p50 {_ms(made, 50) - _ms(well, 50):.0f} ms, slowest {_ms(made, 100):.0f} ms"
        figures.append(Figure(f"{name}: added time p99", _ms(made, 99) - _ms(well, 99), "ms", added, _COMMAND))
    return figures


async def _phase(base_url: str, key: str, upstream: subprocess.Popen[str], mode: str) -> list[Call]:
    _do(upstream, mode)
    return await calls(base_url, key, per_second=_PER_SECOND, count=_SECONDS * _PER_SECOND)


def _share(made: list[Call]) -> float:
    return sum(call.ending == "answered" for call in made) / len(made)


def _ms(made: list[Call], percent: int) -> float:
    ordered = sorted(call.seconds for call in made)
    return 1e3 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _do(upstream: subprocess.Popen[str], mode: str) -> None:
    """What the first provider does from now on."""
    assert upstream.stdin
    upstream.stdin.write(f"{mode}\n")
    upstream.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@contextmanager
def _process(*arguments: str) -> Generator[subprocess.Popen[str], None, None]:
    command = [sys.executable, "-m", "benchmarks.failover", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


async def _upstream() -> None:
    async with failing("answer", "answer") as upstream:
        print(*(one.port for one in upstream), flush=True)
        await asyncio.to_thread(_obey, sys.stdin, upstream[0])


def _obey(orders: IO[str], provider: FailingProvider) -> None:
    for line in orders:
        provider.mode = line.strip()


def _gateway(home: str, *ports: str) -> None:
    database, secrets = Database.embedded(Path(home)), Secrets.embedded(Path(home))
    found = tuple(
        Provider(
            name=f"p{number}",
            kind="compatible",
            base_url=f"http://127.0.0.1:{port}/v1",
            endpoints=frozenset({"chat/completions"}),
            key=None,
            stored_in=frozenset({"JP"}),
            processed_in=frozenset({"JP"}),
            retention="none",
            models=None,
            prices=PriceList.shipped(),
            order=number,
            timeouts=_TIMEOUTS,
        )
        for number, port in enumerate(ports, 1)
    )
    with running(database, secrets, Ledger(LocalSigner(secrets)), Providers(found)) as base_url:
        print(base_url, flush=True)
        sys.stdin.read()


def _main(kind: str, *arguments: str) -> None:
    if kind == "upstream":
        asyncio.run(_upstream())
    else:
        _gateway(*arguments)


if __name__ == "__main__":
    _main(*sys.argv[1:])
