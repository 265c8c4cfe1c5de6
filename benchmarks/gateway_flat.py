"""Whether a gateway takes the same memory however many calls it has served: 200,000 through one process.

``python -m benchmarks.gateway_flat CALLS`` sends fewer.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks import gateway
from benchmarks.figure import Figure

_COMMAND = "make bench ONLY=gateway-flat"
_CALLS = 200_000
_SHARES = (0.05, 0.25, 0.5, 1.0)
"""Of all calls, after which memory is looked at."""


def run(calls: int = _CALLS) -> list[Figure]:
    seen: list[tuple[int, float]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        gateway.scripted_upstream() as upstream,
        gateway.served("gateway", Path(folder), upstream) as server,
    ):
        for share in _SHARES:
            due = int(calls * share)
            asyncio.run(gateway.load(server, due - (seen[-1][0] if seen else 0), stream=False))
            seen.append((due, server.resident()))
    beside = ", ".join(f"{memory:.0f} MB after {done:,}" for done, memory in seen[:-1])
    return [Figure(f"gateway, resident memory after {calls:,} calls", seen[-1][1], "MB", beside, _COMMAND)]


if __name__ == "__main__":
    for figure in run(int(sys.argv[1])):
        print(figure.name, f"{figure.value:.0f}", figure.unit, f"({figure.baseline})")
