"""``sakimori keys``: service keys for programs that call the gateway. Each change is an entry in the ledger."""

import getpass
import os
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access import keys as service_keys
from sakimori.access.keys import ServiceKey
from sakimori.access.secrets import Secrets
from sakimori.cli.group import Group
from sakimori.cli.output import results
from sakimori.core import InputError, Nanos, Settings, SystemClock, rfc3339
from sakimori.ledger import Ledger, LocalSigner, Memory
from sakimori.records import LedgerEntry
from sakimori.store import Database, Transaction


@click.group(cls=Group)
def keys() -> None:
    """Issue, list and revoke the service keys of the institution."""


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it may ask for; may be repeated.")
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="How long it works.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the key to this new file (0600) instead of showing it.",
)
def issue(name: str, scopes: tuple[str, ...], days: int, out: Path | None) -> None:
    """Make a key for the program NAME; it is shown once and kept nowhere."""
    settings = Settings.from_environment()
    secrets = Secrets.embedded(settings.home)
    clock = SystemClock()
    with closing(Database.of(settings)) as database, database.transaction(settings.tenant) as transaction:
        key, plaintext = service_keys.issue(
            transaction, secrets, name=name, scopes=scopes, clock=clock, lifetime=timedelta(days=days)
        )
        _record(transaction, secrets, "key.issued", key, {"scopes": sorted(key.scopes), "days": days})
        # Before the commit: a key that could not be written down was never issued.
        if out:
            _write(out, plaintext)
    if out is None:
        click.echo(plaintext)
    click.echo(f"Key {key.id} for '{name}' {_state(key, clock.now())}; it cannot be shown again.", err=True)


@keys.command(name="list")
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def list_keys(form: str) -> None:
    """List the keys that were issued, with those that no longer work."""
    settings = Settings.from_environment()
    with closing(Database.of(settings)) as database, database.snapshot(settings.tenant) as snapshot:
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


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Make the key KEY_ID useless from now on."""
    settings = Settings.from_environment()
    secrets = Secrets.embedded(settings.home)
    with closing(Database.of(settings)) as database, database.transaction(settings.tenant) as transaction:
        key = service_keys.revoke(transaction, key_id, SystemClock())
        _record(transaction, secrets, "key.revoked", key, {})
    click.echo(f"Key {key.id} for '{key.name}' is {_state(key, SystemClock().now())}.")


def _state(key: ServiceKey, now: Nanos) -> str:
    if key.revoked_at is not None:
        return f"revoked {_second(key.revoked_at)}"
    if key.expires_at is None:
        return "valid"
    return f"{'valid until' if now < key.expires_at else 'expired'} {_second(key.expires_at)}"


def _second(time: Nanos) -> str:
    return rfc3339(time)[:19] + "Z"


def _record(transaction: Transaction, secrets: Secrets, action: str, key: ServiceKey, detail: dict[str, Any]) -> None:
    ledger = Ledger(LocalSigner(secrets), Memory.embedded(Settings.from_environment().home))
    entry = LedgerEntry(
        id=f"le-{token_hex(12)}",
        tenant=transaction.tenant,
        time=SystemClock().now(),
        actor=f"person:{getpass.getuser()}",
        action=action,
        subject=f"key:{key.id}",
        detail=detail,
    )
    ledger.append(transaction, entry)
    ledger.seal(transaction)


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
