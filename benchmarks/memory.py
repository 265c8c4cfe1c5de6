"""How much memory a scan of 20 GB takes: OTRF's events over and over, with SigmaHQ's Windows rules."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.shared import shared_folder
from benchmarks.sigma import otrf_lines

_COMMAND = "make bench ONLY=memory"
_SIZE = 20 * 10**9

_SCAN = """
import re, sys
from pathlib import Path
from sakimori.cli import main
try:
    main()
finally:
    status = Path("/proc/self/status").read_text()
    Path(sys.argv[-1]).with_suffix(".peak").write_text(re.search(r"VmHWM:\\s+(\\d+)", status)[1])
"""


def run() -> list[Figure]:
    corpora = shared_folder() / "corpora"
    with tempfile.TemporaryDirectory() as folder:
        if shutil.disk_usage(folder).free < 2 * _SIZE:
            return [Figure("Scan of 20 GB: peak memory", 0, "MB", "not measured: the disk has no room", _COMMAND)]
        log, out = Path(folder) / "events.json", Path(folder) / "findings.jsonl"
        lines = b"".join(otrf_lines(corpora / "otrf"))
        with log.open("wb") as file:
            for _ in range(_SIZE // len(lines) + 1):
                file.write(lines)
        rules = corpora / "sigma" / "rules" / "windows"
        command = ["scan", log, "--rules", rules, "--workers", "1", "--format", "jsonl", "--out", out]
        before, began = os.times(), time.monotonic()
        environment = {**os.environ, "SAKIMORI_HOME": str(Path(folder) / "home")}
        subprocess.run([sys.executable, "-c", _SCAN, *map(str, command)], check=False, env=environment)
        after, wall = os.times(), time.monotonic() - began
        cpu = after.children_user - before.children_user + after.children_system - before.children_system
        peak = int(out.with_suffix(".peak").read_text()) / 1024
        with out.open("rb") as file:
            findings = sum(1 for _ in file)
        size = log.stat().st_size
    beside = f"{findings:,} findings; {cpu:,.0f} s of CPU, {wall:,.0f} s of wall, {size / cpu / 1e6:,.0f} MB/s"
    return [Figure(f"Scan of {size / 1e9:.0f} GB: peak memory", peak, "MB", beside, _COMMAND)]
