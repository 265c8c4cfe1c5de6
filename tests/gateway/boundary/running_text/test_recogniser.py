"""Names by real models in real worker processes; nothing leaves where they fail."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sakimori.gateway.boundary import (
    Boundary,
    BoundaryError,
    Dictionary,
    Passage,
    Recogniser,
    RecogniserError,
    RecogniserSettings,
    installed_models,
)

SETTINGS = RecogniserSettings(models=installed_models())


@pytest.fixture(scope="module")
def recogniser() -> Iterator[Recogniser]:
    made = Recogniser(SETTINGS)
    yield made
    made.close()


def test_names_without_any_sign_are_found(recogniser: Recogniser) -> None:
    text = "昨夜、田中角平から電話があり、\n青葉台の自宅へ書類を送った。"
    names = {text[found.start : found.end] for found in recogniser.find("local", text)}
    assert "田中角平" in names
    assert "青葉台" in names


def test_asking_again_gives_the_same(recogniser: Recogniser) -> None:
    text = "山田太郎が来た。鈴木一郎も来た。山田太郎が来た。"
    first = recogniser.find("local", text)
    assert [(found.start, found.end) for found in first] == [(0, 4), (8, 12), (16, 20)]
    assert recogniser.find("local", text) == first


def test_many_at_once(recogniser: Recogniser) -> None:
    texts = [f"{number}番の窓口に山田太郎が来た。" for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(recogniser.find, "local", text) for text in texts]
        for text, names in zip(texts, (answer.result() for answer in asked), strict=True):
            assert "山田太郎" in {text[found.start : found.end] for found in names}


def test_a_boundary_with_models_replaces_names_in_running_text_only(recogniser: Recogniser) -> None:
    boundary = Boundary("local", bytes(32), Dictionary(), recogniser=recogniser)
    text = "昨夜、田中角平から電話。"
    passage = Passage(boundary, running_text=True)
    left = passage.tokenise(text).text
    assert boundary.recognises_names
    assert "田中" not in left
    assert "角平" not in left
    assert passage.restore(left) == text


def test_a_text_that_would_take_too_long_is_refused() -> None:
    slow = Recogniser(replace(SETTINGS, most_characters=100))
    with pytest.raises(RecogniserError, match="more than the 100"):
        slow.find("local", "山田。" * 50 + "あ" * 101)
    slow.close()


def test_a_worker_that_does_not_answer_in_time_means_that_nothing_is_sent() -> None:
    hurried = Recogniser(replace(SETTINGS, timeout=0.0001))
    boundary = Boundary("local", bytes(32), Dictionary(), recogniser=hurried)
    with pytest.raises(BoundaryError, match="no answer within"):
        boundary.tokenise("昨夜、田中角平から電話。")
    hurried.close()


def test_a_worker_that_is_killed_is_replaced(recogniser: Recogniser) -> None:
    recogniser.find("local", "最初の文です。")
    [process] = recogniser.processes()
    os.kill(process, signal.SIGKILL)
    with pytest.raises(RecogniserError, match="died"):
        recogniser.find("local", "田中角平が来た。")
    assert recogniser.find("local", "田中角平が来た。")


def test_a_missing_model_is_said() -> None:
    with pytest.raises(RecogniserError, match="ja_none is not installed; install the extra"):
        Recogniser(RecogniserSettings(models=("ja_ginza", "ja_none")))
