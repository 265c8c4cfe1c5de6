"""``sakimori boundary dictionary`` and ``reveal``: lists in, and tokens back to what they stand for, with a reason."""

from contextlib import closing
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from sakimori.access.secrets import Secrets
from sakimori.cli.boundary import boundary
from sakimori.core import LOCAL_TENANT, InputError
from sakimori.gateway.keys import vault_keys
from sakimori.ledger import Ledger, LocalSigner
from sakimori.store import Database, vault


def run(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(boundary, arguments, input=given, catch_exceptions=False)


def test_a_list_counts_from_then_on_and_is_shown_without_its_entries(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "顧客.csv"
    file.write_text("番号,氏名\nK-0001,ぬば たま\nK-0002,海 太郎\n", "utf-8-sig")
    loaded = run("dictionary", "load", str(file), "--kind", "customer-name", "--column", "氏名", "--name", "vip")
    assert loaded.output == "List 'vip': 4 entries of the kind customer-name.\n"
    [line] = run("dictionary", "show", "--format", "json").output.splitlines()
    assert orjson.loads(line) | {"loaded_at": ""} == {
        "name": "vip",
        "kind": "customer-name",
        "entries": 4,
        "loaded_at": "",
    }
    checked = run("check", "-", "--format", "jsonl", "--no-models", given='{"text": "昨日ぬばたまと会う"}\n')
    assert [2, 6, "PERSON", "list"] in orjson.loads(checked.output)["spans"]
    run("dictionary", "remove", "vip")
    assert "No list is loaded" in run("dictionary", "show").output


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (["--kind", "staff", "--column", "name"], "a,b\n1,2\n", "there is no column 'name'; its header has a, b"),
        (["--kind", "staff", "--column", "a"], 'a\n"x', "not CSV"),
        (["--kind", "domain"], "not a domain\n", "entry 1 is no domain"),
        (["--kind", "staff", "--name", "../x"], "青空花子\n", "is no name for a list"),
    ],
)
def test_what_cannot_be_loaded_is_said(home: Path, arguments: list[str], given: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run("dictionary", "load", "-", *arguments, given=given)
    assert "No list is loaded" in run("dictionary", "show").output


def test_a_token_is_revealed_with_a_reason_that_the_ledger_keeps(home: Path) -> None:
    token = "HOST_7K2M9QX4AB00"
    with closing(Database.embedded(home)) as database, database.transaction(LOCAL_TENANT) as transaction:
        vault.keep(transaction, vault_keys(transaction, Secrets.embedded(home)), {token: "pc-0412.bank.example"})
    assert run("reveal", "ｈｏｓｔ_7k2m9qx4ab00", "--reason", "調査").output == "pc-0412.bank.example\n"
    with closing(Database.embedded(home)) as database, database.snapshot(LOCAL_TENANT) as snapshot:
        [entry] = [line.entry for line in Ledger(LocalSigner(Secrets.embedded(home))).lines(snapshot)]
    assert (entry.action, entry.subject, entry.detail) == (
        "boundary.revealed",
        token,
        {"reason": "調査", "found": True},
    )


@pytest.mark.parametrize(
    ("token", "reason", "said"),
    [
        ("HOST_7K2M9QX4AB00", "x", "has no token HOST_7K2M9QX4AB00"),
        ("nonsense", "x", "is no token"),
        ("HOST_7K2M9QX4AB00", "　", "--reason is empty"),
    ],
)
def test_what_cannot_be_revealed_is_said(home: Path, token: str, reason: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run("reveal", token, "--reason", reason)
