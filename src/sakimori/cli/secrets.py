"""``sakimori secrets``: the keys of the install."""

import click
from rich.progress import Progress, TextColumn

from sakimori.access import Principal
from sakimori.access.rights import Right
from sakimori.cli.group import Group
from sakimori.cli.output import progress
from sakimori.core import InputError, Settings, SystemClock, plain
from sakimori.gateway.providers.credentials import PURPOSE as PROVIDER_KEYS
from sakimori.service import Installation, installation
from sakimori.service.data_keys import rotate_data_keys


@click.group(cls=Group)
def secrets() -> None:
    """Look after the keys of the install."""


@secrets.command(right=Right.ROTATE_SECRETS)
@click.option("--to", "source", help="Where the new master key is kept: file:PATH, env:NAME or keyring:NAME.")
@click.option("--data", is_flag=True, help="Make new data keys instead, and encrypt under them what is kept.")
@click.pass_obj
def rotate(by: Principal, source: str | None, data: bool) -> None:
    """Wrap the keys of all institutions under a new master key; nothing has to be stopped for it."""
    if data and source is not None:
        raise InputError("--to names a master key, and --data is about the institution's own keys: give one of them")
    with installation(Settings.from_environment(), SystemClock()) as install:
        if data:
            return _rotate_data(install, by)
        count = install.secrets.rotate(source)
        detail = {"keys": count, "kept": (source or "file").partition(":")[0]}
        with install.database.transaction(install.tenant) as transaction:
            install.enter(transaction, by, "secrets.rotated", "master-key", detail)
    click.echo(f"{count} key{'' if count == 1 else 's'} wrapped under a new master key.")
    return None


def _rotate_data(install: Installation, by: Principal) -> None:
    with Progress(TextColumn("encrypted anew: {task.completed}"), console=progress(), transient=True) as bar:
        task = bar.add_task("", total=None)
        done = rotate_data_keys(install, by, passed=lambda count: bar.advance(task, count))
    for purpose, count in done.items():
        whose = "the programme" if purpose == PROVIDER_KEYS else f"'{plain(install.tenant)}'"
        click.echo(f"{count} values of {whose} are under a new {purpose} key.")
    click.echo("The older keys stay in the secrets folder: backups that were made before need them.", err=True)
