"""Names in any script: kept as they are written, found however they are typed, refused where they would deceive."""

import json
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from sakimori.cli import cli
from sakimori.core import ExitCode, InputError, composed, plain
from sakimori.programme import FileMistakes, GrantsFile

NAMES = {
    "Arabic": "محمد عبد الله",
    "Arabic with vowels": "مُحَمَّد",
    "Devanagari": "श्रीमती क्षमा",
    "Hebrew": "שָׁלוֹם",
    "Thai": "ศรีสุวรรณ",
    "Hangul": "김철수",
    "Hangul in letters": unicodedata.normalize("NFD", "김철수"),
    "kana with voicing marks": unicodedata.normalize("NFD", "がぎぐ 銀行"),
    "Vietnamese in pieces": unicodedata.normalize("NFD", "Nguyễn Thị Ánh"),
    "full-width": "ＡＢＣ　銀行".replace("　", "・"),
    "half-width kana": "ﾔﾏﾀﾞ",
    "beyond the basic plane": "𠮷野 家",
    "an apostrophe and a hyphen": "O’Connor-Ní Dhuibhir",
    "shell and markup": "$(id) [red]`x` <b>",
}
DECEIVING = {
    "right-to-left override": "山田\u202e郎太",
    "isolate": "\u2067محمد\u2069",
    "Arabic letter mark": "محمد\u061c",
    "zero width space": "山\u200b田",
    "byte order mark": "\ufeff山田",
    "tag letters": "山田\U000e0061",
    "escape": "\x1b[31m山田",
    "line separator": "山田\u2028太郎",
    "no-break space": "山田\u00a0太郎",
}


def _grants(institution: str, person: str) -> str:
    """JSON is YAML, and writes all that could be mistaken for syntax out."""
    who = {"name": person, "identity": "i-1", "roles": ["analyst"]}
    grant = {
        "institutions": [{"name": institution, "people": [who], "keys": [{"name": person, "scopes": ["gateway"]}]}]
    }
    return json.dumps(grant, ensure_ascii=False)


def _run(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


@pytest.mark.parametrize("script", NAMES)
def test_a_name_of_any_script_goes_all_the_way(
    script: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Institution, person and key of that name: applied, shown, asked about, revoked, and in the ledger."""
    typed = NAMES[script]
    name = composed(typed)
    file = tmp_path / "grants.yaml"
    file.write_text(_grants(typed, typed), encoding="utf-8")
    assert f"+ institution {name}\n" in _run("programme", "apply", str(file), "--yes").stdout
    file.write_text(_grants(unicodedata.normalize("NFD", typed), name), encoding="utf-8")
    assert _run("programme", "apply", str(file)).stdout == "The programme is as the file says.\n"
    monkeypatch.setenv("SAKIMORI_LANG", "en")
    asked = ["access", "why", f"person:{typed}", "read_incidents", "incident:in-1"]
    assert _run(*asked, "--institution", typed).return_value is ExitCode.OK
    monkeypatch.setenv("SAKIMORI_TENANT", typed)
    shown = json.loads(_run("programme", "show", typed, "--format", "json").stdout)
    assert (shown["institution"], shown["people"][0]["name"], shown["keys"][0]["name"]) == (name, name, name)
    assert name in _run("programme", "show", typed).stdout
    revoked = _run("programme", "revoke", "person", unicodedata.normalize("NFD", typed), "--reason", "r")
    assert revoked.stdout == f"Revoked: person '{name}' of '{name}', 1 change.\n"
    assert _run(*asked).return_value is ExitCode.FOUND
    assert f"person:{name}" in _run("ledger", "show", "--newest", "1").stdout
    assert _run("ledger", "verify").stdout.startswith(f"The ledger of '{name}' is intact")


@pytest.mark.parametrize("kind", DECEIVING)
def test_a_name_that_would_deceive_is_refused_and_shown_safely(kind: str) -> None:
    name = DECEIVING[kind]
    escaped = "".join(f"\\U{ord(char):08x}" for char in name)
    for text in (_grants("bank", name), _grants(name, "山田")):
        with pytest.raises(FileMistakes) as caught:
            GrantsFile.parse(text.replace(name, escaped), where="g.yaml")
        for mistake in caught.value.mistakes:
            assert "the name of" in mistake or "cannot name an institution" in mistake
            assert plain(mistake) == mistake
            assert name not in mistake


@pytest.mark.parametrize("kind", DECEIVING)
def test_what_a_command_is_asked_about_is_shown_safely(kind: str, home: Path) -> None:
    for command in (
        ["access", "why", f"person:{DECEIVING[kind]}", "read_incidents", "incident:x"],
        ["programme", "revoke", "person", DECEIVING[kind], "--reason", "r"],
    ):
        with pytest.raises(InputError, match="has no"):
            _run(*command)


@pytest.mark.parametrize(
    ("first", "second"),
    [("が銀行", "か\u3099銀行"), ("ＡＢＣ", "abc"), ("ﾔﾏﾀﾞ", "ヤマダ"), ("José", "JOSE\u0301"), ("Ω", "\u2126")],
)
def test_names_that_people_cannot_tell_apart_are_one(first: str, second: str) -> None:
    text = f'institutions: [{{name: b, people: [{{name: "{first}", identity: i, roles: []}}, '
    text += f'{{name: "{second}", identity: j, roles: []}}]}}]'
    with pytest.raises(FileMistakes, match="is named in line 1 already"):
        GrantsFile.parse(text, where="g.yaml")


@given(st.text(min_size=1, max_size=60))
def test_any_name_is_refused_with_safe_words_or_taken_composed_and_fit_to_show(name: str) -> None:
    kept, complaints = _read(name)
    assert (kept is None) != (not complaints)
    assert kept is None or kept == composed(name) == plain(kept)
    assert all(plain(complaint) == complaint for complaint in complaints)


def _read(name: str) -> tuple[str | None, tuple[str, ...]]:
    """What a grants file makes of a person's name, or its complaints."""
    text = json.dumps({"institutions": [{"name": "b", "people": [{"name": name, "identity": "i", "roles": []}]}]})
    try:
        (institution,) = GrantsFile.parse(text, where="g.yaml").institutions
    except FileMistakes as mistakes:
        return None, mistakes.mistakes
    return institution.people[0].name, ()
