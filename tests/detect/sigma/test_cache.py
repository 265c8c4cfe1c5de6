"""The folder for compiled rules saves time and nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch

RULE = """\
title: t
logsource: {product: test, service: log}
detection: {s: {A|contains: evil}, condition: s}
"""


@pytest.mark.parametrize("below", ["", "deeper"])
def test_without_a_folder_to_keep_rules_in_work_goes_on_and_it_is_said_once(
    below: str, tmp_path: Path, batch: Callable[..., EventBatch], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.yml").write_text(RULE, "utf-8")
    (tmp_path / "cache").write_text("a file is in its place", "utf-8")
    folder = tmp_path / "cache" / below
    for _ in range(2):
        found = SigmaDetector.load([tmp_path / "a.yml"], folder).detect(batch([{"A": "so evil"}]))
        assert [finding.title for finding in found] == ["t"]
    (record,) = caplog.records
    assert f"{folder}: compiled rules and patterns cannot be kept here" in record.getMessage()


def test_the_folder_is_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULE, "utf-8")
    SigmaDetector.load([tmp_path / "a.yml"], tmp_path / "cache")
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def unsafe(harm: str, folder: Path) -> None:
    if harm == "owner":
        os.chown(folder, 12345, -1)
    else:
        folder.chmod(int(harm, 8))


@pytest.mark.parametrize(
    "harm",
    [
        "770",
        "707",
        "1777",
        pytest.param("owner", marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")),
    ],
)
def test_what_others_could_have_written_is_never_loaded(
    harm: str, tmp_path: Path, batch: Callable[..., EventBatch], caplog: pytest.LogCaptureFixture
) -> None:
    """A Hyperscan database is run as it is: who may write one there runs code as us."""
    (tmp_path / "a.yml").write_text(RULE, "utf-8")
    folder = tmp_path / "cache"
    SigmaDetector.load([tmp_path / "a.yml"], folder).detect(batch([{"A": "so evil"}]))
    for file in folder.iterdir():
        file.write_bytes(b"made by somebody else")
    unsafe(harm, folder)
    for _ in range(2):
        found = SigmaDetector.load([tmp_path / "a.yml"], folder).detect(batch([{"A": "so evil"}]))
        assert [finding.title for finding in found] == ["t"]
    assert {file.read_bytes() for file in folder.iterdir()} == {b"made by somebody else"}
    beside = tmp_path / f"cache-{os.geteuid()}"
    assert beside.stat().st_mode & 0o777 == 0o700
    assert {file.name for file in beside.iterdir()} == {file.name for file in folder.iterdir()}
    (record,) = caplog.records
    assert record.name == "sakimori.compiled"
    assert f"{folder}: compiled rules and patterns are not taken from a folder that others own or may write to" in str(
        record.msg
    )


def test_where_both_folders_are_open_to_others_work_goes_on_without(
    tmp_path: Path, batch: Callable[..., EventBatch], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.yml").write_text(RULE, "utf-8")
    for name in ("cache", f"cache-{os.geteuid()}"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    found = SigmaDetector.load([tmp_path / "a.yml"], tmp_path / "cache").detect(batch([{"A": "so evil"}]))
    assert [finding.title for finding in found] == ["t"]
    assert not [*tmp_path.glob("cache*/*")]
    assert len(caplog.records) == 2


@pytest.mark.parametrize("harm", ["666", "620", "link"])
def test_a_file_that_others_could_have_written_is_made_anew(
    harm: str, tmp_path: Path, batch: Callable[..., EventBatch], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.yml").write_text(RULE, "utf-8")
    folder = tmp_path / "cache"
    SigmaDetector.load([tmp_path / "a.yml"], folder).detect(batch([{"A": "so evil"}]))
    kept = {file: file.read_bytes() for file in folder.iterdir()}
    for file in kept:
        if harm == "link":
            file.rename(tmp_path / file.name)
            file.symlink_to(tmp_path / file.name)
        else:
            file.chmod(int(harm, 8))
    SigmaDetector.load([tmp_path / "a.yml"], folder).detect(batch([{"A": "so evil"}]))
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}
    assert not [file for file in folder.iterdir() if file.is_symlink()]
    assert caplog.records
