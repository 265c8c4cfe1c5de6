"""Archives in archives: all is read, in bounded memory and a bounded number of passes, and never put on disk."""

import gzip
import io
import os
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.collect.conftest import NOW, Reading, gather

from sakimori.collect import Item, Outcome, Progress, raw_records, raw_records_of, read
from sakimori.collect.archives import walk
from sakimori.collect.sources import Survey
from sakimori.core import ManualClock
from sakimori.records import OFFSET, EventBatch, Source

LINE = b'{"EventID":1,"Channel":"x","n":%d}\n'


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def _tar(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def _lines(start: int, count: int) -> bytes:
    """Lines that do not compress away."""
    noise = random.Random(start)
    return b"".join(
        b'{"EventID":1,"Channel":"x","n":%d,"s":"%s"}\n' % (n, noise.randbytes(1000).hex().encode())
        for n in range(start, start + count)
    )


def _numbers(reading: Reading) -> list[int]:
    return [int(event["n"]) for event in reading.events()]


def _failures(reading: Reading) -> dict[str, str]:
    return {item.path.partition("!")[2]: item.reason for item in reading.accounts if item.outcome is Outcome.FAILED}


WRAPS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": _zip,
    "stored.zip": lambda files: _zip(files, zipfile.ZIP_STORED),
    "tar": _tar,
    "tar.gz": lambda files: gzip.compress(_tar(files), 1),
}


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let members of more than 100 kB be large ones, so that tests need no large ones."""
    monkeypatch.setattr(walk, "IN_MEMORY", 100_000)


@pytest.mark.parametrize("outer", WRAPS)
@pytest.mark.parametrize("inner", WRAPS)
@pytest.mark.parametrize("large", [True, False])
def test_every_archive_in_every_other(
    tmp_path: Path, outer: str, inner: str, large: bool, request: pytest.FixtureRequest
) -> None:
    """Large members too, of which many lie side by side; and each record is found again, in one pass for all."""
    if large:
        request.getfixturevalue("little_memory")
    count = 1000 if large else 10  # 2 MB: more than the window of a stream
    inside = WRAPS[inner]({"a": _lines(0, count), "b.gz": gzip.compress(_lines(count, count)), "c": LINE % 1})
    path = tmp_path / f"all.{outer}"
    path.write_bytes(WRAPS[outer]({"first": _lines(5, count), f"in.{inner}": inside, "last": LINE % 2}))
    reading = gather(path)
    assert _failures(reading) == {}
    expected = [*range(5, 5 + count), *range(2 * count), 1, 2]
    assert _numbers(reading) == expected
    assert [account.path for account in reading.accounts] == [
        f"{path}!{name}" for name in ("first", f"in.{inner}!a", f"in.{inner}!b.gz", f"in.{inner}!c", "last")
    ]
    wanted: dict[str, tuple[Source, list[int]]] = {}
    for batch in reading.batches:
        wanted.setdefault(batch.source.path, (batch.source, []))[1].extend(batch.rows.column(OFFSET).to_pylist()[::97])
    found = {
        source.path: list(records)
        for source, records in raw_records_of(wanted.values())
        if isinstance(records, Iterator)
    }
    assert {name: [offset for offset, _ in records] for name, records in found.items()} == {
        name: offsets for name, (_, offsets) in wanted.items()
    }
    assert all(
        raw.startswith(b'{"EventID":1') and raw.endswith(b"}") for records in found.values() for _, raw in records
    )


@pytest.mark.parametrize("wrap", WRAPS)
def test_an_archive_of_large_members_is_opened_twice_and_no_more(
    tmp_path: Path, wrap: str, monkeypatch: pytest.MonkeyPatch, little_memory: None
) -> None:
    path = tmp_path / "all"
    path.write_bytes(WRAPS[wrap]({str(n): _lines(n, 1000) for n in range(8)}))
    passes: list[int] = []
    start = walk._Pass.__init__  # pyright: ignore[reportPrivateUsage] - the number of passes is what matters here

    def passing(this: object, archive: walk.Archive) -> None:
        passes.append(1)
        start(this, archive)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(walk._Pass, "__init__", passing)  # pyright: ignore[reportPrivateUsage]
    reading = gather(path)
    assert len(reading.events()) == 8 * 1000
    assert len(passes) == (2 if wrap == "tar.gz" else 1)  # one of the tar, for which one of the gzip


@pytest.mark.parametrize("wrap", WRAPS)
def test_memory_stays_bounded_however_large_a_member_is(tmp_path: Path, wrap: str) -> None:
    """200 MB unpacked. What batches of events take is counted too, so the member is one that is no telemetry."""
    block = random.Random(1).randbytes(4000).hex().encode() * 25 + b"\n"
    path = tmp_path / "large"
    _write_large(path, wrap, block, 1000)
    tracemalloc.start()
    try:
        for _ in Survey([path]):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * walk.IN_MEMORY


def _write_large(path: Path, wrap: str, block: bytes, count: int) -> None:
    """An archive with one member of ``count`` blocks."""
    if wrap.endswith("zip"):
        method = zipfile.ZIP_STORED if wrap.startswith("stored") else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive, archive.open("log", "w") as member:
            for _ in range(count):
                member.write(block)
        return
    with gzip.open(path, "wb", 1) if wrap.endswith("gz") else path.open("wb") as file:
        info = tarfile.TarInfo("log")
        info.size = count * len(block)
        file.write(info.tobuf())
        for _ in range(count):
            file.write(block)
        file.write(bytes(-info.size % 512 + 1024))


@pytest.mark.parametrize("wrap", WRAPS)
def test_nothing_is_ever_put_on_disk(
    tmp_path: Path, wrap: str, monkeypatch: pytest.MonkeyPatch, little_memory: None
) -> None:
    (tmp_path / "all").write_bytes(WRAPS[wrap]({"a": _lines(0, 100), "in.zip": _zip({"b": _lines(0, 100)})}))
    wrote: list[str] = []
    before = os.open

    def watched(path: str, flags: int, *rest: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            wrote.append(path)
        return before(path, flags, *rest)

    monkeypatch.setattr(os, "open", watched)  # what tempfile uses
    monkeypatch.setenv("TMPDIR", "/nowhere")
    assert len(gather(tmp_path / "all").events()) == 200
    assert wrote == []


def test_archives_nested_too_deep_are_refused_and_what_lies_beside_them_is_read(tmp_path: Path) -> None:
    content = _zip({"deep": LINE % 0})
    for n, wrap in enumerate(("tar.gz", "zip", "tar")):
        content = WRAPS[wrap]({f"in.{wrap}": content, "beside": LINE % n})
    (tmp_path / "deep").write_bytes(content)
    reading = gather(tmp_path / "deep")
    assert sorted(_numbers(reading)) == [0, 1, 2]
    assert list(_failures(reading).values()) == ["archives are nested more than 3 deep: unpack it first"]


def test_compression_of_compression_ends(tmp_path: Path) -> None:
    """A file that unpacks to itself (Cox, "Zip Files All The Way Down") would never end."""
    content = LINE % 1
    for _ in range(3):
        content = gzip.compress(content)
    (tmp_path / "three").write_bytes(content)
    (tmp_path / "four").write_bytes(gzip.compress(content))
    reading = gather(tmp_path)
    assert len(reading.events()) == 1
    assert [item.reason for item in reading.accounts if item.reason] == [
        "archives are nested more than 3 deep: unpack it first"
    ]


def test_a_tree_of_archives_is_refused_by_its_total(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As 42.zip, each of whose members is small enough."""
    monkeypatch.setattr(walk, "ALWAYS_IN_ALL", 1_000_000)
    leaf = _zip({str(n): bytes(90_000) for n in range(16)})
    middle = _zip({str(n): leaf for n in range(16)})
    (tmp_path / "42.zip").write_bytes(_zip({str(n): middle for n in range(16)}))
    reading = gather(tmp_path / "42.zip")
    reasons = set(_failures(reading).values())
    assert "it and what follows in the archive was not unpacked: the archive grows like a bomb" in reasons
    assert len(reading.accounts) < 60


def test_too_many_members_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_MEMBERS", 3)
    (tmp_path / "t").write_bytes(_tar({str(n): LINE % n for n in range(9)}))
    reading = gather(tmp_path / "t")
    assert _numbers(reading) == [0, 1, 2]
    assert _failures(reading) == {
        "3": f"it and what follows in the archive was not read: there are more than {walk.MAX_MEMBERS} members"
    }


def test_members_of_one_name_and_of_too_long_a_name(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "t", "w") as archive:
        for n, name in enumerate(("same", "same", "x" * 5000)):
            info = tarfile.TarInfo(name)
            info.size = len(LINE % n)
            archive.addfile(info, io.BytesIO(LINE % n))
    reading = gather(tmp_path / "t")
    assert _numbers(reading) == [0, 1]
    assert _failures(reading) == {f"{'x' * 100}…": "its name is longer than 4,096 characters"}
    for batch, line in zip(reading.batches, (LINE % 0, LINE % 1), strict=True):
        assert list(raw_records(batch.source, [0])) == [(0, line.rstrip())]


def test_an_archive_of_nothing_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "z.zip").write_bytes(_zip({}))
    (tmp_path / "z.tgz").write_bytes(gzip.compress(b""))
    reasons = {Path(item.path).name: item.reason for item in gather(tmp_path).accounts}
    assert reasons["z.zip"] == "the archive holds no files"
    assert reasons["z.tgz"] == "nothing in it"


def test_damage_in_a_compressed_archive_costs_what_follows_it_and_is_said(tmp_path: Path) -> None:
    whole = gzip.compress(_tar({"a": _lines(0, 1000), "b": _lines(0, 1000)}))
    (tmp_path / "cut.tgz").write_bytes(whole[: len(whole) * 3 // 4])
    reading = gather(tmp_path / "cut.tgz")
    first, second, archive = reading.accounts
    assert (first.evaluated, first.rejected) == (1000, 0)
    assert second.evaluated > 200
    assert reading.rejected[-1].reason.startswith(
        "the archive is damaged inside this member (it breaks off): only the "
    )
    assert archive.outcome is Outcome.FAILED
    assert archive.reason.startswith("the archive is damaged (it breaks off): what follows byte ")


def test_what_stands_behind_a_compressed_tar_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.tgz").write_bytes(gzip.compress(_tar({"a": LINE % 1})) + b"more")
    reading = gather(tmp_path / "t.tgz")
    assert len(reading.events()) == 1
    assert "what follows its end is no gzip data" in _failures(reading)[""]


@pytest.mark.parametrize("wrap", WRAPS)
def test_an_archive_that_changes_while_it_is_read_is_said(tmp_path: Path, wrap: str, little_memory: None) -> None:
    path = tmp_path / "all"
    path.write_bytes(WRAPS[wrap]({"a": _lines(0, 1000), "b": _lines(0, 1000)}))
    items: list[Item] = []
    for item in read([path], tenant="bank", clock=ManualClock(NOW)):
        if not items:
            path.write_bytes(path.read_bytes()[:100_000])
        items.append(item)
    reading = Reading(items)
    assert reading.balanced()
    assert reading.accounts[-1].reason == (
        "it changed while it was read, so what was found may be incomplete: scan it again"
    )


@pytest.mark.parametrize("wrap", WRAPS)
def test_progress_grows_through_an_archive_and_reaches_its_end(tmp_path: Path, wrap: str, little_memory: None) -> None:
    files = {str(n): _lines(n, 1000) for n in range(3)}
    (tmp_path / "all").write_bytes(WRAPS[wrap]({**files, "in": WRAPS[wrap](files)}))
    steps: list[Progress] = []
    batches = [
        item
        for item in read([tmp_path], tenant="bank", clock=ManualClock(NOW), on_progress=steps.append)
        if isinstance(item, EventBatch)
    ]
    assert sum(map(len, batches)) == 6 * 1000
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == steps[-1].total == (tmp_path / "all").stat().st_size
    assert any(steps[-1].total * 0.1 < step < steps[-1].total * 0.5 for step in done)


def test_a_stored_path_may_hold_anything(tmp_path: Path) -> None:
    """The paths of events come from archives, so they may be none that a disk can hold."""
    (tmp_path / "z").write_bytes(_zip({"a!" + "b" * 400: LINE % 1, "c\td": LINE % 2}))
    for batch in gather(tmp_path / "z").batches:
        assert len(list(raw_records(batch.source, [0]))) == 1
