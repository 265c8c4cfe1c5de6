"""Cutting a provider off as an operator does it, while gateways of their own processes serve clients."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.gateway.conftest import Bank
from tests.gateway.providers.drill import calls
from tests.gateway.providers.failing import FailingProvider
from tests.gateway.providers.test_drill import serving

FILE = """\
providers:
  - name: {name}
    kind: compatible
    base_url: {url}
    stored_in: [JP]
    processed_in: [JP]
    retention: none
    order: {order}
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from sakimori.cli import main; main()", *arguments]


def environment(home: Path, file: Path) -> dict[str, str]:
    named = {"SAKIMORI_HOME": str(home), "SAKIMORI_TENANT": "aozora", "SAKIMORI_PROVIDERS": str(file)}
    return {**os.environ, **named, "PYTHONUNBUFFERED": "1"}


@contextmanager
def gateway(home: Path, file: Path) -> Generator[str]:
    arguments = command("gateway", "serve", "--port", "0")
    with subprocess.Popen(arguments, env=environment(home, file), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        yield line.removeprefix("Listening on ").partition(";")[0]
        process.terminate()
        process.communicate(timeout=30)


def written(folder: Path, *upstream: FailingProvider) -> Path:
    text = "".join(
        FILE.format(name=f"p{order}", url=one.base_url, order=order).removeprefix("providers:\n" if order else "")
        for order, one in enumerate(upstream)
    )
    path = folder / "providers.yaml"
    path.write_text(text)
    return path


def test_a_cut_breaks_off_calls_under_way_in_every_process_and_others_answer_them(bank: Bank, tmp_path: Path) -> None:
    bank.grant(models=("m",))
    home = tmp_path / "home"
    with serving("hang", "answer") as (hanging, good):
        file = written(tmp_path, hanging, good)
        with gateway(home, file) as one, gateway(home, file) as other:

            async def cut_while_they_wait() -> list[str]:
                waiting = [asyncio.create_task(calls(url, bank.key, per_second=100, count=2)) for url in (one, other)]
                while len(hanging.requests) < 4:  # noqa: ASYNC110 # another thread counts
                    await asyncio.sleep(0.01)
                order = command("providers", "cut", "p0", "--reason", "インシデント 17")
                process = await asyncio.create_subprocess_exec(*order, env=environment(home, file))
                assert await process.wait() == 0
                return [call.ending for made in await asyncio.gather(*waiting) for call in made]

            assert asyncio.run(cut_while_they_wait()) == ["answered"] * 4
            after = asyncio.run(calls(one, bank.key, per_second=100, count=2))
            assert [call.ending for call in after] == ["answered"] * 2
            assert len(hanging.requests) == 4
    entries = bank.entries()
    assert [entry.detail["reason"] for entry in entries if entry.action == "provider.cut"] == ["インシデント 17"]
    assert {entry.detail["provider"] for entry in entries if entry.action == "gateway.call"} == {"p1"}
