"""Measuring a boundary: what is counted, what files are read, and that the two sets of bank texts share nothing."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sakimori.core import InputError
from sakimori.evals.banktexts import bank_texts, templates
from sakimori.evals.banktexts.values import pools
from sakimori.evals.boundary import Labelled, evaluate, read_labelled


def test_leaks_are_counted_in_characters_of_all_labels_and_white_space_is_none() -> None:
    text = "山田 太郎 03-1234-5678"
    labelled = Labelled(text, ((0, 5, "PERSON"), (6, 18, "PHONE")))
    evaluation = evaluate([labelled], lambda _: [(0, 2, "PERSON")])
    assert evaluation.leaked == pytest.approx(14 / 16)
    assert evaluation.types["PERSON"].leaked == 0.5
    assert (evaluation.types["PERSON"].recall, evaluation.types["PERSON"].overlap_recall) == (0, 1)
    assert evaluation.precision == 1


def test_precision_is_the_share_of_found_spans_that_touch_a_label() -> None:
    evaluation = evaluate([Labelled("abc def", ((0, 3, "X"),))], lambda _: [(0, 3, "A"), (4, 7, "A")])
    assert (evaluation.precision, evaluation.recall) == (0.5, 1)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([{"text": "ab", "entities": [{"name": "a", "span": [0, 1], "type": "人名"}]}]),
        json.dumps([{"full_text": "ab", "spans": [{"entity_type": "人名", "start_position": 0, "end_position": 1}]}]),
        '{"text": "ab", "spans": [[0, 1, "人名"]]}\n',
    ],
)
def test_three_forms_of_labels_are_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels").write_text(content, "utf-8")
    assert list(read_labelled(tmp_path / "labels")) == [Labelled("ab", ((0, 1, "人名"),))]


def test_a_file_without_labels_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    with pytest.raises(InputError, match="no labelled texts"):
        list(read_labelled(tmp_path / "x"))


def test_tuning_and_evaluation_share_no_template_and_no_value() -> None:
    def digests(texts: list[str]) -> set[str]:
        return {hashlib.sha256(text.encode()).hexdigest() for text in texts}

    def values(part: str) -> set[str]:
        found: dict[str, Any] = pools(part)
        return {
            word
            for name, words in found.items()
            if name not in ("area_codes", "states", "plate_areas")
            for word in (words.split("|") if "|" in words else words.split())
        }

    assert not digests(templates("tuning")) & digests(templates("evaluation"))
    assert not values("tuning") & values("evaluation")


def test_the_evaluation_set_is_large_varied_and_labelled_where_it_says() -> None:
    texts = list(bank_texts("evaluation", 1200))
    assert len({labelled.text for labelled in texts}) >= 1000
    assert len({what for labelled in texts for *_, what in labelled.spans}) >= 25
    assert all(labelled.text[start:end].strip() for labelled in texts for start, end, _ in labelled.spans)
    assert texts == list(bank_texts("evaluation", 1200))
