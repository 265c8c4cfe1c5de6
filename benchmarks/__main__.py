"""``make bench [ONLY=name]``: run the benchmarks and print their figures as the table of docs/benchmarks.md."""

import importlib
import os
import platform
import sys
from collections.abc import Callable

from benchmarks.figure import Figure

_SUITES = (
    "sigma",
    "collect",
    "readers",
    "retrohunt",
    "store",
    "access",
    "ledger",
    "gateway",
    "boundary",
    "running_text",
    "failover",
    "outcome",
)
_ON_REQUEST = ("memory", "gateway-flat")
"""Too large to run every time."""


def main() -> None:
    wanted = sys.argv[1:] or list(_SUITES)
    unknown = [name for name in wanted if name not in (*_SUITES, *_ON_REQUEST)]
    if unknown:
        sys.exit(f"no benchmark named {', '.join(unknown)}: choose from {', '.join((*_SUITES, *_ON_REQUEST))}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n", flush=True)
    print("| figure | value | beside | command |\n|---|---|---|---|", flush=True)
    for name in wanted:
        run: Callable[[], list[Figure]] = importlib.import_module(f"benchmarks.{name.replace('-', '_')}").run
        for figure in run():
            cells = (
                figure.name,
                f"{_readable(figure.value)} {figure.unit}",
                figure.baseline or "",
                f"`{figure.command}`",
            )
            print(f"| {' | '.join(cells)} |", flush=True)


def _readable(value: float) -> str:
    """Three significant digits at least, never an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    main()
