"""Secrets that are no passwords."""

import pytest
from tests.gateway.boundary.detectors.systems.test_settings import left


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("復元フレーズは「comet basil ladder mango drift lunar pistol wagon echo tulip raven smile」です", "basil"),
        ("seed phrase: comet basil ladder mango drift lunar pistol wagon echo tulip raven smile", "smile"),
        ("金庫は 右4 左41 右7 左18 です", "41"),
        ("left 12, right 30, left 7", "30"),
        ("Component 1 of 3: 8D1C 7F04 B1D8 3A65 C07E 5512 F48B 6D92", "8D1C"),
        ('memorable place given "Lake Zurich" (expected "Grandma\'s attic")', "attic"),
        ("unseal鍵 1 37Tvy3wbX7mhNPC8KuDr1NA0do5I91/h5V50mz2ZuVI= が残ってる", "37Tvy3wbX7mh"),
    ],
)
def test_does_not_leave(text: str, hidden: str) -> None:
    assert hidden not in left(text)


@pytest.mark.parametrize(
    "text",
    [
        "The recovery words are written on paper and the manager keeps them in the safe with the others now",
        "turn left 4 times",
        "The security question was skipped.",
    ],
)
def test_stays_readable(text: str) -> None:
    assert left(text) == text
