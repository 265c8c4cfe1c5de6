"""Firms and houses of which the kind or the form stands first."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("後見人 法律事務所 北浜の風", "北浜の風"),
        ("名称 NPO法人 みんなの縁側", "みんなの縁側"),
        ("母は特別養護老人ホームひだまりの丘におり", "ひだまりの丘"),
        ("勤務先 パン工房 麦のうた", "麦のうた"),
        ("発信 司法書士法人とおりゃんせ 担当", "とおりゃんせ"),
        ("八百屋しんちゃん TEL", "しんちゃん"),
    ],
)
def test_names_do_not_leave(text: str, name: str) -> None:
    assert name not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "カフェ 開店のため休み",
        "ナンバー 確認",
        "株式会社は対象外",
        "保育園 休園",
    ],
)
def test_words_in_their_place_leave(text: str) -> None:
    assert sent(text) == text
