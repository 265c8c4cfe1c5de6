"""What comes again is looked through once, and says the same as the first time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import ManualClock
from sakimori.gateway.boundary import Boundary, Dictionary, Passage
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.memory import Memory
from sakimori.gateway.boundary.span import Hit, Kind

_FILLING = "The backup of last night took longer than usual and nobody has said why. " * 4
_PARTS = st.sampled_from(
    [
        *(
            "pc-0412",
            "10.20.4.17",
            "hanako.sato@mail.example",
            "4111 1111 1111 1111",
            "password=x9!kkd",
            "Ms. Jane Doe",
        ),
        *("山田 太郎様", "電話 090-1234-5678", "東京都千代田区丸の内1-1", "〒100-0005", "ｶ)ｱｵｿﾞﾗ", "\u200b", "\ud800"),
        *(" ", ", ", "\n", "は"),
    ]
)
_TEXTS = st.lists(_PARTS, max_size=12).map(lambda parts: "".join([_FILLING, *parts]))
_NAMES = st.sampled_from([None, "", "customer", "password", "口座番号"])


def _boundary(*hosts: str) -> Boundary:
    return Boundary("aozora", b"k" * 32, Dictionary(hosts=frozenset(hosts)))


def _hits(*starts: int) -> tuple[Hit, ...]:
    return tuple(Hit(start, start + 8, Kind.HOST, "dictionary", f"host-{start:03}") for start in starts)


@given(st.lists(st.tuples(_TEXTS, _NAMES), min_size=1, max_size=6), st.data())
def test_what_comes_again_says_what_it_said_first(texts: list[tuple[str, str | None]], data: st.DataObject) -> None:
    boundary = _boundary("pc-0412")
    for text, name in [*texts, *data.draw(st.permutations(texts))]:
        first = Passage(_boundary("pc-0412")).tokenise(text, name=name)
        assert Passage(boundary).tokenise(text, name=name) == first


def test_a_text_that_comes_again_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def looking(folded: Folded) -> list[Hit]:
        looked_at.append(folded.text)
        return []

    boundary = _boundary()
    monkeypatch.setattr(boundary, "_detectors", (("looking", looking),))
    for _ in range(3):
        Passage(boundary).tokenise(_FILLING)
    assert len(looked_at) == 1
    Passage(boundary).tokenise(_FILLING, name="note")
    Passage(boundary).tokenise(f"{_FILLING}!")
    assert len(looked_at) == 3


def test_what_is_found_depends_on_the_dictionary_of_each_institution() -> None:
    text = f"{_FILLING} ledgerbox fails"
    assert Passage(_boundary("ledgerbox")).send(text) != text
    assert Passage(_boundary()).send(text) == text


def test_claims_come_back_as_they_were() -> None:
    memory = Memory(ManualClock(0))
    for digest, found in ((b"1", _hits(0, 9, 700)), (b"2", ()), (b"3", _hits(5))):
        memory.keep(digest, found)
        assert memory.recall(digest) == found
    assert memory.recall(b"4") is None


def test_what_was_used_longest_ago_is_let_go_first() -> None:
    memory = Memory(ManualClock(0), most_bytes=1_400)
    for digest in (b"1", b"2", b"3"):
        memory.keep(digest, _hits(1, 2))
    assert memory.recall(b"1")
    for digest in (b"4", b"5"):
        memory.keep(digest, _hits(1, 2))
    assert [digest for digest in (b"1", b"2", b"3", b"4", b"5") if memory.recall(digest)] == [b"1", b"4", b"5"]


def test_what_was_not_used_for_an_hour_is_let_go() -> None:
    minute = 60_000_000_000
    clock = ManualClock(0)
    memory = Memory(clock)
    memory.keep(b"1", _hits(1))
    memory.keep(b"2", _hits(2))
    clock.set(50 * minute)
    assert memory.recall(b"1") == _hits(1)
    clock.set(100 * minute)
    assert memory.recall(b"1") == _hits(1)
    assert memory.recall(b"2") is None


def test_very_many_claims_are_not_kept() -> None:
    memory = Memory(ManualClock(0))
    memory.keep(b"1", _hits(*range(30_000)))
    assert memory.recall(b"1") is None
