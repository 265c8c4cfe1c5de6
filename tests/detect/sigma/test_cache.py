"""The folder for compiled rules saves time and nothing else."""

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
    assert record.getMessage().startswith(f"{folder}: compiled rules cannot be kept here")


def test_the_folder_is_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULE, "utf-8")
    SigmaDetector.load([tmp_path / "a.yml"], tmp_path / "cache")
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
