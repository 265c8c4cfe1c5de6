"""From an action that waits for a person to its effect, through the commands and with OpenSSH's own tools."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import pytest
from aiohttp import web
from click.testing import CliRunner, Result
from tests import loopback
from tests.identity_provider import CALLBACK, Browser, IdentityProvider

from sakimori.access import Directory, people, sign_in
from sakimori.access.oidc import Provider
from sakimori.access.rights import Denied
from sakimori.access.session import Sessions
from sakimori.access.sign_in import SignIn
from sakimori.cli import cli
from sakimori.core import ExitCode, InputError, Settings, SystemClock
from sakimori.records import (
    ApprovalRequest,
    Command,
    Criticality,
    Disposition,
    Entity,
    EntityType,
    HostAsset,
    Incident,
    Inventory,
    Proposal,
    Route,
    Severity,
    StepState,
    Verdict,
)
from sakimori.respond import OPEN_FOR, Executor, Grounds, ResponsePolicy, load_playbooks, plan
from sakimori.respond.connectors.registry import connect
from sakimori.respond.connectors.settings import load_settings
from sakimori.service import installation
from sakimori.store import Transaction
from sakimori.store.journal import Standing

HOST = "pay-1.bank.example"
HANAKO, SABURO, TARO = "佐藤 花子", "鈴木 三郎", "山田 太郎"

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


def run(*arguments: str, answer: str | None = None) -> Result:
    result = CliRunner().invoke(cli, ["approvals", *arguments], standalone_mode=False, input=answer)
    if result.exception:
        raise result.exception
    return result


class Range:
    """The defence plane for one host."""

    def __init__(self) -> None:
        self.isolated = False
        self.asked = 0
        self.application = web.Application()
        self.application.router.add_post("/v1/hosts/{name}/isolate", self._isolate)
        self.application.router.add_get("/v1/hosts/{name}", self._show)

    async def _isolate(self, request: web.Request) -> web.Response:
        assert request.match_info["name"] == HOST
        self.isolated = True
        self.asked += 1
        return web.json_response({})

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response({"name": HOST, "isolated": self.isolated})


@pytest.fixture
def served(home: Path) -> Iterator[Range]:
    made = Range()
    home.mkdir(parents=True, exist_ok=True)
    (home / "token").write_text("t")
    with loopback.served(made.application) as url:
        (home / "connectors.toml").write_text(f'[[cyberrange]]\nname = "range"\nurl = "{url}"\ntoken_file = "token"\n')
        yield made


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the SSH keys of two leads and an analyst."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("hanako", "saburo", "taro", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    return folder


@pytest.fixture
def request_id(home: Path, keys: Path, served: Range, tmp_path: Path) -> str:
    """A response that met a vital host, in an install whose people are registered; the request that it left."""
    register(tmp_path, keys)
    verdict = Verdict(
        id="vd-1",
        tenant="local",
        incident_id="in-1",
        investigator="offline",
        model=None,
        disposition=Disposition.MALICIOUS,
        severity=Severity.CRITICAL,
        route=Route.RESPOND,
        summary="",
        summary_ja="",
        claims=(),
        dropped=(),
        proposals=(
            Proposal(
                command=Command.ISOLATE_HOST,
                target=Entity(type=EntityType.HOST, value=HOST),
                reason="",
                reason_ja="",
            ),
        ),
        reasons=(),
        made_at=1,
    )
    incident = Incident(
        id="in-1",
        tenant="local",
        title="",
        title_ja="",
        severity=Severity.CRITICAL,
        score=90,
        first_time=1,
        last_time=1,
        finding_ids=(),
        entities=(Entity(type=EntityType.HOST, value=HOST),),
    )
    host = HostAsset(
        name=HOST,
        role="payment-gateway",
        criticality=Criticality.VITAL,
        address="192.0.2.1",
        users=("tanaka",),
        services=("全銀[送金]",),
    )
    inventory = Inventory(tenant="local", taken_at=1, hosts=(host,), accounts=())
    with installation(Settings.from_environment(), SystemClock()) as install:
        connectors = connect(load_settings(home / "connectors.toml"))
        grounds = Grounds(verdict, incident, inventory)
        planned = plan(
            grounds,
            playbooks=load_playbooks(),
            connectors=connectors,
            policy=ResponsePolicy(),
            standing=Standing(),
            clock=install.clock,
        )
        with install.database.transaction("local") as transaction:
            transaction.put(verdict, incident, inventory, planned)
        executor = Executor(
            install.database,
            install.ledger,
            connectors=connectors,
            policy=ResponsePolicy(),
            clock=install.clock,
            holder="test",
        )
        execution = asyncio.run(executor.execute(planned, grounds))
        assert [step.state for step in execution.steps] == [StepState.PENDING]
        with install.database.snapshot("local") as snapshot:
            (request,) = snapshot.all(ApprovalRequest)
    return request.id


def register(folder: Path, keys: Path) -> None:
    roles = ((HANAKO, "hanako", "lead"), (SABURO, "saburo", "lead"), (TARO, "taro", "analyst"))
    public = {key: (keys / f"{key}.pub").read_text().strip() for _, key, _ in roles}
    listed = "\n".join(
        f"  - {{name: {name}, identity: {key}, roles: [{role}], signing_keys: ['{public[key]}']}}"
        for name, key, role in roles
    )
    path = folder / "grants.yaml"
    path.write_text(f"institutions:\n- name: local\n  people:\n{listed}\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["programme", "apply", str(path), "--yes"], standalone_mode=False)
    assert result.exception is None, result.exception


@contextmanager
def kept() -> Generator[Transaction]:
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.transaction("local") as transaction,
    ):
        yield transaction


def told() -> list[str]:
    result = CliRunner().invoke(cli, ["ledger", "show", "--format", "jsonl"], standalone_mode=False)
    assert CliRunner().invoke(cli, ["ledger", "verify"], standalone_mode=False).return_value in (None, ExitCode.OK)
    return [json.loads(line)["action"] for line in result.stdout.splitlines()]


def test_without_requests_it_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("list").stdout == "Nothing waits for approval.\n"
    monkeypatch.setenv("SAKIMORI_LANG", "ja")
    assert run("list").stdout == "承認待ちはありません。\n"
    assert run("list", "--format", "jsonl").stdout == ""
    assert run("run").stdout == "Nothing that people consented to waits to be done.\n"


def test_a_person_sees_signs_and_it_is_done_once(request_id: str, keys: Path, served: Range) -> None:
    listed = run("list").stdout
    assert request_id in listed
    assert f"Isolate the host {HOST}" in listed
    shown = run("show", request_id).stdout
    for words in (
        HOST,
        "を隔離する",
        "vital-hosts-need-a-person",
        "全銀[送金]",
        "people: 1",
        "action hash",
        HANAKO,
        SABURO,
    ):
        assert words in shown
    assert TARO not in shown, "an analyst may not approve"
    assert run("run").stdout == "Nothing that people consented to waits to be done.\n"
    assert not served.isolated

    approved = run("approve", request_id, "--as", HANAKO, "--key", str(keys / "hanako"), answer="y\n")
    assert HOST in approved.stdout, "what is signed is shown before"
    assert f"The consent of {HANAKO} is kept." in approved.stdout
    assert not served.isolated
    done = run("run", "--format", "jsonl")
    assert json.loads(done.stdout)["steps"][0]["state"] == "done"
    assert done.return_value is ExitCode.OK
    assert (served.isolated, served.asked) == (True, 1)
    run("run")
    assert served.asked == 1
    assert run("list").stdout == "Nothing waits for approval.\n"
    assert "begun" in run("list", "--all").stdout
    assert [action for action in told() if action.startswith("approval.")] == ["approval.asked", "approval.given"]


def test_who_does_not_confirm_signs_nothing(request_id: str, keys: Path) -> None:
    with pytest.raises(click.Abort):
        run("approve", request_id, "--as", HANAKO, "--key", str(keys / "hanako"), answer="n\n")
    assert json.loads(run("show", request_id, "--format", "jsonl").stdout)["consents"] == []


def test_the_ssh_agent_signs_with_the_registered_key(
    request_id: str, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True).stdout
    found = dict(part.split("=", 1) for part in started.replace("\n", "").split(";") if part.startswith("SSH_"))
    monkeypatch.setenv("SSH_AUTH_SOCK", found["SSH_AUTH_SOCK"])
    monkeypatch.setenv("SSH_AGENT_PID", found["SSH_AGENT_PID"])
    try:
        with pytest.raises(InputError, match="the ssh-agent holds none of the 1 registered keys"):
            run("approve", request_id, "--as", HANAKO, "--yes")
        subprocess.run(["ssh-add", "-q", str(keys / "hanako")], check=True)
        run("approve", request_id, "--as", HANAKO, "--yes")
    finally:
        subprocess.run(["ssh-agent", "-k"], check=True, capture_output=True, env=dict(os.environ))
    assert len(json.loads(run("show", request_id, "--format", "jsonl").stdout)["consents"]) == 1


def test_a_key_on_another_machine_signs_a_file_which_counts_once(request_id: str, keys: Path, tmp_path: Path) -> None:
    out = tmp_path / "消防 message"
    said = run("message", request_id, "--as", SABURO, "--out", str(out)).stderr
    assert "ssh-keygen -Y sign -n sakimori.approval" in said
    with pytest.raises(FileNotFoundError):
        run("approve", request_id, "--as", SABURO, "--signed", str(out), "--yes")
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "sakimori.approval", "-f"]
    subprocess.run([*sign, str(keys / "stranger"), str(out)], check=True, capture_output=True)
    with pytest.raises(InputError, match=f"no consent of '{SABURO}'"):
        run("approve", request_id, "--as", SABURO, "--signed", str(out), "--yes")
    with pytest.raises(InputError, match=f"is not what '{HANAKO}' signs"):
        run("approve", request_id, "--as", HANAKO, "--signed", str(out), "--yes")
    out.with_name(f"{out.name}.sig").unlink()
    subprocess.run([*sign, str(keys / "saburo"), str(out)], check=True, capture_output=True)
    run("approve", request_id, "--as", SABURO, "--signed", str(out), "--yes")
    with pytest.raises(InputError, match=r"was given to ap-\w+ already"):
        run("approve", request_id, "--as", SABURO, "--signed", str(out), "--yes")


def test_only_who_may_approve_and_with_their_own_key(request_id: str, keys: Path) -> None:
    with pytest.raises(Denied, match=f"person:{TARO} may not approve_action"):
        run("approve", request_id, "--as", TARO, "--key", str(keys / "taro"), "--yes")
    with pytest.raises(InputError, match=f"no consent of '{HANAKO}'"):
        run("approve", request_id, "--as", HANAKO, "--key", str(keys / "saburo"), "--yes")
    with pytest.raises(InputError, match="has no person 'nobody'"):
        run("approve", request_id, "--as", "nobody", "--key", str(keys / "hanako"), "--yes")
    with pytest.raises(InputError, match="say who consents, with --as NAME"):
        run("approve", request_id, "--yes")
    with pytest.raises(InputError, match="did not sign"):
        run("approve", request_id, "--as", HANAKO, "--key", str(keys / "absent"), "--yes")
    with pytest.raises(InputError, match="there is no request for approval 'ap-9'"):
        run("approve", "ap-9", "--as", HANAKO, "--yes")


def test_denial_is_kept_with_its_reason_and_nothing_is_done(request_id: str, keys: Path, served: Range) -> None:
    assert "is denied: Isolate the host" in run("deny", request_id, "--reason", "payday: 給料日").stdout
    assert "payday: 給料日" in run("show", request_id).stdout
    with pytest.raises(InputError, match="it was denied at"):
        run("approve", request_id, "--as", HANAKO, "--key", str(keys / "hanako"), "--yes")
    run("run")
    assert not served.isolated
    assert "approval.denied" in told()


def test_what_expired_is_asked_anew_and_the_asker_alone_does_not_suffice(
    request_id: str, keys: Path, served: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "operator")
    with pytest.raises(InputError, match=f"exactly this is asked in {request_id}"):
        run("ask", request_id)
    with kept() as transaction:
        old = transaction.get(ApprovalRequest, request_id)
        assert old is not None
        transaction.put(replace(old, expires_at=old.asked_at, asked_at=old.asked_at - OPEN_FOR))
    assert run("list").stdout == "Nothing waits for approval.\n"
    with pytest.raises(InputError, match=r"expired at \S+ look again, and ask anew"):
        run("approve", request_id, "--as", HANAKO, "--key", str(keys / "hanako"), "--yes")
    new = run("ask", request_id).stdout.split()[0]
    with kept() as transaction:
        asked = transaction.get(ApprovalRequest, new)
        assert asked is not None
        assert asked.asked_by == "owner:operator"
        transaction.put(replace(asked, asked_by=f"person:{HANAKO}"))  # as where people sign in
    lacks = run("approve", new, "--as", HANAKO, "--key", str(keys / "hanako"), "--yes").stdout
    assert "It does not suffice yet: Whoever asked for the action may not approve it alone" in lacks
    assert run("run").return_value is ExitCode.FOUND
    assert not served.isolated
    run("approve", new, "--as", SABURO, "--key", str(keys / "saburo"), "--yes")
    run("run")
    assert served.isolated


def test_where_the_connector_is_not_configured_nothing_is_refused_for_good(
    request_id: str, keys: Path, served: Range, home: Path
) -> None:
    run("approve", request_id, "--as", HANAKO, "--key", str(keys / "hanako"), "--yes")
    settings = home / "connectors.toml"
    settings.rename(home / "aside")
    result = run("run")
    assert result.return_value is ExitCode.FOUND
    assert "left alone, since not configured here: connector range" in result.stderr
    (home / "aside").rename(settings)
    run("run")
    assert served.isolated


def test_a_failed_attempt_is_exit_code_1_and_the_next_run_tries_again(
    request_id: str, keys: Path, served: Range, home: Path
) -> None:
    run("approve", request_id, "--as", HANAKO, "--key", str(keys / "hanako"), "--yes")
    (home / "token").rename(home / "aside")
    failed = run("run", "--format", "jsonl")
    assert failed.return_value is ExitCode.FOUND
    assert json.loads(failed.stdout)["steps"][0]["state"] == "failed"
    (home / "aside").rename(home / "token")
    assert run("run").return_value is ExitCode.OK
    assert served.asked == 1


@pytest.mark.services
def test_who_signed_in_consents_for_themselves_only(request_id: str, keys: Path, served: Range, tmp_path: Path) -> None:
    """In a session that a real identity provider gave: a lead consents, an analyst sees and asks, and no more."""
    idp = IdentityProvider(tmp_path)
    wanted = SignIn(
        issuer=idp.issuer,
        client_id="sakimori",
        audience="sakimori",
        identity="email",
        require={"bank": "aozora"},
        role_claim=None,
        roles={},
    )
    with kept() as transaction:
        for name, identity in ((HANAKO, "sato@aozora.example"), (TARO, "yamada@aozora.example")):
            person = people.get(transaction, name)
            assert person is not None
            people.put(transaction, replace(person, identity=identity))
        sign_in.put(transaction, wanted)

    def enter(login: str) -> None:
        provider = Provider(wanted, SystemClock())
        pending = provider.begin(CALLBACK)
        tokens = provider.finish(pending, Browser(login).sign_in(pending.url))
        with installation(Settings.from_environment(), SystemClock()) as install:
            directory = Directory(install.database, install.secrets, install.clock)
            Sessions(install.settings.home, directory, install.clock).keep("local", wanted, tokens)

    try:
        enter("yamada")
        assert HOST in run("show", request_id).stdout
        with pytest.raises(InputError, match="exactly this is asked in"):
            run("ask", request_id)
        for command in (("approve", request_id, "--yes"), ("deny", request_id, "--reason", "x"), ("run",)):
            with pytest.raises(Denied, match=f"person:{TARO} may not approve_action"):
                run(*command)
        enter("sato")
        with pytest.raises(InputError, match=f"'{HANAKO}' is signed in, and consents for nobody else"):
            run("approve", request_id, "--as", SABURO, "--key", str(keys / "saburo"), "--yes")
        run("approve", request_id, "--key", str(keys / "hanako"), "--yes")
        run("run")
        assert served.isolated
    finally:
        idp.stop()
