"""Reading: files, folders and archives, good and bad; nothing raises and everything is accounted for."""

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collect.conftest import NOW, Reading, gather

from sakimori.collect import Outcome, Progress, read
from sakimori.core import ManualClock, parse_rfc3339

FLAT = b'{"EventID":1,"Channel":"x","n":%d}\n'
THREE = FLAT % 0 + FLAT % 1 + FLAT % 2


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def _failed(reading: Reading) -> str:
    assert reading.account.outcome is Outcome.FAILED
    assert reading.batches == []
    return reading.account.reason


def test_bad_lines_are_listed_with_their_place_and_the_others_are_evaluated(lines: Callable[[bytes], Reading]) -> None:
    reading = lines(FLAT % 0 + b"oops\n\n" + FLAT % 1 + b'{"a":1}\n' + b"\0\0\0\n" + FLAT % 2 + b'{"EventID":1,"Cha')
    assert [event["n"] for event in reading.events()] == ["0", "1", "2"]
    assert [(item.offset, item.excerpt) for item in reading.rejected] == [
        (34, b"oops"),
        (74, b'{"a":1}'),
        (82, b"\0\0\0"),
        (120, b'{"EventID":1,"Cha'),
    ]
    account = reading.account
    assert (account.read, account.evaluated, account.rejected, account.untimed) == (7, 3, 4, 3)
    assert account.source is not None
    assert account.source.format == "ndjson"
    assert reading.times() == [NOW] * 3


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([FLAT % 7, b"oops\n", b"\n", b'{"x":1}\n', "防".encode() + b"\n"]), max_size=20), st.data()
)
def test_wherever_a_file_is_cut_each_line_is_evaluated_or_listed(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], data: st.DataObject
) -> None:
    content = FLAT % 7 + b"".join(parts)
    cut = content[: data.draw(st.integers(len(FLAT % 7), len(content)))]
    path = tmp_path_factory.mktemp("cut") / "f"
    path.write_bytes(cut)
    reading = gather(path)
    assert reading.account.read == sum(bool(line.strip()) for line in cut.split(b"\n"))


def test_a_file_with_two_kinds_gives_a_batch_of_each(lines: Callable[[bytes], Reading]) -> None:
    reading = lines(b'{"EventID":1,"Channel":"x"}\n{"EventID":2,"Channel":"x"}\n{"EventID":1,"Channel":"x"}\n')
    assert [(batch.kind.code, len(batch)) for batch in reading.batches] == [("1", 2), ("2", 1)]


def test_folders_are_read_in_order_of_name_whatever_lies_in_them(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.txt").write_bytes(FLAT % 2)
    (tmp_path / "a.bin").write_bytes(FLAT % 1)
    (tmp_path / "防人.log").write_bytes(FLAT % 3)
    (tmp_path / "rule.yml").write_text("title: no telemetry\n")
    (tmp_path / "empty").touch()
    reading = gather(tmp_path)
    assert [event["n"] for event in reading.events()] == ["1", "3", "2"]
    skipped = {Path(item.path).name: item.reason for item in reading.accounts if item.outcome is Outcome.SKIPPED}
    assert skipped == {"rule.yml": "text in no known format", "empty": "nothing in it"}
    assert reading.batches[0].event_id(0) == gather(tmp_path).batches[0].event_id(0)


def test_missing_and_empty_places_are_said_and_the_rest_is_read(tmp_path: Path) -> None:
    good, empty, missing = tmp_path / "good", tmp_path / "folder", tmp_path / "missing"
    good.write_bytes(THREE)
    empty.mkdir()
    reading = gather(empty, missing, good)
    assert len(reading.events()) == 3
    assert {Path(item.path).name: item.reason for item in reading.accounts if item.outcome is Outcome.FAILED} == {
        "folder": "the folder holds no files",
        "missing": "there is no such file or folder",
    }


def test_links_loops_and_pipes_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(THREE)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    os.mkfifo(tmp_path / "pipe")
    reading = gather(tmp_path)
    assert len(reading.events()) == 3
    reasons = {Path(item.path).name: item.reason for item in reading.accounts if item.outcome is Outcome.SKIPPED}
    link = "a symbolic link, which is not followed: name its target to read it"
    assert reasons == {"loop": link, "link": link, "self": link, "pipe": "no regular file (a device, pipe or socket)"}
    assert len(gather(tmp_path / "link").events()) == 3


def test_what_is_given_by_name_or_called_telemetry_must_be_some(tmp_path: Path) -> None:
    """A wiped event log must not look like one with nothing in it."""
    noise = b"\x93\x01\0\x05"
    for name, content in {
        "wiped.evtx": bytes(69_632),
        "emptied.EVTX": b"",
        "damaged.ndjson": noise,
        "other.jsonl": b'{"ts":1}\n',
        "not-yet.ndjson": b"",
        "._mac.evtx": b"\0\x05\x16\x07",
        "notes.txt": b"read me",
        "z.zip": _zip({"in/wiped.evtx": noise, "readme": noise}),
    }.items():
        (tmp_path / name).write_bytes(content)
    outcomes = {item.path.removeprefix(f"{tmp_path}/"): item.outcome for item in gather(tmp_path).accounts}
    failed = {path for path, outcome in outcomes.items() if outcome is Outcome.FAILED}
    assert failed == {"wiped.evtx", "emptied.EVTX", "damaged.ndjson", "other.jsonl", "z.zip!in/wiped.evtx"}
    assert {path for path, outcome in outcomes.items() if outcome is Outcome.SKIPPED} == outcomes.keys() - failed
    assert _failed(gather(tmp_path / "notes.txt")) == "text in no known format"
    assert _failed(gather(tmp_path / "not-yet.ndjson")) == "nothing in it"
    assert _failed(gather(Path("/dev/null"))) == "no regular file (a device, pipe or socket)"
    both = gather(tmp_path, tmp_path / "notes.txt")
    assert [item.outcome for item in both.accounts if item.path.endswith("notes.txt")] == [Outcome.FAILED]


def test_a_file_that_is_given_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(THREE)
    assert len(gather(tmp_path, tmp_path / "a", tmp_path / "x" / ".." / "a").events()) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(THREE)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").chmod(0)
    (tmp_path / "folder").chmod(0)
    reasons = {Path(item.path).name: item.reason for item in gather(tmp_path).accounts}
    (tmp_path / "folder").chmod(stat.S_IRWXU)
    assert reasons == {
        "file": "it cannot be opened: permission denied",
        "folder": "it cannot be listed: permission denied",
    }


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose bytes cannot be read")
def test_a_disk_that_fails_is_said() -> None:
    assert _failed(gather(Path("/proc/self/mem"))) == "it cannot be read: input/output error"


def test_a_name_that_is_not_utf_8_is_said(tmp_path: Path) -> None:
    bad = os.fsencode(tmp_path) + b"/\xff\xfe.log"
    with open(bad, "wb") as file:  # noqa: PTH123 - a Path cannot be made of such bytes directly
        file.write(THREE)
    reading = gather(tmp_path)
    assert _failed(reading) == "its name is not valid UTF-8: rename it"
    assert reading.account.path.endswith("\\xff\\xfe.log")


def test_archives_in_archives_are_read_and_named(tmp_path: Path) -> None:
    inner = _zip(
        {"host/Sysmon.json": THREE, "__MACOSX/._Sysmon.json": b"\0\x05\x16\x07", "net.cap": b"\xd4\xc3\xb2\xa1"}
    )
    path = tmp_path / "all!logs"
    path.write_bytes(_zip({"one.zip": inner, "plain.json": FLAT % 9}))
    reading = gather(path)
    assert [batch.source.path for batch in reading.batches] == [
        f"{path}!one.zip!host/Sysmon.json",
        f"{path}!plain.json",
    ]
    assert {
        item.path.rpartition("!")[2]: item.reason for item in reading.accounts if item.outcome is Outcome.SKIPPED
    } == {
        "__MACOSX/._Sysmon.json": "desktop noise of macOS or Windows",
        "net.cap": "a packet capture",
    }


def test_archives_nested_too_deep_are_refused(tmp_path: Path) -> None:
    content = THREE
    for _ in range(5):
        content = _zip({"in": content})
    (tmp_path / "deep").write_bytes(content)
    reading = gather(tmp_path / "deep")
    assert _failed(reading) == "archives are nested more than 3 deep: unpack it first"


def test_an_archive_bomb_is_refused_and_what_follows_is_read(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(_zip({"a": bytes(400 * 1024 * 1024), "b": THREE}))
    reading = gather(tmp_path / "bomb")
    assert [item.reason for item in reading.accounts if item.outcome is Outcome.FAILED] == [
        "it unpacks to more than 256 MiB, as archive bombs do: unpack it yourself",
    ]
    assert len(reading.events()) == 3


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    content = bytearray(_zip({"a": THREE}))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + at] |= 1
    (tmp_path / "z").write_bytes(content)
    assert _failed(gather(tmp_path / "z")) == "it is encrypted: unpack the archive with its password first"


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_damaged_archive_never_stops_the_run(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(_zip({"a.json": THREE * 50, "in.zip": _zip({"b": THREE})}))
    for at, value in data.draw(st.lists(st.tuples(st.integers(4, len(content) - 1), st.integers(0, 255)), max_size=8)):
        content[at] = value
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "0").write_bytes(content[: data.draw(st.integers(4, len(content)))])
    (folder / "1").write_bytes(THREE)
    reading = gather(folder)
    assert reading.accounts[-1].evaluated == 3
    assert reading.accounts[-1].path.endswith("/1")


def test_a_member_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    content = bytearray(_zip({"a": b"".join(FLAT % n for n in range(60_000))}, zipfile.ZIP_STORED))
    content[content.index(FLAT % 59_999) + 1] ^= 1
    (tmp_path / "z").write_bytes(content)
    reading = gather(tmp_path / "z")
    assert reading.account.evaluated > 20_000
    assert "the archive is damaged inside this member" in reading.rejected[-1].reason


def test_progress_reaches_the_end_in_bytes_on_disk(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(THREE)
    (tmp_path / "b").write_bytes(_zip({"x": THREE, "y": THREE * 9}))
    steps: list[Progress] = []
    list(read([tmp_path], tenant="bank", clock=ManualClock(NOW), on_progress=steps.append))
    assert steps[-1].total == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert 0 <= steps[-1].total - steps[-1].done <= 2


def test_what_the_file_grows_by_while_it_is_read_is_left_for_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "live"
    path.write_bytes(THREE)
    items = read([path], tenant="bank", clock=ManualClock(NOW))
    first = next(items)
    with path.open("ab") as file:
        file.write(FLAT % 3)
    reading = Reading([first, *items])
    assert reading.account.evaluated == 3
    assert reading.account.source is not None
    assert reading.account.source.size == len(THREE)


def test_a_large_file_comes_in_rounds(tmp_path: Path) -> None:
    path = tmp_path / "many"
    path.write_bytes(b"".join(FLAT % n for n in range(40_000)))
    reading = gather(path)
    sizes = [len(batch) for batch in reading.batches]
    assert sum(sizes) == 40_000
    assert len(sizes) == 3
    assert max(sizes) <= 16_384
    assert [event["n"] for event in reading.events()] == [str(n) for n in range(40_000)]


def test_otrf_and_evtx_corpora_are_read_whole(shared: Path) -> None:
    """Every record of some real datasets; figures were counted with other tools (wc -l, the evtx crate alone)."""
    otrf = shared / "corpora/otrf/datasets/atomic/windows"
    (archive,) = otrf.rglob("rdp_interactive_taskmanager_lsass_dump.zip")
    reading = gather(archive)
    assert (reading.account.evaluated, reading.account.rejected, reading.account.untimed) == (5489, 0, 0)
    (pretty,) = (path for path in sorted((shared / "corpora/sigma/regression").rglob("*.json"))[:1])
    (event,) = gather(pretty).events()
    system = orjson.loads(pretty.read_bytes())["Event"]["System"]
    assert event["Channel"] == system["Channel"]
    assert event["EventID"] == str(system["EventID"])


_NO_YEAR = b"Mar  3 10:00:00 web1 sshd[1]: Connection closed\n"
_IN_UTC = struct.pack("<HHBi", 0x5455, 5, 1, 1_500_000_000)
"""Info-ZIP's extended timestamp."""


def _tarred(content: bytes, written: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("auth.log")
        member.size, member.mtime = len(content), written
        tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _zipped(content: bytes, day: tuple[int, int, int, int, int, int], extra: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        member = zipfile.ZipInfo("auth.log", day)
        member.extra = extra
        archive.writestr(member, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "file_written", "year"),
    [
        (_NO_YEAR, "2019-06-01T00:00:00Z", 2019),
        (_NO_YEAR, "2019-02-01T00:00:00Z", 2018),
        (_NO_YEAR, "2099-01-01T00:00:00Z", 2026),  # a clock that was wrong
        (_NO_YEAR, "1970-01-01T00:00:01Z", 2026),
        (_NO_YEAR.decode().encode("utf-16"), "2019-06-01T00:00:00Z", 2019),
        (gzip.compress(_NO_YEAR), "2019-06-01T00:00:00Z", 2019),
        (_tarred(_NO_YEAR, 1_500_000_000), "2019-06-01T00:00:00Z", 2017),
        (gzip.compress(_tarred(_NO_YEAR, 1_500_000_000)), "2019-06-01T00:00:00Z", 2017),
        (_tarred(gzip.compress(_NO_YEAR), 1_500_000_000), "2019-06-01T00:00:00Z", 2017),
        (_zipped(_NO_YEAR, (2015, 4, 1, 0, 0, 0)), "2019-06-01T00:00:00Z", 2015),
        (_zipped(_NO_YEAR, (2015, 4, 1, 0, 0, 0), _IN_UTC), "2019-06-01T00:00:00Z", 2017),
        (_zipped(_NO_YEAR, (1980, 1, 1, 0, 0, 0)), "2019-06-01T00:00:00Z", 2019),
        (_tarred(_NO_YEAR, 0), "2019-06-01T00:00:00Z", 2019),
    ],
    ids=[
        "file",
        "beginning of the year",
        "wrong clock",
        "no time",
        "UTF-16",
        "gzip",
        "tar",
        "tgz",
        "gz in tar",
        "zip",
        "zip in UTC",
        "zip without time",
        "tar without time",
    ],
)
def test_a_year_that_a_log_does_not_write_is_told_by_when_it_was_last_written(
    content: bytes, file_written: str, year: int, tmp_path: Path
) -> None:
    log = tmp_path / "auth.log"
    log.write_bytes(content)
    os.utime(log, ns=(0, parse_rfc3339(file_written)))
    assert gather(log).times() == [parse_rfc3339(f"{year}-03-03T10:00:00Z")]
