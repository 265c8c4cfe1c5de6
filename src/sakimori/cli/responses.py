"""``sakimori runs``: what responses did, and taking it back."""

import asyncio
import secrets
from collections import Counter

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access import Principal
from sakimori.access.rights import Right
from sakimori.cli.group import Group
from sakimori.cli.output import results
from sakimori.cli.view import moment
from sakimori.core import ExitCode, InputError, Settings, SystemClock, plain
from sakimori.records import Execution, Step, StepState, as_plain
from sakimori.respond import Executor, ResponsePolicy
from sakimori.respond.connectors import Connector
from sakimori.respond.connectors.registry import connect
from sakimori.respond.connectors.settings import load_settings
from sakimori.service import installation

_STYLES = {
    StepState.DONE: "bold green",
    StepState.FAILED: "bold red",
    StepState.STARTED: "yellow",
    StepState.UNDO_STARTED: "yellow",
    StepState.PENDING: "cyan",
    StepState.REFUSED: "dim",
    StepState.UNDONE: "dim",
}
_IN_FORCE = (StepState.DONE, StepState.STARTED, StepState.UNDO_STARTED)
_form = click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)


@click.group(cls=Group)
def runs() -> None:
    """List what responses did, show one step by step, and take one back."""


@runs.command(name="list", right=Right.READ_RESPONSES)
@_form
def list_runs(form: str) -> None:
    """List executions of responses, newest first."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.snapshot(install.tenant) as snapshot,
    ):
        found = snapshot.all(Execution, newest_first=True)
    if form == "jsonl":
        for execution in found:
            click.echo(_line(execution))
        return
    if not found:
        click.echo("No response has been executed yet.")
        return
    table = Table(box=None, pad_edge=False)
    for header in ("id", "started", "incident", "steps"):
        table.add_column(header, overflow="fold")
    for execution in found:
        counts = Counter(step.state.value for step in execution.steps)
        summary = ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in counts.items())
        table.add_row(execution.id, moment(execution.started_at), _text(execution.incident_id), summary)
    results().print(table)


@runs.command(right=Right.READ_RESPONSES)
@click.argument("execution_id", metavar="ID")
@_form
def show(execution_id: str, form: str) -> None:
    """Show one execution step by step."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.snapshot(install.tenant) as snapshot,
    ):
        execution = snapshot.get(Execution, execution_id)
    if execution is None:
        raise InputError(f"there is no execution '{execution_id}': `sakimori runs list` shows which there are")
    print_execution(execution, form)


@runs.command(right=Right.UNDO_RESPONSE)
@click.argument("execution_id", metavar="ID")
@_form
@click.pass_obj
def undo(by: Principal, execution_id: str, form: str) -> ExitCode:
    """Take back what a response did, newest step first.

    The connectors are those of connectors.toml in SAKIMORI_HOME. Exit code 1: something may still be in force.
    """
    settings, clock = Settings.from_environment(), SystemClock()
    with installation(settings, clock) as install:
        executor = Executor(
            install.database,
            install.ledger,
            connectors=connectors_of(settings),
            policy=ResponsePolicy(),
            clock=clock,
            holder=f"runs-undo-{secrets.token_hex(8)}",
        )
        try:
            execution = asyncio.run(executor.undo(install.tenant, execution_id, actor=by.actor))
        finally:
            with install.database.transaction(install.tenant) as transaction:
                install.ledger.seal(transaction)
    print_execution(execution, form)
    left = [step for step in execution.steps if step.state in _IN_FORCE]
    if left:
        click.echo(f"{len(left)} of {len(execution.steps)} steps may still be in force: run it again.", err=True)
    return ExitCode.FOUND if left else ExitCode.OK


def connectors_of(settings: Settings) -> tuple[Connector, ...]:
    """Those of connectors.toml in the home; none where there is no such file. Raises InputError."""
    path = settings.home / "connectors.toml"
    return connect(load_settings(path)) if path.exists() else ()


def print_execution(execution: Execution, form: str) -> None:
    """Step by step, as a table or as one JSON line."""
    if form == "jsonl":
        click.echo(_line(execution))
        return
    console = results()
    console.print(
        Text(execution.id, style="bold"), moment(execution.started_at), _text(f"incident {execution.incident_id}")
    )
    table = Table(box=None, pad_edge=False)
    for header in ("#", "action", "target", "state", "ruling", "how it went", "ms"):
        table.add_column(header, overflow="fold")
    for step in execution.steps:
        table.add_row(*_cells(step))
    console.print(table)


def _cells(step: Step) -> list[Text]:
    ruling = f"{step.decision.ruling.value.replace('_', ' ')}: {', '.join(step.decision.policies)}"
    return [
        Text(str(step.number)),
        Text(step.action.command.value.replace("_", " ")),
        _text(step.action.target.value),
        Text(step.state.value.replace("_", " "), style=_STYLES[step.state]),
        _text(ruling),
        _text(step.detail),
        Text(f"{step.duration_ms:.0f}" if step.duration_ms else ""),
    ]


def _line(execution: Execution) -> bytes:
    return orjson.dumps({"schema": Execution.SCHEMA, **as_plain(execution)})


def _text(text: str) -> Text:
    """Names come from outside: no markup, one line."""
    return Text(plain(text))
