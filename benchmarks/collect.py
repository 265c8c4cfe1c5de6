"""How fast telemetry becomes batches: CPU time of one core, beside the bare decoder on the same bytes."""

import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
from evtx import PyEvtxParser

from benchmarks.figure import Figure
from benchmarks.shared import shared_folder
from sakimori.collect import read
from sakimori.core import SystemClock
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch

_COMMAND = "make bench ONLY=collect"
_LINES = 60_000
_FILE_HEADER = 4096
_CHUNK = 65_536


def run() -> list[Figure]:
    corpora = shared_folder() / "corpora"
    with tempfile.TemporaryDirectory() as folder:
        lines, log = Path(folder) / "events.json", Path(folder) / "events.evtx"
        lines.write_bytes(b"".join(_otrf_lines(corpora / "otrf", _LINES)))
        log.write_bytes(_one_log(corpora / "evtx-to-mitre"))
        return [
            _figure("JSON lines to batches (OTRF)", lines, lambda: _parse(lines), "orjson.loads alone"),
            _figure("EVTX to batches (EVTX-to-MITRE as one file)", log, lambda: _decode(log), "the evtx crate alone"),
            _to_findings(log, corpora / "sigma" / "rules" / "windows", Path(folder) / "cache"),
        ]


def _figure(name: str, path: Path, bare: Callable[[], int], bare_name: str) -> Figure:
    ours = min(_seconds_per_event(lambda: _collect(path)) for _ in range(3))
    theirs = min(_seconds_per_event(bare) for _ in range(3))
    return Figure(name, 1 / ours, "events/s/core", f"{bare_name}: {1 / theirs:,.0f}", _COMMAND)


def _to_findings(log: Path, rules: Path, cache: Path) -> Figure:
    """The whole way, with a detector that knows the kinds already."""
    detector = SigmaDetector.load([rules], cache)
    found = 0

    def detect() -> int:
        nonlocal found
        items = read([log], tenant="benchmark", clock=SystemClock(), wanted=detector.wanted)
        batches = [item for item in items if isinstance(item, EventBatch)]
        found = sum(len(detector.detect(batch)) for batch in batches)
        return sum(map(len, batches))

    first = _seconds_per_event(detect)
    again = min(_seconds_per_event(detect) for _ in range(3))
    beside = f"first pass of a process: {1 / first:,.0f}; {found:,} findings"
    return Figure("EVTX to findings with SigmaHQ's Windows rules", 1 / again, "events/s/core", beside, _COMMAND)


def _seconds_per_event(work: Callable[[], int]) -> float:
    start = time.process_time()
    count = work()
    return (time.process_time() - start) / count


def _collect(path: Path) -> int:
    items = read([path], tenant="benchmark", clock=SystemClock())
    return sum(len(item) for item in items if isinstance(item, EventBatch))


def _parse(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if orjson.loads(line))


def _decode(path: Path) -> int:
    return sum(1 for _ in PyEvtxParser(str(path), 1).records_json())


def _one_log(corpus: Path) -> bytes:
    """The written chunks of all logs behind one file header: chunks stand on their own."""
    header, chunks = b"", list[bytes]()
    for path in sorted(corpus.rglob("*.evtx")):
        data = path.read_bytes()
        header = header or data[:_FILE_HEADER]
        parts = (data[at : at + _CHUNK] for at in range(_FILE_HEADER, len(data), _CHUNK))
        chunks += [part for part in parts if part.startswith(b"ElfChnk")]
    return header + b"".join(chunks)


def _otrf_lines(corpus: Path, count: int) -> Iterator[bytes]:
    """The first lines of OTRF's Windows datasets, in order of name."""
    for path in sorted((corpus / "datasets/atomic/windows").rglob("*.zip")):
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
