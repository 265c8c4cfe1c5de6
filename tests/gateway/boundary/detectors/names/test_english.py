"""Names in Latin letters: what belongs to one stands with it."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Enter card 2 PIN for de Vries: x", "de Vries"),
        ("cards seen incl. those of DR A K MUKHERJEE", "A K"),
        ("WE UNDERSTAND MR FARZAD TEYMOURI SIGNED THE CONTRACT", "TEYMOURI"),
        ("agent Banque du Léman", " du "),
        ("cardholder KITAOJI/R", "KITAOJI"),
        ("passport of (AKIZUKI/HARUNOBU MR)", "HARUNOBU"),
        ('-subj "/C=JP/ST=Tokyo/O=Shirogane Trust/CN=ewill.example"', "Trust"),
        ("Lost handbag at Shinagawa station", "station"),
        ("2-30 #401 Kuruwamachi", "#401"),
        ("SG address Blk 412 Bedok North Ave 2 #09-118 S(460412)", "460412"),
        ("岡崎市六供町字出崎18の固定資産", "出崎18"),
        ("check form (6094 8583 1517) to be", "8583"),
        ("だいち 3:02  はい出ました", "だいち"),
    ],
)
def test_what_belongs_to_a_name_does_not_leave(text: str, name: str) -> None:
    assert name not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "Supports TCP/IP, INPUT/OUTPUT and READ/WRITE",
        "the years 2019 2020 2021 and sizes 1024 2048 4096",
        "市区町村の文字数10",
        "これは 10:30 から",
    ],
)
def test_other_text_leaves(text: str) -> None:
    assert sent(text) == text
