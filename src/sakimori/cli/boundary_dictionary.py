"""``sakimori boundary dictionary``: the institution's own lists of what must not leave."""

import csv
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import orjson
from rich.table import Table

from sakimori.access import Principal
from sakimori.access.rights import Right
from sakimori.cli.group import Group
from sakimori.cli.output import results
from sakimori.core import InputError, Settings, SystemClock, plain, rfc3339
from sakimori.gateway.dictionaries import HASHED_KINDS, READ_KINDS, load
from sakimori.service import Installation, installation
from sakimori.store import Transaction, dictionaries


@click.group(cls=Group)
def dictionary() -> None:
    """Load and show lists of names, numbers and hosts that must not leave, whatever they stand in."""


@dictionary.command(name="load", right=Right.MANAGE_BOUNDARY)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--kind", type=click.Choice([*HASHED_KINDS, *READ_KINDS]), required=True, help="What the entries are.")
@click.option("--name", help="The list's name; a list of that name is replaced.  [default: the kind]")
@click.option("--column", help="FILE is CSV with a header: take this column.")
@click.pass_obj
def load_(by: Principal, file: Path, kind: str, name: str | None, column: str | None) -> None:
    """Load FILE ('-': standard input), an entry per line, in place of the list of that name.

    Names and numbers are kept as keyed hashes only, domains and host patterns encrypted. It counts in every gateway
    process within a second.
    """
    entries = _column(file, column) if column else _entries(file)
    with _writing() as (install, transaction):
        now = install.clock.now()
        listed, left_out = load(transaction, install.secrets, name or kind, kind, entries, now=now)
        detail = {"kind": kind, "entries": listed.entries, "left_out": left_out}
        install.enter(transaction, by, "boundary.dictionary_loaded", listed.name, detail)
    click.echo(f"List '{listed.name}': {listed.entries} entries of the kind {kind}.")
    if left_out:
        click.echo(f"Left out: {left_out} entries that are too short to tell anything apart, or too long.", err=True)


@dictionary.command(right=Right.MANAGE_BOUNDARY)
@click.argument("name")
@click.pass_obj
def remove(by: Principal, name: str) -> None:
    """Remove the list NAME: what only it held may leave from then on."""
    with _writing() as (install, transaction):
        if not dictionaries.remove(transaction, name):
            raise InputError(f"there is no list '{plain(name)}'; `sakimori boundary dictionary show` names them all")
        install.enter(transaction, by, "boundary.dictionary_removed", name, {})
    click.echo(f"List '{name}' is removed.")


@dictionary.command(right=Right.READ_RAW_RECORDS)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def show(form: str) -> None:
    """Show which lists there are. What is in them is not shown: names and numbers are kept as keyed hashes only."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.snapshot(install.tenant) as snapshot,
    ):
        lists = dictionaries.listed(snapshot)
    if form == "json":
        for listed in lists:
            loaded_at = rfc3339(listed.loaded_at)
            click.echo(
                orjson.dumps(
                    {"name": listed.name, "kind": listed.kind, "entries": listed.entries, "loaded_at": loaded_at}
                )
            )
        return
    table = Table(box=None, pad_edge=False)
    for header in ("list", "kind", "entries", "loaded"):
        table.add_column(header, justify="right" if header == "entries" else "left")
    for listed in lists:
        table.add_row(listed.name, listed.kind, f"{listed.entries:,}", rfc3339(listed.loaded_at))
    results().print(table if lists else "No list is loaded; the inventory's hosts and accounts are known all the same.")


@contextmanager
def _writing() -> Generator[tuple[Installation, Transaction]]:
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.transaction(install.tenant) as transaction,
    ):
        yield install, transaction


def _entries(file: Path) -> Iterator[str]:
    """Lines that are not blank. Raises InputError where the file is not UTF-8."""
    with click.open_file(str(file), encoding="utf-8-sig", errors="strict") as stream:
        try:
            yield from (line.strip() for line in stream if not line.isspace())
        except UnicodeDecodeError as error:
            raise _not_utf_8(file, error) from error


def _column(file: Path, column: str) -> Iterator[str]:
    """Raises InputError where the file is not UTF-8, no CSV, or lacks the column."""
    with click.open_file(str(file), encoding="utf-8-sig", errors="strict") as stream:
        rows = csv.DictReader(stream, strict=True)
        try:
            if column not in (rows.fieldnames or ()):
                known = ", ".join(plain(name) for name in rows.fieldnames or ())
                raise InputError(f"{file}: there is no column '{plain(column)}'; its header has {known or 'nothing'}")
            yield from (value.strip() for row in rows if (value := row[column]) and value.strip())
        except UnicodeDecodeError as error:
            raise _not_utf_8(file, error) from error
        except csv.Error as error:
            raise InputError(f"{file}:{rows.line_num}: not CSV: {error}") from error


def _not_utf_8(file: Path, error: UnicodeDecodeError) -> InputError:
    return InputError(f"{file}: not UTF-8 text: {error}; convert it first")
