"""``sakimori drill compare``: one real attack, with and without the defence."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sakimori.cli import cli


def compare(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["drill", "compare", *arguments])


def test_an_attack_is_played_twice_and_told_to_programs_whole(home: Path) -> None:
    result = compare("--seeds", "1", "--first", "3", "--hosts", "20", "--format", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    (played,) = found["drills"]
    assert (played["seed"], played["hosts"]) == (3, 20)
    assert 0 <= played["lost_with"] <= played["lost_without"] <= 20
    assert played["events"] > played["findings"] > 0
    assert found["summary"]["lost_undefended"] == pytest.approx(played["lost_without"] / 20)
    assert found["summary"]["lost_defended"] == pytest.approx(played["lost_with"] / 20)


@pytest.mark.parametrize("arguments", [["--hosts", "19"], ["--seeds", "0"], ["--rules", "nowhere"], ["--first", "-1"]])
def test_what_makes_no_sense_is_refused_before_anything_is_played(home: Path, arguments: list[str]) -> None:
    result = compare(*arguments)
    assert result.exit_code == 2
    assert "Error: Invalid value for" in result.stderr
    assert not home.exists()
