"""However an archive is damaged, reading ends, in bounded memory, and every member that is met is accounted for."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

from sakimori import collect
from sakimori.collect.archives.walk import IN_MEMORY
from sakimori.core import ManualClock
from sakimori.records import EventBatch

from .budget import keep, seeds

LINE = b'{"EventID":1,"Channel":"x","n":%d}\n'


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def _tar(files: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


_WRAPS: tuple[Callable[[dict[str, bytes]], bytes], ...] = (
    _zip,
    lambda files: _zip(files, zipfile.ZIP_STORED),
    lambda files: _zip(files, zipfile.ZIP_LZMA),
    _tar,
    lambda files: _tar(files, tarfile.GNU_FORMAT),
    lambda files: gzip.compress(_tar(files)),
    lambda files: bz2.compress(_tar(files)),
    lambda files: lzma.compress(_tar(files)),
    lambda files: gzip.compress(b"".join(files.values())),
)


def _damaged(random_: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    if not changed:
        return b""
    for _ in range(random_.randrange(1, 6)):
        at = random_.randrange(len(changed))
        match random_.randrange(5):
            case 0:
                changed[at] ^= 1 << random_.randrange(8)
            case 1:
                del changed[at : at + random_.randrange(1, 200)]
            case 2:
                changed[at : at + 4] = random_.choice((b"\xff\xff\xff\xff", b"PK\x03\x04", b"\0\0\0\0", b"\x80\0\0\0"))
            case 3:
                changed[at:at] = changed[at : at + random_.randrange(1, 600)]
            case _:
                del changed[max(at, len(changed) // 2) :]
        if not changed:
            return b""
    return bytes(changed)


def _made(random_: random.Random) -> bytes:
    lines = b"".join(LINE % n for n in range(random_.randrange(200)))
    content = random_.choice(_WRAPS)({"監査/a": lines, "b" * random_.choice((1, 150)): LINE % 1})
    if random_.random() < 0.5:
        content = _damaged(random_, content)
    return random_.choice(_WRAPS)({"in": content, "last": LINE % 2}) if random_.random() < 0.7 else content


def _read(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    events = rejected = 0
    accounts: list[collect.SourceRead] = []
    for item in collect.read([path], tenant="bank", clock=ManualClock(0)):
        match item:
            case EventBatch():
                events += len(item)
            case collect.Rejected():
                rejected += 1
            case collect.SourceRead():
                accounts.append(item)
                assert item.outcome is collect.Outcome.READ or item.reason
            case _:
                pass
    assert accounts
    assert sum(account.rejected for account in accounts) == rejected
    assert sum(account.evaluated for account in accounts) == events


def test_damaged_archives_are_accounted_for(tmp_path: Path) -> None:
    for seed in seeds(400):
        random_ = random.Random(seed)
        data = _damaged(random_, _made(random_))
        try:
            _read(data, tmp_path / "archive")
        except Exception as error:
            error.add_note(f"seed {seed}, {keep(data, f'archive-{seed}', tmp_path)}")
            raise


def test_damaged_archives_take_little_memory(tmp_path: Path) -> None:
    """Sizes and lengths in headers are whatever the damage made of them."""
    for seed in seeds(40):
        random_ = random.Random(seed)
        data = _damaged(random_, _made(random_))
        tracemalloc.start()
        try:
            _read(data, tmp_path / "archive")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 2 * IN_MEMORY, f"seed {seed}, {keep(data, f'archive-{seed}', tmp_path)}"
