"""However telemetry is damaged, reading ends, and every record is evaluated or rejected with a reason."""

import random
from collections.abc import Sequence
from pathlib import Path

from sakimori import collect
from sakimori.core import ManualClock
from sakimori.records import EventBatch

from .budget import keep, seeds


def _read(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    events = rejected = 0
    accounts: list[collect.SourceRead] = []
    for item in collect.read([path], tenant="bank", clock=ManualClock(0)):
        match item:
            case EventBatch():
                events += len(item)
            case collect.AlertRead():
                events += 1
            case collect.Rejected():
                rejected += 1
                assert item.reason
            case collect.SourceRead():
                accounts.append(item)
                assert item.outcome is collect.Outcome.READ or item.reason
    (account,) = accounts
    assert (account.evaluated, account.rejected) == (events, rejected)


def _damaged(random_: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random_.randrange(1, 12)):
        at = random_.randrange(len(changed))
        match random_.randrange(5):
            case 0:
                changed[at] = random_.randrange(256)
            case 1:
                del changed[at : at + random_.randrange(1, 200)]
            case 2:
                changed[at:at] = random_.choice((b"\n", b"\0", b'"', b"{", b"\xff\xfe", b"\\ud800", b"[" * 2000))
            case 3:
                changed[at:at] = changed[at : at + random_.randrange(1, 400)]
            case _:
                changed[at : at + 8] = random_.randbytes(8)
        if not changed:
            return b""
    return bytes(changed)


def _fuzz(real: Sequence[bytes], suffix: str, count: int, folder: Path) -> None:
    for seed in seeds(count):
        random_ = random.Random(seed)
        data = _damaged(random_, random_.choice(real))
        try:
            _read(data, folder / f"events{suffix}")
        except Exception as error:
            error.add_note(f"seed {seed}, {keep(data, f'events-{seed}{suffix}', folder)}")
            raise


def test_damaged_lines_are_accounted_for(tmp_path: Path) -> None:
    line = (
        '{"@timestamp":"2026-11-22T01:02:03Z","Hostname":"ws","Channel":"Security","EventID":4688,'
        '"SourceName":"x","NewProcessName":"C:\\\\防人.exe","Data":["a",null,{"b":1e5}]}\n'
    )
    _fuzz([line.encode() * 20], ".ndjson", 300, tmp_path)


def test_damaged_event_logs_are_accounted_for(shared: Path, tmp_path: Path) -> None:
    logs = sorted((shared / "corpora" / "sigma" / "regression").rglob("*.evtx"))
    small = [path.read_bytes() for path in logs if path.stat().st_size <= 70_000][:12]
    _fuzz(small, ".evtx", 120, tmp_path)
