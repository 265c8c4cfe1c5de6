"""``sakimori access``: who may do what, and by which policy."""

import click
import orjson

from sakimori.access import Principal, Role, keys, people
from sakimori.access.rights import Resource, Right, Rights
from sakimori.cli.acting import allowed
from sakimori.cli.group import Group
from sakimori.core import ExitCode, InputError, Settings, SystemClock, plain
from sakimori.service import installation
from sakimori.store import Snapshot


@click.group(cls=Group)
def access() -> None:
    """Say who may do what, and by which policy."""


@access.command()
@click.argument("principal")
@click.argument("action", type=click.Choice([right.value for right in Right]))
@click.argument("resource")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def why(principal: str, action: str, resource: str, form: str) -> ExitCode:
    """Say whether PRINCIPAL may do ACTION to RESOURCE, and by which policy; exit code 1 where not.

    PRINCIPAL is person:NAME, key:ID, or role:ROLE for anybody in that role. RESOURCE is institution:NAME, or KIND:ID of
    the institution: incident:in-1, evidence:ev-1, response:ex-1, ledger:all, vault:all.
    """
    right = Right(action)
    with installation(Settings.from_environment(), SystemClock()) as install:
        allowed(install, Right.EXPLAIN_ACCESS)
        with install.database.snapshot(install.tenant) as snapshot:
            who = _principal(snapshot, principal, install.clock.now())
    about = Resource.parse(resource, install.tenant)
    expected = Resource.about(right, install.tenant).kind
    if about.kind != expected:
        raise InputError(f"{action} is about {expected.lower()}:…, not '{plain(resource)}'")
    answer = Rights().decide(who, right, about)
    if form == "json":
        body = {
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
        click.echo(f"{plain(principal)} {'may' if answer.allowed else 'may not'} {action} {plain(resource)}:")
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
