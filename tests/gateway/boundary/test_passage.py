"""What goes out comes back, and what was found is not in what went out."""

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sakimori.gateway.boundary import Boundary, Dictionary, Kind, Passage
from sakimori.gateway.boundary.fold import fold
from sakimori.gateway.boundary.tokens import TOKEN_LIKE
from sakimori.gateway.endpoints.stream import restored

DICTIONARY = Dictionary(
    hosts=frozenset({"pc-0412.aozora.example", "ｶﾞｲﾌﾞ-srv01"}),
    users=frozenset({"yamada.t", "ito"}),
    people=frozenset({"山田 太郎", "山田 花子"}),
    domains=frozenset({"aozora.example"}),
)
BOUNDARY = Boundary("aozora", b"k" * 32, DICTIONARY)
PIECES = st.sampled_from(
    [
        "4111 1111 1111 1111",
        "４１１１−１１１１−１１１１−１１１１",
        "1234-5678-9018",
        "yamada.t@aozora.example",
        "PC-0412",
        "ＰＣ－０４１２．aozora.example",
        "山田太郎",
        "Yamada.T",
        "10.20.4.12",
        "2001:db8::1",
        "sk-abcdefghijklmnopqrstuvwx",
        "password=",
        "HOST_",
        "HOST_7K2M9QX4AB00",
        "host\\_7k2m9qx4ab0",
        "ＩＰ＿7K2M9QX4AB00",
        "-----BEGIN PRIVATE KEY-----",
        "\u200b",
        "\u0301",
        "\uff9e",
        "\\",
        "_",
        "A",
        "0",
        " ",
        "\n",
        '"',
        "㍿",
        "İ",
        "\U0001f100",
        "\ud800",
    ]
)
HOSTILE = st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=12).map("".join)


@given(st.one_of(st.text(), HOSTILE))
@example("HOST_" + "10.0.0.1" + "ABCDEFGHJK00")
@example("USER_0A" + "4111111111111111" + "_0ABCDEFGHJK0")
@example("10.0.0.1\u0301 10.0.0.1\uff9e")
def test_any_text_comes_back_as_it_was(text: str) -> None:
    passage = Passage(BOUNDARY)
    assert passage.restore(passage.tokenise(text).text) == text
    assert not passage.invented


@given(st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=8).map("、 ".join))
def test_nothing_that_was_found_is_left(text: str) -> None:
    """Looking again at what leaves, detectors find tokens and nothing else."""
    out = Passage(BOUNDARY).tokenise(text).text
    folded, spans, _ = BOUNDARY.find(out)
    tokens = [folded.original(*match.span()) for match in TOKEN_LIKE.finditer(folded.text)]
    left = [span for span in spans if not any(span.start < end and start < span.end for start, end in tokens)]
    assert not left


@given(HOSTILE)
def test_spans_are_in_code_points_of_the_input(text: str) -> None:
    checked = BOUNDARY.tokenise(text)
    rebuilt, position = "", 0
    for span, token in zip(checked.spans, checked.tokens, strict=True):
        assert position <= span.start < span.end <= len(text)
        rebuilt += text[position : span.start] + token
        position = span.end
    assert rebuilt + text[position:] == checked.text


JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), HOSTILE),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(HOSTILE, st.just("password")), inner, max_size=4)
    ),
    max_leaves=10,
)


def _as_text(value: Any) -> Any:
    """Numbers that were identifiers come back as strings: compared as what is written."""
    if isinstance(value, dict):
        return {key: _as_text(member) for key, member in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_as_text(element) for element in cast("list[Any]", value)]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


@given(JSON)
def test_any_json_value_comes_back_as_it_was(value: Any) -> None:
    passage = Passage(BOUNDARY)
    back = restored(passage.send_value(value), passage, str)
    assert _as_text(back) == _as_text(value)


@given(JSON.filter(lambda value: isinstance(value, dict | list)), st.booleans())
def test_a_json_text_stays_json_and_means_the_same(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    passage = Passage(BOUNDARY)
    back = json.loads(passage.receive(passage.send(text)))
    assert _as_text(back) == _as_text(json.loads(text))


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


RESPELLINGS: dict[str, Callable[[str], str]] = {
    "same": str,
    "lower": str.lower,
    "title": str.title,
    "full width": full_width,
    "markdown escape": lambda text: text.replace("_", "\\_"),
    "hyphen": lambda text: text.replace("_", "-"),
    "zero width": lambda text: f"{text[:7]}\u200b{text[7:]}",
}


@pytest.mark.parametrize("form", ["{}", "**{}**", "_{}_", "`{}`", "端末{}が侵害された", "({})'s", "x{}x", "{}.local"])
@pytest.mark.parametrize("respelling", RESPELLINGS)
def test_tokens_survive_what_models_do_to_them(respelling: str, form: str) -> None:
    passage = Passage(BOUNDARY)
    token = passage.tokenise("PC-0412").text
    assert passage.restore(form.format(RESPELLINGS[respelling](token))) == form.format("PC-0412")


def test_a_thing_has_the_same_token_in_every_call_and_another_in_another_institution() -> None:
    assert BOUNDARY.tokenise("PC-0412").text == BOUNDARY.tokenise("PC-0412").text
    other = Boundary("other", b"o" * 32, DICTIONARY)
    assert BOUNDARY.tokenise("PC-0412").text != other.tokenise("PC-0412").text


def test_spellings_of_one_thing_share_all_but_the_last_two_characters() -> None:
    tokens = {
        BOUNDARY.tokenise(text).text for text in ("PC-0412", "pc-0412", "ＰＣ－０４１２", "pc-0412.aozora.example")
    }
    assert len(tokens) == 4
    assert len({token[:-2] for token in tokens}) == 1


def test_a_taken_token_is_not_used_for_something_else() -> None:
    first = Passage(BOUNDARY).tokenise("10.0.0.1").text
    passage = Passage(BOUNDARY, taken={first})
    second = passage.tokenise("10.0.0.1").text
    assert second != first
    assert passage.restore(second) == "10.0.0.1"
    assert passage.restore(first) == first


def test_planted_tokens_of_ours_go_out_as_something_else() -> None:
    """An attacker who writes a real token into a log cannot make the answer speak of what it stands for."""
    passage = Passage(BOUNDARY)
    real = passage.tokenise("PC-0412").text
    out = passage.tokenise(f"the log says {real.lower()}").text
    assert real not in out.upper()
    assert passage.restore(out) == f"the log says {real.lower()}"


def test_many_identifiers_take_time_in_proportion() -> None:
    text = " ".join(f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(1, 5_001))
    passage = Passage(BOUNDARY)
    out = passage.tokenise(text)
    assert len(out.spans) == 5_000
    assert passage.restore(out.text) == text


@pytest.mark.parametrize(
    "piece", ["password=", "@", "4 ", ":", "::", "a@", "-----BEGIN PRIVATE KEY----- ", "eyJ", '="']
)
def test_hostile_repetition_is_no_denial_of_service(piece: str) -> None:
    """Would take minutes if any detector were quadratic."""
    text = piece * (100_000 // len(piece))
    passage = Passage(BOUNDARY)
    assert passage.restore(passage.tokenise(text).text) == text


@given(st.text())
def test_folding_agrees_with_nfkc_and_keeps_offsets(text: str) -> None:
    folded = fold(text)
    if folded.starts is None:
        assert len(folded.text) == len(text)
    for start in range(len(folded.text)):
        first, last = folded.original(start, start + 1)
        assert 0 <= first < last <= len(text)


def test_full_width_and_invisible_characters_fold_away() -> None:
    assert fold("ＰＣ－０４１２").text == "pc-0412"
    assert fold("PC\u200b-\u00ad0412").text == "pc-0412"
    assert fold("ｶﾞｷﾞ").text == unicodedata.normalize("NFKC", "ガギ")
    assert re.fullmatch(r"\(株\)", fold("㈱").text)


def test_kinds_name_the_tokens() -> None:
    assert BOUNDARY.tokenise("山田太郎").text.startswith(f"{Kind.PERSON}_")
