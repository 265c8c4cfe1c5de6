"""Which files are rules, and in which order."""

import os
from pathlib import Path

import pytest

from sakimori.core import InputError
from sakimori.detect.sigma.library import load_plan, rule_files

_NAMES = ["b.yml", "a/z.yaml", "a.b/y.yml", "a/b/x.YML", "A/w.yml", "a b/v.yml", "notes.txt", "a/yml", "u.yml.bak"]


def test_rules_below_folders_come_in_order_of_their_paths(tmp_path: Path) -> None:
    """Each folder's files together, as people list them, and each file once however often it is named."""
    for name in _NAMES:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "a" / "circle").symlink_to(tmp_path)
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "link.yml").symlink_to(tmp_path / "b.yml")
    found = rule_files([tmp_path, tmp_path / "a", tmp_path / "notes.txt"])
    expected = ["A/w.yml", "a/b/x.YML", "a/z.yaml", "a b/v.yml", "a.b/y.yml", "b.yml", "link.yml", "notes.txt"]
    assert found == [tmp_path / name for name in expected]
    assert found[:-1] == sorted(found[:-1])


def test_a_relative_folder_gives_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yml").touch()
    monkeypatch.chdir(tmp_path)
    assert rule_files([Path()]) == [Path("a.yml")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize(
    ("name", "words"), [("inner", "rule folder cannot be read"), ("a.yml", "rule file cannot be read")]
)
def test_what_cannot_be_read_is_said(name: str, words: str, tmp_path: Path) -> None:
    """Rules that are silently left out would look like rules that did not fire."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.yml").touch()
    (tmp_path / name).chmod(0)
    try:
        with pytest.raises(InputError, match=f"{name}: {words}: Permission denied"):
            load_plan([tmp_path], None)
    finally:
        (tmp_path / name).chmod(0o700)
