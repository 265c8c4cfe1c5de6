"""Numbers of customers, contracts and files beside labels that no list holds; what has no owner stays."""

import pytest
from tests.gateway.boundary.rules import sent


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("facility ref FL/20931/B was drawn", "FL/20931/B"),
        ("Our ref: JB/HP/1182", "JB/HP/1182"),
        ("collar no. 3381", "3381"),
        ("guarantee number G25/00413", "G25/00413"),
        ("会社法人等番号　3100-03-004417", "3100-03-004417"),
        ("代理店コード：51G-208", "51G-208"),
        ("苦情受付　第2025-0387号", "2025-0387"),
        ("他行契約No. 8830 4417 02", "8830 4417 02"),
        ("her plan W7741209 lapsed", "W7741209"),
        ("Philippine Coast, licence 628103347751), same firm", "628103347751"),
        ("Paulo, CPF 90144352907, wants", "90144352907"),
        ("iPad-07\tDMPZK3FQLMV7\t", "DMPZK3FQLMV7"),
        ("<Othr><Id>2075518</Id></Othr>", "2075518"),
        ('"契約": "住-0093-22871"', "0093-22871"),
        ("Rodrigo Yamashita（0781-009）鳴海", "0781-009"),
        ("among them 018-5520437, were held", "018-5520437"),
        ("証書貸付 証0871-00412 残高", "0871-00412"),
        ("稟議No. R07-審-02291", "R07-審-02291"),
        ("管理番号遺-2208。", "2208"),
        ("家財（証券ヤ-0417-3390）", "ヤ-0417-3390"),
        ("証券口座 204-B-118823", "204-B-118823"),
        ("policy (HL 0071 2210 44) rate", "0071 2210 44"),
        ("cif330914412で止めた", "cif330914412"),
        ("/data/premium_P3300-91441.pdf", "P3300-91441"),
        ("24-51230 榊 拓也 宇都宮東支店 渉外", "24-51230"),
        ("普通/貸金庫 第C-118号/投信", "C-118"),
        ("accounts closed, safe box 2240-D, and", "2240-D"),
        ('{"empNo":"40231","shainBango": "A40232"}', "A40232"),
        ("職員 40231 が操作", "40231"),
        ("teller 0412 / supervisor", "0412"),
        ("s3://kept/kyc/118842/front.jpg", "118842"),
        ("share/118842_passport.pdf", "118842"),
        ("支払停止(オペ番 30219)", "30219"),
        ("社番:M2280 最終出社", "M2280"),
        ("起票 40231/検印 40118", "40118"),
        ("オペレータ0231で取消", "0231"),
        ("keyed by 40231, released by 40118", "40231"),
        ("鈴木40231 が承認、40118佐藤が精査", "40118"),
        ("suzuki (40231) asked", "40231"),
        ("労災 27-1-01-123456-000", "27-1-01-123456-000"),
        ("51230 榊 修 11/4 日帰", "51230"),
        ("榊 楓\t51230\t8C8C\t支店", "51230"),
        ("対応者 榊健太(51230)", "51230"),
        ("榊 流（H-51230、大宮）", "H-51230"),
        ("released at 13:05 by T-5123.", "T-5123"),
        ("witness（入館証 V-5123）", "V-5123"),
        ("Facility ID;City\nF-11290;Penang\nF-11291;Inverness", "F-11291"),
    ],
)
def test_numbers_leave_neither_under_unknown_labels_nor_by_their_form(text: str, number: str) -> None:
    assert number not in sent(text)


@pytest.mark.parametrize(
    "text",
    [
        "port number 8443, event ID 4625, exit code 137, process id 20480",
        "イベントID 4740、ポート番号 8443、エラーコード 10061",
        "patch KB5037768 fixes CVE-2024-21413",
        "there were no 2024 figures and no 300 items",
        "平成15年法律第57号、第2026号",
        "code version 10.4.2, build number 19045",
        "<EventID>4624</EventID><ProcessId>10420</ProcessId>",
        "AES256 20260312T224115Z (4688) (2024)",
        "UTC 20260312 JPY 12345678",
        "約18000-22000平方メートル、翌1999-2000年",
        "app_20260312.log report-202603.csv IMG_4412.jpg",
        "employee 1200 people, 職員 1200 名",
        "dump_260312.txt 20260312_101500.csv",
        "担当 1200 名、承認 1204 件、操作 2026年",
        "reviewed 12345 rows, status 10420",
        "総件数(12345)、処理済(10420)",
    ],
)
def test_numbers_of_nobody_stay(text: str) -> None:
    assert sent(text) == text
