import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sakimori.access.secrets import Secrets, SecretsError
from sakimori.cli.ledger import ledger
from sakimori.core import ExitCode, InputError
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import LedgerEntry
from sakimori.store import Database, StoreError


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(ledger, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


def write(home: Path, *numbers: int, subject: str = "rq-1") -> None:
    log = Ledger(LocalSigner(Secrets.embedded(home)))
    with closing(Database.embedded(home)) as database, database.transaction("local") as transaction:
        for number in numbers:
            entry = LedgerEntry(
                id=f"le-{number}",
                tenant="local",
                time=number,
                actor="key:k",
                action="gateway.call",
                subject=subject,
                detail={"tokens": number},
            )
            log.append(transaction, entry)
        log.seal(transaction)


def edit(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "sakimori.db")) as connection, connection:
        connection.execute(statement)


def test_an_intact_ledger_says_so_and_what_it_cannot_know(home: Path) -> None:
    assert "is empty" in run("verify").stdout
    write(home, 1, 2, 3)
    result = run("verify")
    assert result.return_value is ExitCode.OK
    assert "The ledger of 'local' is intact: 3 sealed entries, 0 pending." in result.stdout
    assert "cannot notice:\n  - removal of the newest entries" in result.stdout


def test_an_edited_ledger_is_found_out(home: Path) -> None:
    write(home, 1, 2, 3)
    edit(home, "UPDATE ledger_content SET body = replace(body, ':2', ':9') WHERE position = 1")
    result = run("verify")
    assert result.return_value is ExitCode.FOUND
    assert "was altered or damaged" in result.stdout
    assert "from the first on: 1." in result.stdout


def test_without_its_signing_key_the_ledger_is_not_called_altered_and_no_other_key_is_made(home: Path) -> None:
    write(home, 1)
    shutil.rmtree(home / "secrets")
    missing = r"the ledger-signing key of institution 'local' is missing: restore .* from a backup"
    for command in (["verify"], ["checkpoint"]):
        with pytest.raises(SecretsError, match=missing):
            run(*command)
    with pytest.raises(SecretsError, match=missing):
        write(home, 2)
    assert "le-1" in run("show", "--format", "jsonl").stdout
    assert not (home / "secrets").exists()


@pytest.mark.parametrize("table", ["ledger_leaf", "ledger_content", "ledger_checkpoint", "ledger_pending"])
def test_a_table_that_is_gone_is_one_sentence(home: Path, table: str) -> None:
    write(home, 1)
    edit(home, f"DROP TABLE {table}")
    with pytest.raises(StoreError, match=r"sakimori\.db lacks a table or column: it was damaged or altered; restore a"):
        run("verify")


def test_a_checkpoint_kept_elsewhere_proves_that_nothing_was_cut_off(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no checkpoint yet"):
        run("checkpoint")
    write(home, 1)
    write(home, 2)
    anchor = tmp_path / "anchor"
    anchor.write_text(run("checkpoint").stdout)
    write(home, 3)
    assert run("verify", "--anchor", str(anchor)).return_value is ExitCode.OK
    for table, column in (("leaf", "position"), ("content", "position"), ("checkpoint", "size - 1")):
        edit(home, f"DELETE FROM ledger_{table} WHERE {column} >= 1")  # noqa: S608
    assert run("verify").return_value is ExitCode.OK
    result = run("verify", "--anchor", str(anchor))
    assert result.return_value is ExitCode.FOUND
    assert "the log was cut off" in result.stdout


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"hello\n\n\xe2\x80\x94 a AAAA\n"])
def test_a_file_that_is_no_anchor_is_one_sentence(home: Path, tmp_path: Path, content: bytes) -> None:
    anchor = tmp_path / "anchor"
    anchor.write_bytes(content)
    write(home, 1)
    with pytest.raises(InputError, match="cannot be an anchor: "):
        run("verify", "--anchor", str(anchor))


def test_entries_are_shown_to_people_and_to_programs(home: Path) -> None:
    write(home, 1, 2, 3)
    lines = [json.loads(line) for line in run("show", "--format", "jsonl", "--newest", "2").stdout.splitlines()]
    assert [(line["position"], line["id"]) for line in lines] == [(1, "le-2"), (2, "le-3")]
    table = run("show").stdout
    assert "1970-01-01" in table
    assert "tokens=3" in table.replace("\n", "")


def test_entries_cannot_paint_the_terminal(home: Path) -> None:
    write(home, 1, subject="\x1b[2J[bold]x[/bold]")
    shown = run("show").stdout
    assert "\x1b" not in shown
    assert "[bold]" in shown.replace("\n", "").replace(" ", "")
