"""No command forgets to ask: each denies whoever lacks its right, or a short list says why it need not."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sakimori.access.rights import Denied
from sakimori.cli import cli
from sakimori.cli.grants import LimitType
from sakimori.cli.group import Command
from sakimori.core import ExitCode, SakimoriError

BANK = "あおぞら銀行"
ASKS_NOBODY = {
    "db backup": "whoever owns the database can copy it; the owner's role is no person of an institution",
    "db check": "it looks at roles and tables, and shows nothing that is in them",
    "db migrate": "before it there is nothing that could be asked; the database asks for its owner's role",
    "db restore": "it fills only a database that is empty, in which there is nobody to ask about",
    "demo": "a simulated bank, in a folder of its own",
    "drill compare": "a simulated bank, in a folder of its own",
    "egress blocklist": "it prints what ships with Sakimori",
    "egress client": "it prints what ships with Sakimori",
    "login": "it says who somebody is",
    "logout": "it gives rights up",
    "rules check": "it reads the rules that it is given",
    "rules coverage": "it reads the rules that it is given",
    "rules list": "it reads the rules that it is given",
    "rules test": "it reads the rules and recordings that it is given",
    "rules try": "it reads the rule and files that it is given, and keeps nothing",
    "whoami": "it shows its caller to themselves",
}


def _tree(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from _tree(command, *path, name)
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(_tree(cli))
ASKING = [name for name in COMMANDS if name not in ASKS_NOBODY]


def test_every_command_declares_its_right_or_why_it_needs_none() -> None:
    declared = {name for name, command in COMMANDS.items() if isinstance(command, Command) and command.right}
    assert set(COMMANDS) - declared == set(ASKS_NOBODY), "say @group.command(right=Right.…), or here why not"


DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    rows = [line for line in (DOCS / "cli.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert any(set(name.split()) <= set(re.findall(r"[a-z-]+", row.split(" | ")[0])) for row in rows)


@pytest.mark.parametrize("name", ASKING)
def test_the_documentation_says_what_every_command_asks(name: str) -> None:
    command = COMMANDS[name]
    assert isinstance(command, Command)
    page = (DOCS / "access.md").read_text(encoding="utf-8").split("## What commands ask\n")[1].split("\n### ")[0]
    for row in page.splitlines():
        commands, _, rights = row.partition(" | ")
        named = set(name.split()) <= set(re.findall(r"[a-z-]+", commands)) or f"`{name.split()[0]}`" in commands
        if named and f"`{command.right}`" in rights:
            return
    pytest.fail(f"docs/access.md says nothing of `{name}` and {command.right}")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, standalone_mode=False)


def _said(*arguments: str) -> str:
    result = _run(*arguments)
    assert result.exception is None, result.exception
    return result.stdout


def _arguments(command: click.Command, folder: Path) -> list[str]:
    """What the command demands, each of a form that it takes."""
    given: list[str] = []
    for parameter in command.params:
        if parameter.required:
            given += [*parameter.opts[:1]] * isinstance(parameter, click.Option)
            given.append(_value(parameter.type, folder))
    return given


def _value(kind: object, folder: Path) -> str:
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    if isinstance(kind, click.IntRange):
        return str(kind.min or 1)
    if isinstance(kind, LimitType):
        return "tokens=1/day"
    if isinstance(kind, click.Path):
        return str(folder / ("there" if kind.exists else "out") / ("" if not kind.file_okay else "file"))
    return "x"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("rights")
    (made / "there").mkdir()
    (made / "there" / "file").write_text("institutions: []\n")
    return made


@pytest.fixture(scope="module")
def keys(folder: Path) -> dict[str, str]:
    """Service keys by scope, in an install of which something is known."""
    grants = folder / "grants.yaml"
    scopes = ("structured", "services", "incidents.read", "ledger.read", "alerts")
    grants.write_text(
        f"institutions:\n- name: {BANK}\n  sign_in: {{issuer: 'http://127.0.0.1:9', client_id: c}}\n"
        "  people: [{name: 山田 太郎, identity: yamada, roles: [lead]}]\n"
        f"  keys: [{', '.join(f'{{name: {scope}, scopes: [{scope}]}}' for scope in scopes)}]\n",
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAKIMORI_HOME", str(folder / "home"))
        lines = _said("programme", "apply", str(grants), "--yes").splitlines()
    issued = (line.split() for line in lines if line.startswith("key "))
    return {words[1]: words[-1] for words in issued}


@pytest.fixture
def install(folder: Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAKIMORI_HOME", str(folder / "home"))
    monkeypatch.setenv("SAKIMORI_TENANT", BANK)
    assert keys
    return folder


def _everything(folder: Path) -> tuple[dict[Path, bytes], list[str]]:
    """All files but the database's, and all that the database holds."""
    files = {path for path in folder.rglob("*") if path.is_file()}
    databases = {path for path in files if ".db" in path.suffix or ".db-" in path.name}
    rows: list[str] = []
    for path in sorted(path for path in databases if path.suffix == ".db"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            rows += database.iterdump()
        database.close()
    assert rows
    return {path: path.read_bytes() for path in files - databases}, rows


@pytest.mark.parametrize("name", ASKING)
def test_a_principal_without_the_right_is_denied_and_nothing_changes(
    name: str, install: Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = COMMANDS[name]
    assert isinstance(command, Command)
    monkeypatch.setenv("SAKIMORI_SERVICE_KEY", keys["structured"])
    before = _everything(install)
    error = _run(*name.split(), *_arguments(command, install)).exception
    assert isinstance(error, Denied), error
    assert error.exit_code is ExitCode.DENIED
    assert f"may not {command.right} " in str(error)
    assert str(error).endswith("No policy permits this. (deny-by-default)")
    assert _everything(install) == before


@pytest.mark.parametrize("name", ASKING)
def test_where_people_sign_in_and_nobody_did_everything_is_denied_and_nothing_changes(name: str, install: Path) -> None:
    before = _everything(install)
    error = _run(*name.split(), *_arguments(COMMANDS[name], install)).exception
    assert isinstance(error, SakimoriError), error
    assert error.exit_code is ExitCode.DENIED
    assert str(error) == f"nobody is signed in for '{BANK}': run `sakimori login`"
    assert _everything(install) == before


def test_a_program_acts_within_the_scope_of_its_key(
    install: Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = {
        "incidents.read": (["incidents", "list"], ["runs", "list"], ["approvals", "list"]),
        "ledger.read": (["ledger", "show"], ["ledger", "verify"], ["ledger", "key"]),
        "services": (["ledger", "verify"], ["ledger", "key"], ["ledger", "seal"]),
        "alerts": (),
    }
    everything = {tuple(command) for commands in reads.values() for command in commands}
    for scope, commands in reads.items():
        monkeypatch.setenv("SAKIMORI_SERVICE_KEY", keys[scope])
        assert f"of '{BANK}': {scope}." in _said("whoami")
        for command in everything:
            error = _run(*command).exception
            assert (error is None) if list(command) in commands else isinstance(error, Denied), (scope, command, error)


def test_a_key_of_another_institution_opens_nothing_here(
    install: Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAKIMORI_SERVICE_KEY", keys["incidents.read"])
    monkeypatch.setenv("SAKIMORI_TENANT", "みどり信用金庫")
    with pytest.raises(Denied, match="own-institution-only"):
        raise _run("incidents", "list").exception or AssertionError("it was let in")


@pytest.mark.parametrize("shown", ["", " ", "x", "sk-saki-x"])
def test_a_key_that_is_none_is_said_so_and_never_shown(
    shown: str, install: Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = shown if shown != "sk-saki-x" else keys["incidents.read"][:-1] + "!"
    monkeypatch.setenv("SAKIMORI_SERVICE_KEY", wrong)
    error = _run("incidents", "list").exception
    assert isinstance(error, SakimoriError)
    assert error.exit_code is ExitCode.DENIED
    assert ("nobody is signed in" if not shown else "the key in SAKIMORI_SERVICE_KEY is mistyped") in str(error)
    assert not wrong.strip() or f"'{wrong}'" not in str(error)
