"""Blocks of addresses: no line between the street and the country leaves, nor who stands above."""

from tests.gateway.boundary.rules import left


def test_a_firm_of_common_words_stands_above_its_street() -> None:
    assert "Knowledge Agency" not in left("Best regards\n\nKnowledge Agency\n55 Acheron Road\nOslo\nNorway 0150")


def test_towns_that_no_list_has_are_part_of_an_address() -> None:
    assert "Zbrv" not in left("ul. Miła 53\nZbrv nad Qlm\nPoland")


def test_lines_above_a_country_without_a_street_stay() -> None:
    text = "The rate was raised again.\nSee the table of markets\nJapan"
    assert left(text).startswith("The rate was raised again.\nSee the table of markets")


def test_a_time_is_no_field_of_a_payment_message() -> None:
    text = "started 11:54:47 and went on\nuntil the end"
    assert left(text) == text
