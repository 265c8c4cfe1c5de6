"""``sakimori db``: the database itself, as whoever runs the install looks after it."""

from pathlib import Path

import click
from sqlalchemy.engine import URL

from sakimori import access, ledger, store
from sakimori.cli.group import Group
from sakimori.core import ExitCode, Settings, plain
from sakimori.store import Database
from sakimori.store.backup import Copied
from sakimori.store.database import url_of
from sakimori.store.migrate import HEAD
from sakimori.store.schema import declare_tables


@click.group(cls=Group)
def db() -> None:
    """Prepare, check, back up and restore the database that SAKIMORI_DATABASE names, or the one in SAKIMORI_HOME."""


@db.command()
@click.option("--role", default="sakimori", show_default=True, help="PostgreSQL: who runs all other commands.")
@click.option("--authority-role", help="PostgreSQL: who may read sums over institutions, and nothing else.")
def migrate(role: str, authority_role: str | None) -> None:
    """Bring the database to this version's schema; on PostgreSQL as the owner, who protects all tables again."""
    url = _url()
    if url.get_backend_name() == "sqlite":
        Database.open(url).close()
    else:
        from sakimori.store import postgresql

        postgresql.migrate(url, postgresql.Roles(role, authority_role))
    click.echo(f"The database has the schema {HEAD}.")


@db.command()
def check() -> ExitCode:
    """Look whether the database is whole and keeps institutions apart; exit code 1 where something is wrong."""
    from sakimori.store.check import check as check_all

    answers = check_all(_url())
    for answer in answers:
        click.echo(f"{'ok     ' if answer.ok else 'PROBLEM'}  {answer.subject}: {plain(answer.found)}")
    return ExitCode.OK if all(answer.ok for answer in answers) else ExitCode.FOUND


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write everything in the database, as of one moment, to the new FILE; nobody has to stop for it."""
    from sakimori.store.backup import backup as copy

    _tell(copy(_url(), file), file)
    click.echo(
        "The secret keys are not in it, and without them no token can be opened and no ledger signed: keep a copy of "
        f"{Settings.from_environment().home / 'secrets'} apart from this file.",
        err=True,
    )


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Fill a database that is empty, or not there yet, with the backup FILE, whichever kind it was taken from."""
    from sakimori.store.backup import restore as fill

    _tell(fill(_url(), file), file)
    click.echo(
        "Now run `sakimori ledger verify --anchor` with the newest checkpoint that was kept elsewhere.", err=True
    )


def _tell(copied: Copied, file: Path) -> None:
    click.echo(f"{copied.rows} rows, schema {copied.schema}, checked after writing.")
    click.echo(f"SHA-256 of {file}: {copied.digest}")


def _url() -> URL:
    declare_tables(store, access, ledger)
    return url_of(Settings.from_environment())
