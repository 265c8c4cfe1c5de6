"""``sakimori oversight``: what the provider says of our account ends as an incident that people see."""

import base64
import hashlib
import hmac
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import orjson
import pytest
from click.testing import CliRunner
from tests.gateway.oversight.scripted_admin import ADMIN_KEY, KEY, Admin, alert, entry, serving

from sakimori.cli import cli
from sakimori.core import InputError, SakimoriError
from sakimori.records import Incident
from sakimori.store import Database

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.fixture
def admin() -> Iterator[Admin]:
    with serving() as made:
        yield made


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["oversight", "watch", *arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.stdout


def titles(home: Path) -> list[str]:
    database = Database.embedded(home)
    with database.snapshot("local") as snapshot:
        found = [incident.title for incident in snapshot.all(Incident)]
    database.close()
    return found


def test_one_look_makes_findings_and_incidents_once(home: Path, admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", ADMIN_KEY)
    admin.log = [entry("audit_1", int(time.time()) - 5, "external_key.removed"), entry("audit_2", 5, "login.failed")]
    arguments = ("--once", "--admin-key", "env:OPENAI_ADMIN_KEY", "--base-url", admin.url)
    admin.tenant_log = [entry("audit_3", int(time.time()) - 5, "tenant.sso_connection.deleted")]
    assert "New: 1 of the audit log, 0 announced." in run(*arguments, "--no-tenant")
    assert "New: 1 of the audit log" in run(*arguments)
    assert "New: 0 of the audit log" in run(*arguments)
    assert len(titles(home)) == 1  # of the same account


def test_secrets_are_named_and_never_given(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(click.BadParameter, match="and not the secret"):
        run("--admin-key", ADMIN_KEY)
    with pytest.raises(InputError, match="NOT_THERE holds no secret"):
        run("--admin-key", "env:NOT_THERE")
    path = tmp_path / "key"
    with pytest.raises(InputError, match="the secret cannot be read"):
        run("--admin-key", f"file:{path}")
    path.write_text(ADMIN_KEY)
    path.chmod(0o644)
    with pytest.raises(SakimoriError, match="others may read the secrets"):
        run("--admin-key", f"file:{path}")
    path.write_text("二\n行")
    path.chmod(0o600)
    with pytest.raises(InputError, match="expected one line of ASCII"):
        run("--admin-key", f"file:{path}")


def test_what_cannot_be_watched_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S", SECRET)
    with pytest.raises(InputError, match="nothing to watch"):
        run()
    with pytest.raises(InputError, match="belong together"):
        run("--webhook-secret", "env:S")


def test_an_announced_alert_is_fetched_and_told(home: Path, admin: Admin) -> None:
    admin.things = {"safety/alerts/sa_1": alert("sa_1", int(time.time()))}
    secrets = {"WEBHOOK": SECRET, "PROJECT_KEY": KEY, "PYTHONUNBUFFERED": "1"}
    places = ("--webhook-secret", "env:WEBHOOK", "--key", "env:PROJECT_KEY")
    watching = ("oversight", "watch", "--listen", "127.0.0.1:0", "--every", "1", "--base-url", admin.url, *places)
    process = subprocess.Popen(
        [sys.executable, "-c", "from sakimori.cli import main; main()", *watching],
        env={**os.environ, **secrets},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1].rstrip(".")
        body = orjson.dumps({"id": "evt_1", "type": "safety.alert.created", "data": {"id": "sa_1"}})
        assert post(url, body, "v1,forged") == 400
        mac = hmac.digest(b"k" * 32, f"wh_1.{int(time.time())}.".encode() + body, hashlib.sha256)
        assert post(url, body, "v1," + base64.b64encode(mac).decode()) == 204
        deadline = time.monotonic() + 20
        while not titles(home) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(titles(home)) == 1
        process.send_signal(signal.SIGTERM)
        assert "Stopped" in process.communicate(timeout=20)[0]
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def post(url: str, body: bytes, signature: str) -> int:
    headers = {"webhook-id": "wh_1", "webhook-timestamp": str(int(time.time())), "webhook-signature": signature}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 # loopback
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 # loopback
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
