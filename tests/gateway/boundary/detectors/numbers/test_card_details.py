"""When a card expires and its security code: what nobody may keep or pass on with a card's number."""

import pytest
from tests.gateway.boundary.rules import hidden


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("auth 4111111111111111 0829", {"0829"}),
        ("| 4111 1111 1111 1111 | 27/04 | 磁気不良 |", {"27/04"}),
        ("my card expires, expiry eleven twenty-eight, ok", {"eleven twenty-eight"}),
        ("card on file Diners 3608 306345 1441 exp 2026-11", {"2026-11"}),
        ("DE2  = 4111111111111111\nDE4  = 000000050000\nDE14 = 2703", {"2703"}),
        ('("4539738282906541", "08/29", "417", True)', {"08/29", "417"}),
        ('{"pan":"5474431696069700","yuko":"2029/03","sc":"082"}', {"2029/03", "082"}),
        ('"pan": "4012888888881881", "expiryMonth": "03", "expiryYear": "2029"', {"03", "2029"}),
        ("カードの有効期限は 09/27 です", {"09/27"}),
        ("the three digits at the back 417.", {"417"}),
        ("カード 4111-1111-1111-1111 有効 10/31", {"10/31"}),
        ("4111111111111111 (0130/662)", {"0130", "662"}),
        ("4111111111111111  ﾔﾏﾀﾞ ｱﾔ        1127", {"1127"}),
        ("typing the card's expiry as 2028-12 instead", {"2028-12"}),
        ('{"cardExp":"1128","pan":"4111111111111111"}', {"1128"}),
        ("card, the expiry should be 05/30", {"05/30"}),
        ("DE002 4111111111111111\nDE014 2806", {"2806"}),
        ("番号と裏面の3桁(604)まで入れた", {"604"}),
        ("4111 1111 1111 1111 期限12月/2028年 裏の3桁086", {"12月/2028年", "086"}),
        ("4111-1111-1111-1111 03-27 551", {"03-27", "551"}),
        ("card 4111 1111 1111 1111\nValid thru ..... 06/30", {"06/30"}),
    ],
)
def test_details_of_cards_stay_here(text: str, details: set[str]) -> None:
    assert details <= set(hidden(text))


@pytest.mark.parametrize(
    "text",
    [
        "The contract was renewed; the offer is valid until 12/27.",
        "card readers: 3 digits on the back are printed",
        "裏の資料 300 部をカード係へ",
        "exp(2.5) of the mean, see page 11/28 of the card manual",
    ],
)
def test_other_dates_and_numbers_leave(text: str) -> None:
    assert not hidden(text)
