"""Japanese names in parts."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("担当は 山田 太郎 です", "山田"),
        ("\x27林 家豪\x27,\x27090", "家豪"),
        ("(孫 美蘭)", "美蘭"),
        ("田中 はなこさんへ", "はなこ"),
        ("ｼﾉﾉﾒ ｱﾔ", "ｼﾉﾉﾒ"),
    ],
)
def test_names_do_not_leave(text: str, name: str) -> None:
    assert name not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "確認 完了 本日",
        "手順 その他",
        "メイン システム",
    ],
)
def test_words_in_their_place_leave(text: str) -> None:
    assert sent(text) == text
