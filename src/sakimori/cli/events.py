"""``sakimori events``: from an event's id to what its source says, word for word."""

from contextlib import closing

import click
import orjson

from sakimori.cli.group import Group
from sakimori.collect import SourceGone, raw_record
from sakimori.core import ExitCode, InputError, SakimoriError, Settings, plain
from sakimori.records import EventRef, Source
from sakimori.store import Database, evidence


class EventUnknown(SakimoriError):
    exit_code = ExitCode.INPUT


@click.group(cls=Group)
def events() -> None:
    """Look at single events, as they stand in their source."""


@events.command()
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
