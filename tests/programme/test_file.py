"""A grants file is taken whole or not at all, and each mistake is told with its place."""

import contextlib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import InputError
from sakimori.programme import FileMistakes, GrantsFile
from sakimori.records import Requirements

EXAMPLE = Path(__file__).parents[2] / "docs" / "grants.example.yaml"


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(FileMistakes) as caught:
        GrantsFile.parse(text, where="g.yaml")
    return caught.value.mistakes


def test_the_example_of_the_documentation_is_one() -> None:
    first, second = GrantsFile.read(EXAMPLE).institutions
    assert (first.name, second.name) == ("あおぞら銀行", "みどり信用金庫")
    assert [person.name for person in first.people] == ["山田 太郎", "佐藤 花子"]
    assert first.people[1].signing_keys
    (grant,) = first.grants
    assert [(limit.window, limit.tokens, limit.requests, limit.yen) for limit in grant.limits] == [
        ("minute", None, 120, None),
        ("day", 20_000_000, None, 50_000),
        ("month", None, None, Decimal("900000.50")),
    ]
    assert (grant.state, grant.concurrency, grant.cyber) == ("provisioned", 16, "daybreak_blue")
    assert grant.requires == Requirements(stored_in=("JP",), processed_in=("JP", "US"), retention_days=0)
    assert first.sign_in is not None
    assert first.sign_in.audience == "sakimori"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "g.yaml:1:1: the file is empty"),
        ("institutions: [", ": this is no YAML: "),
        ("\t", "this is no YAML"),
        ("- a", "g.yaml:1:1: expected the file as a mapping"),
        ("institution: []", "g.yaml:1:1: the file has no member 'institution' (did you mean 'institutions'?)"),
        ("institutions: {}", "g.yaml:1:15: expected a list: an institution"),
        ("institutions:\n  - people: []", "g.yaml:2:5: an institution lacks name"),
        ("institutions:\n  - name: a/b", "g.yaml:2:11: 'a/b' cannot name an institution"),
        ("institutions:\n  - {name: a}\n  - {name: Ａ}", "g.yaml:3:12: institution 'Ａ' is named in line 2 already"),
        ("institutions: [{name: a, name: b}]", "g.yaml:1:26: 'name' stands here twice"),
        ("institutions: [{name: a, people: [{name: b, identity: c, roles: [boss]}]}]", "1:66: there is no role 'boss'"),
        (
            "institutions:\n- name: a\n  people:\n  - {name: b, identity: c, roles: []}\n"
            "  - {name: d, identity: c, roles: []}",
            "g.yaml:5:25: identity 'c' is named in line 4 already",
        ),
        ("institutions: [{name: a, keys: [{name: k, scopes: [A B]}]}]", "'A B' is no scope"),
        ("institutions: [{name: a, keys: [{name: k, scopes: [a], days: 0}]}]", "days must be a whole number from 1"),
        ("institutions: [{name: a, keys: [{name: k, scopes: [a], days: ９０}]}]", "days must be a whole number"),
        (
            "institutions: [{name: a, sign_in: {issuer: 'http://login.example', client_id: c}}]",
            "1:44: the issuer must be an https URL",
        ),
        (
            "institutions: [{name: a, sign_in: {issuer: 'https://x.example', client_id: c, role_claim: g}}]",
            "role_claim and roles belong together",
        ),
        (
            "institutions: [{name: a, people: [{name: b, identity: c, roles: [], signing_keys: [ssh-rsa AAAA]}]}]",
            "expected an Ed25519 public key",
        ),
        ("institutions: [&a {name: a}, *a]", "anchors and aliases are not read"),
        ("[" * 100_000, "g.yaml:1:17: nested deeper than 16 levels"),
        ("institutions: [{name: 'a\\u202eb'}]\n".replace("'", '"'), "needs 1 to 200 printable characters"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(text: str, expected: str) -> None:
    found = mistakes(text)
    assert any(expected in mistake for mistake in found), found
    assert all(mistake.startswith("g.yaml:") and "\n" not in mistake for mistake in found)


def test_all_mistakes_are_told_at_once() -> None:
    text = "institutions:\n- name: a\n  keys: [{name: k}]\n  people: [{nam: x}]\n- nme: b\n"
    assert [mistake.split(":")[1] for mistake in mistakes(text)] == ["3", "4", "4", "5", "5"]


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        ("until", "2026-01-01", "must end after it begins"),
        ("from", "soon", "must be a date"),
        ("from", "９９９９-01-01", "must be a date"),
        ("limits", "{day: {yen: -1}}", "yen must be a number from 0"),
        ("limits", "{day: {tokens: 1e6}}", "tokens must be a whole number from 1"),
        ("limits", "{minute: {requests: 0}}", "requests must be a whole number from 1"),
        ("limits", "{week: {tokens: 1}}", "limits has no member 'week': expected minute, day, month"),
        ("limits", "{day: {}}", "the limit per day says nothing"),
        ("limits", "{}", "at least one of its limits"),
        ("concurrency", "0", "concurrency must be a whole number from 1"),
        ("cyber", "daybreak_pink", "there is no level of cyber access 'daybreak_pink'"),
        (
            "hosted_tools",
            "[file_search]",
            "there is no hosted tool 'file_search': expected web_search,",
        ),
        ("media", "[video]", "there is no kind of media 'video': expected image, audio, file"),
        ("requires", "{stored_in: [Japan]}", "a country is two capital letters (ISO 3166-1: JP), not 'Japan'"),
        ("requires", "{retention_days: -1}", "retention_days must be a whole number from 0"),
        ("models", "[]", "at least one of its models"),
        ("data", "[secret]", "there is no class of data 'secret'"),
    ],
)
def test_a_grant_is_checked(member: str, value: str, expected: str) -> None:
    grant = {
        "name": "g",
        "models": "[m]",
        "purposes": "[p]",
        "limits": "{day: {tokens: 1}}",
        "from": "2026-02-01",
        "until": "2026-03-01",
        member: value,
    }
    body = ", ".join(f"{key}: {item}" for key, item in grant.items())
    found = mistakes(f"institutions: [{{name: a, grants: [{{{body}}}]}}]")
    assert any(expected in mistake for mistake in found), found


@given(st.text(max_size=200))
def test_any_text_is_a_file_or_a_list_of_mistakes(text: str) -> None:
    with contextlib.suppress(FileMistakes):
        GrantsFile.parse("institutions:\n" + text, where="g.yaml")


def test_what_is_no_text_or_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "g.yaml"
    with pytest.raises(InputError, match="cannot be read"):
        GrantsFile.read(path)
    path.write_bytes(b"institutions: \xff")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        GrantsFile.read(path)
