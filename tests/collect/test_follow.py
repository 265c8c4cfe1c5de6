"""Following: whole lines only, each once, through growth, truncation and rotation."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collect.conftest import NOW, Reading

from sakimori.collect import Follower, Outcome, SourceGone, raw_record
from sakimori.collect.follow import PIECE
from sakimori.core import ManualClock
from sakimori.records import OFFSET

FLAT = b'{"EventID":1,"Channel":"x","n":%d}\n'


def _follower(path: Path, position: int = 0) -> Follower:
    return Follower(path, "bank", clock=ManualClock(NOW), position=position)


def _poll(follower: Follower) -> Reading:
    reading = Reading(list(follower.poll()))
    assert reading.balanced()
    return reading


def _numbers(reading: Reading) -> list[str]:
    return [event["n"] for event in reading.events()]


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 30))
def test_however_a_file_grows_each_line_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], restart_at: int
) -> None:
    path = tmp_path_factory.mktemp("grow") / "f"
    content = b"".join(FLAT % n for n in range(20))
    path.touch()
    follower, seen, written = _follower(path), list[str](), 0
    for number, step in enumerate([*steps, len(content)]):
        _append(path, content[written : written + step])
        written += step
        if number == restart_at:
            follower.close()
            follower = _follower(path, follower.position)
        seen += _numbers(_poll(follower))
        assert len(seen) == content[:written].count(b"\n")
    follower.close()
    assert seen == [str(n) for n in range(20)]


def test_pieces_have_ids_that_lead_back(tmp_path: Path) -> None:
    path = tmp_path / "f"
    follower = _follower(path)
    assert _poll(follower).accounts == []
    for first in (0, 2):
        _append(path, FLAT % first + FLAT % (first + 1))
        reading = _poll(follower)
        (batch,) = reading.batches
        assert batch.source.start == first * len(FLAT % 0)
        for row, offset in enumerate(batch.rows.column(OFFSET).to_pylist()):
            assert raw_record(batch.source, offset) + b"\n" == FLAT % (first + row)
    follower.close()


def test_half_a_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "f"
    follower = _follower(path)
    _append(path, FLAT % 0 + b'{"EventID":1,"Chan')
    assert _numbers(_poll(follower)) == ["0"]
    assert _poll(follower).accounts == []
    _append(path, b'nel":"x","n":1}\n')
    assert _numbers(_poll(follower)) == ["1"]
    follower.close()


def test_broken_lines_are_rejected_with_their_place_in_the_piece(tmp_path: Path) -> None:
    path = tmp_path / "f"
    follower = _follower(path)
    _append(path, FLAT % 0)
    _poll(follower)
    _append(path, b"oops\n" + FLAT % 1)
    reading = _poll(follower)
    assert _numbers(reading) == ["1"]
    assert [(item.source.start, item.offset) for item in reading.rejected] == [(len(FLAT % 0), 0)]
    follower.close()


@pytest.mark.parametrize("new", [FLAT % 7, b"".join(FLAT % n for n in range(7, 60))])
def test_a_file_emptied_and_written_anew_is_read_from_its_beginning(tmp_path: Path, new: bytes) -> None:
    path = tmp_path / "f"
    follower = _follower(path)
    path.write_bytes(b"".join(FLAT % n for n in range(5)))
    old = _poll(follower).batches[0].source
    path.write_bytes(new)  # same inode, shorter or longer than before
    assert _numbers(_poll(follower))[0] == "7"
    with pytest.raises(SourceGone):
        raw_record(old, 0)
    follower.close()


def test_a_rotated_file_is_read_to_its_end_before_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "f"
    follower = _follower(path)
    path.write_bytes(FLAT % 0)
    _poll(follower)
    _append(path, FLAT % 1 + (FLAT % 2).rstrip())
    path.rename(tmp_path / "f.1")
    assert _numbers(_poll(follower)) == ["1"]
    path.write_bytes(FLAT % 3)
    assert _numbers(_poll(follower)) == ["2", "3"]
    assert _poll(follower).accounts == []
    follower.close()


def test_a_restart_after_the_file_was_replaced_begins_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(FLAT % 0)
    follower = _follower(path, position=1_000_000)
    assert _numbers(_poll(follower)) == ["0"]
    follower.close()


def test_an_endless_line_is_rejected_once_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "f"
    follower = _follower(path)
    rejected = 0
    for content in (b"x" * PIECE, b"y" * 1000, b"z" * 1000 + b"\n" + FLAT % 1, FLAT % 2):
        _append(path, content)
        reading = _poll(follower)
        rejected += len(reading.rejected)
        last = _numbers(reading)
    assert rejected == 1
    assert last == ["2"]
    follower.close()


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    follower = _follower(tmp_path)
    (account,) = _poll(follower).accounts
    assert (account.outcome, account.reason) == (Outcome.FAILED, "it cannot be read: is a directory")
