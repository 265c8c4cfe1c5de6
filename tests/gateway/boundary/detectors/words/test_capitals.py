"""Firms and people in English whose names are common words or capitals; terms and headings stay."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("She called from Silver Birch Logistics about it.", "Silver Birch Logistics"),
        ("The drawdown of Fairview Homes waits.", "Fairview Homes"),
        ("Their tenant, The Copper Kettle Company, has not paid.", "Copper Kettle Company"),
        ("Merchant: PEBBLE BEACH SURF HIRE", "PEBBLE BEACH SURF HIRE"),
        ("Party: AL-HAKIMI, YOUSSEF M.", "AL-HAKIMI, YOUSSEF M."),
        ("Holder HELMUT-KEI BRANDSTETTER", "HELMUT-KEI BRANDSTETTER"),
        ("one wire to Golden Persimmon Trading FZE, then", "Golden Persimmon Trading FZE"),
        ("waived by Priscilla T. in April", "Priscilla T."),
    ],
)
def test_names_of_common_words_and_in_capitals_do_not_leave(text: str, name: str) -> None:
    assert name not in sent(text)
    assert not {word for word in name.strip(".").split() if len(word) > 1} & set(sent(text).replace(",", " ").split())


@pytest.mark.parametrize(
    "text",
    [
        "The Access Control Policy of the Internal Audit Department was approved.",
        "Choose Network and Sharing Center, then Change Adapter Settings.",
        "Suspicious PowerShell Download Cradle and Scheduled Task Creation were seen.",
        "WARNING: THIS SYSTEM IS FOR AUTHORIZED USE ONLY.",
        "Terms and Conditions; Frequently Asked Questions; Know Your Customer",
        "Run Get-Process and Sort-Object.",
    ],
)
def test_terms_and_headings_stay(text: str) -> None:
    assert sent(text) == text
