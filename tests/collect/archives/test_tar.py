"""Tar archives of every dialect, and damaged ones: what can be read is, and the rest is named."""

import contextlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collect.conftest import Reading, gather

from sakimori.collect import Outcome
from sakimori.collect.archives import Member, Unreadable, tar

LINE = b'{"EventID":1,"Channel":"x","n":%d}\n'


def _tar(files: dict[str, bytes], format: int = tarfile.PAX_FORMAT, encoding: str = "utf-8") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format, encoding=encoding) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def _read(data: bytes) -> list[tuple[str, bytes | str]]:
    """Name and content of each member, or name and reason."""
    found: list[tuple[str, bytes | str]] = []
    for item in tar.members(io.BytesIO(data)):
        found.append((item.name, b"".join(item.blocks()) if isinstance(item, Member) else item.reason))
    return found


def _reasons(reading: Reading) -> dict[str, str]:
    return {item.path.partition("!")[2]: item.reason for item in reading.accounts if item.reason}


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.binary(max_size=1200), min_size=1, max_size=5))
def test_members_come_out_as_they_went_in(format: int, contents: list[bytes]) -> None:
    files = {f"folder/{n}": content for n, content in enumerate(contents)}
    assert tar.recognises(_tar(files, format)[:512])
    assert _read(_tar(files, format)) == list(files.items())


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_japanese_names(format: int) -> None:
    files = {"深い/" * 60 + "ログ.json": b"1", "x" * 101: b"2", "short": b"3"}
    assert _read(_tar(files, format)) == list(files.items())
    assert _read(_tar({"ログ.json": b"1"}, tarfile.GNU_FORMAT, "cp932")) == [("ログ.json", b"1")]


def test_archives_one_behind_the_other_are_read_whole() -> None:
    """As ``cat a.tar b.tar`` leaves them; others stop at the first end mark."""
    assert _read(_tar({"a": b"1"}) + _tar({"b": b"2"})) == [("a", b"1"), ("b", b"2")]


def test_links_devices_and_folders_are_never_followed_or_made(tmp_path: Path) -> None:
    path = tmp_path / "t.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in {
            "dir": tarfile.DIRTYPE,
            "link": tarfile.SYMTYPE,
            "hard": tarfile.LNKTYPE,
            "pipe": tarfile.FIFOTYPE,
            "sda": tarfile.BLKTYPE,
            "tty": tarfile.CHRTYPE,
        }.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("/etc/cron.d/x", "../../escape", "a\x1b[31m\n"):
            info = tarfile.TarInfo(name)
            info.size = len(LINE % 1)
            archive.addfile(info, io.BytesIO(LINE % 1))
    reading = gather(path)
    assert _reasons(reading) == {
        "link": "a symbolic link, which is not followed",
        "hard": "a hard link to another member",
        "pipe": "a pipe",
        "sda": "a device",
        "tty": "a device",
    }
    assert [batch.source.path for batch in reading.batches] == [
        f"{path}!/etc/cron.d/x",
        f"{path}!../../escape",
        f"{path}!a\x1b[31m\n",
    ]
    assert [item.name for item in tmp_path.parent.rglob("escape")] == []


@pytest.mark.parametrize("format", ["gnu", "pax --sparse-version=0.0", "pax --sparse-version=0.1", "pax"])
def test_sparse_files_get_their_holes_back(tmp_path: Path, format: str) -> None:
    content = bytearray(3_000_000)
    for at in range(0, 3_000_000, 120_000):  # more stretches than one header holds
        content[at : at + 4096] = (LINE % at).ljust(4096, b" ")
    with (tmp_path / "sparse").open("wb") as file:
        for at in range(0, 3_000_000, 120_000):
            file.seek(at)
            file.write(content[at : at + 4096])
        file.truncate(3_000_000)
    command = ["tar", "-cf", "t.tar", "-S", "--hole-detection=raw", *f"--format={format}".split(), "sparse"]
    if subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode:
        pytest.skip("needs GNU tar")
    data = (tmp_path / "t.tar").read_bytes()
    assert len(data) < 400_000
    assert _read(data + _tar({"next": b"1"})) == [("sparse", bytes(content)), ("next", b"1")]


def test_a_file_that_is_all_hole_is_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    done = subprocess.run(["tar", "-cSf", "t.tar", "sparse"], cwd=tmp_path, check=False, capture_output=True)
    path.unlink()
    if done.returncode:
        pytest.skip("needs GNU tar")
    assert _reasons(gather(tmp_path / "t.tar")) == {
        "sparse": "it unpacks to more than 256 MiB, as archive bombs do: unpack it yourself"
    }


def test_what_lies_behind_a_damaged_header_is_found_again(tmp_path: Path) -> None:
    data = bytearray(_tar({"a": LINE % 1, "b": LINE % 2, "c": LINE % 3}))
    data[1024 + 3] ^= 1
    (tmp_path / "t").write_bytes(data)
    reading = gather(tmp_path / "t")
    assert [event["n"] for event in reading.events()] == ["1", "3"]
    assert [item.reason for item in reading.accounts if item.outcome is Outcome.FAILED] == [
        "bytes 1024 to 2048 of the archive hold no member that can be read"
    ]


def test_an_archive_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    data = _tar({"a": LINE % 1, "b": LINE % 2 * 100})
    (tmp_path / "inside").write_bytes(data[: 1024 + 512 + len(LINE % 2) * 10])
    (tmp_path / "between").write_bytes(data[:1024])
    inside, between = gather(tmp_path / "inside"), gather(tmp_path / "between")
    assert [account.evaluated for account in inside.accounts] == [1, 10, 0]
    assert inside.rejected[-1].reason == (
        "the archive is damaged inside this member (it breaks off): only the 340 bytes before that were read"
    )
    assert len(between.events()) == 1
    assert between.accounts[-1].reason == "the archive ends without its end mark: it may be cut off"


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (b"99999 path=x\n", "its records have no form"),
        (b"x", "its records have no form"),
        (b"0 path=x\n", "its records have no form"),
        (b"13 size=0x10\n", "a number in it is none"),
        (bytes(2 << 20), "it is larger than 1 MiB"),
    ],
)
def test_extended_headers_are_not_believed(records: bytes, reason: str) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    head = info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)
    problem, member = _read(head + _tar({"a": b"1"}))
    assert problem == ("", f"the extended header at byte 512 of the archive is damaged: {reason}")
    assert member == ("a", b"1")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_never_raises_but_where_bytes_are_read(data: st.DataObject) -> None:
    content = bytearray(_tar({"a" * 120: b"1" * 600, "b": b"2"}))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=6)):
        content[at] = value
    for item in tar.members(io.BytesIO(content[: data.draw(st.integers(0, len(content)))])):
        if isinstance(item, Member):
            with contextlib.suppress(Unreadable):
                list(item.blocks())
        else:
            assert item.reason
