"""Branches of banks told by what stands around them."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("口座 蛍池 普 0440182", "蛍池"),
        ("キャッシュカード回収(石橋阪大前 2270934)", "石橋阪大前"),
        ("平野でご開設の口座", "平野"),
        ("申出先 寝屋川香里 / 対応", "寝屋川香里"),
        ("口座 043-普通-2253902", "043"),
        ("店番/口番 = 031/7714402", "031"),
        ("20583ﾁｸﾊﾞﾈ          218ﾂﾁｳﾗ              1246", "218ﾂﾁｳﾗ"),
        ("at our Kyobashi Main Office since", "Kyobashi Main Office"),
    ],
)
def test_names_do_not_leave(text: str, name: str) -> None:
    assert name not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "残高 普通 の明細",
        "店頭で開設の手続き",
        "店番 なし、512バイト  ",
        "The Main Office is closed",
    ],
)
def test_words_in_their_place_leave(text: str) -> None:
    assert sent(text) == text
