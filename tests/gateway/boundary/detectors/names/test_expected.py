"""Firms where one is expected."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("長州いろは銀行 御中", "いろは"),
        ("申込人　朝の台所　（代表", "朝の台所"),
        ("勤務先 丸福水産加工 銚子", "丸福水産加工"),
        ("請求先 全国しあわせ信用保証", "全国しあわせ信用保証"),
        ("主要仕入先は三陸まるごと、", "三陸まるごと"),
        ("暗号資産交換業者「ビットかもめ」へ", "ビットかもめ"),
    ],
)
def test_names_do_not_leave(text: str, name: str) -> None:
    assert name not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "勤務先 退職済、取引先 複数",
        "請求先は未定です",
        "債務者 本人、振込先 本人の口座",
        "仕入先の要望",
        "ご担当者 御中",
    ],
)
def test_words_in_their_place_leave(text: str) -> None:
    assert sent(text) == text
