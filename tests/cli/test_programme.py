"""The programme, access and secrets from the command line; the last test signs in at a real identity provider."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.identity_provider import Browser, IdentityProvider

from sakimori.access.rights import Denied
from sakimori.cli import cli
from sakimori.core import ExitCode, InputError, SakimoriError

BANK = "あおぞら銀行"
TEXT = f"""
institutions:
  - name: {BANK}
    people:
      - {{name: 山田 太郎, identity: yamada, roles: [analyst]}}
    keys:
      - {{name: k, scopes: [gateway], days: 30}}
"""


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


@pytest.fixture
def file(home: Path, tmp_path: Path) -> str:
    path = tmp_path / "grants.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def test_a_file_is_planned_first_and_applied_with_yes(file: str) -> None:
    planned = run("programme", "apply", file)
    assert f"+ institution {BANK}" in planned.stdout
    assert "+ あおぞら銀行: person 山田 太郎" in planned.stdout
    assert "add --yes to apply it" in planned.stderr
    assert run("programme", "show").stdout.startswith("no institutions")
    applied = run("programme", "apply", file, "--yes")
    assert applied.stdout.count("sk-saki-") == 1
    assert run("programme", "apply", file, "--yes").stdout == "The programme is as the file says.\n"
    assert BANK in run("programme", "show").stdout
    shown = json.loads(run("programme", "show", BANK, "--format", "json").stdout)
    assert [person["name"] for person in shown["people"]] == ["山田 太郎"]
    assert "sk-saki-" not in json.dumps(shown)
    assert "山田 太郎" in run("programme", "show", BANK).stdout


def test_keys_go_to_a_closed_file_where_one_is_named(file: str, tmp_path: Path) -> None:
    out = tmp_path / "keys"
    result = run("programme", "apply", file, "--yes", "--keys-out", str(out), "--format", "json")
    assert json.loads(result.stdout)["applied"]
    assert "sk-saki-" not in result.output
    assert out.stat().st_mode & 0o777 == 0o600
    assert json.loads(out.read_text(encoding="utf-8"))["key"].startswith("sk-saki-")


def test_no_file_of_keys_is_overwritten(file: str, tmp_path: Path) -> None:
    out = tmp_path / "keys"
    out.write_text("precious")
    with pytest.raises(InputError, match="is there already"):
        run("programme", "apply", file, "--yes", "--keys-out", str(out))
    assert out.read_text() == "precious"
    assert run("programme", "show").stdout.startswith("no institutions")


def test_mistakes_are_told_one_by_one_and_nothing_is_applied(file: str) -> None:
    Path(file).write_text(TEXT.replace("analyst", "boss").replace("scopes", "scope"), encoding="utf-8")
    result = run("programme", "apply", file, "--yes")
    assert result.return_value is ExitCode.INPUT
    first, *_, last = result.stderr.splitlines()
    assert first == (
        f"{file}:5:49: there is no role 'boss': roles are analyst, lead, engineer, auditor, institution_admin, "
        "authority_operator"
    )
    assert last == "3 mistakes; nothing was applied."
    assert run("programme", "show").stdout.startswith("no institutions")


def test_revoking_needs_a_reason_and_is_in_the_ledger(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run("programme", "apply", file, "--yes")
    said = run("programme", "revoke", "person", "山田 太郎", "--institution", BANK, "--reason", "退職").stdout
    assert said == f"Revoked: person '山田 太郎' of '{BANK}', 1 change.\n"
    monkeypatch.setenv("SAKIMORI_TENANT", BANK)
    (entry,) = (
        json.loads(line) for line in run("ledger", "show", "--newest", "1", "--format", "jsonl").stdout.splitlines()
    )
    assert (entry["action"], entry["detail"]["reason"]) == ("programme.person_removed", "退職")


def test_a_name_that_nobody_admitted_is_not_shown_as_an_empty_institution(file: str) -> None:
    run("programme", "apply", file, "--yes")
    with pytest.raises(InputError, match="has no institution 'あおそら銀行': see `sakimori programme show`"):
        run("programme", "show", "あおそら銀行")
    assert "sign-in: none" in run("programme", "show", "local").stdout


def test_a_plan_tells_times_as_people_write_them(file: str) -> None:
    grant = "{name: g, models: [m], purposes: [p], limits: {day: {tokens: 1}}, from: 2026-12-01, until: 2027-04-01}"
    Path(file).write_text(f"{TEXT}    grants: [{grant}]\n", encoding="utf-8")
    planned = " ".join(run("programme", "apply", file).stdout.split())
    assert "not_before=2026-12-01T00:00:00" in planned
    assert "not_after=2027-04-01T00:00:00" in planned


def test_why_answers_by_which_policy(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run("programme", "apply", file, "--yes")
    monkeypatch.setenv("SAKIMORI_TENANT", BANK)
    monkeypatch.setenv("SAKIMORI_LANG", "en")
    may = run("access", "why", "person:山田 太郎", "read_incidents", "incident:in-1")
    assert may.return_value is ExitCode.OK
    assert may.stdout.splitlines() == [
        "person:山田 太郎 may read_incidents incident:in-1:",
        "  - incidents-are-read-by-those-who-work-on-them: Analysts, leads, engineers and auditors may read incidents "
        "and what was done about them.",
    ]
    may_not = run("access", "why", "person:山田 太郎", "reveal_tokens", "vault:all", "--format", "json")
    assert may_not.return_value is ExitCode.FOUND
    answer = json.loads(may_not.stdout)
    assert (answer["allowed"], answer["policies"][0]["name"]) == (False, "deny-by-default")
    monkeypatch.setenv("SAKIMORI_LANG", "ja")
    assert (
        "これを許可するポリシーがありません。"
        in run("access", "why", "role:analyst", "reveal_tokens", "vault:all").stdout
    )
    run("programme", "revoke", "person", "山田 太郎", "--reason", "r")
    answer = json.loads(
        run("access", "why", "person:山田 太郎", "read_incidents", "incident:x", "--format", "json").stdout
    )
    assert [policy["name"] for policy in answer["policies"]] == ["removed-people-may-nothing"]
    with pytest.raises(InputError, match="has no 'person:nobody'"):
        run("access", "why", "person:nobody", "read_incidents", "incident:x")
    with pytest.raises(InputError, match="read_incidents is about incident:…, not 'vault:all'"):
        run("access", "why", "role:lead", "read_incidents", "vault:all")


def test_why_answers_for_another_institution_too_where_the_asker_may(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = run("programme", "apply", file, "--yes").stdout
    asked = ["access", "why", "person:山田 太郎", "read_incidents"]
    may = run(*asked, "incident:in-1", "--institution", BANK)
    assert may.stdout.startswith(f"person:山田 太郎 of '{BANK}' may read_incidents incident:in-1:\n")
    assert (
        json.loads(run(*asked, "incident:x", "--institution", BANK, "--format", "json").stdout)["institution"] == BANK
    )
    elsewhere = run("access", "why", "role:lead", "scan_telemetry", "institution:local", "--institution", BANK)
    assert elsewhere.return_value is ExitCode.FOUND
    assert "own-institution-only" in elsewhere.stdout
    with pytest.raises(InputError, match="institution 'local' has no 'person:山田 太郎'"):
        run(*asked, "incident:in-1")
    with pytest.raises(InputError, match=r"has no institution 'み\\u202eどり': see `sakimori programme show`"):
        run(*asked, "incident:in-1", "--institution", "み\u202eどり")
    monkeypatch.setenv("SAKIMORI_SERVICE_KEY", "sk-saki-" + issued.partition("sk-saki-")[2].split()[0])
    with pytest.raises(Denied, match="may not explain_access institution:local: It belongs to another institution"):
        run(*asked, "incident:in-1", "--institution", BANK)


def test_secrets_are_rotated_and_everything_goes_on(file: str, home: Path) -> None:
    run("programme", "apply", file, "--yes")
    assert run("secrets", "rotate").stdout.endswith("wrapped under a new master key.\n")
    assert run("ledger", "verify").return_value is ExitCode.OK
    assert "secrets.rotated" in run("ledger", "show").stdout
    run("keys", "issue", "n", "--scope", "gateway")


def test_where_nobody_signs_in_the_account_of_the_machine_acts(home: Path) -> None:
    assert "nobody signs in here" in run("whoami").stdout
    assert run("logout").stdout == "Nobody was signed in.\n"
    with pytest.raises(SakimoriError, match="has no identity provider"):
        run("login")


def test_where_people_sign_in_nobody_else_acts(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TEXT.replace("    people:", '    sign_in: {issuer: "http://127.0.0.1:9", client_id: c}\n    people:')
    Path(file).write_text(text, encoding="utf-8")
    run("programme", "apply", file, "--yes")
    monkeypatch.setenv("SAKIMORI_TENANT", BANK)
    for command in (["whoami"], ["keys", "issue", "n", "--scope", "gateway"], ["secrets", "rotate"]):
        with pytest.raises(SakimoriError, match="nobody is signed in for 'あおぞら銀行'") as caught:
            run(*command)
        assert caught.value.exit_code is ExitCode.DENIED
    with pytest.raises(SakimoriError, match="cannot be asked"):
        run("login")


@pytest.mark.services
def test_a_person_signs_in_at_a_terminal_and_acts_within_their_rights(
    file: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    idp = IdentityProvider(tmp_path)
    other = str(tmp_path / "other.yaml")
    Path(other).write_text("institutions: [{name: みどり信用金庫}]", encoding="utf-8")
    sign_in = f"""    sign_in:
      {{issuer: "{idp.issuer}", client_id: sakimori, identity: email, require: {{bank: aozora}}}}
    people:
      - {{name: 佐藤 花子, identity: sato@aozora.example, roles: [institution_admin]}}
"""
    Path(file).write_text(TEXT.replace("    people:\n", sign_in), encoding="utf-8")
    run("programme", "apply", file, "--yes")
    monkeypatch.setenv("SAKIMORI_TENANT", BANK)
    command = [sys.executable, "-m", "sakimori.cli", "login"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as login:
        assert login.stderr is not None
        assert login.stderr.readline().startswith(f"Open {idp.issuer}/device and enter ")
        Browser("sato").confirm(login.stderr.readline().split()[-1])
        out, complaints = login.communicate(timeout=60)
    idp_is_asked_again = json.loads(run("whoami", "--format", "json").stdout)
    assert out == f"Signed in as '佐藤 花子' of '{BANK}': institution_admin.\n", complaints
    assert idp_is_asked_again == {
        "institution": BANK,
        "kind": "person",
        "id": "佐藤 花子",
        "roles": ["institution_admin"],
    }
    (session,) = (home / "sessions").iterdir()
    tokens = json.loads(session.read_text())
    assert session.stat().st_mode & 0o777 == 0o600
    assert tokens["id_token"] not in out + complaints
    run("keys", "issue", "n", "--scope", "gateway")
    assert "person:佐藤 花子" in run("ledger", "show", "--newest", "1").stdout
    for denied, right in (
        (["secrets", "rotate"], "rotate_secrets"),
        (["incidents", "list"], "read_incidents"),
        (["events", "show", f"ev-{'0' * 24}-0"], "read_raw_records"),
        (["scan", file], "scan_telemetry"),
        (["ledger", "seal"], "seal_ledger"),
        (["programme", "apply", other, "--yes"], "read_programme institution:みどり信用金庫: It belongs to another"),
        (
            ["access", "why", "role:lead", "call_models", "institution:x", "--institution", "みどり信用金庫"],
            "explain_access",
        ),
    ):
        with pytest.raises(Denied, match=f"person:佐藤 花子 may not {right}"):
            run(*denied)
    assert run("access", "why", "person:山田 太郎", "read_incidents", "incident:x").return_value is ExitCode.OK
    assert "k" in run("keys", "list").stdout
    monkeypatch.setenv("SAKIMORI_TENANT", "local")
    Path(file).write_text(Path(file).read_text("utf-8").replace("institution_admin", "auditor"), encoding="utf-8")
    run("programme", "apply", file, "--yes")
    monkeypatch.setenv("SAKIMORI_TENANT", BANK)
    with pytest.raises(Denied, match="auditors-change-nothing"):  # in the session that she began as an admin
        run("keys", "issue", "m", "--scope", "gateway")
    run("ledger", "show")
    monkeypatch.setenv("SAKIMORI_TENANT", "local")
    run("programme", "revoke", "person", "佐藤 花子", "--institution", BANK, "--reason", "left")
    monkeypatch.setenv("SAKIMORI_TENANT", BANK)
    for command in (["whoami"], ["keys", "list"], ["ledger", "verify"], ["ledger", "erase", "#0", "--reason", "r"]):
        with pytest.raises(SakimoriError, match="has no place in"):
            run(*command)
    assert run("logout").stdout == "Signed out.\n"
    idp.stop()
