"""A family name is a name wherever it stands in a text, once its bearer was named in full."""

import pytest

from sakimori.gateway.boundary.fold import fold
from sakimori.gateway.boundary.running_text import detect_repeated
from sakimori.gateway.boundary.span import Hit, Kind


@pytest.mark.parametrize(
    ("text", "named", "also"),
    [
        ("山田太郎の件。山田は不在、山田様へ連絡。", "山田太郎", ["山田", "山田", "山田"]),
        ("Ask Grace Thornton. THORNTON signs; thorntons do not.", "Grace Thornton", ["Thornton", "THORNTON"]),
        ("ジョン・スミスが来た。スミスは帰った。", "ジョン・スミス", ["ジョン", "スミス", "スミス"]),
        ("太郎が来た。", "太郎", []),
    ],
)
def test_names_are_found_again(text: str, named: str, also: list[str]) -> None:
    folded = fold(text)
    start = text.index(named)
    claim = Hit(start, start + len(named), Kind.PERSON, "rule", named)
    found = sorted(detect_repeated(folded, [claim]))
    names = [text[slice(*folded.original(hit.start, hit.end))] for hit in found]
    assert [name for name in names if name != "Grace"] == also


def test_other_kinds_are_not_looked_for() -> None:
    text = "山田商事は山田にある。"
    assert not list(detect_repeated(fold(text), [Hit(0, 4, Kind.ORG, "rule", "山田商事")]))


@pytest.mark.parametrize(
    ("text", "kind", "found", "also"),
    [
        (
            "fuyunoma is down (fuyunoma.corp.example)",
            Kind.HOST,
            "fuyunoma.corp.example",
            {"fuyunoma", "fuyunoma.corp.example"},
        ),
        ("mailto hnarita@ogi.example, then hnarita replied", Kind.MAIL, "hnarita@ogi.example", {"hnarita"}),
        (
            "to=<a1@ogi-seika.example> relay=mx.ogi-seika.example",
            Kind.MAIL,
            "a1@ogi-seika.example",
            {"mx.ogi-seika.example"},
        ),
    ],
)
def test_machines_and_accounts_are_found_again(text: str, kind: Kind, found: str, also: set[str]) -> None:
    start = text.index(found)
    hits = detect_repeated(fold(text), [Hit(start, start + len(found), kind, "rule", found)])
    assert also <= {text[hit.start : hit.end] for hit in hits}


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("server.corp.example is down; restart the server", Kind.HOST, "server.corp.example"),
        ("write to hnari@gmail.com, see gmail.com and kjweb.txt", Kind.MAIL, "hnari@gmail.com"),
    ],
)
def test_words_and_public_domains_are_not_looked_for(text: str, kind: Kind, found: str) -> None:
    start = text.index(found)
    hits = detect_repeated(fold(text), [Hit(start, start + len(found), kind, "rule", found)])
    assert not [hit for hit in hits if hit.start > start + len(found) or hit.end < start]
