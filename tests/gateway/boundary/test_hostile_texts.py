"""Texts built to hide identifiers, to plant tokens, or to be too much."""

import json
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.boundary import Boundary, BoundaryError, Dictionary, Passage
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit
from sakimori.gateway.endpoints.stream import restored

BOUNDARY = Boundary(
    "aozora", b"k" * 32, Dictionary(hosts=frozenset({"pc-0412.aozora.example"}), people=frozenset({"山田 太郎"}))
)
CARD, MAIL = "4111111111111111", "hanako.sato@mail.example"


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def digits_from(zero: str) -> Callable[[str], str]:
    return lambda text: text.translate({ord("0") + n: ord(zero) + n for n in range(10)})


@pytest.mark.parametrize(
    "hidden",
    [
        "\u200b".join(CARD),
        MAIL.replace("a", "a\u00ad"),
        MAIL.replace("a", "\u0430"),
        "\u0440\u0441-0412",
        wide(CARD),
        wide(CARD[:8]) + CARD[8:],
        digits_from("\u0660")(CARD),
        digits_from("\U0001d7ce")(CARD),
        digits_from("\u0966")(CARD),
        "-".join(CARD[place : place + 4] for place in range(0, 16, 4)),
        "ｙａｍａｄａ＠ａｏｚｏｒａ．ｅｘａｍｐｌｅ",
        "山田\u200d太郎",
    ],
)
def test_a_disguise_does_not_help(hidden: str) -> None:
    passage = Passage(BOUNDARY)
    left = passage.tokenise(hidden)
    assert [(span.start, span.end) for span in left.spans] == [(0, len(hidden))]
    assert passage.restore(left.text) == hidden


def test_kanji_numerals_are_numbers() -> None:
    assert "〇九〇" not in BOUNDARY.tokenise("電話は〇九〇-一二三四-五六七八です").text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("my card is 4111 1111 1", "111 1111, thanks"),
        ("4111-1111", "-1111-1111"),
        ("write to hanako.sato@", "mail.example please"),
        ("write to hanako", "@mail.example please"),
    ],
)
def test_what_is_split_over_two_texts_does_not_leave_whole(first: str, second: str) -> None:
    passage = Passage(BOUNDARY)
    sent = [passage.send(first), passage.send(second)]
    assert not any(part in sent[1] for part in ("1111", "mail.example"))
    assert [passage.receive(text) for text in sent] == [first, second]


def test_parts_in_a_list_do_not_leave_whole() -> None:
    passage = Passage(BOUNDARY)
    value = {"digits": ["4111", "1111", "1111", "1111"], "note": json.dumps({"a": "hanako.sato@", "b": "mail.example"})}
    sent = json.dumps(passage.send_value(value))
    assert "mail.example" not in sent
    assert sent.count("1111") < 4
    assert restored(json.loads(sent), passage, str) == value


@pytest.mark.parametrize(
    ("first", "second"),
    [("see hanako@mail.example", "com is a suffix"), ("port 443", "10 tries"), ("4111", "apples"), ("", "1111")],
)
def test_texts_that_only_follow_one_another_are_left(first: str, second: str) -> None:
    passage = Passage(BOUNDARY)
    passage.send(first)
    assert passage.send(second) == second


@given(st.lists(st.text(alphabet="0123456789@.-a㍿ \u200b", max_size=30), max_size=6))
def test_texts_that_follow_one_another_come_back(texts: list[str]) -> None:
    passage = Passage(BOUNDARY)
    assert [passage.receive(passage.send(text)) for text in texts] == texts


def test_a_token_within_a_token_comes_back_as_it_was() -> None:
    passage = Passage(BOUNDARY)
    token = passage.tokenise("10.0.0.1").text
    for text in (f"{token}", f"{token[:6]}{token}{token[6:]}", f"IP_{token}", f"{token}_{token}", f'{{"{token}": 1}}'):
        sent = passage.send(text)
        assert token not in sent
        assert passage.receive(sent) == text


def test_what_looks_like_a_token_and_never_went_out_stays_and_is_told() -> None:
    passage = Passage(BOUNDARY)
    planted = "PERSON_0123456789AB"
    assert passage.receive(f"pay {planted}") == f"pay {planted}"
    assert passage.invented == {planted}


def test_two_conversations_with_the_same_names_are_two() -> None:
    ours, theirs = Passage(BOUNDARY), Passage(Boundary("akebono", b"o" * 32, Dictionary()))
    ours_left, theirs_left = ours.send("10.0.0.1"), theirs.send("10.0.0.1")
    assert theirs.receive(ours_left) == ours_left
    assert ours.receive(theirs_left) == theirs_left
    second = Passage(BOUNDARY)  # of the same institution: the same token, and only what it sent itself comes back
    assert second.receive(ours_left) == ours_left


def test_a_hundred_thousand_identifiers_leave_as_tokens() -> None:
    text = " ".join(f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(100_000))
    passage = Passage(BOUNDARY)
    left = passage.tokenise(text)
    assert len(left.spans) == 100_000
    assert passage.restore(left.text) == text


def test_a_long_prompt_takes_memory_in_proportion() -> None:
    """Peak memory of a text, beyond the text itself, per character of it."""
    line = "端末pc-0412の利用者から問い合わせ。宛先は10.20.4.17です。 the session lasted longer than usual\n"

    def peak(characters: int) -> float:
        text = (line * (characters // len(line) + 1))[:characters]
        tracemalloc.start()
        try:
            Passage(BOUNDARY, running_text=True).tokenise(text)
            return tracemalloc.get_traced_memory()[1] / characters
        finally:
            tracemalloc.stop()

    peak(10_000)  # loads what is loaded once
    assert peak(400_000) < 2 * peak(100_000) + 20


def test_a_detector_that_raises_lets_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_folded: Folded) -> list[Hit]:
        raise ZeroDivisionError

    failing = Boundary("aozora", b"k" * 32, Dictionary())
    monkeypatch.setattr(failing, "_detectors", (("broken", broken),))
    for send in (Passage(failing).tokenise, Passage(failing).send, Passage(failing).send_value):
        with pytest.raises(BoundaryError, match=r"detector broken failed \(ZeroDivisionError\), so nothing was sent"):
            send("hello")
