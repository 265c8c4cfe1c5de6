"""``sakimori ledger``: read the tamper-evident log, check that nobody edited it, and hand it to others."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sakimori.access import Principal
from sakimori.access.rights import Right
from sakimori.cli.cosigning import cosign, cosigner_of, ledger_of
from sakimori.cli.group import Group
from sakimori.cli.output import progress as progress_console
from sakimori.cli.output import results
from sakimori.cli.reason import reason_option
from sakimori.cli.writing import write_whole
from sakimori.core import ExitCode, InputError, Settings, SystemClock, plain, rfc3339
from sakimori.ledger import Checkpoint, Ledger, LedgerError, Line, NoteError, new_entry, tables
from sakimori.ledger import erasure as erasing
from sakimori.ledger import export as exporting
from sakimori.ledger import proof as proving
from sakimori.records import as_plain
from sakimori.service import Installation, installation
from sakimori.store import Database, Snapshot

_EVERY = 1000
"""Lines between two looks at the progress bar."""


@click.group(cls=Group)
def ledger() -> None:
    """Read the tamper-evident log of what was done, and check that nobody edited it."""


@ledger.command(right=Right.VERIFY_LEDGER)
@click.option(
    "--anchor",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint that was kept elsewhere: everything it covers must still be there.",
)
@click.option(
    "--cosigner", "vkeys", multiple=True, metavar="KEY", help="The public key of a cosigner; may be repeated."
)
@click.option("--cosigned", default=0, type=click.IntRange(min=0), help="How many of them must confirm a checkpoint.")
def verify(anchor: Path | None, vkeys: tuple[str, ...], cosigned: int) -> ExitCode:
    """Check every entry, every link and every signature; exit code 1 where something is wrong."""
    settings = Settings.from_environment()
    tenant, log = settings.tenant, ledger_of(settings)
    cosigners = {cosigner_of(vkey) for vkey in vkeys}
    if cosigned > len(cosigners):
        raise InputError(f"--cosigned {cosigned} needs as many --cosigner: {len(cosigners)} were named")
    kept = _anchor(anchor, log, tenant) if anchor else None
    remembered = log.remembered(tenant)  # before the snapshot, which must hold at least that
    with closing(Database.of(settings)) as database, database.snapshot(tenant) as snapshot:
        found = log.verify(snapshot, anchor=kept, remembered=remembered, cosigners=cosigners, demanded=cosigned)
    if found.ok and found.checkpoint:
        log.remember(tenant, found.checkpoint)
    if found.problem:
        click.echo(f"The ledger of '{tenant}' was altered or damaged: {found.problem}.")
        click.echo(f"Entries found as they were sealed, from the first on: {found.leaves}.")
    elif found.leaves or found.pending:
        click.echo(f"The ledger of '{tenant}' is intact: {found.leaves} sealed entries, {found.pending} pending.")
    else:
        click.echo(f"The ledger of '{tenant}' is empty.")
    if cosigned and found.ok:
        click.echo(f"The first {found.cosigned} entries are confirmed by {cosigned} cosigners or more.")
    if found.erased:
        click.echo(f"The content of {found.erased} entries was erased, and entries say why.")
    if found.backwards:
        click.echo(f"At {found.backwards} entries time goes back: a clock was set, or several clocks differ.")
    click.echo("This check cannot notice:")
    for limit in found.undetectable:
        click.echo(f"  - {limit}")
    return ExitCode.OK if found.ok else ExitCode.FOUND


@ledger.command(right=Right.READ_LEDGER)
@click.option("--newest", type=click.IntRange(min=1), help="Only so many of the newest entries.")
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def show(newest: int | None, form: str) -> None:
    """List entries, oldest first: when, who, what, to what."""
    with _reading() as (install, snapshot):
        lines = install.ledger.lines(snapshot, newest=newest)
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


@ledger.command(right=Right.VERIFY_LEDGER)
def checkpoint() -> None:
    """Print the newest signed checkpoint, to be kept where whoever runs this machine cannot change it."""
    settings = Settings.from_environment()
    log = ledger_of(settings)
    with closing(Database.of(settings)) as database, database.snapshot(settings.tenant) as snapshot:
        newest = log.checkpoint(snapshot)
    if newest is None:
        raise InputError(f"the ledger of '{settings.tenant}' has no checkpoint yet: nothing was sealed")
    click.echo(newest.note, nl=False)
    click.echo(f"Signed by {log.verifier(settings.tenant)}", err=True)


@ledger.command(right=Right.VERIFY_LEDGER)
def key() -> None:
    """Print the public key by which others check this ledger."""
    settings = Settings.from_environment()
    click.echo(str(ledger_of(settings).verifier(settings.tenant)))


@ledger.command(right=Right.SEAL_LEDGER)
def seal() -> None:
    """Give all pending entries their places in the log, under a new signed checkpoint."""
    settings = Settings.from_environment()
    with closing(Database.of(settings)) as database:
        newest = ledger_of(settings).sequence(database, settings.tenant)
    click.echo(f"The ledger of '{settings.tenant}' has {newest.size if newest else 0} sealed entries.")


@ledger.command(right=Right.READ_LEDGER)
@click.option("--out", required=True, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "first", default=0, type=click.IntRange(min=0), help="The first position that is needed.")
@click.option("--to", type=click.IntRange(min=1), help="The position before which it may end (default: all).")
@click.option("--cosigned", is_flag=True, help="End at the newest checkpoint that somebody cosigned.")
def export(out: Path, first: int, to: int | None, cosigned: bool) -> None:
    """Write sealed entries to FILE, for an auditor with tools/verify_ledger.py (docs/ledger.md).

    The range is widened to the checkpoints around it, so that the file can be checked alone.
    """
    if cosigned and to is not None:
        raise InputError("--to and --cosigned both say where to end: give one of them")
    with _reading() as (install, snapshot):
        if snapshot.is_empty(tables.checkpoint):
            raise InputError(f"the ledger of '{install.tenant}' has no checkpoint yet: nothing was sealed")
        verifier = install.ledger.verifier(install.tenant)
        chosen = exporting.choose(snapshot, verifier, first=first, to=to, cosigned=cosigned)
        with _shown(exporting.lines(snapshot, verifier, chosen), chosen.end - chosen.start) as lines:
            write_whole(out, lines)
    click.echo(f"Entries {chosen.start} to {chosen.end - 1} are in {out}; check them with the public key", err=True)
    click.echo(str(verifier), err=True)


@ledger.command(right=Right.READ_LEDGER)
@click.argument("entry_id", metavar="ID")
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Instead of showing it.")
def prove(entry_id: str, out: Path | None) -> None:
    """Prove that the entry ID (or #POSITION) is in the log, in a file that is checked alone (docs/ledger.md)."""
    with _reading() as (install, snapshot):
        position = proving.position_of(snapshot, entry_id)
        newest = install.ledger.checkpoint(snapshot)
        if newest is None:
            raise LedgerError(f"the ledger of '{install.tenant}' lost its checkpoints: run `sakimori ledger verify`")
        made = proving.prove(snapshot, position, newest)
        verifier = install.ledger.verifier(install.tenant)
    if out:
        write_whole(out, made.encode())
    else:
        click.echo(made, nl=False)
    click.echo(f"Check it with the public key {verifier}", err=True)


@ledger.command(right=Right.ERASE_LEDGER_CONTENT)
@click.argument("entry_id", metavar="ID")
@reason_option("Why the law demands it; it is entered in the log.")
@click.pass_obj
def erase(by: Principal, entry_id: str, reason: str) -> None:
    """Erase the content of the entry ID (or #POSITION) for good; that it was there, and proofs, remain."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        with install.database.transaction(install.tenant) as transaction:
            position = proving.position_of(transaction, entry_id)
            told = erasing.erase(transaction, position, reason=reason, actor=by.actor, now=install.clock.now())
            install.ledger.append(transaction, told)
        install.ledger.sequence(install.database, install.tenant)
    click.echo(f"The content of entry #{position} is erased from this database; entry '{told.id}' says so.")
    click.echo("Exports, backups and free pages of the database file may still hold it: see docs/ledger.md.", err=True)


@ledger.command(name="accept-loss", right=Right.ACCEPT_LEDGER_LOSS)
@reason_option("What happened; it is entered in the log.")
@click.pass_obj
def accept_loss(by: Principal, reason: str) -> None:
    """Go on after an older backup was restored, with an entry that says which entries were lost."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        tenant, log = install.tenant, install.ledger
        seen = log.remembered(tenant)
        with install.database.transaction(tenant) as transaction:
            newest = log.checkpoint(transaction)
            size = newest.size if newest else 0
            if seen is None or seen.size <= size:
                raise InputError(
                    f"the ledger of '{tenant}' is not shorter than what this install saw: nothing was lost"
                )
            entry = new_entry(
                transaction,
                at=install.clock.now(),
                actor=by.actor,
                action="ledger.loss_accepted",
                subject=f"leaf:{size}",
                detail={"size": size, "lost_size": seen.size, "lost_root": seen.root.hex(), "reason": reason},
            )
            log.append(transaction, entry)
        log.forget(tenant, newest)
        log.sequence(install.database, tenant)
    click.echo(f"Entries {size} to {seen.size - 1} of the ledger of '{tenant}' are lost; entry '{entry.id}' says so.")
    click.echo("Checkpoints and cosignatures made since will not fit this ledger any more.", err=True)


@contextmanager
def _shown(lines: Iterable[bytes], total: int) -> Generator[Iterator[bytes]]:
    """The lines, counted on standard error while they pass."""
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=progress_console(), transient=True) as bar:
        task = bar.add_task("", total=total)

        def passing() -> Iterator[bytes]:
            for number, line in enumerate(lines):
                if number % _EVERY == 0:
                    bar.update(task, completed=min(number, total))
                yield line

        yield passing()


@contextmanager
def _reading() -> Generator[tuple[Installation, Snapshot]]:
    """The install and what it has."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.snapshot(install.tenant) as snapshot,
    ):
        yield install, snapshot


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


ledger.add_command(cosign)
