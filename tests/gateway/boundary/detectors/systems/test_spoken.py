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
        ("My ID and the password you gave me yesterday, Cedar-Kettle-61, say expired", "Cedar-Kettle-61"),
        ("upload of dumps.zip, pw harmless-or-NOT", "harmless-or-NOT"),
        ("I set the password to Fenyő&Lámpa2, change it", "Fenyő&Lámpa2"),
        ("built with last year's passphrase (frost-on-old-pines)", "frost-on-old-pines"),
        ("the zip password in the subject line (hato4417) is wrong", "hato4417"),
        ("new pwd is in the vault, fallback (old) = Quince-Tart-19", "Quince-Tart-19"),
        ("password's still the old one four-herons-wade", "four-herons-wade"),
        ("the alarm code changes to 4 0 9 1 7 2 on Monday", "4 0 9 1 7 2"),
        ("push token 5b1e77aa-9c0d-4f1e-8a53-0c2c4b7f9d10", "5b1e77aa-9c0d-4f1e-8a53-0c2c4b7f9d10"),
        ("事前共有鍵、外注分は今月から mizu-no-oto/12 です", "mizu-no-oto/12"),
        ("the temporary password is: Wheat_Field_1889", "Wheat_Field_1889"),
        ("the PIN was typed in the memo field: 77410936", "77410936"),
        ("初期PWはこだま3776（注意）", "こだま3776"),
        ("ZIPのPWは別便→「にわとり2026冬」です", "にわとり2026冬"),
        ("login is kestrel_in, pw moth-Lantern-4-Quarry", "kestrel_in"),
        ("p12 のパスフレーズは ほたるぶくろ6月（全角注意）", "ほたるぶくろ6月"),
        ("She entered lhartmann / Süderbrück_1991 on that page", "Süderbrück_1991"),
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
        "The password policy changed, INC0012345 was opened.",
        "The token expired, see RFC6749 (section 5.2).",
        "password for the instance, DB2 v11.5",
        "パスワードは8文字以上で、3か月ごとに変更してください。",
        "tcp / udp-6000, read / write-back",
        "Kubernetes 1.33 drops support for the in-tree cloud provider.",
    ],
)
def test_stays_readable(text: str) -> None:
    assert left(text) == text
