"""What is found, and what is left: one table per detector."""

import pytest

from sakimori.gateway.boundary import Boundary, Dictionary, Passage

BOUNDARY = Boundary(
    "aozora",
    b"k" * 32,
    Dictionary(
        hosts=frozenset({"pc-0412.aozora.example", "dc1"}),
        users=frozenset({"yamada.t", "ito", "administrator"}),
        people=frozenset({"山田 太郎"}),
        domains=frozenset({"aozora.example"}),
    ),
)


def found(text: str) -> list[tuple[str, str]]:
    return [(span.kind.value, text[span.start : span.end]) for span in Passage(BOUNDARY).tokenise(text).spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # cards: ISO/IEC 7812 test numbers of the schemes
        ("カード4111111111111111です", ("CARD", "4111111111111111")),
        ("5555 5555 5555 4444", ("CARD", "5555 5555 5555 4444")),
        ("3782-822463-10005", ("CARD", "3782-822463-10005")),
        ("JCB: ３５３０１１１３３３３０００００", ("CARD", "３５３０１１１３３３３０００００")),
        ("2026 4111 1111 1111 1111 12", ("CARD", "4111 1111 1111 1111")),
        ("card_no=4111111111111111&x", ("CARD", "4111111111111111")),
        # My Number
        ("マイナンバーは1234-5678-9018", ("MYNUMBER", "1234-5678-9018")),
        ("個人番号123456789018を", ("MYNUMBER", "123456789018")),
        # addresses
        ("連絡はyamada@bank.exampleまで", ("MAIL", "yamada@bank.example")),
        ("<Taro.Yamada+x@mail.bank.co.jp>", ("MAIL", "Taro.Yamada+x@mail.bank.co.jp")),
        ("ｔａｒｏ＠ｂａｎｋ．ｅｘａｍｐｌｅ", ("MAIL", "ｔａｒｏ＠ｂａｎｋ．ｅｘａｍｐｌｅ")),
        ("宛先10.1.2.3へ", ("IP", "10.1.2.3")),
        ("10.1.2.3:445", ("IP", "10.1.2.3")),
        ("[2001:db8::5]:443", ("IP", "2001:db8::5")),
        ("fe80::1%eth0", ("IP", "fe80::1")),
        ("::ffff:10.1.2.3", ("IP", "::ffff:10.1.2.3")),
        # dictionary
        ("端末PC-0412が", ("HOST", "PC-0412")),
        ("\\\\pc-0412\\c$", ("HOST", "pc-0412")),
        ('{"a":"x\\nPC-0412"', ("HOST", "PC-0412")),
        ("fs07.aozora.example", ("HOST", "fs07.aozora.example")),
        ("*.aozora.example", ("DOMAIN", "aozora.example")),
        ("山田太郎様", ("PERSON", "山田太郎")),
        ("山田　太郎", ("PERSON", "山田　太郎")),
        ("p\u200bc-0412", ("HOST", "p\u200bc-0412")),
        # secrets
        ("key sk-proj-abcdefghijklmnop0123", ("SECRET", "sk-proj-abcdefghijklmnop0123")),
        ("AKIAIOSFODNN7EXAMPLE", ("SECRET", "AKIAIOSFODNN7EXAMPLE")),
        ("ghp_" + "a" * 36, ("SECRET", "ghp_" + "a" * 36)),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0x.c2ln", ("SECRET", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0x.c2ln")),
        ("db_password = hunter2;", ("SECRET", "hunter2")),
        ('"Password": "two words"', ("SECRET", "two words")),
        ('\\"password\\": \\"p w\\"', ("SECRET", "p w")),
        ("パスワードは「ひみつ」です", ("SECRET", "ひみつ")),
        ("--password hunter2", ("SECRET", "hunter2")),
        ("/pass:hunter2", ("SECRET", "hunter2")),
        ("Authorization: Basic dXNlcjpwdw==", ("SECRET", "dXNlcjpwdw==")),
        ("postgresql://app:s3cret@db/x", ("SECRET", "app:s3cret@db")),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
            ("SECRET", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"),
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut", ("SECRET", "-----BEGIN PRIVATE KEY-----\nMIIE cut")),
        # looks like one of ours
        ("HOST_7K2M9QX4AB00", ("QUOTED", "HOST_7K2M9QX4AB00")),
    ],
)
def test_is_found_and_nothing_more(text: str, expected: tuple[str, str]) -> None:
    assert found(text) == [expected]


def test_a_command_names_the_account_beside_its_password() -> None:
    assert found("net user bob Passw0rd! /add") == [("USER", "bob"), ("SECRET", "Passw0rd!")]


def test_the_domain_before_an_account_names_the_bank_too() -> None:
    assert found("AOZORA\\YAMADA.T") == [("DOMAIN", "AOZORA"), ("USER", "YAMADA.T")]


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # fails Luhn
        "9999999999999995",  # passes Luhn, no issuer
        "123456789012",  # wrong check digit
        "2026-11-22T01:02:03Z",
        "127.0.0.1 ::1 0.0.0.0",
        "256.1.1.1",
        "std::vector<int> 12:34:56",
        "EventID=4624 LogonType=3",
        "favorito administrator",
        "max_tokens: 5, password: null",
        "HOST_NAME user-management CARD_ABCDEFGHJKMN",
        "支店で、取引の件数が多い。",
        "お客様各位　平素は格別のご高配を賜り、厚く御礼申し上げます。",
        "不審な通信を検知し、端末を隔離した。資格情報の窃取が疑われる。",
        "パスワードの有効期限が切れています。ヘルプデスクへお問い合わせください。",
        "CVE-2024-3094 T1059.001 MS17-010 SHA-256 UTF-8 ISO-27001",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        r"C:\Windows\System32\cmd.exe /c whoami",
        "version 1.2.3.4567 build 22621",
        "振込手数料は330円、件数は1,234件、利率は年0.25％です。",
        "第3条第2項に定める期日までに返済する。",
        "@everyone a @ b",
    ],
)
def test_is_left_as_it_is(text: str) -> None:
    assert found(text) == []
