"""Tables in texts: a value is what the head of its column says."""

import pytest
from tests.gateway.boundary.rules import left


@pytest.mark.parametrize(
    ("text", "would_leave"),
    [
        (
            "customer_id,name,tel,balance\n853344486,Abe Zzyx,0985-88-9538,9982\n",
            "customer_id,name,tel,balance\n*,*,*,9982\n",
        ),
        ('"氏名","郵便番号","口座番号"\n"原　節子","935-3659","0535734"', '"氏名","郵便番号","口座番号"\n"*","*","*"'),
        ("氏名,店番,口座番号,件数\n原　節子,112,0535734,3\n", "氏名,店番,口座番号,件数\n*,*,*,3\n"),
        ("name\tdob\r\nGrace Mbeki\t1990-02-14\r\n", "name\tdob\r\n*\t*\r\n"),
        ("customer no|name\n\n44718823|Grace Mbeki", "customer no|name\n\n*|*"),
        (
            "Computer Name,Logon User,Uptime\nwakasa-print,dkim2,3\n",
            "Computer Name,Logon User,Uptime\n*,*,3\n",
        ),
        ("Device name\tPrimary user\tOS\niPad-渉外07\tkuga\t17\n", "Device name\tPrimary user\tOS\n*\t*\t17\n"),
    ],
)
def test_values_leave_neither_by_comma_tab_or_bar(text: str, would_leave: str) -> None:
    assert left(text) == would_leave


@pytest.mark.parametrize(
    "text",
    [
        "id,product,rate\n1,fixed,125\n2,variable,475",
        "a, b, c\n1, 2, 3",
        ",,,\n,,,",
        "(host, user, kind)\n(row1, x9, y)",
        '"name,"x\n1',
    ],
)
def test_tables_without_people_stay_as_they_are(text: str) -> None:
    assert left(text) == text


def test_lines_of_other_lengths_do_not_belong_to_a_table() -> None:
    assert left("account number,amount\n5,6,7,1234567,9") == "account number,amount\n5,6,7,1234567,9"
