"""``sakimori secrets``: the keys of the install."""

from secrets import token_hex

import click

from sakimori.access import Principal
from sakimori.access.rights import Right
from sakimori.cli.group import Group
from sakimori.core import Settings, SystemClock
from sakimori.records import LedgerEntry
from sakimori.service import installation


@click.group(cls=Group)
def secrets() -> None:
    """Look after the keys of the install."""


@secrets.command(right=Right.ROTATE_SECRETS)
@click.option("--to", "source", help="Where the new master key is kept: file:PATH, env:NAME or keyring:NAME.")
@click.pass_obj
def rotate(by: Principal, source: str | None) -> None:
    """Wrap the keys of all institutions under a new master key; nothing has to be stopped for it."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        count = install.secrets.rotate(source)
        entry = LedgerEntry(
            id=f"le-{token_hex(12)}",
            tenant=install.tenant,
            time=install.clock.now(),
            actor=by.actor,
            action="secrets.rotated",
            subject="master-key",
            detail={"keys": count, "kept": (source or "file").partition(":")[0]},
        )
        with install.database.transaction(install.tenant) as transaction:
            install.ledger.append(transaction, entry)
            install.ledger.seal(transaction)
    click.echo(f"{count} key{'' if count == 1 else 's'} wrapped under a new master key.")
