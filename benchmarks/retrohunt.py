"""How fast exported events are looked through again: CPU time of one core, beside the same events from JSON lines."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.figure import Figure
from benchmarks.shared import shared_folder
from benchmarks.sigma import otrf_lines
from sakimori import collect
from sakimori.core import SystemClock
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch

_COMMAND = "make bench ONLY=retrohunt"
_PASSES = 3


def run() -> list[Figure]:
    return list(_figures())


def _figures() -> Iterator[Figure]:
    corpora = shared_folder() / "corpora"
    rules = corpora / "sigma" / "rules" / "windows"
    with tempfile.TemporaryDirectory() as folder:
        events, export, cache = Path(folder) / "events.json", Path(folder) / "export", Path(folder) / "cache"
        events.write_bytes(b"".join(otrf_lines(corpora / "otrf")))
        size = events.stat().st_size
        _hunt(events, rules, cache)  # fills the cache of rules and Hyperscan databases
        begin = time.process_time()
        items = collect.export([events], export, tenant="benchmark", clock=SystemClock())
        count = sum(len(item) for item in items if isinstance(item, EventBatch))
        seconds = time.process_time() - begin
        packed = sum(path.stat().st_size for path in export.rglob("*.parquet"))
        beside = (
            f"{size / seconds / 1e6:.0f} MB/s; {size / 1e6:.0f} MB become {packed / 1e6:.0f} MB, raw records included"
        )
        yield Figure("Export: JSON lines to Parquet (OTRF)", count / seconds, "events/s/core", beside, _COMMAND)
        lines = min(_hunt(events, rules, cache) for _ in range(_PASSES))
        passes = [_hunts(export, rules, cache) for _ in range(_PASSES)]
        first, again = min(first for first, _ in passes), min(again for _, again in passes)
        bare = min(_decode(events) for _ in range(_PASSES))
        beside = f"from JSON lines: {count / lines:,.0f}; {size / first / 1e6:,.0f} MB/s of the lines"
        yield Figure(
            "Retro-hunt: Parquet to findings (OTRF, Windows rules)", count / first, "events/s/core", beside, _COMMAND
        )
        beside = (
            f"{size / again / 1e6:,.0f} MB/s of the lines; orjson.loads alone {count / bare:,.0f}; "
            f"to prepare rules for the kinds takes {first - again:.1f} s, once a process"
        )
        name = "Retro-hunt: the same with a detector that has seen the kinds"
        yield Figure(name, count / again, "events/s/core", beside, _COMMAND)


def _hunt(path: Path, rules: Path, cache: Path) -> float:
    return _seconds(path, SigmaDetector.load([rules], cache))


def _hunts(path: Path, rules: Path, cache: Path) -> tuple[float, float]:
    """Of one detector's first pass and of its second."""
    detector = SigmaDetector.load([rules], cache)
    return _seconds(path, detector), _seconds(path, detector)


def _decode(path: Path) -> float:
    begin = time.process_time()
    with path.open("rb") as lines:
        for line in lines:
            orjson.loads(line)
    return time.process_time() - begin


def _seconds(path: Path, detector: SigmaDetector) -> float:
    begin = time.process_time()
    clock = SystemClock()
    for item in collect.read([path], tenant="benchmark", clock=clock, wanted=detector.wanted, told=detector.told):
        if isinstance(item, EventBatch):
            detector.detect(item)
    return time.process_time() - begin
