"""Names that people write in small letters, and what a Japanese model's guesses on English texts are worth."""

import pytest

from sakimori.gateway.boundary.fold import fold
from sakimori.gateway.boundary.running_text import detect_small_names
from sakimori.gateway.boundary.running_text.stand_in import name_within


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("my sister lives in harburg now", ["harburg"]),
        ("the golden name is nyberg", ["nyberg"]),
        ("a parcel from barra de carrasco", ["barra de carrasco"]),
        ("From: grithna velsporn\nto the office", ["grithna velsporn"]),
        ("1\nGRITHNA VELSPORN\n", ["GRITHNA VELSPORN"]),
        ("status: in progress\nplease wait", []),
        ("she is running late and was in touch with the office", []),
        ("log in to db-core01 from pc0412 by user_name", []),
        ("copy it to reports/quarter.xlsx", []),
    ],
)
def test_an_unknown_word_where_a_name_is_expected_is_one(text: str, names: list[str]) -> None:
    folded = fold(text)
    assert [text[hit.start : hit.end] for hit in detect_small_names(folded)] == names


@pytest.mark.parametrize(
    ("guess", "kept"),
    [
        ("The analyst called Osei on Friday", "Osei"),
        ("paid to Walk Score in full", "Walk Score"),
        ("the session lasted longer", None),
        ("On Monday", None),
    ],
)
def test_of_a_guessed_clause_the_name_is_kept(guess: str, kept: str | None) -> None:
    within = name_within(guess, 0, len(guess))
    assert (guess[slice(*within)] if within else None) == kept
