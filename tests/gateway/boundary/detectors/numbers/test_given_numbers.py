"""Numbers of six digits and more leave only where it is known what they count."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Stone Works from 2260187 to ours", "2260187"),
        ("使用者（1140273、豊橋駅前）", "1140273"),
        ("不足/備考\n660218/鈴木/土浦", "660218/鈴木"),
        ("契約者=8803-112-45 氏名", "8803-112-45"),
        ("国債 2290617-K を", "2290617"),
        ("paid to two accounts, 7712038 and 7712046, both", "7712046"),
        ("旧の口座から 信用金庫 5530927 名義同じ", "5530927"),
        ("PIC 9(7) VALUE 0447193.", "0447193"),
        ("card 4111 exp 11/28", "11/28"),
        ("カード末尾5817 期限08/27", "08/27"),
        ("番号は…七七の三一〇四二かな", "七七の三一〇四二"),
        ("2026/11/10 03:12:09,018800412233,TRAFFIC,end", "018800412233"),
        ('"arn:aws:iam::112233445566:role/Admin"', "112233445566"),
        ("her SIN 130 692 544 is on the form", "130 692 544"),
    ],
)
def test_what_somebody_was_given_does_not_leave(text: str, number: str) -> None:
    assert number not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "rows=1204331 size=1048577 in 812345 ms",
        "JPY 12345678 と 残高1234567円、売上 2345678",
        "at 20260312224115 and 1718092812, 2026-03-12",
        "balance > 1234567 or 10000000",
        '{"bytes": 1234567, "elapsed": "7654321"}',
        "kernel: [102345.112233] CPU0",
        "一二三四五六七八九十の順、二〇二六年",
        "sizes 100 200 000 and 1,204,331",
    ],
)
def test_amounts_times_and_measures_stay(text: str) -> None:
    assert sent(text) == text
