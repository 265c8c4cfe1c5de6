"""``sakimori boundary``: see what would leave, before anything does."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TextIO, cast

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access.rights import Right
from sakimori.access.secrets import Secrets
from sakimori.cli.group import Group
from sakimori.cli.output import results
from sakimori.core import ExitCode, InputError, Settings
from sakimori.gateway import Boundary, Dictionary, Tokenised, tokens_key
from sakimori.records import Inventory, parse_object
from sakimori.store import Database


@click.group(cls=Group)
def boundary() -> None:
    """Look at the boundary, which replaces personal and secret data in what leaves for a model."""


@boundary.command(right=Right.READ_RAW_RECORDS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True)
def check(file: Path, form: str) -> ExitCode:
    """Show what would leave of FILE ('-': standard input): the tokenised text, and each replaced part."""
    institution = _institution_boundary()
    if form == "jsonl":
        return _check_lines(institution, file)
    text = "".join(_lines(file))
    _show(text, institution.tokenise(text))
    return ExitCode.OK


def _check_lines(institution: Boundary, file: Path) -> ExitCode:
    """Lines that cannot be used are named, and the others checked all the same."""
    code = ExitCode.OK
    for number, line in enumerate(_lines(file), start=1):
        try:
            click.echo(_checked_line(institution, line, f"{file}:{number}"))
        except InputError as error:
            click.echo(str(error), err=True)
            code = ExitCode.INPUT
    return code


def _institution_boundary() -> Boundary:
    """With the institution's own key and dictionary, so that tokens are those that calls would have."""
    settings = Settings.from_environment()
    with closing(Database.of(settings)) as database, database.snapshot(settings.tenant) as snapshot:
        key = tokens_key(snapshot, Secrets.embedded(settings.home))
        return Boundary(settings.tenant, key, Dictionary.of(snapshot.get(Inventory, "current")))


def _lines(file: Path) -> Iterator[str]:
    """Raises InputError where the file is not UTF-8."""
    with click.open_file(str(file), encoding="utf-8", errors="strict") as stream:
        try:
            yield from cast("TextIO", stream)
        except UnicodeDecodeError as error:
            raise InputError(f"{file}: not UTF-8 text: {error}; convert it first") from error


def _checked_line(institution: Boundary, line: str, where: str) -> bytes:
    text = parse_object(line, what=where).get("text")
    if not isinstance(text, str):
        raise InputError(f"{where}: expected a JSON object with a string 'text'")
    checked = institution.tokenise(text)
    return orjson.dumps({"text": checked.text, "spans": [list(span) for span in checked.spans]})


def _show(text: str, checked: Tokenised) -> None:
    shown = Text()
    table = Table(box=None, pad_edge=False)
    for header in ("from", "to", "type", "detector", "replaced by"):
        table.add_column(header)
    position = 0
    for span, token in zip(checked.spans, checked.tokens, strict=True):
        shown.append(text[position : span.start]).append(token, style="bold reverse")
        table.add_row(str(span.start), str(span.end), span.kind, span.detector, token)
        position = span.end
    console = results()
    console.print(shown.append(text[position:]), soft_wrap=True)
    if checked.spans:
        console.print(table)
    else:
        console.print("Nothing was found that must not leave.", style="dim")
