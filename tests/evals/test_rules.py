"""The labelled-rules figure: what counts as a test, and that SigmaHQ's recordings match."""

from pathlib import Path

import pytest

from sakimori.core import InputError
from sakimori.detect import SigmaDetector
from sakimori.evals.rules import evaluate, labelled_tests, main

INFO = """\
rule_metadata: [{id: 00000000-0000-4000-8000-000000000001, title: A rule}]
regression_tests_info:
  - {type: evtx, path: regression_data/here/a.evtx, match_count: 3}
  - {type: evtx, path: regression_data/here/b.evtx}
  - {type: raw, path: regression_data/here/c.raw}
"""


def test_paths_are_relative_to_the_data_and_one_match_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "info.yml").write_text(INFO, "utf-8")
    tests = labelled_tests(tmp_path)
    assert [(test.recording, test.matches) for test in tests] == [
        (tmp_path / "here" / "a.evtx", 3),
        (tmp_path / "here" / "b.evtx", 1),
    ]


@pytest.mark.parametrize("text", ["[1, 2", "title: x", "rule_metadata: []", "rule_metadata: 3"])
def test_a_bad_description_is_refused_with_its_path(text: str, tmp_path: Path) -> None:
    (tmp_path / "info.yml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"info\.yml"):
        labelled_tests(tmp_path)


def test_a_folder_without_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 3
    assert "no info.yml" in capsys.readouterr().err


def test_recordings_of_sigmahq_match(shared: Path) -> None:
    """Every tenth recording, each with its own rule alone; the whole figure is ``python -m sakimori.evals.rules``."""
    sigma = shared / "corpora" / "sigma"
    chosen = labelled_tests(sigma / "regression")[::10]
    wanted = {test.rule_id for test in chosen}
    files = [path for path in sigma.glob("rules*/windows/**/*.yml") if wanted & set(path.read_text("utf-8").split())]
    results = evaluate(chosen, SigmaDetector.load(files))
    assert [result.test.title for result in results if not result.passed] == []
    assert len(results) >= 9
