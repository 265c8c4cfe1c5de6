"""Texts written before the rules: they stay as they were, and every label covers what it labels."""

import hashlib
from importlib.resources import files

import pytest

from sakimori.evals import unseen

_BY_OTHERS = (
    *("fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth"),
)


@pytest.mark.parametrize(
    "name",
    ["texts.txt", "none.txt", "pools.yaml", "second.txt", "third.txt", *(f"{name}.txt" for name in _BY_OTHERS)],
)
def test_the_files_are_those_that_were_measured_first(name: str) -> None:
    digest = hashlib.sha256(files(unseen).joinpath(name).read_bytes()).hexdigest()
    assert digest in (unseen.__doc__ or "")


@pytest.mark.parametrize(
    ("name", "least"), [("texts", 250), ("second", 80), ("third", 30), *((name, 120) for name in _BY_OTHERS)]
)
def test_labels_cover_visible_text_and_do_not_overlap(name: str, least: int) -> None:
    texts = list(unseen.unseen_texts(name))
    assert len(texts) >= least
    for labelled in texts:
        assert "⟦" not in labelled.text
        end = 0
        for start, stop, _ in labelled.spans:
            assert end <= start < stop <= len(labelled.text)
            assert labelled.text[start:stop].strip()
            end = stop


def test_texts_that_identify_nobody_have_no_labels() -> None:
    assert all(not labelled.spans for labelled in unseen.unseen_texts("none"))
