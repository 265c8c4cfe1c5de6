"""How fast rules are applied: CPU time of one core, from NDJSON bytes to findings, beside the bare decoder."""

import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, cast

import orjson

from benchmarks.figure import Figure
from benchmarks.shared import shared_folder
from sakimori import collect
from sakimori.core import SystemClock
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch

_COMMAND = "make bench ONLY=sigma"
_START = """
import sys, time
from pathlib import Path
begin = time.process_time()
from sakimori.detect import SigmaDetector
detector = SigmaDetector.load([Path(sys.argv[1])], Path(sys.argv[2]))
print(time.process_time() - begin, len(detector.rules))
"""


def run() -> list[Figure]:
    corpora = shared_folder() / "corpora"
    rules = corpora / "sigma" / "rules" / "windows"
    with tempfile.TemporaryDirectory() as folder:
        events, unlike, cache = Path(folder) / "events.json", Path(folder) / "unlike.json", Path(folder) / "cache"
        lines = list(_otrf_lines(corpora / "otrf"))
        events.write_bytes(b"".join(lines))
        unlike.write_bytes(b"".join(_unlike(lines)))
        cold, number = _start(rules, cache)
        _throughput(events, rules, cache)  # fills the cache of Hyperscan databases
        warm, _ = _start(rules, cache)
        what = f"{number} rules"
        return [
            Figure(f"Sigma: compile {what}", cold, "s of CPU", "nothing kept", _COMMAND),
            Figure(f"Sigma: start with {what} kept", warm, "s of CPU", "imports included", _COMMAND),
            *_figures(f"OTRF, {what}", events, rules, cache),
            *_figures(f"OTRF with every command line and path unique, {what}", unlike, rules, cache),
        ]


def _figures(name: str, path: Path, rules: Path, cache: Path) -> Iterator[Figure]:
    events, collecting, detecting = _throughput(path, rules, cache)
    bare = events / _decode(path)
    beside = f"orjson.loads alone: {bare:,.0f}"
    whole = events / (collecting + detecting)
    yield Figure(f"Sigma: NDJSON to findings ({name})", whole, "events/s/core", beside, _COMMAND)
    yield Figure(f"Sigma: batches to findings ({name})", events / detecting, "events/s/core", beside, _COMMAND)


def _throughput(path: Path, rules: Path, cache: Path) -> tuple[int, float, float]:
    """(events, seconds in collection, seconds in detection), one pass with a detector that has seen nothing yet."""
    detector = SigmaDetector.load([rules], cache)
    events, detecting, begin = 0, 0.0, time.process_time()
    for item in collect.read([path], tenant="benchmark", clock=SystemClock()):
        if isinstance(item, EventBatch):
            events += len(item)
            start = time.process_time()
            detector.detect(item)
            detecting += time.process_time() - start
    return events, time.process_time() - begin - detecting, detecting


def _start(rules: Path, cache: Path) -> tuple[float, int]:
    command = [sys.executable, "-c", _START, str(rules), str(cache)]
    seconds, number = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), int(number)


def _decode(path: Path) -> float:
    begin = time.process_time()
    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)
    return time.process_time() - begin


def _otrf_lines(corpus: Path) -> Iterator[bytes]:
    """All lines of OTRF's Windows datasets that are events, in order of name."""
    for path in sorted((corpus / "datasets/atomic/windows").rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(".json") and not member.startswith("__MACOSX"):
                    with archive.open(member) as file:
                        yield from (line for line in file if line.startswith(b"{"))


def _unlike(lines: list[bytes]) -> Iterator[bytes]:
    """The same events with a number put into every command line and every path, a new one each time."""
    numbers = count()
    for line in lines:
        event = cast("dict[str, Any]", orjson.loads(line))
        for name, value in event.items():
            if isinstance(value, str) and "\\" in value:
                folder, _, rest = value.rpartition("\\")
                event[name] = f"{folder}\\{next(numbers)}\\{rest}"
            elif name.endswith("CommandLine"):
                event[name] = f"{value} {next(numbers)}"
        yield orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
