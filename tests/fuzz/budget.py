"""How long to fuzz: a fixed number of inputs in the test suite, ``SAKIMORI_FUZZ_SECONDS`` with ``make fuzz``."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

_SECONDS = float(os.environ.get("SAKIMORI_FUZZ_SECONDS") or 0)


def seeds(count: int) -> Iterator[int]:
    """The seeds 0 to ``count`` in the suite, the same every time; else new ones until the time is over."""
    if not _SECONDS:
        yield from range(count)
        return
    seed = time.time_ns()
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        yield seed
        seed += 1


def keep(data: bytes, name: str, folder: Path) -> str:
    """Keep an input that broke something, and say how to find it again."""
    path = folder / name
    path.write_bytes(data)
    return f"kept in {path}"
