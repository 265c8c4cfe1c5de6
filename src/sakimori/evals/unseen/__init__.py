"""Bank texts written by people who had not seen the rules, to be measured and then left as they are.

``unseen_texts(name)`` reads ``NAME.txt``: records divided by lines ``---``. ``⟦type|value⟧`` is a labelled value,
``⟦slot⟧`` one drawn from ``pools.yaml`` or made here (numbers with their check digits); a record with slots is drawn
twice. ``none.txt`` has nothing that identifies anybody: whatever is found there is found wrongly.

SHA-256 of the files as they were committed before any rule was read, in the order texts, none, pools:
    40aff20390d9428bf9684504341de2b7012207174dec66419a5fc8debcb20f03
    6038c0c93f43dc0adf8edc13be3da1b84bdbabb3c3b1ddc55048fc4ae616586b
    db5eaf96a12f748875a13c3e008873dd442258aaae89c3d65048bf11deb60df7

``second.txt`` was written after the rules had learned from the first texts, without looking at them again:
    cce460c95e8c418941d59882cd09aa88546ba6ebda83db3ed73a9232a04a4fea

``third.txt`` was written when they had learned from the second too; nothing was changed for it:
    00b4c353d6a87982ea3105d7ca0f4c81d0d6758510c333df5c09efafec5a4633

``fourth.txt`` to ``fourteenth.txt`` were written by others, each in another role at a bank, who saw neither rules nor
texts before them. The rules learned from them in that order; from ``fourteenth`` nothing:
    3bfe6959f7fe1fd77fb33560001a71bfef12797246e93f5c7d3000595caadc06  fourth
    fe5148fddc97bca082f20a8123fe5c2aaa1a07dbb7e2a93e579478131026b328  fifth
    a034a75bf4abdbc0cbfd6cb2026dad71d61de0511f430a71e13ed3a7c102ab59  sixth
    d326b02e82a9cb464671bb55b399070e7a095cd1d9b0f3515837e2f2ca3442e7  seventh
    4403eb0ccc95f9e130fb9e25ee69fb9174278facf9b7148a4987601cb47619ba  eighth
    f02315f64a2248e3f68c9ee79074ec5b01009b897d843f3961fc3dab82fc3b10  ninth
    0dda82fad551f3dac62095db048c47a0ec1ea7e79442c51c4d6730c0720db73b  tenth
    8b974482505c819550de4db3d58b3cc2b6b38a5855b0fd86b90cbbd876a86a3a  eleventh
    c5dd10928b434caf9e5b07dcfe113f7319d0a770c91b6f074fb3a94e6526ded7  twelfth
    1d0837d8b328bad1f862dd00c2dfb317ce8f884a003bacf5055ba26f9cb24106  thirteenth
    b08b84c9554dd3ca6a85610fdb63a77f762a3b48b3c7d07b89c0b46d4ce2753a  fourteenth
"""

import random
import re
from collections.abc import Callable, Iterator
from importlib import resources

import yaml

from sakimori.evals.boundary import Labelled

_PART = re.compile("⟦([^|⟧]+)(?:\\|([^⟧]*))?⟧")


def unseen_texts(name: str, seed: int = 0) -> Iterator[Labelled]:
    """The texts of ``NAME.txt`` with their slots filled in; the same ones for the same seed."""
    folder = resources.files(__name__)
    records = folder.joinpath(f"{name}.txt").read_text("utf-8").strip("\n").split("\n---\n")
    pools = yaml.safe_load(folder.joinpath("pools.yaml").read_text("utf-8"))
    draw = random.Random(seed)  # noqa: S311 - made texts, no secret
    for record in records:
        slots = any("|" not in part.group() for part in _PART.finditer(record))
        for _ in range(2 if slots else 1):
            yield _filled(record, pools, draw)


def _filled(record: str, pools: dict[str, list[str | list[str]]], draw: random.Random) -> Labelled:
    text, spans, position = "", list[tuple[int, int, str]](), 0
    for part in _PART.finditer(record):
        text += record[position : part.start()]
        position = part.end()
        slot, value = part[1], part[2]
        if value is None:
            value = _MADE[slot](draw) if slot in _MADE else _drawn(pools[slot], draw)
        spans.append((len(text), len(text) + len(value), slot.partition(".")[0]))
        text += value
    return Labelled(text + record[position:], tuple(spans))


def _drawn(pool: list[str | list[str]], draw: random.Random) -> str:
    value = draw.choice(pool)
    return value if isinstance(value, str) else draw.choice(["", " ", "　"]).join(value)


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choice("0123456789") for _ in range(count))


def _my_number(draw: random.Random) -> str:
    body = _digits(draw, 11)
    rest = sum(int(d) * (n + 1 if n <= 6 else n - 5) for n, d in enumerate(reversed(body), 1)) % 11
    return body + str(0 if rest <= 1 else 11 - rest)


def _corporate_number(draw: random.Random) -> str:
    body = draw.choice("123456789") + _digits(draw, 11)
    return str(9 - sum(int(d) * (2 - n % 2) for n, d in enumerate(reversed(body), 1)) % 9) + body


def _card(draw: random.Random) -> str:
    body = draw.choice(["4", "51", "3540", "2221"]) + _digits(draw, 15)
    body = body[:15]
    rest = sum(sum(divmod(int(d) * (1 + n % 2), 10)) for n, d in enumerate(reversed(body), 1)) % 10
    number = body + str(-rest % 10)
    return draw.choice(["", " ", "-"]).join(number[i : i + 4] for i in range(0, 16, 4))


def _iban(draw: random.Random) -> str:
    country, length = draw.choice([("DE", 18), ("BE", 12), ("SA", 20), ("PL", 24)])
    body = _digits(draw, length)
    check = 98 - int(body + "".join(str(ord(letter) - 55) for letter in country) + "00") % 97
    iban = f"{country}{check:02}{body}"
    return draw.choice([iban, " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))])


def _phone(draw: random.Random) -> str:
    mobile, line = _digits(draw, 8), _digits(draw, 4)
    return draw.choice(
        [
            f"090{mobile}",
            f"080-{mobile[:4]}-{mobile[4:]}",
            f"03-{mobile[:4]}-{line}",
            f"（06）{mobile[:4]}－{line}",
            f"0985{mobile[:2]}{line}",
            f"+81 90 {mobile[:4]} {mobile[4:]}",
            f"070 {mobile[:4]} {mobile[4:]}",
            f"0120-{mobile[:3]}-{line[:3]}",
            f"０３（{mobile[:4]}）{line}".translate(str.maketrans("0123456789", "０１２３４５６７８９")),
        ]
    )


def _birth_date(draw: random.Random) -> str:
    year, month, day = draw.randint(1935, 2005), draw.randint(1, 12), draw.randint(1, 28)
    era = f"昭和{year - 1925}年" if year < 1989 else "平成元年" if year == 1989 else f"平成{year - 1988}年"
    short = f"S{year - 1925}" if year < 1989 else f"H{year - 1988}"
    return draw.choice(
        [
            f"{era}{month}月{day}日",
            f"{year}年{month}月{day}日",
            f"{year}/{month:02}/{day:02}",
            f"{year}{month:02}{day:02}",
            f"{short}.{month}.{day}",
        ]
    )


def _secret(draw: random.Random) -> str:
    return "".join(draw.choice("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789") for _ in range(36))


_MADE: dict[str, Callable[[random.Random], str]] = {
    "my_number": _my_number,
    "my_number.spaced": lambda draw: " ".join(re.findall("....", _my_number(draw))),
    "corporate_number": _corporate_number,
    "card": _card,
    "iban": _iban,
    "phone": _phone,
    "birth_date": _birth_date,
    "account": lambda draw: _digits(draw, 7),
    "customer_number": lambda draw: draw.choice(["", "C", "0"]) + _digits(draw, 9),
    "postal_code": lambda draw: draw.choice(["{}-{}", "{}{}"]).format(str(draw.randint(100, 989)), _digits(draw, 4)),
    "ip": lambda draw: ".".join(str(draw.randint(1, 254)) for _ in range(4)),
    "mac": lambda draw: draw.choice(":-").join(f"{draw.randrange(256):02x}" for _ in range(6)),
    "licence": lambda draw: draw.choice(["30", "44", "62", "90"]) + _digits(draw, 10),
    "passport": lambda draw: draw.choice(["TR", "TK", "MU", "TZ"]) + _digits(draw, 7),
    "residence_card": lambda draw: "AB" + _digits(draw, 8) + "CD",
    "secret": _secret,
}
