"""Numbers of documents, of insured people and of vehicles by their forms."""

import pytest
from tests.gateway.boundary.rules import hidden, is_hidden


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("NI QQ 12 34 56 C on file", "QQ 12 34 56 C"),
        ("HKID A123456(3) seen", "A123456(3)"),
        ("DNI 12345678Z aportado", "12345678Z"),
        ("在留カード AB 1234 5678 CD を確認", "AB 1234 5678 CD"),
        ('SSN field "212 09 9981" left as is', "212 09 9981"),
        ("SSN given as 212099981 by spouse", "212099981"),
        ("last four of social 4417, rest on file", "4417"),
        ("国保 川飯0551820 の方", "川飯0551820"),
        ("保険証（記号番号 い・7 3391）", "い・7 3391"),
        ("健康保険 31020044・918", "31020044・918"),
        ("parking pass for AB12 CDE", "AB12 CDE"),
        ("a grey van (151-D-40213) waited", "151-D-40213"),
        ("gate pass: Rosli, car SMA 1234 B, Fri", "SMA 1234 B"),
        ("a Lexus, NY plate KRA 1234, was used", "KRA 1234"),
        ("身份证 11010519491231002X", "11010519491231002X"),
        ("中国身分証 11010519491231002X", "11010519491231002X"),
        ("原付 唐津市 さ 3390 と接触", "さ 3390"),
    ],
)
def test_numbers_of_people_and_vehicles_do_not_leave(text: str, number: str) -> None:
    assert is_hidden(number, text)


@pytest.mark.parametrize(
    "text",
    [
        "健康保険 3割負担、国保 2名",
        "rows 10-AB-20 of the AB12 CDE sample",
        "buffer 12345678K full",
        "大阪市で 2024 年に",
        "social media 2024 report",
        "car 12, van 3 and bike A1",
    ],
)
def test_what_only_looks_alike_leaves(text: str) -> None:
    assert not [found for found in hidden(text) if any(map(str.isdigit, found)) and found != "2024"]
