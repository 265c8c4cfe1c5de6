import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sakimori.access import keys as service_keys
from sakimori.access.secrets import Secrets
from sakimori.cli.keys import keys
from sakimori.core import InputError, SystemClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.store import Database


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(keys, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


def opens(home: Path, plaintext: str) -> bool:
    database = Database.embedded(home)
    principal = service_keys.authenticate(database, Secrets.embedded(home), plaintext, SystemClock())
    database.close()
    return principal is not None


def actions(home: Path) -> list[str]:
    database = Database.embedded(home)
    ledger = Ledger(LocalSigner(Secrets.embedded(home)))
    with database.snapshot("local") as snapshot:
        assert ledger.verify(snapshot).ok
        found = [line.entry.action for line in ledger.lines(snapshot)]
    database.close()
    return found


def test_a_key_is_shown_once_alone_on_standard_output(home: Path) -> None:
    result = run("issue", "gateway", "--scope", "gateway")
    (plaintext,) = result.stdout.splitlines()
    assert opens(home, plaintext)
    listed = run("list").stdout
    assert "gateway" in listed
    assert plaintext not in listed
    assert actions(home) == ["key.issued"]


def test_a_key_may_go_to_a_closed_file_instead(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "key"
    result = run("issue", "gateway", "--scope", "gateway", "--out", str(out))
    assert result.stdout == ""
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_text().strip() not in result.output
    assert opens(home, out.read_text().strip())


def test_no_file_is_overwritten_and_no_key_issued_for_it(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "key"
    out.write_text("precious")
    with pytest.raises(InputError, match="is there already"):
        run("issue", "gateway", "--scope", "gateway", "--out", str(out))
    assert out.read_text() == "precious"
    assert actions(home) == []
    assert json.loads(f"[{','.join(run('list', '--format', 'jsonl').stdout.splitlines())}]") == []


def test_a_revoked_key_opens_nothing_and_is_still_listed(home: Path) -> None:
    plaintext = run("issue", "監査", "--scope", "ledger.read", "--days", "1").stdout.strip()
    (line,) = run("list", "--format", "jsonl").stdout.splitlines()
    listed = json.loads(line)
    assert (listed["name"], listed["scopes"], listed["revoked_at"]) == ("監査", ["ledger.read"], None)
    assert "revoked" in run("revoke", listed["id"]).stdout
    assert not opens(home, plaintext)
    assert json.loads(run("list", "--format", "jsonl").stdout)["revoked_at"]
    assert actions(home) == ["key.issued", "key.revoked"]
    with pytest.raises(InputError, match="has no key 'nothing': see `sakimori keys list`"):
        run("revoke", "nothing")


def test_a_key_is_replaced_by_one_that_works_beside_it_for_a_while(home: Path) -> None:
    old = run("issue", "gateway", "--scope", "gateway", "--days", "30").stdout.strip()
    (listed,) = (json.loads(line) for line in run("list", "--format", "jsonl").stdout.splitlines())
    new = run("rotate", listed["id"], "--overlap", "1").stdout.strip()
    assert opens(home, old)
    assert opens(home, new)
    first, second = (json.loads(line) for line in run("list", "--format", "jsonl").stdout.splitlines())
    assert (first["name"], first["scopes"]) == (second["name"], second["scopes"])
    assert first["expires_at"] < listed["expires_at"] <= second["expires_at"]
    run("rotate", second["id"], "--overlap", "0")
    assert not opens(home, new)
    assert actions(home) == ["key.issued", "key.rotated", "key.rotated"]
    with pytest.raises(InputError, match="no longer works"):
        run("rotate", second["id"])
