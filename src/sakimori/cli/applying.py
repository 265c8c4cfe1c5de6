"""How a plan of the programme is shown, how far it got, and where new keys go."""

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import click
import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from sakimori.cli.output import progress as progress_console
from sakimori.cli.output import results
from sakimori.core import InputError, plain, rfc3339
from sakimori.programme import Change, Issued, Plan

_SIGNS = {"add": "+", "change": "~", "restore": "+", "remove": "-", "stays_revoked": " "}
_SHOWN = 100
"""Lines of a plan that people are shown unless they ask for all."""
_TIMES = ("not_before", "not_after")
_EMPHASIS = {"+ institution": "green", "- ": "red"}


def print_plan(plan: Plan, *, most: int | None = _SHOWN) -> None:
    """What would change, its first ``most`` lines (None: all), and how much it is altogether."""
    if plan.is_empty and not any(True for _ in plan.changes):
        click.echo("The programme is as the file says.")
        return
    console = results()
    for line in islice(_lines(plan), most):
        style = next((style for start, style in _EMPHASIS.items() if line.startswith(start)), "")
        console.print(Text(line, style=style))
    total = Counter(change.verb for change in plan.changes)
    institutions = len(plan.admitted) + len(plan.dismissed)
    if most is not None and (hidden := institutions + total.total() - most) > 0:
        console.print(Text(f"… and {hidden} more: --all shows every line"))
        for kind, count in sorted(Counter((change.kind, change.verb) for change in plan.changes).items()):
            console.print(Text(f"{_SIGNS[kind[1]]} {count} × {kind[0]}{_said(kind[1])}"))
    counts = [f"{institutions} institutions", f"{total['add']} to add"]
    counts += [f"{total['change']} to change", f"{total['restore']} to restore", f"{total['remove']} to remove"]
    console.print(Text(", ".join(counts)))
    if total["stays_revoked"]:
        console.print(Text(f"{total['stays_revoked']} stay revoked: --restore brings them back"))


def print_json(plan: Plan, *, applied: bool, issued: Sequence[Issued]) -> None:
    """All of it, as one object."""
    changes = [
        {
            "institution": change.institution,
            "kind": change.kind,
            "verb": change.verb,
            "name": change.name,
            "detail": change.detail,
        }
        for change in plan.changes
    ]
    body = {
        "applied": applied,
        "admitted": plan.admitted,
        "dismissed": plan.dismissed,
        "changes": changes,
        "keys": [_key(key) for key in issued],
    }
    click.echo(orjson.dumps(body))


@contextmanager
def watched(doing: str, total: int) -> Generator[Callable[[int], None]]:
    """A bar on standard error; what is yielded is told how many institutions are done further.

    Interrupted, it says how far it came.
    """
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Standard output stays itself: new keys may be on their way to a pipe.
    with Progress(*columns, console=progress_console(), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=total)
        try:
            yield lambda count: bar.advance(task, count)
        except KeyboardInterrupt:
            done = int(bar.tasks[0].completed)
            click.echo(f"{doing} stopped at {done} of {total} institutions: the same command goes on there.", err=True)
            raise


@contextmanager
def showing(path: Path | None, form: str, issued: list[Issued]) -> Generator[Callable[[Sequence[Issued]], None]]:
    """Where new keys go, before they are kept in the database: ``issued`` and the terminal, or a new file.

    Raises:
        InputError: the file is there already.
    """
    if path is None:

        def show(made: Sequence[Issued]) -> None:
            issued.extend(made)
            if form == "text":
                for key in made:
                    click.echo(f"key {plain(key.name)} of {plain(key.institution)}: {key.plaintext}")

        yield show
        return
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError as error:
        raise InputError(f"{path} is there already: name a new file for the keys; nothing was applied") from error
    with file:

        def write(made: Sequence[Issued]) -> None:
            file.writelines(orjson.dumps(_key(key)) + b"\n" for key in made)
            file.flush()
            os.fsync(file.fileno())

        yield write


def _lines(plan: Plan) -> Iterator[str]:
    yield from (f"+ institution {plain(name)}" for name in plan.admitted)
    yield from (f"- institution {plain(name)}" for name in plan.dismissed)
    yield from map(_line, plan.changes)


def _line(change: Change) -> str:
    detail = " ".join(f"{key}={_value(key, value)}" for key, value in change.detail.items())
    said = _said(change.verb)
    return plain(f"{_SIGNS[change.verb]} {change.institution}: {change.kind} {change.name}{said} {detail}".rstrip())


def _value(key: str, value: object) -> str:
    """As JSON, but for nanoseconds, which nobody reads as a day."""
    if key in _TIMES and isinstance(value, int):
        return rfc3339(value)
    return orjson.dumps(value).decode()


def _said(verb: str) -> str:
    return " (stays revoked)" if verb == "stays_revoked" else ""


def _key(key: Issued) -> dict[str, str]:
    return {"institution": key.institution, "name": key.name, "key": key.plaintext}
