"""Values for the slots of bank texts. Pools are in pools.yaml: those of tuning and of evaluation share nothing."""

import hashlib
import random
import string
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_TYPES = {
    "person_ja": "PERSON",
    "surname_ja": "PERSON",
    "kana": "PERSON",
    "romaji": "PERSON",
    "person_en": "PERSON",
    "person_en_lower": "PERSON",
    "person_en_first": "PERSON",
    "person_caps": "PERSON",
    "surname_en": "PERSON",
    "company_ja": "ORGANIZATION",
    "company_en": "ORGANIZATION",
    "bank": "BANK",
    "bank_en": "BANK",
    "branch": "BRANCH",
    "holder": "HOLDER",
    "address_ja": "ADDRESS",
    "address_short_ja": "PLACE",
    "address_nopref_ja": "ADDRESS",
    "address_en": "ADDRESS",
    "city_ja": "PLACE",
    "city_en": "PLACE",
    "postcode": "POSTCODE",
    "postcode_uk": "POSTCODE",
    "mobile": "PHONE",
    "mobile_plain": "PHONE",
    "mobile_kanji": "PHONE",
    "landline": "PHONE",
    "landline_plain": "PHONE",
    "phone_us": "PHONE",
    "phone_uk": "PHONE",
    "phone_intl": "PHONE",
    "phone_intl_jp": "PHONE",
    "mail": "MAIL",
    "dob_ja": "BIRTHDATE",
    "dob_en": "BIRTHDATE",
    "dob_iso": "BIRTHDATE",
    "age": "AGE",
    "mynumber": "MYNUMBER",
    "corporate": "CORPORATE_NUMBER",
    "licence": "DRIVER_LICENCE",
    "passport_jp": "PASSPORT",
    "passport_foreign": "PASSPORT",
    "residence": "RESIDENCE_CARD",
    "insurance": "HEALTH_INSURANCE",
    "insurer": "HEALTH_INSURANCE",
    "pension": "PENSION",
    "customer": "CUSTOMER_NUMBER",
    "employee": "EMPLOYEE_NUMBER",
    "policy": "POLICY_NUMBER",
    "account": "ACCOUNT",
    "sortcode": "ACCOUNT",
    "yucho_sign": "ACCOUNT",
    "yucho_number": "ACCOUNT",
    "bankcode": "BANK_CODE",
    "branchcode": "BRANCH_CODE",
    "card": "CARD",
    "card_wide": "CARD",
    "expiry": "CARD_EXPIRY",
    "pin": "PIN",
    "iban": "IBAN",
    "bic": "BIC",
    "ssn": "SSN",
    "nino": "NINO",
    "plate": "PLATE",
    "imei": "IMEI",
    "ip": "IP",
    "ip6": "IP",
    "mac": "MAC",
    "host": "HOST",
    "user": "USER",
    "handle": "USER",
    "secret": "SECRET",
    "apikey": "SECRET",
    "aws_secret": "SECRET",
    "wallet": "WALLET",
    "lat": "POSITION",
    "lon": "POSITION",
    "timestamp": "",
}
"""Slot to label; those without one are no identifiers."""

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@cache
def pools(part: str) -> dict[str, Any]:
    content: dict[str, dict[str, Any]] = yaml.safe_load(
        files("sakimori.evals.banktexts").joinpath("pools.yaml").read_text("utf-8")
    )
    return content[part]


class Values:
    """Makes values of one part's pools."""

    def __init__(self, part: str, chance: random.Random) -> None:
        self._pools = pools(part)
        self._chance = chance

    def make(self, slot: str) -> tuple[str, str]:
        """The label and a value for a slot."""
        maker: Callable[[], str] = getattr(self, f"_{slot}")
        return _TYPES[slot], maker()

    def _of(self, pool: str) -> str:
        words: str = self._pools[pool]
        return self._chance.choice(words.split("|") if "|" in words else words.split())

    def _digits(self, count: int) -> str:
        return "".join(self._chance.choices(string.digits, k=count))

    def _number(self, low: int, high: int) -> int:
        return self._chance.randint(low, high)

    def _pick(self, *choices: str) -> str:
        return self._chance.choice(choices)

    def _person_ja(self) -> str:
        return self._of("surnames") + self._pick("", "", " ", "\u3000") + self._of("given")

    def _surname_ja(self) -> str:
        return self._of("surnames")

    def _kana(self) -> str:
        return self._of("kana_surnames") + self._pick(" ", "\u3000", "") + self._of("kana_given")

    def _romaji(self) -> str:
        return self._of("romaji")

    def _person_en(self) -> str:
        middle = self._pick("", "", f"{self._chance.choice(string.ascii_uppercase)}. ")
        return f"{self._of('given_en')} {middle}{self._of('surnames_en')}"

    def _person_en_lower(self) -> str:
        return f"{self._of('given_en')} {self._of('surnames_en')}".lower()

    def _person_en_first(self) -> str:
        return self._of("given_en")

    def _person_caps(self) -> str:
        return f"{self._of('given_en')} {self._of('surnames_en')}".upper()

    def _surname_en(self) -> str:
        return self._of("surnames_en")

    def _company_ja(self) -> str:
        name = self._of("company_names")
        return self._pick(
            f"株式会社{name}",
            f"{name}株式会社",
            f"{name}{self._pick('商事', '工業', '建設', '運輸')}",
            f"有限会社{name}",
        )

    def _company_en(self) -> str:
        return f"{self._of('company_names_en')} {self._pick('Ltd', 'Inc.', 'LLC', 'GmbH', 'Holdings', 'Partners')}"

    def _bank(self) -> str:
        return self._of("banks")

    def _bank_en(self) -> str:
        return self._of("banks_en")

    def _branch(self) -> str:
        return self._of("branches")

    def _holder(self) -> str:
        return self._pick(f"カ){self._of('kana_companies')}", f"{self._of('kana_surnames')} {self._of('kana_given')}")

    def _address_ja(self) -> str:
        return self._of("areas_ja") + self._block() + self._building()

    def _address_nopref_ja(self) -> str:
        return self._of("towns_ja") + self._block() + self._building()

    def _address_short_ja(self) -> str:
        return self._of("cities_ja")

    def _city_ja(self) -> str:
        return self._of("cities_ja")

    def _block(self) -> str:
        a, b, c = self._number(1, 9), self._number(1, 29), self._number(1, 25)
        kanji = "〇一二三四五六七八九"
        return self._pick(
            f"{a}-{b}-{c}",
            f"{a}丁目{b}番{c}号",
            f"{a}丁目{b}-{c}",
            f"{kanji[a]}丁目{b}番地{c}",
            f"{b}番地{c}",
            f"{a}\uff0d{b}\uff0d{c}".translate({ord(d): ord(d) + 0xFEE0 for d in string.digits}),
        )

    def _building(self) -> str:
        room = f"{self._number(1, 12)}{self._number(1, 9):02d}"
        return self._pick(
            "", "", f" {self._of('buildings')}{room}号室", f"\u3000{self._of('buildings')} {room}", f"-{room}"
        )

    def _address_en(self) -> str:
        way = self._pick("Street", "Avenue", "Road", "Lane", "Drive", "Blvd")
        street = f"{self._number(3, 9800)} {self._of('streets_en')} {way}"
        flat = self._pick("", "", f", Apt {self._number(1, 40)}", f", Suite {self._number(100, 900)}")
        return f"{street}{flat}, {self._of('cities_en')}, {self._of('states')} {self._digits(4)}{self._number(1, 9)}"

    def _city_en(self) -> str:
        return self._of("cities_en")

    def _postcode(self) -> str:
        return f"{self._number(100, 989)}-{self._digits(4)}"

    def _postcode_uk(self) -> str:
        area, unit = self._pick("SW", "EH", "LS", "B", "M"), self._pick("AB", "QT", "XY", "NP")
        return f"{area}{self._number(1, 20)} {self._number(1, 9)}{unit}"

    def _mobile(self) -> str:
        head, middle, tail = self._pick("070", "080", "090"), f"{self._number(1, 9)}{self._digits(3)}", self._digits(4)
        return self._pick(
            f"{head}-{middle}-{tail}", f"{head}-{middle}-{tail}", f"{head}{middle}{tail}", f"{head} {middle} {tail}"
        )

    def _mobile_plain(self) -> str:
        return f"{self._pick('070', '080', '090')}{self._number(1, 9)}{self._digits(7)}"

    def _mobile_kanji(self) -> str:
        return self._mobile_plain().translate(
            {ord(d): k for d, k in zip(string.digits, "〇一二三四五六七八九", strict=True)}
        )

    def _landline(self) -> str:
        area = self._of("area_codes")
        local = 10 - len(area) - 4
        return self._pick(
            f"{area}-{self._digits_from(2, local)}-{self._digits(4)}",
            f"({area}){self._digits_from(2, local)}-{self._digits(4)}",
        )

    def _digits_from(self, low: int, count: int) -> str:
        return f"{self._number(low, 9)}{self._digits(count - 1)}"

    def _landline_plain(self) -> str:
        area = self._of("area_codes")
        return area + self._digits_from(2, 10 - len(area))

    def _phone_us(self) -> str:
        area, office, line = self._number(201, 989), self._number(201, 989), self._digits(4)
        return self._pick(
            f"({area}) {office}-{line}",
            f"{area}-{office}-{line}",
            f"+1 {area} {office} {line}",
            f"{area}.{office}.{line}",
        )

    def _phone_uk(self) -> str:
        return self._pick(
            f"07{self._digits(3)} {self._digits(6)}",
            f"+44 20 7{self._digits(3)} {self._digits(4)}",
            f"0161 {self._digits(3)} {self._digits(4)}",
        )

    def _phone_intl(self) -> str:
        return self._pick(
            f"+49 30 {self._digits_from(1, 8)}",
            f"+65 6{self._digits(3)} {self._digits(4)}",
            f"+33 1 {self._digits(2)} {self._digits(2)} {self._digits(2)} {self._digits(2)}",
        )

    def _phone_intl_jp(self) -> str:
        return f"+81-90-{self._digits(4)}-{self._digits(4)}"

    def _mail(self) -> str:
        return f"{self._of('users')}@{self._of('mail_domains')}"

    def _dob_ja(self) -> str:
        month, day = self._number(1, 12), self._number(1, 28)
        year = self._number(1935, 1988)
        return self._pick(
            f"{year}年{month}月{day}日",
            f"昭和{year - 1925}年{month}月{day}日",
            f"{year}/{month:02d}/{day:02d}",
            f"S{year - 1925}.{month}.{day}",
        )

    def _dob_en(self) -> str:
        month = self._pick("January", "March", "June", "October")
        return self._pick(
            f"{month} {self._number(1, 28)}, {self._number(1940, 2000)}",
            f"{self._number(1, 12):02d}/{self._number(1, 28):02d}/{self._number(1940, 2000)}",
        )

    def _dob_iso(self) -> str:
        return f"{self._number(1940, 2000)}-{self._number(1, 12):02d}-{self._number(1, 28):02d}"

    def _age(self) -> str:
        return str(self._number(18, 95))

    def _mynumber(self) -> str:
        body = self._digits(11)
        total = sum(int(d) * (n + 1 if n <= 6 else n - 5) for n, d in enumerate(reversed(body), start=1))
        digits = body + str(0 if total % 11 <= 1 else 11 - total % 11)
        return self._pick(
            digits, f"{digits[:4]}-{digits[4:8]}-{digits[8:]}", f"{digits[:4]} {digits[4:8]} {digits[8:]}"
        )

    def _corporate(self) -> str:
        body = self._digits(12)
        total = sum(int(d) * (2 if n % 2 else 1) for n, d in enumerate(reversed(body)))
        return f"{9 - total % 9}{body}"

    def _licence(self) -> str:
        return f"{self._number(10, 97)}{self._digits(10)}"

    def _passport_jp(self) -> str:
        return f"{self._pick('TK', 'TR', 'MU', 'TZ')}{self._digits(7)}"

    def _passport_foreign(self) -> str:
        return self._pick(f"E{self._digits(8)}", f"{self._digits_from(1, 9)}", f"PA{self._digits(7)}")

    def _residence(self) -> str:
        return f"{self._pick('AB', 'UH', 'SE')}{self._digits(8)}{self._pick('CD', 'EA', 'FX')}"

    def _insurance(self) -> str:
        return f"{self._digits_from(1, 4)}・{self._digits_from(1, 5)}"

    def _insurer(self) -> str:
        return f"0{self._digits(7)}"

    def _pension(self) -> str:
        return self._pick(f"{self._digits(4)}-{self._digits(6)}", self._digits(10))

    def _customer(self) -> str:
        return self._pick(self._digits_from(1, 8), f"C{self._digits(7)}", f"{self._digits(4)}-{self._digits(6)}")

    def _employee(self) -> str:
        return self._pick(self._digits_from(1, 6), f"E{self._digits(5)}")

    def _policy(self) -> str:
        return self._pick(f"{self._digits(3)}-{self._digits(7)}", f"AB{self._digits(8)}")

    def _account(self) -> str:
        return self._digits_from(1, 7)

    def _sortcode(self) -> str:
        return f"{self._digits(2)}-{self._digits(2)}-{self._digits(2)}"

    def _yucho_sign(self) -> str:
        return f"1{self._digits(3)}0"

    def _yucho_number(self) -> str:
        return f"{self._digits_from(1, 7)}1"

    def _bankcode(self) -> str:
        return f"{self._pick('00', '01', '05')}{self._digits(2)}"

    def _branchcode(self) -> str:
        return self._digits(3)

    def _card(self) -> str:
        body = f"{self._pick('4', '51', '3530', '55')}"
        body += self._digits(15 - len(body))
        total = sum(sum(divmod(int(d) * (2 if n % 2 == 0 else 1), 10)) for n, d in enumerate(reversed(body)))
        digits = body + str(-total % 10)
        groups = [digits[n : n + 4] for n in range(0, 16, 4)]
        return self._pick(digits, "-".join(groups), " ".join(groups))

    def _card_wide(self) -> str:
        return self._card().translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})

    def _expiry(self) -> str:
        return f"{self._number(1, 12):02d}/{self._number(27, 33)}"

    def _pin(self) -> str:
        return self._digits(4)

    def _iban(self) -> str:
        country, length = self._chance.choice((("DE", 18), ("GB", 18), ("FR", 23), ("CH", 17)))
        body = f"{self._pick('NWBK', 'BARC')}{self._digits(14)}" if country == "GB" else self._digits(length)
        number = "".join(str(int(c, 36)) for c in f"{body}{country}00")
        iban = f"{country}{98 - int(number) % 97:02d}{body}"
        return self._pick(iban, " ".join(iban[n : n + 4] for n in range(0, len(iban), 4)))

    def _bic(self) -> str:
        return f"{self._of('bic_stems')}{self._pick('JPJT', 'DEFF', 'GB2L', 'US33', 'SGSG')}{self._pick('', 'XXX')}"

    def _ssn(self) -> str:
        return f"{self._number(101, 665)}-{self._number(10, 99)}-{self._number(1000, 9999)}"

    def _nino(self) -> str:
        head, tail = self._pick("AB", "JK", "SW"), self._pick("A", "B", "C", "D")
        return f"{head} {self._digits(2)} {self._digits(2)} {self._digits(2)} {tail}"

    def _plate(self) -> str:
        area, kana = self._of("plate_areas"), self._pick("あ", "さ", "ね", "も")
        return f"{area} {self._number(300, 599)} {kana} {self._number(10, 99)}-{self._number(10, 99)}"

    def _imei(self) -> str:
        body = f"35{self._digits(12)}"
        total = sum(sum(divmod(int(d) * (2 if n % 2 == 0 else 1), 10)) for n, d in enumerate(reversed(body)))
        return body + str(-total % 10)

    def _ip(self) -> str:
        return f"{self._pick('10.3', '172.20', '192.168', '203.0')}.{self._number(0, 255)}.{self._number(1, 254)}"

    def _ip6(self) -> str:
        return f"2001:db8:{self._number(1, 9999):x}::{self._number(1, 65535):x}"

    def _mac(self) -> str:
        return self._pick(":", "-").join(f"{self._number(0, 255):02x}" for _ in range(6))

    def _host(self) -> str:
        return self._of("hosts").replace("#", str(self._number(10, 999)))

    def _user(self) -> str:
        return self._of("users")

    def _handle(self) -> str:
        return self._of("users").replace(".", "_") + str(self._number(1, 99))

    def _secret(self) -> str:
        return "".join(self._chance.choices(string.ascii_letters + string.digits + "!#%+", k=self._number(9, 16)))

    def _apikey(self) -> str:
        letters = string.ascii_letters + string.digits
        return self._pick("sk-proj-", "ghp_") + "".join(self._chance.choices(letters, k=36))

    def _aws_secret(self) -> str:
        return "".join(self._chance.choices(string.ascii_letters + string.digits + "/+", k=40))

    def _wallet(self) -> str:
        payload = b"\0" + self._chance.randbytes(20)
        data = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
        number, out = int.from_bytes(data, "big"), ""
        while number:
            number, rest = divmod(number, 58)
            out = _BASE58[rest] + out
        return self._pick("1" + out, "0x" + self._chance.randbytes(20).hex())

    def _lat(self) -> str:
        return f"35.{self._digits(5)}{self._number(1, 9)}"

    def _lon(self) -> str:
        return f"139.{self._digits(5)}{self._number(1, 9)}"

    def _timestamp(self) -> str:
        day = f"2026-0{self._number(1, 9)}-{self._number(10, 28)}"
        return f"{day} {self._number(10, 23)}:{self._number(10, 59)}:{self._number(10, 59)}"
