"""Who speaks in chats and minutes, and how names are read."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Standup:\nKaito: fixing the retry\nSzymon: out today", "Kaito"),
        ("[14:03] dinh: blocked on the keys", "dinh"),
        ("[14:03] たけだ: 窓口に来ました", "たけだ"),
        ("14:05 つかもと：了解", "つかもと"),
        ("李 俊傑（り しゅんけつ）様", "しゅんけつ"),
        ("born the ninth of July 1988 in Leeds", "ninth of July 1988"),
    ],
)
def test_names_do_not_leave(text: str, name: str) -> None:
    assert name not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "Summary: the batch is late\nNext: restart it",
        "timeout: 30 s in all\nretries: as many as needed",
        "まとめ：資料を送ること",
        "新しい手順（こちら）を読む（または省く）",
    ],
)
def test_labels_and_remarks_stay(text: str) -> None:
    assert sent(text) == text
