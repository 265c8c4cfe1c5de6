"""``sakimori keys``: service keys for programs that call the gateway. Each change is an entry in the ledger."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access import Principal
from sakimori.access import keys as service_keys
from sakimori.access.keys import ServiceKey
from sakimori.access.rights import Right
from sakimori.cli.group import Group
from sakimori.cli.naming import Name
from sakimori.cli.output import results
from sakimori.core import InputError, Nanos, Settings, SystemClock, rfc3339
from sakimori.service import installation


@click.group(cls=Group)
def keys() -> None:
    """Issue, rotate, list and revoke the service keys of the institution."""


@keys.command(right=Right.MANAGE_KEYS)
@click.argument("name", type=Name())
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(service_keys.SCOPES),
    multiple=True,
    required=True,
    help="What it may ask for; may be repeated.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="How long it works.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the key to this new file (0600) instead of showing it.",
)
@click.pass_obj
def issue(by: Principal, name: str, scopes: tuple[str, ...], days: int, out: Path | None) -> None:
    """Make a key for the program NAME; it is shown once and kept nowhere."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.transaction(install.tenant) as transaction,
    ):
        key, plaintext = service_keys.issue(
            transaction,
            install.secrets,
            name=name,
            scopes=scopes,
            clock=install.clock,
            lifetime=timedelta(days=days),
        )
        install.enter(transaction, by, "key.issued", f"key:{key.id}", {"scopes": sorted(key.scopes), "days": days})
        # Before the commit: a key that could not be written down was never issued.
        if out:
            _write(out, plaintext)
    _show(key, plaintext, out)


@keys.command(right=Right.MANAGE_KEYS)
@click.argument("key_id")
@click.option("--overlap", type=click.IntRange(0, 90), default=7, show_default=True, help="Days that both keys work.")
@click.option("--days", type=click.IntRange(1, 3650), help="How long the new one works (default: as the old one).")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the key to this new file (0600) instead of showing it.",
)
@click.pass_obj
def rotate(by: Principal, key_id: str, overlap: int, days: int | None, out: Path | None) -> None:
    """Make a key to take the place of KEY_ID, which goes on working for a while."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.transaction(install.tenant) as transaction,
    ):
        key, plaintext, old = service_keys.rotate(
            transaction,
            install.secrets,
            key_id,
            clock=install.clock,
            overlap=timedelta(days=overlap),
            lifetime=None if days is None else timedelta(days=days),
        )
        install.enter(transaction, by, "key.rotated", f"key:{key.id}", {"replaces": old.id, "overlap_days": overlap})
        if out:
            _write(out, plaintext)
    _show(key, plaintext, out)
    click.echo(f"Key {old.id} {_state(old, SystemClock().now())}.", err=True)


@keys.command(name="list", right=Right.READ_PROGRAMME)
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def list_keys(form: str) -> None:
    """List the keys that were issued, with those that no longer work."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.snapshot(install.tenant) as snapshot,
    ):
        issued = service_keys.issued(snapshot)
    if form == "jsonl":
        for key in issued:
            click.echo(orjson.dumps(_plain(key)))
        return
    table = Table(box=None, pad_edge=False)
    for header in ("id", "name", "scopes", "issued", "state"):
        table.add_column(header, overflow="fold")
    now = SystemClock().now()
    for key in issued:
        cells = (key.id, key.name, " ".join(sorted(key.scopes)), _second(key.created_at), _state(key, now))
        table.add_row(*(Text(cell) for cell in cells))
    results().print(table)


@keys.command(right=Right.MANAGE_KEYS)
@click.argument("key_id")
@click.pass_obj
def revoke(by: Principal, key_id: str) -> None:
    """Make the key KEY_ID useless from now on."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.transaction(install.tenant) as transaction,
    ):
        key = service_keys.revoke(transaction, key_id, install.clock)
        install.enter(transaction, by, "key.revoked", f"key:{key.id}", {})
    click.echo(f"Key {key.id} for '{key.name}' is {_state(key, SystemClock().now())}.")


def _show(key: ServiceKey, plaintext: str, out: Path | None) -> None:
    if out is None:
        click.echo(plaintext)
    click.echo(f"Key {key.id} for '{key.name}' {_state(key, SystemClock().now())}; it cannot be shown again.", err=True)


def _state(key: ServiceKey, now: Nanos) -> str:
    if key.revoked_at is not None:
        return f"revoked {_second(key.revoked_at)}"
    if key.expires_at is None:
        return "valid"
    return f"{'valid until' if now < key.expires_at else 'expired'} {_second(key.expires_at)}"


def _second(time: Nanos) -> str:
    return rfc3339(time)[:19] + "Z"


def _write(path: Path, plaintext: str) -> None:
    """Raises InputError where the file is there already: a key never overwrites anything."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"{path} is there already: name a new file for the key; none was issued") from error
    with os.fdopen(file, "w") as out:
        out.write(plaintext + "\n")
        out.flush()
        os.fsync(out.fileno())


def _plain(key: ServiceKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": rfc3339(key.created_at),
        "expires_at": None if key.expires_at is None else rfc3339(key.expires_at),
        "revoked_at": None if key.revoked_at is None else rfc3339(key.revoked_at),
    }
