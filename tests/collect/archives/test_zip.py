"""Zip archives of many makers, and hostile and damaged ones: what can be read is, and the rest is named."""

import io
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collect.conftest import Reading, gather

from sakimori.collect import Outcome
from sakimori.collect.archives import Member, Unreadable, zip

LINE = b'{"EventID":1,"Channel":"x","n":%d}\n'
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


class _Pipe(io.RawIOBase):
    """Cannot seek, so that members are written with their sizes behind them."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - as zipfile calls it
        self.data += data
        return len(data)


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def _piped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = _Pipe()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return bytes(target.data)


def _read(data: bytes) -> list[tuple[str, bytes | str]]:
    """Name and content of each member, or name and reason."""
    found: list[tuple[str, bytes | str]] = []
    for item in zip.members(io.BytesIO(data)):
        if isinstance(item, Member):
            try:
                found.append((item.name, b"".join(item.blocks())))
            except Unreadable as error:
                found.append((item.name, str(error)))
        else:
            found.append((item.name, item.reason))
    return found


def _without_list(data: bytes) -> bytes:
    return data[: int.from_bytes(data[-6:-2], "little")]  # as the end record says, for members may hold anything


def _reasons(reading: Reading) -> list[str]:
    return [item.reason for item in reading.accounts if item.outcome is Outcome.FAILED]


NO_LIST = ("", "the archive's list of members is missing or damaged: members were read as they were found")


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.binary(max_size=1200), max_size=5), before=st.binary(max_size=50))
def test_members_come_out_as_they_went_in(method: int, contents: list[bytes], before: bytes) -> None:
    files = {f"folder/{n}": content for n, content in enumerate(contents)}
    assert _read(_zip(files, method)) == list(files.items())
    assert _read(_piped(files, method)) == list(files.items())
    assert _read(before + _zip(files, method)) == list(files.items())  # as in a self-extracting archive
    if files:
        assert _read(_without_list(_zip(files, method))) == [NO_LIST, *files.items()]


@pytest.mark.parametrize("method", METHODS[1:])
@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.binary(max_size=1200), min_size=1, max_size=5))
def test_without_a_list_members_with_their_sizes_behind_them_are_found(method: int, contents: list[bytes]) -> None:
    files = {f"folder/{n}": content for n, content in enumerate(contents)}
    assert _read(_without_list(_piped(files, method))) == [NO_LIST, *files.items()]


def test_stored_members_of_unknown_length_are_refused_and_those_behind_are_found() -> None:
    target = _Pipe()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("b", b"2" * 100, zipfile.ZIP_DEFLATED)
    assert _read(_without_list(bytes(target.data))) == [
        NO_LIST,
        ("a", "its length stands in the list of members, which is missing or damaged"),
        ("b", b"2" * 100),
    ]


@pytest.mark.parametrize("piped", [True, False])
def test_a_member_that_is_not_read_is_passed_over(piped: bool) -> None:
    files = {"a": b"1" * 1000, "b": b"2"}
    for data in (whole := (_piped if piped else _zip)(files), _without_list(whole)):
        names = [item.name for item in zip.members(io.BytesIO(data)) if isinstance(item, Member)]
        assert names == ["a", "b"]


def test_zip64_is_read_with_and_without_its_list() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        with archive.open("large", "w", force_zip64=True) as member:
            member.write(b"1" * 1000)
        archive.writestr("small", b"2")
    data = target.getvalue()
    files = [("large", b"1" * 1000), ("small", b"2")]
    assert _read(data) == files
    assert _read(_without_list(data)) == [NO_LIST, *files]
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, end - start, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    unknown = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert _read(data[:end] + record + locator + unknown) == files


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("監査ログ.json".encode("cp932"), "監査ログ.json"),
        ("監査ログ.json".encode(), "監査ログ.json"),  # as macOS writes it, without saying so
        ("表示ソ能.evtx".encode("cp932"), "表示ソ能.evtx"),  # whose second bytes are backslashes
        (b"na\xefve\xff.json", "na∩ve\xa0.json"),
    ],
)
def test_names_without_the_utf_8_flag(tmp_path: Path, name: bytes, shown: str) -> None:
    data = _zip({"x" * len(name): LINE % 1}).replace(b"x" * len(name), name)
    (tmp_path / "z").write_bytes(data)
    (batch,) = gather(tmp_path / "z").batches
    assert batch.source.path == f"{tmp_path / 'z'}!{shown}"


def test_a_name_in_bad_utf_8_costs_nothing() -> None:
    data = _zip({"防": b"1", "b": b"2"}).replace("防".encode(), b"\xff\xff\xff")
    assert [content for _, content in _read(data)] == [b"1", b"2"]


def test_encrypted_members_are_refused_and_others_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LINE % 1)
    (tmp_path / "b").write_bytes(LINE % 2)
    for command in (["zip", "-qP", "secret", "z.zip", "a"], ["zip", "-q", "z.zip", "b"]):
        try:
            subprocess.run(command, cwd=tmp_path, check=True)
        except FileNotFoundError:
            pytest.skip("needs zip")
    reading = gather(tmp_path / "z.zip")
    assert _reasons(reading) == ["it is encrypted: unpack the archive with its password first"]
    assert len(reading.events()) == 1


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    """Fifield, "A better zip bomb": many entries of the list share one run of packed bytes."""
    data = _zip({"a": LINE % 1, "b": LINE % 2})
    start = data.index(b"PK\x01\x02")
    entry = data[start : data.index(b"PK\x01\x02", start + 1)]
    count = 1000
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, count * len(entry), start, 0)
    (tmp_path / "z").write_bytes(data[:start] + entry * count + tail)
    reading = gather(tmp_path / "z")
    assert len(reading.events()) == 1
    assert _reasons(reading) == ["it overlaps another member, as in archive bombs: unpack it yourself"] * 999


def test_a_damaged_header_costs_one_member(tmp_path: Path) -> None:
    data = bytearray(_zip({"a": LINE % 1, "b": LINE % 2, "c": LINE % 3}, zipfile.ZIP_STORED))
    data[data.index(b"PK\x03\x04", 10)] ^= 1
    (tmp_path / "z").write_bytes(data)
    reading = gather(tmp_path / "z")
    assert [event["n"] for event in reading.events()] == ["1", "3"]
    assert _reasons(reading) == ["the archive is damaged here: its header is not there"]


def test_without_a_list_what_lies_behind_a_damaged_header_is_found(tmp_path: Path) -> None:
    data = bytearray(_without_list(_zip({"a": LINE % 1, "b": LINE % 2, "c": LINE % 3}, zipfile.ZIP_STORED)))
    at = data.index(b"PK\x03\x04", 10)
    data[at] ^= 1
    (tmp_path / "z").write_bytes(data)
    reading = gather(tmp_path / "z")
    assert [event["n"] for event in reading.events()] == ["1", "3"]
    assert _reasons(reading)[1].startswith(f"bytes {at} to ")


@pytest.mark.parametrize("make", [_zip, _piped])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_wherever_it_breaks_off_what_comes_before_is_there(
    make: Callable[[dict[str, bytes]], bytes], data: st.DataObject
) -> None:
    files = {str(n): zlib.compress(bytes([n]) * 999) * 9 for n in range(4)}
    whole = make(files)
    cut = data.draw(st.integers(22, len(whole) - 1))
    read = [item for item in _read(whole[:cut]) if isinstance(item[1], bytes)]
    assert read == list(files.items())[: len(read)]
    assert len(read) >= whole.count(b"PK\x03\x04", 0, cut) - 1


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_never_raises_but_where_bytes_are_read(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([_zip, _piped]))({"a": b"1" * 600, "b": b"2", "c": b""}))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=6)):
        content[at] = value
    for name, result in _read(bytes(content[: data.draw(st.integers(0, len(content)))])):
        assert isinstance(name, str)
        assert isinstance(result, bytes) or result
