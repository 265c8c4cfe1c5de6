"""Lists of customers: found in any spelling that folds alike, known to nobody without the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.boundary.fold import fold
from sakimori.gateway.boundary.keyed_list import LONGEST, KeyedList, KeyedLists, Kind

KEY = bytes(range(32))
NAMES = ("山田 太郎", "Hanako Suzuki", "株式会社あおぞら商会", "ｱｵｿﾞﾗｼｮｳｶｲ", "1002003004")


def found(text: str, *lists: KeyedList, key: bytes = KEY) -> list[tuple[str, str]]:
    folded = fold(text)
    return [
        (hit.kind.value, text[slice(*folded.original(hit.start, hit.end))]) for hit in KeyedLists(key, lists)(folded)
    ]


CUSTOMERS, _ = KeyedList.of(KEY, Kind.CUSTOMER, NAMES)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("本日山田太郎が来店", "山田太郎"),
        ("本日 山田　太郎 様が来店", "山田　太郎"),
        ("HANAKO SUZUKI called", "HANAKO SUZUKI"),
        ("ｈａｎａｋｏ　ｓｕｚｕｋｉ", "ｈａｎａｋｏ　ｓｕｚｕｋｉ"),
        ("振込人アオゾラショウカイ。", "アオゾラショウカイ"),
        ("番号は１００２００３００４です", "１００２００３００４"),
        ("番号は1002\u200b003004です", "1002\u200b003004"),
    ],
)
def test_entries_are_found_however_they_are_typed(text: str, name: str) -> None:
    assert ("CUSTOMER", name) in found(text, CUSTOMERS)


@pytest.mark.parametrize("text", ["", "山田", "山太郎", "hanako suzukison", "91002003004", "10020030045"])
def test_nothing_else_is(text: str) -> None:
    assert not found(text, CUSTOMERS)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=5, max_size=LONGEST // 4), max_size=5), st.text())
def test_whatever_is_listed_is_found_between_other_words(names: list[str], around: str) -> None:
    listed, _ = KeyedList.of(KEY, Kind.PERSON, names)
    for name in names:
        form = " ".join(fold(name).text.split())
        if 4 <= len(form) <= LONGEST:
            assert any(
                hit.value.replace(" ", "") == form.replace(" ", "")
                for hit in KeyedLists(KEY, [listed])(fold(f"{around}、{form}、{around}"))
            )


def test_a_list_is_the_same_after_it_was_kept() -> None:
    again = KeyedList.from_bytes(CUSTOMERS.to_bytes())
    assert found("山田太郎", again) == [("CUSTOMER", "山田太郎")]
    assert again.entries == CUSTOMERS.entries


def test_without_the_key_nothing_is_found_and_nothing_can_be_read() -> None:
    kept = CUSTOMERS.to_bytes()
    assert not found("山田太郎 Hanako Suzuki", CUSTOMERS, key=bytes(32))
    assert all(name.encode() not in kept and fold(name).text.encode() not in kept for name in NAMES)


def test_entries_that_tell_nothing_apart_are_counted_and_left_out() -> None:
    listed, left_out = KeyedList.of(KEY, Kind.PERSON, ["王", "Li", "x" * (LONGEST + 1), "", "田中"])
    assert (listed.entries, left_out) == (1, 4)
    assert not found("王 Li", listed)


def test_many_entries() -> None:
    listed, _ = KeyedList.of(KEY, Kind.CUSTOMER, (f"{number:010}" for number in range(50_000)))
    assert listed.entries == 50_000
    assert found("口座 0000012345 と 0000099999", listed) == [("CUSTOMER", "0000012345")]
