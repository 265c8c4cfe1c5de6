"""Secrets, machines and accounts in what people write to each other."""

import pytest
from tests.gateway.boundary.detectors.systems.test_settings import left


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("the password is sunflower", "sunflower"),
        ("The wifi passphrase for the meeting room is green tea latte, don't share it", "green tea latte"),
        ("I reset her password to Autumn!Leaf3 yesterday.", "Autumn!Leaf3"),
        ("cred used was svc_calrpt / Calypso1 lol", "Calypso1"),
        ("初期PWは Hanabi2024 です", "Hanabi2024"),
        ("合言葉は「月見草」でお願いします", "月見草"),
        ("パスワードは rakuda です", "rakuda"),
        ("昨日から kaikei-ap3 に繋がりません", "kaikei-ap3"),
        ("mtakeda さんの端末です", "mtakeda"),
        ("Can you check why kyotofs is slow?", "kyotofs"),
        ("ローカル管理者(LAPS)：w;7Lp}2cQz9#", "w;7Lp}2cQz9#"),
    ],
)
def test_does_not_leave(text: str, hidden: str) -> None:
    assert hidden not in left(text)


@pytest.mark.parametrize(
    "text",
    [
        "The password is required.",
        "The token was revoked and the secret is stored in the vault.",
        "パスワードの再設定は「ログインできない方」から行えます。",
        "Please restart the batch after 22:00 and check that all 14 steps are green.",
        "Kubernetes 1.33 drops support for the in-tree cloud provider.",
    ],
)
def test_stays_readable(text: str) -> None:
    assert left(text) == text
