"""Numbers with check digits: payment cards and My Number.

Digits may stand in groups ("4111 1111 1111 1111", "1234-5678-9018"), beside other numbers, and in full width (folding
made them plain). A candidate begins and ends at a group, so that random windows of long numbers are not taken.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.numbers.card_details import behind_card
from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_CLUSTER = re.compile(r"[0-9]+(?:[ .\-_・ー]{1,2}[0-9]+)*")
_BEGINNING = Gate(r"[0-9](?<![0-9][0-9])[0-9]{3}(?:[ .\-_・ー]{0,2}[0-9]){8}")
"""Of every number of these kinds: a group of four digits or more, and as many behind it as the shortest have."""
_GROUP = re.compile(r"[0-9]+")
_CARD_LENGTHS = range(12, 20)
_MYNUMBER_LENGTH = 12
_IIN: tuple[tuple[int, int, frozenset[int]], ...] = (
    # first and last issuer prefix, lengths of the number (ISO/IEC 7812; the schemes' published ranges)
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),
    (35, 35, frozenset({16, 17, 18, 19})),  # JCB (issues 3528 to 3589; its neighbours cost nothing)
    (1800, 1800, frozenset({15})),
    (2131, 2131, frozenset({15})),
    (300, 305, frozenset({14, 15, 16, 17, 18, 19})),  # Diners Club
    (3095, 3095, frozenset({14, 15, 16, 17, 18, 19})),
    (36, 36, frozenset({14, 15, 16, 17, 18, 19})),
    (38, 39, frozenset({14, 15, 16, 17, 18, 19})),
    (6011, 6011, frozenset({16, 17, 18, 19})),  # Discover
    (644, 659, frozenset({16, 17, 18, 19})),
    (62, 62, frozenset({16, 17, 18, 19})),  # UnionPay
    (81, 81, frozenset({16, 17, 18, 19})),
    (50, 50, frozenset(_CARD_LENGTHS)),  # Maestro
    (56, 58, frozenset(_CARD_LENGTHS)),
    (6304, 6304, frozenset(_CARD_LENGTHS)),
    (67, 67, frozenset(_CARD_LENGTHS)),
)


def detect_numbers(folded: Folded) -> Iterator[Hit]:
    """Cards and My Numbers in a folded text."""
    text = folded.text
    reach = 0
    for beginning in _BEGINNING.finditer(text):
        if beginning.start() >= reach and (cluster := _CLUSTER.match(text, beginning.start())):
            reach = cluster.end()
            yield from _in_cluster(text, beginning.start(), reach)


def _in_cluster(text: str, start: int, end: int) -> Iterator[Hit]:
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    first = 0
    while first < len(groups):
        digits = ""
        taken = 0
        shape: list[int] = []
        for last in range(first, len(groups)):
            digits += text[groups[last][0] : groups[last][1]]
            shape.append(groups[last][1] - groups[last][0])
            if len(digits) > _CARD_LENGTHS[-1]:
                break
            kind = _kind(digits, shape)
            if kind:
                yield Hit(groups[first][0], groups[last][1], kind, _DETECTOR[kind], digits)
                if kind is Kind.CARD:
                    yield from behind_card(text, groups[last][1])
                taken = last - first + 1
        first += max(taken, 1)


_DETECTOR = {Kind.CARD: "card", Kind.MYNUMBER: "my-number"}


def _kind(digits: str, shape: list[int]) -> Kind | None:
    """``shape``: lengths of the groups. Dates, addresses and amounts come in others than cards and My Numbers do."""
    if len(digits) in _CARD_LENGTHS and shape[0] >= 4 and min(shape) >= 3 and _issued(digits) and _luhn(digits):
        return Kind.CARD
    if len(digits) == _MYNUMBER_LENGTH and shape in ([12], [4, 4, 4]) and _my_number(digits):
        return Kind.MYNUMBER
    return None


def _issued(digits: str) -> bool:
    return len(digits) in _lengths(digits[:4])


@lru_cache(10_000)
def _lengths(prefix: str) -> frozenset[int]:
    """That numbers have which begin with these four digits."""
    issued = (lengths for low, high, lengths in _IIN if low <= int(prefix[: len(str(low))]) <= high)
    return frozenset[int]().union(*issued)


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    return sum(map(int, digits[-1::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0


_DOUBLED = str.maketrans("0123456789", "0246813579")
"""The sum of the digits of twice each."""


def _my_number(digits: str) -> bool:
    """Check digit of the individual number: Ministry of Internal Affairs ordinance 85 of 2014, article 5."""
    total = sum(int(digit) * (n + 1 if n <= 6 else n - 5) for n, digit in enumerate(reversed(digits[:-1]), start=1))
    remainder = total % 11
    return int(digits[-1]) == (0 if remainder <= 1 else 11 - remainder)
