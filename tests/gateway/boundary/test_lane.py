"""Texts of an answer that come in pieces."""

import json
import re
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sakimori.gateway.boundary import Boundary, Dictionary, Passage
from sakimori.gateway.boundary.jsontext import is_json_text

_BOUNDARY = Boundary("aozora", b"k" * 32, Dictionary(frozenset(), frozenset(), frozenset(), frozenset()))
HOST, USER, MAIL = "HOST_7K2M9QX4AB00", "USER_0AAAAAAAAA00", "MAIL_912345678900"
KNOWN = {HOST: "pc-0412", USER: 'AOZORA\\yamada "t"', MAIL: "山田@例.jp\n"}
SPELLINGS = [
    HOST,
    USER,
    MAIL,
    HOST.lower(),
    "ＨＯＳＴ＿７K2M9QX4AB00",
    "HOST\\_7K2M9QX4AB00",
    "HOST-7K2M9QX4AB00",
    "HO\u200bST_7K2M9QX4AB\u200b00",
    "USER_99999999999Z",
]
PIECES = st.one_of(
    st.sampled_from(
        [*SPELLINGS, "HOST_", "7K2M", "host", "ip_0", "\u0301", "\u200b", "\\", "\\\\", '"', "{", "[", " ", "㍿", "か"]
    ),
    st.sampled_from(SPELLINGS).flatmap(lambda token: st.integers(1, len(token)).map(lambda end: token[:end])),
    st.text(max_size=4),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)
OPENS_JSON = re.compile(r"\W*[{\[]")
"""Within JSON, a text that begins like JSON is taken for it before its end is there: only whole JSON is promised."""
PLAIN = TEXTS.filter(lambda text: not OPENS_JSON.match(text))
JSON_VALUES = st.recursive(
    PLAIN | st.integers() | st.booleans() | st.none(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(PLAIN, inner, max_size=3),
        st.dictionaries(PLAIN, inner, min_size=1, max_size=2).map(lambda value: json.dumps(value, ensure_ascii=False)),
    ),
    max_leaves=6,
)


def passage() -> Passage:
    return Passage(_BOUNDARY, known=KNOWN)


def said(pieces: list[str], *, is_json: bool = False) -> list[str]:
    lane = passage().lane(json=is_json)
    return [*map(lane.feed, pieces), lane.flush()]


def cut(text: str, places: list[int]) -> list[str]:
    bounds = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(bounds)]


@given(TEXTS, st.lists(st.integers(0, 200)))
@example(f"{HOST}", [3])
@example(f"{HOST}\u0301", [17])
def test_a_text_is_restored_alike_however_it_is_cut(text: str, places: list[int]) -> None:
    plain = f"Answer: {text}"
    assert "".join(said(cut(plain, places))) == passage().restore(plain)
    assert "".join(said(list(plain))) == passage().restore(plain)


def restored(value: Any) -> Any:
    """What a reader of the JSON should find: each text in it restored by itself, JSON texts read through."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {passage().restore(name): restored(member) for name, member in members.items()}
    if isinstance(value, list):
        return [restored(element) for element in cast("list[Any]", value)]
    if isinstance(value, str):
        return restored(json.loads(value)) if is_json_text(value) else passage().restore(value)
    return value


@given(
    JSON_VALUES.map(lambda value: {"a": value}),
    st.lists(st.integers(0, 400)),
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_json_stays_json_and_says_what_the_whole_would(
    value: dict[str, Any], places: list[int], is_json: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    whole = "".join(said([text], is_json=is_json))
    assert "".join(said(cut(text, places), is_json=is_json)) == whole
    assert "".join(said(list(text), is_json=is_json)) == whole
    assert restored(whole) == restored(text)


@given(st.text(alphabet='{["\\ n:,1a', max_size=30), st.lists(st.integers(0, 40)), st.booleans())
def test_damaged_json_is_restored_alike_however_it_is_cut(text: str, places: list[int], is_json: bool) -> None:
    text = text + USER + text
    assert "".join(said(cut(text, places), is_json=is_json)) == "".join(said([text], is_json=is_json))


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["It is ", "HO", "ST", "_7K2M", "9QX4AB0", "0", "."], ["It is ", "", "", "", "", "", "pc-0412.", ""]),
        (["host", " (!)", " hos", "tile"], ["", "host (!)", " ", "hostile", ""]),
        (["HOST_7K2M9QX4AB00"], ["", "pc-0412"]),
        (["the mailbox of ip_", "x"], ["the mailbox of ", "ip_x", ""]),
        (["ＨＯ", "ＳＴ\\", "_7k2m9qx4ab00 "], ["", "", "pc-0412 ", ""]),
        (["!\u200b", "?"], ["!\u200b", "?", ""]),
    ],
)
def test_only_what_could_become_a_token_is_held_back(pieces: list[str], expected: list[str]) -> None:
    assert said(pieces) == expected


def test_values_are_escaped_as_their_place_needs() -> None:
    arguments = json.dumps({"user": USER, "body": json.dumps({"user": USER}), "note": f'He is "{USER}"'})
    expected = {"user": KNOWN[USER], "body": json.dumps({"user": KNOWN[USER]}), "note": f'He is "{KNOWN[USER]}"'}
    assert json.loads("".join(said(list(arguments), is_json=True))) == expected
    assert "".join(said([f'He is "{USER}"'])) == f'He is "{KNOWN[USER]}"'


def test_what_was_restored_and_invented_is_counted() -> None:
    made = passage()
    lane = made.lane(json=False)
    for letter in f"{HOST} {HOST} HOST_000000000000":
        lane.feed(letter)
    lane.flush()
    assert made.restored == 2
    assert made.invented == {"HOST_000000000000"}


def test_a_hold_has_an_end() -> None:
    lane = passage().lane(json=False)
    out = "".join(lane.feed("H" if n == 0 else "\u200b") for n in range(10_000))
    assert len(out) > 4_000
    assert re.fullmatch("H\u200b+", out + lane.flush())
