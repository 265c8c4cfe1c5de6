"""gzip, bzip2, xz and Zstandard: whole, in several members, damaged, with something behind them."""

import bz2
import gzip
import io
import lzma
import random
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collect.conftest import gather

from sakimori.collect import Outcome
from sakimori.collect.archives import Damaged, Refused
from sakimori.collect.archives.compressed import COMPRESSED

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    import backports.zstd as zstd

Pack = Callable[[bytes], bytes]

PACKS: dict[str, Pack] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}
LINE = b'{"EventID":1,"Channel":"x","n":%d,"noise":"%s"}\n'
MANY = b"".join(LINE % (n, random.Random(n).randbytes(24).hex().encode()) for n in range(1000))


def _unpacked(data: bytes) -> tuple[bytes, str]:
    """What comes of it before the end or the damage, and the damage."""
    (container,) = (container for container in COMPRESSED if container.recognises(data))
    (member,) = container.members(io.BytesIO(data))
    pieces: list[bytes] = []
    try:
        for block in member.blocks():
            pieces.append(block)
    except Damaged as damage:
        return b"".join(pieces), str(damage)
    return b"".join(pieces), ""


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
@settings(max_examples=30, deadline=None)
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5), zeros=st.integers(0, 70_000))
def test_members_one_behind_the_other_are_one_file(pack: Pack, parts: Sequence[bytes], zeros: int) -> None:
    assert _unpacked(b"".join(map(pack, parts)) + bytes(zeros * 4)) == (b"".join(parts), "")


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
def test_a_hundred_thousand_small_members_take_no_longer_than_their_bytes(pack: Pack) -> None:
    assert _unpacked(pack(b"x") * 20_000) == (b"x" * 20_000, "")


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_wherever_it_breaks_off_what_comes_before_is_there(pack: Pack, data: st.DataObject) -> None:
    whole = pack(MANY)
    head, damage = _unpacked(whole[: data.draw(st.integers(12, len(whole) - 1))])
    assert MANY.startswith(head)
    assert damage == "it breaks off"


@pytest.mark.parametrize("name", ["gzip", "xz", "zstd"])  # one block of bzip2 is 900 kB: all of this or nothing
def test_most_of_it_gives_more_than_half(name: str) -> None:
    content = b"".join(LINE % (n, random.Random(n).randbytes(200).hex().encode()) for n in range(1000))
    whole = PACKS[name](content)
    head, _ = _unpacked(whole[: len(whole) * 9 // 10])
    assert len(head) > len(content) // 2


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_goes_unnoticed(pack: Pack, data: st.DataObject) -> None:
    changed = bytearray(pack(MANY))
    at = data.draw(st.integers(20, len(changed) - 1))
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    content, damage = _unpacked(bytes(changed))
    assert damage or content == MANY


@pytest.mark.parametrize("name", PACKS)
def test_what_stands_behind_it_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "log").write_bytes(PACKS[name](LINE % (1, b"")) + b"something else")
    reading = gather(tmp_path)
    assert reading.account.evaluated == 1
    assert [rejected.reason for rejected in reading.rejected] == [
        f"the compressed data are damaged (what follows its end is no {name} data): "
        f"only the {len(LINE % (1, b''))} bytes before that were read",
    ]


@pytest.mark.parametrize("name", PACKS)
def test_it_is_a_source_under_its_own_path_told_by_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(PACKS[name](MANY))
    reading = gather(path)
    assert reading.account.path == str(path)
    assert reading.account.evaluated == 1000
    assert reading.account.notes == ()


def test_a_compressed_file_that_a_user_names_must_be_telemetry(tmp_path: Path) -> None:
    (tmp_path / "wiped.evtx.gz").write_bytes(gzip.compress(bytes(69_632)))
    (tmp_path / "notes.gz").write_bytes(gzip.compress(b"read me"))
    outcomes = {Path(item.path).name: item.outcome for item in gather(tmp_path).accounts}
    assert outcomes == {"wiped.evtx.gz": Outcome.FAILED, "notes.gz": Outcome.SKIPPED}
    assert gather(tmp_path / "notes.gz").account.outcome is Outcome.FAILED


def test_a_gzip_header_may_hold_more() -> None:
    deflate = zlib.compressobj(wbits=-15)
    body = deflate.compress(b"content") + deflate.flush()
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x05\0extra" + b"name\0" + "説明".encode() + b"\0" + b"CR"
    trailer = zlib.crc32(b"content").to_bytes(4, "little") + (7).to_bytes(4, "little")
    assert _unpacked(header + body + trailer) == (b"content", "")
    assert _unpacked(header[:14] + b"name without an end" * 4000) == (b"", "its header has no end")


def test_a_gzip_checksum_that_does_not_hold_costs_no_record() -> None:
    packed = bytearray(gzip.compress(MANY))
    packed[-6] ^= 1
    assert _unpacked(bytes(packed)) == (MANY, "its checksum does not hold")


def test_zstd_frames_without_content_are_stepped_over() -> None:
    """pzstd writes such a frame before each other (RFC 8878, 3.1.2)."""
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0\x2a\0\0\0"
    assert _unpacked(skippable + zstd.compress(b"content") + skippable) == (b"content", "")


def test_a_window_that_takes_too_much_memory_is_refused() -> None:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 28, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    content, damage = _unpacked(compressor.compress(b"x" * 100) + compressor.flush())
    assert content == b""
    assert "memory" in damage


def test_a_bomb_is_stopped_by_its_ratio() -> None:
    packed = gzip.compress(bytes(64 * 1024 * 1024), 1) * 5
    (member,) = COMPRESSED[0].members(io.BytesIO(packed))
    with pytest.raises(Refused, match="it unpacks to more than 256 MiB, as archive bombs do: unpack it yourself"):
        for _ in member.blocks():
            pass
