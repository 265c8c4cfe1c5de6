import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.postgres_cluster import AUTHORITY, OPEN_ROLES, ORDINARY, OWNER, Cluster

LOG = json.dumps(
    {
        "@timestamp": "2026-06-16T00:00:01.000Z",
        "Channel": "Security",
        "EventID": 4625,
        "Computer": "ws-01.bank.example",
        "TargetUserName": "tanaka",
    }
)


def sakimori(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as people run it, with nothing in its environment but this."""
    own = {"PATH": os.environ["PATH"], **environment}
    command = [sys.executable, "-m", "sakimori.cli", *arguments]
    return subprocess.run(command, env=own, capture_output=True, text=True, check=False)


def test_an_install_is_prepared_checked_backed_up_and_restored(tmp_path: Path) -> None:
    home, other, file = (str(tmp_path / name) for name in ("home", "other", "backup.db"))
    missing = sakimori("db", "check", SAKIMORI_HOME=home)
    assert (missing.returncode, missing.stderr.count("\n")) == (4, 1)
    assert sakimori("db", "migrate", SAKIMORI_HOME=home).returncode == 0
    assert "ok       schema" in sakimori("db", "check", SAKIMORI_HOME=home).stdout
    assert sakimori("keys", "issue", "gateway", "--scope", "gateway", SAKIMORI_HOME=home).returncode == 0
    made = sakimori("db", "backup", file, SAKIMORI_HOME=home)
    assert "SHA-256" in made.stdout
    assert f"keep a copy of {home}/secrets apart" in made.stderr
    assert sakimori("db", "backup", file, SAKIMORI_HOME=home).returncode == 3
    assert sakimori("db", "restore", file, SAKIMORI_HOME=other).returncode == 0
    listed = [sakimori("keys", "list", "--format", "jsonl", SAKIMORI_HOME=place).stdout for place in (home, other)]
    assert listed[0] == listed[1] != ""
    again = sakimori("db", "restore", file, SAKIMORI_HOME=other)
    assert (again.returncode, again.stderr.count("\n")) == (3, 1)


def test_a_database_that_is_set_back_to_yesterday_is_noticed(tmp_path: Path) -> None:
    home = {"SAKIMORI_HOME": str(tmp_path / "home")}
    for name in ("yesterday", "today"):
        assert sakimori("keys", "issue", name, "--scope", "gateway", **home).returncode == 0
        assert sakimori("ledger", "verify", **home).returncode == 0
        sakimori("db", "backup", str(tmp_path / name), **home)
    for name, code in (("yesterday", 1), ("today", 0)):
        for file in (tmp_path / "home").glob("sakimori.db*"):
            file.unlink()
        assert sakimori("db", "restore", str(tmp_path / name), **home).returncode == 0
        assert sakimori("ledger", "verify", **home).returncode == code


@pytest.mark.services
def test_a_server_that_is_set_back_to_yesterday_is_noticed_and_nothing_is_sealed_on_it(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The home remembers by itself: nobody verified anything in between."""
    home = str(tmp_path / "home")

    def on(role: str) -> dict[str, str]:
        return {"SAKIMORI_HOME": home, "SAKIMORI_DATABASE": cluster.url("set_back", role)}

    cluster.create("set_back")
    assert sakimori("db", "migrate", **on(OWNER)).returncode == 0
    for name in ("yesterday", "today"):
        assert sakimori("keys", "issue", name, "--scope", "gateway", **on(ORDINARY)).returncode == 0
        assert sakimori("db", "backup", str(tmp_path / name), **on(OWNER)).returncode == 0
    cluster.drop("set_back")
    cluster.create("set_back")
    assert sakimori("db", "migrate", **on(OWNER)).returncode == 0
    assert sakimori("db", "restore", str(tmp_path / "yesterday"), **on(OWNER)).returncode == 0
    verified = sakimori("ledger", "verify", **on(ORDINARY))
    assert verified.returncode == 1
    assert "an older state of the database was restored: 1 leaves are left of the 2" in verified.stdout
    refused = sakimori("keys", "issue", "another", "--scope", "gateway", **on(ORDINARY))
    assert (refused.returncode, refused.stderr.count("\n")) == (4, 1)
    assert "this install saw 2 of them signed" in refused.stderr
    assert sakimori("ledger", "accept-loss", "--reason", "disk died", **on(ORDINARY)).returncode == 0
    assert sakimori("ledger", "verify", **on(ORDINARY)).returncode == 0
    cluster.drop("set_back")


def test_an_argument_never_holds_a_password(tmp_path: Path) -> None:
    for url in ("postgresql://a:hunter2@h/d", "postgresql://h/d?password=hunter2"):
        refused = sakimori("--database", url, "db", "check", SAKIMORI_HOME=str(tmp_path))
        assert refused.returncode == 3
        assert "PGPASSFILE" in refused.stderr
        assert "hunter2" not in refused.stdout + refused.stderr


def test_the_database_of_an_argument_is_used(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    assert sakimori("--database", url, "db", "migrate", SAKIMORI_HOME=str(tmp_path / "home")).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.db"]


@pytest.mark.services
def test_everything_runs_on_a_server_as_the_ordinary_role(cluster: Cluster, tmp_path: Path) -> None:
    cluster.create("bank")
    home, file = str(tmp_path / "home"), str(tmp_path / "backup.db")
    owner = {"SAKIMORI_HOME": home, "SAKIMORI_DATABASE": cluster.url("bank", OWNER)}
    ordinary = {"SAKIMORI_HOME": home, "SAKIMORI_DATABASE": cluster.url("bank", ORDINARY)}

    early = sakimori("keys", "list", **ordinary)
    assert (early.returncode, "has no schema yet" in early.stderr) == (4, True)
    assert sakimori("db", "migrate", "--authority-role", AUTHORITY, **owner).returncode == 0
    assert "PROBLEM" not in sakimori("db", "check", **ordinary).stdout
    as_owner = sakimori("db", "check", **owner)
    assert as_owner.returncode == 1
    assert "PROBLEM  role: 'sakimori_owner' owns the tables" in as_owner.stdout
    for role in (OWNER, *OPEN_ROLES):
        refused = sakimori("keys", "list", **{**ordinary, "SAKIMORI_DATABASE": cluster.url("bank", role)})
        assert (refused.returncode, refused.stderr.count("\n")) == (4, 1)

    assert sakimori("keys", "issue", "gateway", "--scope", "gateway", **ordinary).returncode == 0
    log = tmp_path / "security.ndjson"
    log.write_text(LOG + "\n")
    scanned = sakimori("scan", str(log), "--format", "jsonl", **ordinary)
    assert scanned.returncode == 0, scanned.stderr
    verified = sakimori("ledger", "verify", **ordinary)
    assert "is intact: " in verified.stdout
    assert not (tmp_path / "home" / "sakimori.db").exists()
    assert cluster.sql("SELECT count(DISTINCT tenant) FROM ledger_leaf", database="bank") == "1"

    assert sakimori("db", "backup", file, **ordinary).returncode == 4
    assert sakimori("db", "backup", file, **owner).returncode == 0
    # The way back to one machine: same home, same secrets, another database.
    embedded = {"SAKIMORI_HOME": home}
    assert sakimori("db", "restore", file, **embedded).returncode == 0
    assert sakimori("ledger", "verify", **embedded).stdout.splitlines()[0] == verified.stdout.splitlines()[0]
    cluster.drop("bank")
