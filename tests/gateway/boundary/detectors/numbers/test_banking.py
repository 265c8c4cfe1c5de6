"""Accounts with their branches, and codes of banks that only their form tells."""

import pytest
from tests.gateway.boundary.rules import hidden, is_hidden


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("口座 071-普通-3390214　開設店", "3390214"),
        ("Hall, Ann | 3 May 1950 | 204/3390214 | trust", "204/3390214"),
        ("店番/口番 = 071/3390214", "071/3390214"),
        ("依頼人=ひので 支払=長岡東/3390214 受取=", "3390214"),
        ("select zandaka from kouza where tenban='071'", "071"),
        ("where kj_name like 'X%' and brn='318'", "318"),
        ("上野支店/普通/3390214", "3390214"),
        ("他行 ひのでまごころ信金 0447193", "0447193"),
        ("KOZA-BANGO: 3390214 TEN: 318", "318"),
        ("<BrId>318</BrId>", "318"),
        ("//3390214-11\nACME", "3390214-11"),
        ("NBNF=/3390214", "3390214"),
        ("BSB 062-000 for payroll", "062-000"),
        ("登録番号のT1234567890120", "1234567890120"),
        ("母店 318 僚店 319", "319"),
        ("支店318", "318"),
        (">> branch 0318 record 22: invalid", "0318"),
        ("Seagull Bank Toyosu (071) futsu 3390214", "071"),
        ("甥,榊 一,318,0045512,03-0000-0000", "0045512"),
        (":50K:/3390-214-55012", "3390-214-55012"),
        ("ours is IE12 ABCD 0000 1111 2222", "IE12 ABCD 0000 1111 2222"),
        ("IBAN: GB00 ABCD 1111 2222 3333", "GB00 ABCD 1111 2222 3333"),
        ("REMITTED WITH TGBATRISXXX.", "TGBATRISXXX"),
    ],
)
def test_accounts_and_codes_do_not_leave(text: str, number: str) -> None:
    assert is_hidden(number, text)


@pytest.mark.parametrize(
    "text",
    [
        "done 512/1048576 blocks",
        "支店112か所、店100件",
        "<br>500</br> in /var/3390, br: 12, listen: 8080",
        "git branch 2024-fixes, branch 12",
        "普通 3 件、当座 2 件",
        "GB12 is the model, IE11 is old",
        "PROGRAMS ARE COMPLETE",
    ],
)
def test_counts_and_names_of_things_leave(text: str) -> None:
    assert not [found for found in hidden(text) if any(map(str.isdigit, found))]
