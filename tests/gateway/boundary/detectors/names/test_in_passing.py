"""Names that Japanese sentences mention in passing."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("加盟店のほしぞら書店さんからも電話", "ほしぞら"),
        ("主要販売先：和菓子のたちばな屋 42%", "たちばな屋"),
        ("債務者 民宿いるか荘こと", "いるか荘"),
        ("募集人 土佐なはり銀行 尾道", "なはり"),
        ("お世話になります。青羽アイティの椿です。", "椿"),
        ("公証人 奥、当行 能登谷", "奥"),
        ("塚口支店 木立 代理より", "木立"),
        ("弟さまの巌様のご署名", "巌"),
        ("S-18833 金城・ロドリゲス・ハビエル 復職", "金城"),
        ("作成者 D・ソーザ", "ソーザ"),
        ("司法書士法人みなも）", "みなも"),
        ("浜松駅前 普 1174093", "浜松駅前"),
    ],
)
def test_who_is_mentioned_does_not_leave(text: str, name: str) -> None:
    assert name not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "考えられる銀行がありません",
        "このような保険に加入する",
        "新しいシステムのテストです。",
        "各様式と皆様、同館の担当です。",
        "すべてのサービスを停止した",
        "窓口 受付 作業者 不在",
    ],
)
def test_sentences_leave(text: str) -> None:
    assert sent(text) == text
