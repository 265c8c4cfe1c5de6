"""How fast telemetry becomes batches: CPU time of one core, beside the bare decoder on the same bytes."""

import io
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
from evtx import PyEvtxParser

from benchmarks.figure import Figure
from sakimori.collect import read
from sakimori.core import SystemClock
from sakimori.records import EventBatch

_COMMAND = "make bench ONLY=collect"
_CORPORA = Path(os.environ.get("SAKIMORI_SHARED", "../shared")) / "corpora"
_LINES = 60_000


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "events.json"
        lines.write_bytes(b"".join(_otrf_lines(_LINES)))
        logs = sorted((_CORPORA / "evtx-to-mitre").rglob("*.evtx"))
        return [
            _figure("JSON lines to batches (OTRF)", [lines], lambda: _parse(lines), "orjson.loads alone"),
            _figure("EVTX to batches (EVTX-to-MITRE)", logs, lambda: _decode(logs), "the evtx crate's JSON alone"),
        ]


def _figure(name: str, paths: list[Path], bare: Callable[[], int], bare_name: str) -> Figure:
    ours = min(_seconds_per_event(lambda: _collect(paths)) for _ in range(3))
    theirs = min(_seconds_per_event(bare) for _ in range(3))
    return Figure(name, 1 / ours, "events/s/core", f"{bare_name}: {1 / theirs:,.0f}", _COMMAND)


def _seconds_per_event(work: Callable[[], int]) -> float:
    start = time.process_time()
    count = work()
    return (time.process_time() - start) / count


def _collect(paths: list[Path]) -> int:
    items = read(paths, tenant="benchmark", clock=SystemClock())
    return sum(len(item) for item in items if isinstance(item, EventBatch))


def _parse(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if orjson.loads(line))


def _decode(paths: list[Path]) -> int:
    return sum(1 for path in paths for _ in PyEvtxParser(io.BytesIO(path.read_bytes()), 1).records_json())


def _otrf_lines(count: int) -> Iterator[bytes]:
    """The first lines of OTRF's Windows datasets, in order of name."""
    for path in sorted((_CORPORA / "otrf/datasets/atomic/windows").rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if not member.endswith(".json") or member.startswith("__MACOSX"):
                    continue
                with archive.open(member) as file:
                    for line in file:
                        if count == 0:
                            return
                        yield line
                        count -= 1
