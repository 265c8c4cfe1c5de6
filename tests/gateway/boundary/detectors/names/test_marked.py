"""People whom roles and polite words mark."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("受付 椿谷 / 控", "椿谷"),
        ("起案 布施口支店 生水流", "生水流"),
        ("融資部 安宿 様", "安宿"),
        ("昨日、東さんが来店", "東"),
        ("経理のパクさんより", "パク"),
        ("娘のくみこさんが出る", "くみこ"),
        ("賃料 CHANDRASEKHAR 氏 7万", "CHANDRASEKHAR"),
        ("審査担当: 丹生谷 哲之助", "丹生谷"),
        ("名義「髙𠮷 栞」", "𠮷"),
        ("さくらい「来た」\nぐぇん「はい」", "ぐぇん"),
        ("戸塚のしばたです。", "しばた"),
    ],
)
def test_names_do_not_leave(text: str, name: str) -> None:
    assert name not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "受付 済、確認 不要、担当 未定",
        "お客さんと母さんに聞いた",
        "各様式 と 皆様",
        "すでに「通関料」として",
        "サーバーさん",
    ],
)
def test_words_in_their_place_leave(text: str) -> None:
    assert sent(text) == text
