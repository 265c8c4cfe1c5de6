"""``sakimori programme``: institutions with their people, keys and grants, as a file says."""

from pathlib import Path
from typing import Any, cast

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access import Principal, keys, members, people, sign_in, sshsig
from sakimori.access.rights import Resource, Right, Rights
from sakimori.cli.applying import print_json, print_plan, showing, watched
from sakimori.cli.group import Group
from sakimori.cli.naming import Name
from sakimori.cli.output import results
from sakimori.cli.reason import reason_option
from sakimori.core import ExitCode, Settings, SystemClock, plain, rfc3339
from sakimori.programme import FileMistakes, GrantsFile, Issued, Programme
from sakimori.records import Grant, as_plain
from sakimori.service import Installation, installation
from sakimori.store import Snapshot

_SHOWN = 1000
"""Mistakes of a file that are shown."""
_form = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)


@click.group(cls=Group)
def programme() -> None:
    """Say which institutions belong to the programme, with their people, keys and grants."""


@programme.command(right=Right.READ_PROGRAMME)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Apply it; without, only what would change is shown.")
@click.option("--prune", is_flag=True, help="Remove what the file no longer names, institutions included.")
@click.option("--restore", is_flag=True, help="Bring back what was revoked and the file still names.")
@click.option(
    "--keys-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write new keys to this new file (0600, one JSON object per line) instead of showing them.",
)
@click.option("--all", "every", is_flag=True, help="Show every line of a long plan.")
@_form
@click.pass_obj
def apply(
    by: Principal, file: Path, yes: bool, prune: bool, restore: bool, keys_out: Path | None, every: bool, form: str
) -> ExitCode:
    """Make the programme as FILE says; shows first what would change."""
    try:
        wanted = GrantsFile.read(file)
    except FileMistakes as mistakes:
        for mistake in mistakes.mistakes[:_SHOWN]:
            click.echo(plain(mistake), err=True)
        count = len(mistakes.mistakes)
        click.echo(f"{count} mistake{'' if count == 1 else 's'}; nothing was applied.", err=True)
        return ExitCode.INPUT
    with installation(Settings.from_environment(), SystemClock()) as install:
        _require_reading(by, *(institution.name for institution in wanted.institutions))
        run = _programme(install)
        with watched("planning", len(wanted.institutions)) as passed:
            plan = run.plan(wanted, by, prune=prune, restore=restore, passed=passed)
        if form == "text":
            print_plan(plan, most=None) if every else print_plan(plan)
        if not yes or plan.is_empty:
            if form == "json":
                print_json(plan, applied=False, issued=[])
            elif not plan.is_empty:
                click.echo("Nothing was changed: add --yes to apply it.", err=True)
            return ExitCode.OK
        issued: list[Issued] = []
        with showing(keys_out, form, issued) as show, watched("applying", len(plan.institutions)) as passed:
            done = run.apply(plan, by, show=show, passed=passed)
        if form == "json":
            print_json(plan, applied=True, issued=[] if keys_out else issued)
        click.echo(f"Applied: {done} changes.", err=True)
    return ExitCode.OK


@programme.command(right=Right.READ_PROGRAMME)
@click.argument("institution", required=False, type=Name())
@_form
@click.pass_obj
def show(by: Principal, institution: str | None, form: str) -> None:
    """List the institutions, or show who and what belongs to INSTITUTION."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        about = institution or install.tenant
        _require_reading(by, about)
        if institution is None:
            with install.database.snapshot(install.tenant) as snapshot:
                found = members.every(snapshot)
            if form == "json":
                listed = [
                    {
                        "name": member.name,
                        "added_at": rfc3339(member.added_at),
                        "removed": member.removed_at is not None,
                    }
                    for member in found
                ]
                click.echo(orjson.dumps({"institutions": listed}))
                return
            for member in found:
                state = "removed" if member.removed_at is not None else "belongs to the programme"
                results().print(
                    Text(f"{plain(member.name)}  {state} since {rfc3339(member.removed_at or member.added_at)}")
                )
            if not found:
                results().print("no institutions: `sakimori programme apply FILE` adds some")
            return
        if institution != install.tenant:
            with install.database.snapshot(install.tenant) as snapshot:
                members.require(snapshot, institution)
        with install.database.snapshot(institution) as snapshot:
            described = _described(snapshot)
    if form == "json":
        click.echo(orjson.dumps(described))
    else:
        _print_described(described)


@programme.command(right=Right.READ_PROGRAMME)
@click.argument("kind", type=click.Choice(["institution", "person", "key", "grant"]))
@click.argument("name", type=Name())
@click.option("--institution", type=Name(), help="Where it belongs (default: SAKIMORI_TENANT).")
@reason_option("Why, for the ledger.")
@click.pass_obj
def revoke(by: Principal, kind: str, name: str, institution: str | None, reason: str) -> None:
    """Take NAME away: an institution with all it has, a person, a key or a grant; effective within a second."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        where = name if kind == "institution" else institution or install.tenant
        _require_reading(by, where)
        found = _programme(install).revoke(kind, name, where, by, reason=reason)
    count = f"{len(found)} change{'' if len(found) == 1 else 's'}"
    click.echo(f"Revoked: {kind} '{plain(name)}' of '{plain(where)}', {count}.")


def _require_reading(by: Principal, *institutions: str) -> None:
    """Before anything is looked up there: complaints would tell strangers who and what belongs to an institution."""
    rights = Rights()
    for name in institutions:
        rights.require(by, Right.READ_PROGRAMME, Resource.about(Right.READ_PROGRAMME, name))


def _programme(install: Installation) -> Programme:
    return Programme(
        install.database, install.secrets, install.ledger, Rights(), operator=install.tenant, clock=install.clock
    )


def _described(snapshot: Snapshot) -> dict[str, Any]:
    known = sign_in.get(snapshot)
    return {
        "institution": snapshot.tenant,
        "sign_in": None if known is None else sign_in.as_plain(known),
        "people": [
            {
                "name": person.name,
                "roles": sorted(person.roles),
                "signing_keys": [sshsig.fingerprint(key) for key in person.signing_keys],
                "removed_at": None if person.removed_at is None else rfc3339(person.removed_at),
            }
            for person in people.everyone(snapshot)
        ],
        "keys": [
            {
                "id": key.id,
                "name": key.name,
                "scopes": sorted(key.scopes),
                "expires_at": None if key.expires_at is None else rfc3339(key.expires_at),
                "revoked_at": None if key.revoked_at is None else rfc3339(key.revoked_at),
            }
            for key in keys.issued(snapshot)
        ],
        "grants": [as_plain(grant) for grant in snapshot.all(Grant)],
    }


def _print_described(described: dict[str, Any]) -> None:
    console = results()
    console.print(Text(plain(described["institution"]), style="bold"))
    provider = described["sign_in"]
    console.print(Text(f"sign-in: {plain(provider['issuer']) if provider else 'none'}"))
    for title, columns in (
        ("people", ("name", "roles", "signing_keys", "removed_at")),
        ("keys", ("id", "name", "scopes", "expires_at", "revoked_at")),
        ("grants", ("id", "state", "models", "purposes", "data_classes")),
    ):
        if not described[title]:
            continue
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in described[title]:
            table.add_row(*(Text(plain(_cell(row[column]))) for column in columns))
        console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, cast("list[object]", value)))
    return "" if value is None else str(value)
