"""``sakimori ledger``: read the tamper-evident log, and check that nobody edited it."""

from contextlib import closing
from pathlib import Path

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access.secrets import Secrets
from sakimori.cli.group import Group
from sakimori.cli.output import results
from sakimori.core import ExitCode, InputError, Settings, plain, rfc3339
from sakimori.ledger import Checkpoint, Ledger, Line, LocalSigner, NoteError
from sakimori.records import as_plain
from sakimori.store import Database


@click.group(cls=Group)
def ledger() -> None:
    """Read the tamper-evident log of what was done, and check that nobody edited it."""


@ledger.command()
@click.option(
    "--anchor",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint that was kept elsewhere: everything it covers must still be there.",
)
def verify(anchor: Path | None) -> ExitCode:
    """Check every entry, every link and every signature; exit code 1 where something is wrong."""
    settings = Settings.from_environment()
    log = _ledger(settings)
    kept = _anchor(anchor, log, settings.tenant) if anchor else None
    with closing(Database.of(settings)) as database, database.snapshot(settings.tenant) as snapshot:
        found = log.verify(snapshot, anchor=kept)
    if found.problem:
        click.echo(f"The ledger of '{settings.tenant}' was altered or damaged: {found.problem}.")
        click.echo(f"Entries found as they were sealed, from the first on: {found.leaves}.")
    elif found.leaves or found.pending:
        click.echo(
            f"The ledger of '{settings.tenant}' is intact: {found.leaves} sealed entries, {found.pending} pending."
        )
    else:
        click.echo(f"The ledger of '{settings.tenant}' is empty.")
    click.echo("This check cannot notice:")
    for limit in found.undetectable:
        click.echo(f"  - {limit}")
    return ExitCode.OK if found.ok else ExitCode.FOUND


@ledger.command()
@click.option("--newest", type=click.IntRange(min=1), help="Only so many of the newest entries.")
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def show(newest: int | None, form: str) -> None:
    """List entries, oldest first: when, who, what, to what."""
    settings = Settings.from_environment()
    with closing(Database.of(settings)) as database, database.snapshot(settings.tenant) as snapshot:
        lines = _ledger(settings).lines(snapshot, newest=newest)
        if form == "jsonl":
            for line in lines:
                click.echo(orjson.dumps({"position": line.position, **as_plain(line.entry)}))
            return
        table = Table(box=None, pad_edge=False)
        for header in ("#", "time", "actor", "action", "subject", "detail"):
            table.add_column(header, overflow="fold")
        for line in lines:
            table.add_row(*_cells(line))
    results().print(table)


@ledger.command()
def checkpoint() -> None:
    """Print the newest signed checkpoint, to be kept where whoever runs this machine cannot change it."""
    settings = Settings.from_environment()
    log = _ledger(settings)
    with closing(Database.of(settings)) as database, database.snapshot(settings.tenant) as snapshot:
        newest = log.checkpoint(snapshot)
    if newest is None:
        raise InputError(f"the ledger of '{settings.tenant}' has no checkpoint yet: nothing was sealed")
    click.echo(newest.note, nl=False)
    click.echo(f"Signed by {log.verifier(settings.tenant)}", err=True)


def _ledger(settings: Settings) -> Ledger:
    return Ledger(LocalSigner(Secrets.embedded(settings.home)))


def _anchor(path: Path, log: Ledger, tenant: str) -> Checkpoint:
    try:
        return Checkpoint.parse(path.read_text(encoding="utf-8"), log.verifier(tenant))
    except (NoteError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, NoteError) else "it is not text"
        raise InputError(
            f"{path} cannot be an anchor: {reason}; give a checkpoint of institution '{tenant}' as it was printed"
        ) from error


def _cells(line: Line) -> list[Text]:
    entry = line.entry
    detail = " ".join(f"{key}={orjson.dumps(value).decode()}" for key, value in entry.detail.items())
    place = "pending" if line.position is None else str(line.position)
    cells = (place, rfc3339(entry.time)[:19] + "Z", entry.actor, entry.action, entry.subject, detail)
    return [Text(plain(cell)) for cell in cells]
