"""``sakimori boundary check``: what would leave, in a terminal and for programs."""

import shutil
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from sakimori.access.secrets import Secrets, SecretsError
from sakimori.cli.boundary import boundary
from sakimori.core import LOCAL_TENANT, InputError
from sakimori.gateway.keys import vault_keys
from sakimori.records import AccountAsset, Criticality, HostAsset, Inventory
from sakimori.store import Database, vault


def test_a_text_is_shown_as_it_would_leave(home: Path) -> None:
    database = Database.embedded(home)
    host = HostAsset(name="pc-0412.b.example", role="w", criticality=Criticality.NORMAL, address="10.0.0.1")
    user = AccountAsset(name="yamada.t", display_name="山田 太郎", criticality=Criticality.LOW, kind="staff")
    with database.transaction(LOCAL_TENANT) as transaction:
        transaction.put(Inventory(tenant=LOCAL_TENANT, taken_at=1, hosts=(host,), accounts=(user,)))
    database.close()
    shown = CliRunner().invoke(boundary, ["check", "-"], input="端末ＰＣ－０４１２の山田太郎 [bold]\n").output
    assert shown.splitlines()[0].startswith("端末HOST_")
    assert "[bold]" in shown
    assert "dictionary" in shown
    assert "山田" not in shown


def test_it_says_which_extra_lets_free_text_out(home: Path) -> None:
    shown = CliRunner().invoke(boundary, ["check", "--format", "text", "-"], input="x\n").output
    assert "by models" in shown or "(extra [ner])" in shown.replace("\n", " ")


def test_tokens_are_not_made_with_another_key_once_some_were_kept(home: Path) -> None:
    arguments = ["check", "-"]
    first = CliRunner().invoke(boundary, arguments, input="10.0.0.1\n").output
    assert CliRunner().invoke(boundary, arguments, input="10.0.0.1\n").output == first
    with closing(Database.embedded(home)) as database, database.transaction(LOCAL_TENANT) as transaction:
        secrets = Secrets.embedded(home)
        vault.keep(transaction, vault_keys(transaction, secrets), {"IP_1": "10.0.0.1"})
    shutil.rmtree(home / "secrets")
    with pytest.raises(SecretsError, match="the boundary-tokens key of institution 'local' is missing"):
        CliRunner().invoke(boundary, arguments, input="10.0.0.1\n", catch_exceptions=False)
    assert not (home / "secrets").exists()


def test_programs_get_spans_in_code_points_and_bad_lines_are_named(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"text": "🐟 10.0.0.1"}\n\nnonsense\n{"text": 1}\n{"text": ""}\n', "utf-8")
    result = CliRunner().invoke(boundary, ["check", str(file), "--format", "jsonl"])
    lines = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert lines[0]["spans"] == [[2, 10, "IP", "ipv4"]]
    assert lines[0]["text"].startswith("🐟 IP_")
    assert lines[1] == {"text": "", "spans": []}
    assert len(lines) == 2
    assert [f"{file}:{number}" in result.stderr for number in (2, 3, 4)] == [True, True, True]


def test_a_file_that_is_not_utf_8_is_said(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "sjis.txt"
    file.write_bytes("口座".encode("shift_jis"))
    with pytest.raises(InputError, match="not UTF-8"):
        CliRunner().invoke(boundary, ["check", str(file)], catch_exceptions=False)
