"""``sakimori boundary eval``: what would leave of marked texts, as a table and for programs."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from sakimori.cli.boundary import boundary
from sakimori.core import InputError

MARKED = """\
{"text": "送信元は 10.0.0.1 です", "spans": [[5, 13, "address"]]}

{"text": "好物は [bold]ひまわり", "spans": [[4, 14, "favourite"]]}
{"text": "宛先は 10.0.0.2 です", "spans": []}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "marked.jsonl"
    made.write_text(MARKED, "utf-8")
    return made


def test_programs_get_the_share_that_would_leave_and_what_each_type_adds(home: Path, file: Path) -> None:
    arguments = ["eval", str(file), "--format", "json", "--no-models", "--show", "5"]
    report = orjson.loads(CliRunner().invoke(boundary, arguments, catch_exceptions=False).stdout)
    assert report["models"] is False
    assert report["leaked"] == pytest.approx(10 / 18)
    assert report["labels"]["address"] == {"spans": 1, "leaked": 0.0, "recall_whole": 1.0, "recall_touched": 1.0}
    assert report["labels"]["favourite"]["leaked"] == 1.0
    assert report["replaced"] == {"IP": {"spans": 2, "precision": 0.5}}
    assert [(leak["span"], leak["characters"]) for leak in report["leaks"]] == [([4, 14, "favourite"], 10)]


def test_people_see_the_headline_first_and_leaks_only_where_they_ask(home: Path, file: Path) -> None:
    quiet = CliRunner().invoke(boundary, ["eval", str(file), "--no-models"], catch_exceptions=False).stdout
    assert quiet.startswith("55.56% of marked characters would leave in clear")
    assert "ひまわり" not in quiet
    shown = CliRunner().invoke(boundary, ["eval", str(file), "--no-models", "--show", "1"], catch_exceptions=False)
    assert "favourite: …好物は [bold]ひまわり…" in shown.stdout


def test_without_a_file_bank_texts_are_made_up(home: Path) -> None:
    arguments = ["eval", "--count", "40", "--no-models", "--format", "json"]
    report = orjson.loads(CliRunner().invoke(boundary, arguments, catch_exceptions=False).stdout)
    assert len(report["labels"]) > 10
    assert report["leaked"] < 0.2


def test_a_file_without_marks_is_said(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"text": "a"}\n', "utf-8")
    with pytest.raises(InputError, match="no labelled texts"):
        CliRunner().invoke(boundary, ["eval", str(file), "--no-models"], catch_exceptions=False)
