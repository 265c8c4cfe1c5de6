"""Result files: whole or not at all, and for their owner only."""

import os
import threading
from pathlib import Path

import pytest

from sakimori.cli.writing import write_whole


def test_a_result_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    before = os.umask(0)
    try:
        write_whole(path, b"incident")
        path.chmod(0o644)
        write_whole(path, b"another")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"another"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    write_whole(path, b"earlier")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"later")
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "out", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_two_that_write_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    contents = [bytes([number]) * 200_000 for number in range(8)]
    threads = [threading.Thread(target=write_whole, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]
