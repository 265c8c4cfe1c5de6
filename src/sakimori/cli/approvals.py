"""``sakimori approvals``: what waits for people's consent, giving it with one's own SSH key, and denying it."""

import asyncio
import secrets
from pathlib import Path

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access import Principal, people, ssh_agent
from sakimori.access.people import Person
from sakimori.access.rights import Resource, Right, Rights
from sakimori.cli.group import Group
from sakimori.cli.output import results
from sakimori.cli.responses import connectors_of, print_execution
from sakimori.cli.view import moment
from sakimori.cli.writing import write_whole
from sakimori.core import ExitCode, InputError, Nanos, Settings, SystemClock, plain
from sakimori.records import Approval, ApprovalRequest, BlastRadius, RequestState, StepState, as_plain, parse_object
from sakimori.respond import (
    NAMESPACE,
    Executor,
    RegisteredApprovers,
    Requests,
    ResponsePolicy,
    approval_message,
    consents_that_hold,
    find_request,
)
from sakimori.service import Installation, installation
from sakimori.service.approvals import go_on, outlook
from sakimori.store import Snapshot

_form = click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
_as = click.option("--as", "name", help="Who consents, where nobody signs in to this install.")
_STYLES = {"waiting": "bold yellow", "expired": "dim", "withdrawn": "dim", "denied": "red", "begun": "green"}
_NOT_DONE = (StepState.FAILED, StepState.STARTED)
_NAMES = ("hosts", "accounts", "services")


@click.group(cls=Group)
def approvals() -> None:
    """Show what waits for a person's approval, approve it with an SSH key, or deny it."""


@approvals.command(name="list", right=Right.READ_RESPONSES)
@click.option("--all", "everything", is_flag=True, help="Also what was answered, or expired.")
@_form
def list_requests(everything: bool, form: str) -> None:
    """List what waits for approval, newest first."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        with install.database.snapshot(install.tenant) as snapshot:
            found = snapshot.all(ApprovalRequest, newest_first=True)
        now, ja = install.clock.now(), install.settings.language == "ja"
    shown = [request for request in found if everything or request.waits(now)]
    if form == "jsonl":
        for request in shown:
            click.echo(_line(request))
        return
    if not shown:
        click.echo("承認待ちはありません。" if ja else "Nothing waits for approval.")
        return
    table = Table(box=None, pad_edge=False)
    for header in ("id", "state", "what", "asked", "until", "consents"):
        table.add_column(header, overflow="fold")
    for request in shown:
        table.add_row(
            request.id,
            _state(request, now),
            _text(request.words_ja if ja else request.words),
            moment(request.asked_at),
            moment(request.expires_at),
            _text(", ".join(given.principal for given in request.consents)),
        )
    results().print(table)


@approvals.command(right=Right.READ_RESPONSES)
@click.argument("request_id", metavar="ID")
@_form
def show(request_id: str, form: str) -> None:
    """Show exactly what would be done, what it would hit, why people are asked, and who may answer."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.snapshot(install.tenant) as snapshot,
    ):
        request = find_request(snapshot, request_id)
        if form == "jsonl":
            click.echo(_line(request))
        else:
            _show(install, snapshot, request)


@approvals.command(right=Right.APPROVE_ACTION)
@click.argument("request_id", metavar="ID")
@_as
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="What to sign.")
@click.pass_obj
def message(by: Principal, request_id: str, name: str | None, out: Path) -> None:
    """Write what has to be signed, for a key on another machine: there, `ssh-keygen -Y sign -n sakimori.approval`."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        with install.database.snapshot(install.tenant) as snapshot:
            request = find_request(snapshot, request_id)
        person = _who(install, by, request, name)
    write_whole(out, approval_message(request.action_hash, person.name, install.clock.now()))
    click.echo(f"Sign it with `ssh-keygen -Y sign -n {NAMESPACE} -f KEY {plain(str(out))}`, then", err=True)
    click.echo(f"`sakimori approvals approve {request.id} --signed {plain(str(out))}` within the hour.", err=True)


@approvals.command(right=Right.APPROVE_ACTION)
@click.argument("request_id", metavar="ID")
@_as
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), help="Your SSH key; else the ssh-agent's.")
@click.option(
    "--signed",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file that `approvals message` wrote, with its signature beside it as FILE.sig.",
)
@click.option("--yes", is_flag=True, help="Do not ask again.")
@click.pass_obj
def approve(by: Principal, request_id: str, name: str | None, key: Path | None, signed: Path | None, yes: bool) -> None:
    """Consent to exactly one action, with the SSH key that is registered for you."""
    if key and signed:
        raise click.UsageError("--key and --signed exclude each other: what is signed needs no key")
    with installation(Settings.from_environment(), SystemClock()) as install:
        with install.database.snapshot(install.tenant) as snapshot:
            request = find_request(snapshot, request_id)
            person = _who(install, by, request, name)
            _show(install, snapshot, request)
        if not yes:
            click.confirm(f"Consent as {plain(person.name)}?", abort=True, err=True)
        approval = _read(request, person, signed) if signed else _signed(install, request, person, key)
        requests = Requests(install.ledger, install.clock)
        with install.database.transaction(install.tenant) as transaction:
            answered = requests.consent(transaction, request.id, approval, RegisteredApprovers(Rights()))
            lacks = outlook(transaction, answered, policy=ResponsePolicy(), now=install.clock.now())
        install.ledger.sequence(install.database, install.tenant)
    if lacks:
        click.echo(f"The consent of {plain(person.name)} is kept. It does not suffice yet: {lacks}")
    else:
        click.echo(
            f"The consent of {plain(person.name)} is kept. The live defence acts on it in its next round; where none "
            "runs, `sakimori approvals run`."
        )


@approvals.command(right=Right.APPROVE_ACTION)
@click.argument("request_id", metavar="ID")
@click.option("--reason", required=True, help="Why; it is entered in the log.")
@click.pass_obj
def deny(by: Principal, request_id: str, reason: str) -> None:
    """Refuse an action; exactly this is not asked again before the request would have expired."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        requests = Requests(install.ledger, install.clock)
        with install.database.transaction(install.tenant) as transaction:
            request = requests.deny(transaction, request_id, actor=by.actor, reason=reason)
        install.ledger.sequence(install.database, install.tenant)
    click.echo(f"{request.id} is denied: {plain(request.words)}")


@approvals.command(right=Right.ASK_APPROVAL)
@click.argument("request_id", metavar="ID")
@click.pass_obj
def ask(by: Principal, request_id: str) -> None:
    """Ask anew about a step whose request expired; who asks does not approve alone."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        requests = Requests(install.ledger, install.clock)
        with install.database.transaction(install.tenant) as transaction:
            made = requests.ask_again(transaction, request_id, asked_by=by.actor)
        install.ledger.sequence(install.database, install.tenant)
    click.echo(f"{made.id} waits until {moment(made.expires_at)}: {plain(made.words)}")


@approvals.command(right=Right.APPROVE_ACTION)
@_form
def run(form: str) -> ExitCode:
    """Carry out what people consented to, where no live defence does; exit code 1: something is not done.

    The connectors are those of connectors.toml in SAKIMORI_HOME.
    """
    settings, clock = Settings.from_environment(), SystemClock()
    with installation(settings, clock) as install:
        connectors = connectors_of(settings)
        approvers = RegisteredApprovers(Rights())
        executor = Executor(
            install.database,
            install.ledger,
            connectors=connectors,
            policy=ResponsePolicy(),
            clock=clock,
            holder=f"approvals-run-{secrets.token_hex(8)}",
            approvers=approvers,
        )
        names = {connector.name for connector in connectors}
        try:
            asyncio.run(executor.recover(install.tenant))
            work = go_on(install, executor, approvers, connectors=names, failed_before=clock.now() + 1)
            executions = asyncio.run(work)
        finally:
            install.ledger.sequence(install.database, install.tenant)
        with install.database.snapshot(install.tenant) as snapshot:
            waiting = snapshot.all(ApprovalRequest, where={"state": RequestState.WAITING})
    for execution in executions:
        print_execution(execution, form)
    elsewhere = {item.action.connector for item in waiting if item.consents} - names
    if elsewhere:
        click.echo(f"left alone, since not configured here: connector {plain(', '.join(sorted(elsewhere)))}", err=True)
    if not executions and form == "table":
        click.echo("Nothing that people consented to waits to be done.")
    undone = any(step.state in _NOT_DONE for execution in executions for step in execution.steps)
    return ExitCode.FOUND if undone or any(item.consents for item in waiting) else ExitCode.OK


def _who(install: Installation, by: Principal, request: ApprovalRequest, name: str | None) -> Person:
    """Whose consent it will be: who signed in; where nobody does, who is named. Raises Denied, InputError."""
    if by.kind == "person":
        if name not in (None, by.id):
            raise InputError(f"'{plain(by.id)}' is signed in, and consents for nobody else: leave out --as")
        name = by.id
    if name is None:
        raise InputError("nobody signs in to this install: say who consents, with --as NAME")
    with install.database.snapshot(install.tenant) as snapshot:
        person = people.get(snapshot, name)
    if person is None:
        raise InputError(f"institution '{install.tenant}' has no person '{plain(name)}': see `sakimori programme show`")
    about = Resource.about(Right.APPROVE_ACTION, request.tenant, request.action_hash)
    Rights().require(person.principal(), Right.APPROVE_ACTION, about)
    return person


def _signed(install: Installation, request: ApprovalRequest, person: Person, key: Path | None) -> Approval:
    now = install.clock.now()
    words = approval_message(request.action_hash, person.name, now)
    if key:
        signature = ssh_agent.sign_with_file(words, key, namespace=NAMESPACE)
    else:
        signature = ssh_agent.sign_with_agent(words, person.signing_keys, namespace=NAMESPACE)
    return Approval(action_hash=request.action_hash, principal=person.name, signed_at=now, signature=signature)


def _read(request: ApprovalRequest, person: Person, path: Path) -> Approval:
    """The consent whose words stand in a file, and its signature beside it. What was signed is checked later."""
    beside = path.with_name(f"{path.name}.sig")
    try:
        words, signature = path.read_bytes(), beside.read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise InputError(f"{beside} is no signature: make it with `ssh-keygen -Y sign`") from error
    signed_at = parse_object(words, what="what was signed").get("signed_at")
    if not isinstance(signed_at, int) or words != approval_message(request.action_hash, person.name, signed_at):
        raise InputError(
            f"{path} is not what '{person.name}' signs for {request.id}: write it with `approvals message`"
        )
    return Approval(action_hash=request.action_hash, principal=person.name, signed_at=signed_at, signature=signature)


def _show(install: Installation, snapshot: Snapshot, request: ApprovalRequest) -> None:
    now, ja = install.clock.now(), install.settings.language == "ja"
    approvers, rights = RegisteredApprovers(Rights()), Rights()
    about = Resource.about(Right.APPROVE_ACTION, request.tenant, request.action_hash)
    may = [
        person.name
        for person in people.everyone(snapshot)
        if rights.decide(person.principal(), Right.APPROVE_ACTION, about).allowed
    ]
    good = consents_that_hold(approvers, snapshot, request, now=now)
    consents = [
        f"{item.principal} {moment(item.signed_at)}{'' if item in good else ' (no longer holds)'}"
        for item in request.consents
    ]
    asked = f"{moment(request.asked_at)} by {request.asked_by}"
    rows = (
        ("state", f"{_state(request, now)}  {request.reason}".rstrip()),
        ("why a person", request.decision.reason_ja if ja else request.decision.reason),
        ("policies", ", ".join(request.decision.policies)),
        ("it hits", _radius(request.blast_radius)),
        ("incident", request.action.incident_id),
        ("execution", f"{request.execution_id}, step {request.step}"),
        ("connector", request.action.connector),
        ("parameters", " ".join(f"{key}={value}" for key, value in request.action.parameters.items())),
        ("action hash", request.action.hash),
        ("asked", asked),
        ("until", moment(request.expires_at)),
        ("who may approve", ", ".join(may) or "nobody: no lead with a registered key"),
        ("consents", ", ".join(consents) or "none"),
    )
    console = results()
    console.print(Text(plain(request.words), style="bold"))
    console.print(Text(plain(request.words_ja), style="bold"))
    if request.action.hash != request.action_hash:
        console.print(Text("This request was altered: its action has another hash.", style="bold red"))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(label, _text(value))
    console.print(table)


def _radius(radius: BlastRadius) -> str:
    parts = [f"people: {radius.people}"]
    for label in _NAMES:
        names: tuple[str, ...] = getattr(radius, label)
        if names:
            parts.append(f"{label}: {', '.join(names)}")
    return "; ".join(parts)


def _state(request: ApprovalRequest, now: Nanos) -> Text:
    overdue = request.state is RequestState.WAITING and not request.waits(now)
    state = RequestState.EXPIRED if overdue else request.state
    return Text(state.value, style=_STYLES[state.value])


def _line(request: ApprovalRequest) -> bytes:
    return orjson.dumps({"schema": ApprovalRequest.SCHEMA, **as_plain(request)})


def _text(text: str) -> Text:
    """Names come from outside: no markup, one line."""
    return Text(plain(text))
