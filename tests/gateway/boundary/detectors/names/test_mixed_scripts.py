"""Japanese names of common words, with hiragana in them, with spaces: whatever no list holds."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("先方は青空不動産の担当者です", "青空不動産"),
        ("入力ファイルなし（いろはスーパー）", "いろはスーパー"),
        ("連絡先: ひのでリース", "ひのでリース"),
        ("報告: きたかみ信用保証 及川さん", "きたかみ信用保証"),
        ("社労士の なでしこ労務オフィス へ", "なでしこ労務オフィス"),
        ("3/11 さざなみ社長と面談", "さざなみ"),
        ("使用者 鳥飼 めぐる 帰宅済", "鳥飼 めぐる"),
        ("先方担当 トラン ティ フオン氏", "トラン ティ フオン"),
        ("パン工房むぎのわさんの件", "むぎのわ"),
        ("パート（スーパーまるはち）", "まるはち"),
        ("保証会社（にじいろ保証）の回答", "にじいろ保証"),
        ("送金先① ほしぞら銀行 第二ネット 普8420055", "第二ネット"),
    ],
)
def test_no_part_of_a_name_leaves(text: str, name: str) -> None:
    assert name not in sent(text)
    assert not any(part in sent(text) for part in name.split())


@pytest.mark.parametrize(
    "text",
    [
        "その銀行は、または証券会社が、などの取引先を選ぶ。",
        "この会社、どの病院、あらゆる組合。",
        "大手不動産と投資用不動産、地方銀行の取引銀行",
        "お客様: いえ、変わりました。",
        "国籍は確認済みです。",
        "担当者：未定　優先度：高",
    ],
)
def test_common_words_stay(text: str) -> None:
    assert sent(text) == text
