"""How fast rules are applied: CPU time of one core, from NDJSON bytes to findings, beside the bare decoder."""

import os
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

from benchmarks import sigma_sql
from benchmarks.figure import Figure
from benchmarks.shared import shared_folder
from sakimori import collect
from sakimori.core import SystemClock
from sakimori.detect import SigmaDetector
from sakimori.detect.sigma.catalogue import Entry, catalogue
from sakimori.detect.sigma.logsource import LogSources
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

# VmHWM, since ru_maxrss begins with what the parent had when it forked.
_WORKER = """
import re, sys
from pathlib import Path
from sakimori import collect
from sakimori.core import SystemClock
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch
detector = SigmaDetector.load([Path(sys.argv[2])], Path(sys.argv[3]))
for item in collect.read([Path(sys.argv[1])], tenant="benchmark", clock=SystemClock(), wanted=detector.wanted):
    if isinstance(item, EventBatch):
        detector.detect(item)
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""
_SQL_SHARE = 4
"""One event in so many goes to the SQL yardstick, which is slow."""


def run() -> list[Figure]:
    corpora = shared_folder() / "corpora"
    rules = corpora / "sigma" / "rules" / "windows"
    with tempfile.TemporaryDirectory() as folder:
        events, unlike, cache = Path(folder) / "events.json", Path(folder) / "unlike.json", Path(folder) / "cache"
        lines = list(otrf_lines(corpora / "otrf"))
        events.write_bytes(b"".join(lines))
        unlike.write_bytes(b"".join(_unlike(lines)))
        cold, number = _start(rules, cache)
        _throughput(events, SigmaDetector.load([rules], cache))  # fills the cache of Hyperscan databases
        warm, _ = _start(rules, cache)
        what = f"{number} rules"
        _start(corpora / "sigma", cache)
        warm_with_all, all_rules = _start(corpora / "sigma", cache)
        return [
            Figure(f"Sigma: compile {what}", cold, "s of CPU", "nothing kept", _COMMAND),
            Figure(f"Sigma: start with {what} kept", warm, "s of CPU", "imports included", _COMMAND),
            Figure(f"Sigma: start with all {all_rules} rules kept", warm_with_all, "s of CPU", "the same", _COMMAND),
            *_figures(f"OTRF, {what}", events, rules, cache),
            *_figures(f"OTRF with every command line and path unique, {what}", unlike, rules, cache),
            *_processes(lines, rules, cache, Path(folder)),
            _sql(lines[::_SQL_SHARE], rules, cache, Path(folder)),
        ]


def _processes(lines: list[bytes], rules: Path, cache: Path, folder: Path) -> Iterator[Figure]:
    """Peak memory on the corpus once and three times over; one worker against two on the corpus twelve times over."""
    whole, thrice = folder / "whole.json", folder / "thrice.json"
    halves = [folder / "first.json", folder / "second.json"]
    whole.write_bytes(b"".join(lines))
    thrice.write_bytes(whole.read_bytes() * 3)
    for half, part in zip(halves, (lines[0::2], lines[1::2]), strict=True):
        with half.open("wb") as file:
            for _ in range(12):
                file.writelines(part)
    once, long = (_pass(path, rules, cache) for path in (whole, thrice))
    beside = f"three times the input: {long:.0f} MB"
    yield Figure("Sigma: peak memory of a process, OTRF", once, "MB", beside, _COMMAND)
    _scan([whole], rules, folder, workers=1)  # fills the home's cache
    one_wall, one_cpu = _scan(halves, rules, folder, workers=1)
    two_wall, two_cpu = _scan(halves, rules, folder, workers=2)
    beside = f"wall {one_wall:.1f} s → {two_wall:.1f} s, start included; CPU of all {one_cpu:.1f} s → {two_cpu:.1f} s"
    yield Figure(
        f"Sigma: sakimori scan of {12 * len(lines):,} events, two workers against one",
        one_wall / two_wall,
        "times",
        beside,
        _COMMAND,
    )


def _scan(paths: list[Path], rules: Path, folder: Path, *, workers: int) -> tuple[float, float]:
    """(wall, CPU) of the whole command, its workers included."""
    options = ["--rules", str(rules), "--workers", str(workers), "--format", "jsonl", "--out", str(folder / "found")]
    before, began = os.times(), time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "sakimori.cli", "scan", *map(str, paths), *options],
        check=True,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "SAKIMORI_HOME": str(folder / "home")},
    )
    after, wall = os.times(), time.monotonic() - began
    user, system = after.children_user - before.children_user, after.children_system - before.children_system
    return wall, user + system


def _pass(path: Path, rules: Path, cache: Path) -> float:
    """The peak in MB of a process that matches the file."""
    command = [sys.executable, "-c", _WORKER, str(path), str(rules), str(cache)]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


def _sql(lines: list[bytes], rules: Path, cache: Path, folder: Path) -> Figure:
    name = "Sigma: JSON lines to matches as SQL over SQLite (yardstick)"
    events = folder / "sql-events.json"
    events.write_bytes(b"".join(lines))
    entries = catalogue([rules], cache).entries
    placed = [(Path(entry.header.path), where) for entry in entries if (where := _where(entry))]
    done = sigma_sql.measure(placed, events, folder)
    if done is None:
        return Figure(name, 0, "events/s/core", f"not measured: {sigma_sql.PACKAGE} cannot be installed", _COMMAND)
    ours, collecting, detecting = _throughput(events, SigmaDetector.load([rules], cache))
    beside = (
        f"ours on the same {ours:,} events: {ours / (collecting + detecting):,.0f}; "
        f"{done['rules']:,} rules taken, {done['refused']:,} refused, {done['found']:,} matches"
    )
    return Figure(name, done["events"] / done["seconds"], "events/s/core", beside, _COMMAND)


def _where(entry: Entry) -> str:
    """The log source as SQL; empty where its events have other names for fields, which SQL is not told of."""
    selectors = [item for source in entry.sources for item in LogSources.packaged().selectors(source)]
    asked: list[str] = []
    for selector in selectors:
        if not selector.fields:
            parts = [f"Channel = '{selector.channel}'"] if selector.channel else []
            if selector.codes is not None:
                parts.append(f"EventID IN ({', '.join(repr(code) for code in sorted(selector.codes))})")
            asked.append(" AND ".join(parts) or "1")
    return " OR ".join(f"({part})" for part in asked)


def _figures(name: str, path: Path, rules: Path, cache: Path) -> Iterator[Figure]:
    detector = SigmaDetector.load([rules], cache)
    events, *first = _throughput(path, detector)
    again = [_throughput(path, detector)[1:] for _ in range(3)]
    bare = min(_decode(path) for _ in range(3))
    whole = min(map(sum, again))
    beside = f"orjson.loads alone: {events / bare:,.0f} ({bare / whole:.2f} of it)"
    yield Figure(f"Sigma: NDJSON to findings ({name})", events / whole, "events/s/core", beside, _COMMAND)
    beside = f"{bare / sum(first):.2f} of orjson.loads alone"
    yield Figure("Sigma: the same, first pass of a process", events / sum(first), "events/s/core", beside, _COMMAND)
    detecting = min(seconds for _, seconds in again)
    beside = f"first pass: {events / first[1]:,.0f}"
    yield Figure(f"Sigma: batches to findings ({name})", events / detecting, "events/s/core", beside, _COMMAND)


def _throughput(path: Path, detector: SigmaDetector) -> tuple[int, float, float]:
    """(events, seconds in collection, seconds in detection) of one pass."""
    events, detecting, begin = 0, 0.0, time.process_time()
    for item in collect.read([path], tenant="benchmark", clock=SystemClock(), wanted=detector.wanted):
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


def otrf_lines(corpus: Path) -> Iterator[bytes]:
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
