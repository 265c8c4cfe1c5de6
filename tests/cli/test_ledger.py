import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sakimori.access.secrets import Secrets, SecretsError
from sakimori.cli import cli
from sakimori.cli.ledger import ledger
from sakimori.core import ExitCode, InputError, SakimoriError
from sakimori.ledger import Ledger, LedgerError, LocalSigner, Memory
from sakimori.records import LedgerEntry
from sakimori.store import Database, StoreError


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(ledger, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


def write(home: Path, *numbers: int, subject: str = "rq-1") -> None:
    log = Ledger(LocalSigner(Secrets.embedded(home)), Memory.embedded(home))
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
    assert "cannot notice:\n  - removal, with their checkpoints, of entries after the first 3, which" in result.stdout


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
    result = run("verify")
    assert result.return_value is ExitCode.FOUND
    assert "1 leaves are left of the 3 that this install saw signed" in result.stdout
    shutil.rmtree(home / "ledger")  # as who can edit the database may do
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


TOOL = Path(__file__).parents[2] / "tools" / "verify_ledger.py"


def audit(path: Path, *arguments: str) -> tuple[int, str]:
    """What an auditor sees who has the file, a public key and the verifier."""
    command = [sys.executable, "-I", str(TOOL), str(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={})
    return done.returncode, done.stdout


def test_a_bank_a_cosigner_and_an_auditor_agree_by_files_alone(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, 1, 2)
    write(home, 3)
    key = run("key").stdout.strip()
    asked, answer, kept = (str(tmp_path / name) for name in ("asked", "answer", "export.jsonl"))
    run("cosign", "request", "--out", asked)

    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("SAKIMORI_HOME", str(tmp_path / "witness"))
        elsewhere.setenv("SAKIMORI_TENANT", "監査法人")
        cosigner = run("cosign", "key").stdout.strip()
        with pytest.raises(LedgerError, match="never saw the log"):
            run("cosign", "sign", asked, "--log", key, "--out", answer)
        run("cosign", "sign", asked, "--log", key, "--out", answer, "--first")
        shutil.rmtree(tmp_path / "witness" / "secrets")
        with pytest.raises(SecretsError, match="the ledger-cosigning key of institution '監査法人' is missing"):
            run("cosign", "sign", asked, "--log", key, "--out", answer)

    assert "confirms the first 3 entries" in run("cosign", "add", answer, "--cosigner", cosigner).stdout
    demands = ("--cosigner", cosigner, "--cosigned", "1")
    result = run("verify", *demands)
    assert result.return_value is ExitCode.OK
    assert "The first 3 entries are confirmed by 1 cosigners" in result.stdout
    write(home, 4)
    run("export", "--out", kept, "--cosigned")
    assert audit(Path(kept), "--key", key, *demands) == (
        0,
        "OK: entries 0 to 2, cosigned by 1; 0 erased, 0 times go back\n",
    )
    assert Path(kept).stat().st_mode & 0o777 == 0o600
    run("export", "--out", kept, "--from", "3")
    assert audit(Path(kept), "--key", key, "--anchor", answer)[0] == 0
    code, said = audit(Path(kept), "--key", key, *demands)
    assert (code, said) == (1, "NOT OK: 'the last checkpoint has 0 of the 1 cosigners demanded'\n")

    proof = str(tmp_path / "p.tlog-proof")
    run("prove", "le-2", "--out", proof)
    code, said = audit(Path(proof), "--key", key)
    assert (code, json.loads(said.splitlines()[1])["id"]) == (0, "le-2")
    assert run("prove", "le-2").stdout == Path(proof).read_text(encoding="utf-8")


def test_an_erased_entry_is_still_proved_and_accounted_for(home: Path, tmp_path: Path) -> None:
    write(home, 1, 2, 3)
    run("erase", "le-2", "--reason", "個人情報の削除請求")
    result = run("verify")
    assert result.return_value is ExitCode.OK
    assert "4 sealed entries, 0 pending" in result.stdout
    assert "The content of 1 entries was erased" in result.stdout
    last = json.loads(run("show", "--format", "jsonl", "--newest", "1").stdout)
    assert (last["action"], last["subject"]) == ("ledger.erased", "leaf:1")
    assert last["detail"]["reason"] == "個人情報の削除請求"
    with pytest.raises(InputError, match="has no entry 'le-2'"):
        run("prove", "le-2")
    run("prove", "#1", "--out", str(tmp_path / "p"))
    run("export", "--out", str(tmp_path / "x"))
    key = run("key").stdout.strip()
    assert audit(tmp_path / "p", "--key", key)[0] == 0
    assert "1 erased" in audit(tmp_path / "x", "--key", key)[1]
    assert b'le-2\\"' not in (tmp_path / "x").read_bytes()


def test_an_older_backup_is_noticed_and_the_loss_can_be_accepted_in_the_open(home: Path, tmp_path: Path) -> None:
    write(home, 1)
    shutil.copy(home / "sakimori.db", tmp_path / "yesterday")
    write(home, 2, 3)
    run("verify")
    for left in home.glob("sakimori.db*"):
        left.unlink()
    shutil.copy(tmp_path / "yesterday", home / "sakimori.db")
    assert run("verify").return_value is ExitCode.FOUND
    with pytest.raises(LedgerError, match="accept the loss with `sakimori ledger accept-loss`"):
        write(home, 9)
    with pytest.raises(LedgerError, match="an older state of the database was restored"):
        run("seal")
    assert "Entries 1 to 2" in run("accept-loss", "--reason", "disk").stdout
    assert "2 sealed entries" in run("verify").stdout
    last = json.loads(run("show", "--format", "jsonl", "--newest", "1").stdout)
    assert (last["action"], last["detail"]["lost_size"]) == ("ledger.loss_accepted", 3)
    with pytest.raises(InputError, match="nothing was lost"):
        run("accept-loss", "--reason", "again")


def test_what_cannot_be_done_is_one_sentence_and_writes_nothing(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "junk").write_bytes(b"\xff")
    write(home, 1)
    key = run("key").stdout.strip()
    refused: dict[tuple[str, ...], str] = {
        ("export", "--out", str(out), "--to", "2"): "has 1 sealed entries",
        ("export", "--out", str(out), "--from", "1"): "the range .* is empty",
        ("export", "--out", str(out), "--cosigned"): "no checkpoint of the ledger .* is cosigned",
        ("export", "--out", str(out), "--cosigned", "--to", "1"): "give one of them",
        ("prove", "le-7", "--out", str(out)): "has no entry 'le-7'",
        ("erase", "le-1", "--reason", " "): "needs 1 to 500 printable characters",
        ("accept-loss", "--reason", "\u3000"): "needs 1 to 500 printable characters",
        ("accept-loss", "--reason", "\u202egnp.exe"): "needs 1 to 500 printable characters",
        ("verify", "--cosigned", "1"): "needs as many --cosigner",
        ("verify", "--cosigner", key): "does not name a cosigner: it is a public key of type 1",
        ("cosign", "request", "--out", str(out), "--old", "2"): "has 1 sealed entries, not 2",
        ("cosign", "sign", str(tmp_path / "junk"), "--log", key, "--out", str(out)): "is not text",
        ("cosign", "sign", str(tmp_path / "junk"), "--log", "x", "--out", str(out)): "does not name a ledger",
        ("cosign", "key", "--name", "two words"): "cannot name a cosigner",
    }
    for arguments, sentence in refused.items():
        with pytest.raises(SakimoriError, match=sentence):
            run(*arguments)
        assert not out.exists()


def test_all_that_is_pending_can_be_sealed(home: Path) -> None:
    assert "has 0 sealed entries" in run("seal").stdout
    write(home, 1, 2)
    assert "has 2 sealed entries" in run("seal").stdout


def test_an_auditor_is_told_that_nothing_was_sealed_rather_than_that_a_key_is_missing(
    home: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="has no checkpoint yet: nothing was sealed"):
        run("export", "--out", str(tmp_path / "export"))
    assert not (tmp_path / "export").exists()


def test_where_people_sign_in_nobody_else_reads_or_changes_the_ledger(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grants = tmp_path / "grants.yaml"
    grants.write_text(
        'institutions:\n  - name: b\n    sign_in: {issuer: "http://127.0.0.1:9", client_id: c}\n'
        "    keys: [{name: auditor, scopes: [ledger.read]}]\n",
        encoding="utf-8",
    )
    applied = CliRunner().invoke(cli, ["programme", "apply", str(grants), "--yes"], catch_exceptions=False)
    key = applied.stdout.partition("sk-saki-")[2].split()[0]
    monkeypatch.setenv("SAKIMORI_TENANT", "b")
    out = str(tmp_path / "out")
    for command in (
        ["show"],
        ["export", "--out", out],
        ["prove", "#0", "--out", out],
        ["erase", "#0", "--reason", "r"],
        ["accept-loss", "--reason", "r"],
        ["verify"],
        ["seal"],
    ):
        with pytest.raises(SakimoriError, match="nobody is signed in for 'b'") as caught:
            run(*command)
        assert caught.value.exit_code is ExitCode.DENIED
    monkeypatch.setenv("SAKIMORI_SERVICE_KEY", f"sk-saki-{key}")
    assert run("verify").return_value is ExitCode.OK
