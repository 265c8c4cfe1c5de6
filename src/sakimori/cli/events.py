"""``sakimori events``: what the source of an event says, word for word; and events as Parquet."""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sakimori.access.rights import Right
from sakimori.cli.group import Group
from sakimori.cli.output import progress as progress_console
from sakimori.collect import Progress as ReadProgress
from sakimori.collect import SourceGone, raw_record
from sakimori.core import ExitCode, InputError, SakimoriError, Settings, SystemClock, plain
from sakimori.records import EventRef, Source
from sakimori.service import ExportResult, export_paths, installation
from sakimori.store import Database, evidence

_SHOWN_NOTES = 12


class EventUnknown(SakimoriError):
    exit_code = ExitCode.INPUT


@click.group(cls=Group)
def events() -> None:
    """Look at single events, as they stand in their source, or export all for later hunts."""


@events.command(right=Right.SCAN_TELEMETRY)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def export(paths: tuple[Path, ...], out: Path) -> None:
    """Write events to DIR as Parquet, by day, channel and class, for scans that need not parse them again."""
    console = progress_console()
    with installation(Settings.from_environment(), SystemClock()) as install, _progress(console) as on_progress:
        result = export_paths(install, paths, out, on_progress=on_progress)
    _say_accounts(console, result, out)
    raise click.exceptions.Exit(_exit_code(result))


@contextmanager
def _progress(console: Console) -> Generator[Callable[[ReadProgress, ExportResult], None]]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[counts]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None, counts="")

        def show(step: ReadProgress, result: ExportResult) -> None:
            counts = f"{result.reading.evaluated:,} events, {result.reading.rejected:,} rejected"
            bar.update(
                task, total=step.total, completed=step.done, description=Path(step.path).name[:40], counts=counts
            )

        yield show


def _say_accounts(console: Console, result: ExportResult, out: Path) -> None:
    reading = result.reading
    for note in reading.notes[:_SHOWN_NOTES]:
        console.print(plain(note), markup=False, style="dim", soft_wrap=True)
    if len(reading.notes) > _SHOWN_NOTES:
        console.print(f"… and {len(reading.notes) - _SHOWN_NOTES} more notes", style="dim")
    if reading.skipped:
        kinds = ", ".join(f"{count:,} × {reason}" for reason, count in reading.skipped.most_common())
        console.print(f"{reading.skipped.total():,} files were not exported: {kinds}", markup=False, soft_wrap=True)
    if result.earlier:
        console.print(f"{result.earlier:,} sources are in the export already, and add nothing")
    console.print(
        f"{reading.read:,} events read from {len(reading.sources):,} sources = {reading.evaluated:,} exported + "
        f"{reading.rejected:,} rejected; look through them with: sakimori scan {plain(str(out))}",
        markup=False,
        soft_wrap=True,
    )
    if reading.rejected or reading.failed:
        console.print(f"all that could not be read, with reasons: {result.dead_letters}", markup=False, soft_wrap=True)
    if result.unkept:
        console.print(f"not everything was kept: {plain(result.unkept)}", style="bold", markup=False, soft_wrap=True)
    if not result.complete:
        said = "interrupted: the export holds a part of the input; export the same again to complete it"
        console.print(said, style="bold", soft_wrap=True)


def _exit_code(result: ExportResult) -> ExitCode:
    reading = result.reading
    if not result.complete:
        return ExitCode.INTERRUPTED
    if result.unkept:
        return ExitCode.ENVIRONMENT
    nothing = not reading.sources and not result.earlier
    return ExitCode.INPUT if reading.rejected or reading.failed or nothing else ExitCode.OK


@events.command(right=Right.READ_RAW_RECORDS)
@click.argument("event_id", metavar="ID")
@click.option("--raw", is_flag=True, help="Write exactly the bytes of the raw record, and nothing else.")
def show(event_id: str, *, raw: bool) -> None:
    """Show the raw record behind an event id, from its source or from the kept evidence."""
    ref = EventRef.parse(event_id)
    settings = Settings.from_environment()
    with closing(Database.of(settings)) as database, database.snapshot(settings.tenant) as snapshot:
        source = snapshot.find_source(ref.digest)
        kept = evidence.get_raw(snapshot, event_id)
    record, remark = _recall(ref, source, kept)
    if raw:
        click.echo(record, nl=False)
        return
    if source is not None:
        at = f"{source.path}, byte {source.start + ref.offset} ({source.format}, SHA-256 {source.digest})"
        click.echo(plain(at), err=True)
    if remark:
        click.echo(plain(remark), err=True)
    click.echo(plain(_pretty(record), keep="\n\t"))


def _recall(ref: EventRef, source: Source | None, kept: bytes | None) -> tuple[bytes, str]:
    """The raw record and a remark on where it comes from, where that is not the source itself.

    Raises:
        EventUnknown: this install knows nothing of the event.
        InputError: the source is gone or changed, and no copy of the record was kept.
    """
    if source is None:
        if kept is None:
            raise EventUnknown(f"no event {ref.event_id} is known here: scan its source first, or check the id")
        return kept, "The source is not known here; this is the copy that was kept as evidence."
    try:
        return raw_record(source, ref.offset), ""
    except SourceGone as gone:
        if kept is None:
            raise InputError(f"{gone} (no copy was kept: only events that findings rest on are)") from gone
        return kept, f"{gone}. This is the copy that was kept as evidence."


def _pretty(record: bytes) -> str:
    try:
        return orjson.dumps(orjson.loads(record), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, TypeError):  # broken text that was repaired to be evaluated
        return record.decode("utf-8", "backslashreplace")
