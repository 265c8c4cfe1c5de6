"""Telephone numbers as people write and say them."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("連絡先 0538-37-0000（内線 334）", "334"),
        ("総務 望月(内2217)", "2217"),
        ("call the desk (ext. 4123)", "4123"),
        ("call-back on 0045 33 12 77 40 at 16:05", "33 12 77 40"),
        ("caller: zero nine eight, eight seven seven, four one two six but only evenings", "seven"),
        ("mobile is now 090 double four, 7 1 3 0 2 5? yes", "double four, 7 1 3 0 2 5"),
        ("電話はゼロキュウゼロの三三一二の四〇九八。", "キュウゼロの三三一二の四〇九八"),
        ("電話はゼロナナロク ロクゴーゴー 三三一九", "ロクゴーゴー 三三一九"),
        ("ばんごうは ぜろきゅうぜろの さんさんいちに です", "ぜろきゅうぜろの さんさんいちに"),
        ("緊急:090-3312-4098", "090-3312-4098"),
        ("取り纏め 佐渡 内6-3312", "6-3312"),
        ("（022-555-0918 内47）", "47"),
        ("retry cif=7730 msisdn=+6591112222 ip", "+6591112222"),
        ("money went to paynow 8417 3306 n also", "8417 3306"),
        ("Trade Ops, HP (65) 9723 5510.", "9723 5510"),
        ("881-2\tAshvin\tKopitiam\t9338 1174\n", "9338 1174"),
        ("怒ってます…045-555-7730 に折り返し", "045-555-7730"),
    ],
)
def test_what_one_can_dial_does_not_leave(text: str, number: str) -> None:
    assert number not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "one two three",
        "年内線形 12",
        "context 4123",
        "00100 200 300",
        "12:0120-1",
        "にくと さんまを はちにんで よやく",
        "HP toner 1020",
        "3001 4000 rows",
        "マルチ 3 個",
    ],
)
def test_other_numbers_leave(text: str) -> None:
    assert sent(text) == text
