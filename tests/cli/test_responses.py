import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner, Result
from tests import loopback

from sakimori.access.secrets import Secrets
from sakimori.cli.responses import runs
from sakimori.core import ExitCode, InputError
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import (
    Action,
    Command,
    Decision,
    Entity,
    EntityType,
    Execution,
    Ruling,
    Step,
    StepState,
    from_json,
)
from sakimori.store import Database
from sakimori.store.journal import begin, move

HOST = "ws-1.bank.example"


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(runs, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


@pytest.fixture
def isolated(home: Path) -> str:
    """An execution that isolated one host; its id."""
    action = Action(
        tenant="local",
        command=Command.ISOLATE_HOST,
        target=Entity(type=EntityType.HOST, value=HOST),
        connector="range",
        incident_id="in-[red]\x1b[31m",
        parameters={"playbook": "playbook--1", "step": "action--1", "timeout_ms": "2000"},
    )
    decision = Decision(ruling=Ruling.ALLOW, policies=("respond-to-proved-attacks",), reason="Yes.", reason_ja="はい。")
    step = Step(
        number=0,
        playbook_step="action--1",
        action=action,
        decision=decision,
        state=StepState.PENDING,
        detail="",
        updated_at=0,
    )
    execution = Execution(
        id="ex-1",
        tenant="local",
        plan_id="pl-1",
        incident_id=action.incident_id,
        dry_run=False,
        started_at=1_800_000_000_000_000_000,
        steps=(step,),
    )
    with closing(Database.embedded(home)) as database, database.transaction("local") as transaction:
        begin(transaction, execution)
        for before, after in ((StepState.PENDING, StepState.STARTED), (StepState.STARTED, StepState.DONE)):
            assert move(transaction, "ex-1", 0, expected=before, to=after, now=5, detail="Isolated.", duration_ms=12.0)
    return execution.id


class Range:
    """The defence plane for one host that is isolated, on a loopback port."""

    def __init__(self) -> None:
        self.isolated = True

    async def release(self, request: web.Request) -> web.Response:
        assert request.path == f"/v1/hosts/{HOST}/release"
        self.isolated = False
        return web.json_response({})

    async def show(self, request: web.Request) -> web.Response:
        return web.json_response({"name": HOST, "isolated": self.isolated})


@pytest.fixture
def served(home: Path, isolated: str) -> Iterator[Range]:
    made, application = Range(), web.Application()
    application.router.add_post("/{tail:.*}", made.release)
    application.router.add_get("/{tail:.*}", made.show)
    (home / "token").write_text("t")
    with loopback.served(application) as url:
        (home / "connectors.toml").write_text(f'[[cyberrange]]\nname = "range"\nurl = "{url}"\ntoken_file = "token"\n')
        yield made


def test_without_executions_it_says_so(home: Path) -> None:
    assert run("list").stdout == "No response has been executed yet.\n"
    assert run("list", "--format", "jsonl").stdout == ""


def test_executions_are_listed_and_shown_without_control_characters(isolated: str) -> None:
    listed = run("list").stdout
    assert "ex-1" in listed
    assert "1 done" in listed
    shown = run("show", isolated).stdout
    assert HOST in shown
    assert "allow: respond-to-proved-attacks" in shown
    assert "[red]" in shown, "markup in names is text"
    assert "\x1b" not in listed + shown


def test_json_lines_can_be_read_back(isolated: str) -> None:
    for arguments in (("list", "--format", "jsonl"), ("show", isolated, "--format", "jsonl")):
        execution = from_json(Execution, run(*arguments).stdout)
        assert execution.steps[0].state is StepState.DONE


@pytest.mark.parametrize("command", ["show", "undo"])
def test_an_unknown_id_is_one_sentence(home: Path, command: str) -> None:
    with pytest.raises(InputError, match="there is no execution 'ex-9': `sakimori runs list`"):
        run(command, "ex-9")


def test_undo_needs_the_connector_and_says_which(isolated: str) -> None:
    with pytest.raises(InputError, match="the connector 'range' of step 0 is not configured"):
        run("undo", isolated)


def test_undo_takes_back_what_was_done_and_tells_the_ledger(home: Path, isolated: str, served: Range) -> None:
    result = run("undo", isolated, "--format", "jsonl")
    assert result.return_value is ExitCode.OK
    assert json.loads(result.stdout)["steps"][0]["state"] == "undone"
    assert not served.isolated
    assert run("undo", isolated).return_value is ExitCode.OK, "undoing twice changes nothing"
    log = Ledger(LocalSigner(Secrets.embedded(home)))
    with closing(Database.embedded(home)) as database, database.snapshot("local") as snapshot:
        told = [(line.entry.actor.partition(":")[0], line.entry.detail["state"]) for line in log.lines(snapshot)]
        assert log.verify(snapshot).ok
    assert told == [("owner", "undo_started"), ("owner", "undone")]


def test_what_could_not_be_taken_back_is_exit_code_1(home: Path, isolated: str, served: Range) -> None:
    (home / "token").unlink()
    result = run("undo", isolated, "--format", "jsonl")
    assert result.return_value is ExitCode.FOUND
    assert "1 of 1 steps may still be in force" in result.stderr
    assert "the token cannot be read" in json.loads(result.stdout)["steps"][0]["detail"]
