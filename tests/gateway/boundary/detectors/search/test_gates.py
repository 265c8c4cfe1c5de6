"""Gates say what ``re`` says: they only save looking where there is nothing."""

import pkgutil
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.evals.banktexts import bank_texts
from sakimori.evals.boundary import read_labelled
from sakimori.gateway.boundary import detectors, passage
from sakimori.gateway.boundary.detectors.search.gates import Gate, Sign
from sakimori.gateway.boundary.detectors.words.numerals import with_digits
from sakimori.gateway.boundary.fold import fold

_TEXTS_AT_ONCE = 12
"""A gate is of use in long texts; short ones are joined."""


@cache
def _gates() -> tuple[tuple[str, Sign], ...]:
    """All gates and signs that the detectors have, by their names."""
    modules = [import_module(module.name) for module in pkgutil.walk_packages(detectors.__path__, _PREFIX)]
    found = [
        (f"{module.__name__}.{name}", gate)
        for module in (*modules, passage)
        for name, value in vars(module).items()
        for gate in _flat(value)
    ]
    assert len(found) > 100
    return tuple(found)


_PREFIX = f"{detectors.__name__}."


def _flat(value: object) -> Iterator[Sign]:
    if isinstance(value, Sign):
        yield value
    elif isinstance(value, tuple):
        for part in cast("tuple[object, ...]", value):
            yield from _flat(part)


def _differing(texts: Iterable[str]) -> Iterator[tuple[str, list[tuple[int, int]], list[tuple[int, int]], str]]:
    """Gates and texts in which they find something else than ``re`` does, and signs that miss what it finds."""
    for text in texts:
        folded = fold(text)
        for view in dict.fromkeys((folded.text, folded.cased, with_digits(folded.text))):
            for name, gate in _gates():
                expected = [match.span() for match in gate.pattern.finditer(view)]
                if not isinstance(gate, Gate):
                    if expected and not gate.may_match(view):
                        yield name, expected, [], view
                    continue
                found = [match.span() for match in gate.finditer(view)]
                if gate.wants:
                    wanted = re.compile(gate.wants)
                    expected = [span for span in expected if span in found or wanted.search(view, *span)]
                first = gate.search(view)
                if found != expected or (first.span() if first else None) != (expected[0] if expected else None):
                    yield name, expected, found, view


def _joined(texts: Iterable[str]) -> list[str]:
    all_texts = list(texts)
    return ["\n".join(all_texts[n : n + _TEXTS_AT_ONCE]) for n in range(0, len(all_texts), _TEXTS_AT_ONCE)]


@pytest.mark.parametrize("part", ["evaluation", "tuning"])
def test_gates_hide_nothing_in_bank_texts(part: Literal["evaluation", "tuning"]) -> None:
    assert not list(_differing(_joined(labelled.text for labelled in bank_texts(part, 240))))


@pytest.mark.parametrize("corpus", ["pii-en", "ner-ja"])
def test_gates_hide_nothing_in_public_texts(corpus: str, shared: Path) -> None:
    texts = [labelled.text for labelled in read_labelled(shared / f"corpora/pii/{corpus}.json")]
    assert not list(_differing(_joined(texts[::7])))


_FRAGMENTS = (
    *("password", "passwd", "token", "key", "sk-", "akia", "ghp_", "eyJ", "bearer ", "-----begin ", "private key"),
    *("net user ", "mysql ", " -p", " -u ", "curl ", "/home/", "c:\\users\\", "\\\\", "user", "host", "id", "no."),
    *("0", "1", "7", "12", "090", "1990", "4111", "20", "19", "ff", "0x", "a", "z", "jdoe", "t.", "pc-", "srv"),
    *("-", "_", ".", ":", "/", "\\", "@", "=", "+", "(", ")", "[", "]", '"', "'", ",", ";", "%41", "&#64;", "\\u0041"),
    *(" ", "  ", "\n", "\t", "\u3000", "\r\n", "=>", "://", "?", "!", "*", "#", "$", "|", "<", ">", "{1:f01", "{2:o"),
    *("Mr. ", "Smith", "Ltd", " Inc.", "GmbH", "AB", "Bank", " street", "apt 3", "SW1A 1AA", "corner of ", "in May"),
    *(
        "株式会社",
        "銀行",
        "支店",
        "田中",
        "太郎",
        "様",
        "さん",
        "です",
        "と申します",
        "は",
        "の",
        "ー",
        "東京都",
        "千代田区",
    ),
    *("丁目", "番地", "記号", "番号", "口座", "普通", "電話", "生まれ", "昭和", "年", "月", "日", "歳", "第", "号"),
    *("カ)", "ヤマダ", "さくら", "あおい", "一二三四", "〒", "Ａ", "é", "Ω", "\ud800", "😀", "\u200b", "ﾔﾏ", "｡"),
)


@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=40).map("".join))
def test_gates_hide_nothing_however_their_parts_are_put_together(text: str) -> None:
    assert not list(_differing([text]))


@pytest.mark.parametrize(
    "part",
    [
        "0 ",
        "(0",
        "1-",
        "a_a.",
        "あ",
        "漢",
        "ア ",
        "password=",
        "/user:",
        "第",
        "id ",
        "curl ",
        "eyj",
        "A-1",
        "12:34:56 a ",
        "\\",
    ],
)
def test_gates_hide_nothing_in_a_flood(part: str) -> None:
    """A text that is nothing but what patterns begin with."""
    assert not list(_differing([part * (10_000 // len(part)) + " 090-1234-5678 田中様 password=x9"]))
