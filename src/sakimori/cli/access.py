"""``sakimori access``: who may do what, and by which policy."""

import click
import orjson

from sakimori.access import Principal, Role, keys, members, people
from sakimori.access.rights import Resource, Right, Rights
from sakimori.cli.group import Group
from sakimori.cli.naming import Name
from sakimori.core import ExitCode, InputError, Settings, SystemClock, plain
from sakimori.service import installation
from sakimori.store import Snapshot


@click.group(cls=Group)
def access() -> None:
    """Say who may do what, and by which policy."""


@access.command(right=Right.EXPLAIN_ACCESS)
@click.argument("principal", type=Name())
@click.argument("action", type=click.Choice([right.value for right in Right]), metavar="ACTION")
@click.argument("resource", type=Name())
@click.option(
    "--institution", type=Name(), metavar="NAME", help="Whose PRINCIPAL and RESOURCE are (default: SAKIMORI_TENANT)."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def why(by: Principal, principal: str, action: str, resource: str, institution: str | None, form: str) -> ExitCode:
    """Say whether PRINCIPAL may do ACTION to RESOURCE, and by which policy; exit code 1 where not.

    PRINCIPAL is person:NAME, key:ID, or role:ROLE for anybody in that role. ACTION is a right, such as read_ledger; a
    word that is none has all of them listed. RESOURCE is institution:NAME, or KIND:ID of
    the institution: incident:in-1, evidence:ev-1, response:ex-1, ledger:all, vault:all.
    """
    right, rights = Right(action), Rights()
    with installation(Settings.from_environment(), SystemClock()) as install:
        whose = institution or install.tenant
        rights.require(by, Right.EXPLAIN_ACCESS, Resource.about(Right.EXPLAIN_ACCESS, whose))
        if whose != install.tenant:
            with install.database.snapshot(install.tenant) as snapshot:
                members.require(snapshot, whose)
        with install.database.snapshot(whose) as snapshot:
            who = _principal(snapshot, principal, install.clock.now())
    about = Resource.parse(resource, whose)
    expected = Resource.about(right, install.tenant).kind
    if about.kind != expected:
        raise InputError(f"{action} is about {expected.lower()}:…, not '{plain(resource)}'")
    answer = rights.decide(who, right, about)
    if form == "json":
        body = {
            "institution": whose,
            "principal": principal,
            "action": action,
            "resource": resource,
            "allowed": answer.allowed,
            "policies": [
                {"name": text.name, "effect": text.effect, "en": text.en, "ja": text.ja} for text in answer.policies
            ],
        }
        click.echo(orjson.dumps(body))
    else:
        of = "" if institution is None else f" of '{plain(institution)}'"
        click.echo(f"{plain(principal)}{of} {'may' if answer.allowed else 'may not'} {action} {plain(resource)}:")
        ja = install.settings.language == "ja"
        for text in answer.policies:
            click.echo(f"  - {text.name}: {text.ja if ja else text.en}")
    return ExitCode.OK if answer.allowed else ExitCode.FOUND


def _principal(snapshot: Snapshot, text: str, now: int) -> Principal:
    kind, _, name = text.partition(":")
    tenant = snapshot.tenant
    if kind == "person" and (person := people.get(snapshot, name)) is not None:
        return person.principal()
    if kind == "key" and (held := keys.find(snapshot, name)) is not None:
        return Principal(tenant, name, "key", held.key.scopes, active=held.key.usable(now))
    if kind == "role" and name in set(Role):
        return Principal(tenant, name, "person", frozenset(), frozenset({Role(name)}), signs=True)
    raise InputError(
        f"institution '{tenant}' has no '{plain(text)}': write person:NAME, key:ID or role:ROLE "
        f"(roles are {', '.join(Role)})"
    )
