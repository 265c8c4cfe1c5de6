"""What each kind of identifier looks like when it is found: in forms, letters, logs and running text."""

import pytest

from sakimori.gateway.boundary import Boundary, Dictionary

BOUNDARY = Boundary("aozora", b"k" * 32, Dictionary())


def found(text: str) -> dict[str, str]:
    """By covered text its kind."""
    return {text[span.start : span.end]: span.kind.value for span in BOUNDARY.find(text)[1]}


@pytest.mark.parametrize(
    ("text", "covered", "kind"),
    [
        # numbers of people and firms
        ("個人番号：123456789012", "123456789012", "MYNUMBER"),
        ("登録番号 T5010001034867", "T5010001034867", "CORPNUMBER"),
        ("運転免許証　第301234567890号", "301234567890", "LICENCE"),
        ("旅券番号はTK1234567", "TK1234567", "PASSPORT"),
        ("在留カードAB12345678CDを", "AB12345678CD", "RESIDENCE"),
        ("保険者番号 06123456", "06123456", "INSURANCE"),
        ("年金手帳（1234567890）", "1234567890", "PENSION"),
        ("SSN 123-45-6789", "123-45-6789", "TAXID"),
        ("her number is JK 12 34 56 A.", "JK 12 34 56 A", "TAXID"),
        ("品川 300 あ 12-34", "品川 300 あ 12-34", "PLATE"),
        ("IMEI: 353456789012348", "353456789012348", "DEVICE"),
        # banking
        ("普通　１２３４５６７", "１２３４５６７", "ACCOUNT"),
        ("口座は 1234567 です。1,000円", "1234567", "ACCOUNT"),
        ("0001-234-1234567", "0001-234-1234567", "ACCOUNT"),
        ("記号12340 番号12345671", "12340 番号12345671", "ACCOUNT"),
        ("銀行コード 0310", "0310", "BRANCH"),
        ("緑が丘支店で", "緑が丘支店", "BRANCH"),
        ("受取人 カ）ヤマダシヨウジ", "カ）ヤマダシヨウジ", "ORG"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "DE89 3704 0044 0532 0130 00", "IBAN"),
        ("送金先のBICはMHCBJPJT", "MHCBJPJT", "BIC"),
        (":50K:/1234567", "1234567", "ACCOUNT"),
        ("a joint holder on 7730-4418-02.", "7730-4418-02", "ACCOUNT"),
        ("GET /v1/accounts/9514070/statement", "9514070", "ACCOUNT"),
        ("transfer from=1036746 amount=12", "1036746", "ACCOUNT"),
        ("{1:F01BANKJPJTAXXX0000000000}", "BANKJPJTAXXX", "BIC"),
        (":59:/12345678\nNORDWAY SHIPPING\n:70:X", "NORDWAY SHIPPING", "NAME"),
        ("本店営業部に", "本店営業部", "BRANCH"),
        ("お客様番号：1234-567890", "1234-567890", "CUSTOMER"),
        ("policy number AB12345678", "AB12345678", "CUSTOMER"),
        # reachable
        ("〒100-0005", "〒100-0005", "POSTCODE"),
        ("電話 03-1234-5678 まで", "03-1234-5678", "PHONE"),
        ("０９０１２３４５６７８です", "０９０１２３４５６７８", "PHONE"),
        ("〇九〇一二三四五六七八", "〇九〇一二三四五六七八", "PHONE"),
        ("0120-123-456", "0120-123-456", "PHONE"),
        ("call +44 20 7946 0958 now", "+44 20 7946 0958", "PHONE"),
        ("at (212) 555-0142.", "(212) 555-0142", "PHONE"),
        ("東京都千代田区丸の内1-2-3 丸の内ビル101号室に", "東京都千代田区丸の内1-2-3 丸の内ビル101号室", "ADDRESS"),
        ("仙台市太白区長町三丁目五番十二号", "仙台市太白区長町三丁目五番十二号", "ADDRESS"),
        (
            "at 12 Willow Creek Road, Apt 4, Tacoma, WA 98402",
            "12 Willow Creek Road, Apt 4, Tacoma, WA 98402",
            "ADDRESS",
        ),
        ("生年月日 昭和55年3月2日", "昭和55年3月2日", "BIRTHDATE"),
        ("1980年3月2日生まれ", "1980年3月2日生まれ", "BIRTHDATE"),
        ("S55.3.2", "S55.3.2", "BIRTHDATE"),
        ("DOB: 03/02/1980", "03/02/1980", "BIRTHDATE"),
        ("72歳の", "72", "AGE"),
        ("35.681236, 139.767125", "35.681236, 139.767125", "POSITION"),
        # people, firms, places
        ("山田太郎が", "山田太郎", "PERSON"),
        ("高橋　みゆき様", "高橋　みゆき", "PERSON"),
        ("田中課長に", "田中", "PERSON"),
        ("凡河内様", "凡河内", "PERSON"),
        ("ヤマダ　タロウ", "ヤマダ　タロウ", "PERSON"),
        ("ﾔﾏﾀﾞ ﾀﾛｳ", "ﾔﾏﾀﾞ ﾀﾛｳ", "PERSON"),
        ("担当：鷺沼", "鷺沼", "PERSON"),
        ("met Amelia Venkataraman today", "Amelia Venkataraman", "PERSON"),
        ("株式会社東雲は", "株式会社東雲", "ORG"),
        ("みどり商事の", "みどり商事", "ORG"),
        ("works for Halcyon Marine Ltd", "Halcyon Marine Ltd", "ORG"),
        # machines and accounts
        ("00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e", "MAC"),
        (r"copied \\fileserver07\share\x", "fileserver07", "HOST"),
        (r"C:\Users\t.udagawa\Desktop", "t.udagawa", "USER"),
        ("/home/udagawa/x", "udagawa", "USER"),
        ("user=kuga_a failed", "kuga_a", "USER"),
        ("Jan 01 10:11:12 app7 sshd[22]: ok", "app7", "HOST"),
        ("db9.ad.bank.local up", "db9.ad.bank.local", "HOST"),
        # crypto-assets: the address of Bitcoin's first block; BIP 173's example
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "WALLET"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "WALLET"),
        ("暗証番号は1234", "1234", "SECRET"),
    ],
)
def test_is_found_as_what_it_is(text: str, covered: str, kind: str) -> None:
    assert found(text).get(covered) == kind, found(text)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("y\u0430mada.t@bank.example", "y\u0430mada.t@bank.example"),  # a Cyrillic letter
        ("4111\u200b1111\u200b1111\u200b1111", "4111\u200b1111\u200b1111\u200b1111"),
        ("０９０－１２３４－５６７８", "０９０－１２３４－５６７８"),
        ("山田\u3000太郎", "山田\u3000太郎"),
        ("see eWFtYWRhLnRAYmFuay5leGFtcGxl.", "eWFtYWRhLnRAYmFuay5leGFtcGxl"),  # yamada.t@bank.example
        ("q=yamada%2Et%40bank.example&x=1", "yamada%2Et%40bank.example"),
        ("to yamada.t&#64;bank.example", "yamada.t&#64;bank.example"),
        (r"name \u5c71\u7530\u592a\u90ce", r"\u5c71\u7530\u592a\u90ce"),
    ],
)
def test_is_found_however_it_is_spelled(text: str, hidden: str) -> None:
    assert hidden in found(text)


def test_the_name_of_a_json_member_says_what_its_value_is() -> None:
    spans = BOUNDARY.find("1234567", name="accountNumber")[1]
    assert [(span.start, span.end, span.kind.value) for span in spans] == [(0, 7, "ACCOUNT")]
    assert not BOUNDARY.find("1234567", name="size")[1]
