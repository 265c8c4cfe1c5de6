"""``sakimori boundary``: see what would leave before anything does, and what tokens stand for."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TextIO, cast

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access import Principal
from sakimori.access.rights import Right
from sakimori.cli.boundary_dictionary import dictionary
from sakimori.cli.boundary_eval import eval_
from sakimori.cli.group import Group
from sakimori.cli.institution_boundary import institution_boundary, models_option
from sakimori.cli.output import progress, results
from sakimori.core import ExitCode, InputError, Settings, SystemClock, plain
from sakimori.gateway.boundary import Boundary, Tokenised, canonical_token
from sakimori.gateway.keys import vault_keys
from sakimori.records import parse_object
from sakimori.service import installation
from sakimori.store import vault

_AHEAD = 64
"""Lines that are being checked at once, so that workers have some to go on with."""


@click.group(cls=Group)
def boundary() -> None:
    """Look at the boundary, which replaces personal and secret data in what leaves for a model."""


boundary.add_command(dictionary)
boundary.add_command(eval_)


@boundary.command(right=Right.READ_RAW_RECORDS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True)
@models_option
def check(file: Path, form: str, models: bool | None) -> ExitCode:
    """Show what would leave of FILE ('-': standard input): the tokenised text, and each replaced part.

    With --format jsonl, FILE has a JSON object with a "text" on each line, and so has the answer, with "spans": [start,
    end, type, detector] in code points of the input.
    """
    with institution_boundary(models) as institution:
        if form == "jsonl":
            return _check_lines(institution, file)
        text = "".join(_lines(file))
        _show(text, institution.tokenise(text))
        _say_who_looked(institution)
    return ExitCode.OK


@boundary.command(right=Right.REVEAL_TOKENS)
@click.argument("token")
@click.option("--reason", required=True, help="Why; it is written in the ledger with who asked.")
@click.pass_obj
def reveal(by: Principal, token: str, reason: str) -> None:
    """Print what TOKEN stands for. The ledger says who asked and why, and never the answer."""
    asked = canonical_token(token)
    if asked is None:
        raise InputError(f"'{plain(token)}' is no token: expected one such as HOST_7K2M9QX4AB00")
    if not reason.strip():
        raise InputError("--reason is empty: say why the token must be revealed")
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.transaction(install.tenant) as transaction,
    ):
        value = vault.reveal(transaction, vault_keys(transaction, install.secrets), asked)
        detail = {"reason": reason.strip(), "found": value is not None}
        install.enter(transaction, by, "boundary.revealed", asked, detail)
    if value is None:
        raise InputError(f"the vault of '{install.tenant}' has no token {asked}: it was not made by this institution")
    click.echo(plain(value, keep="\n"))


def _check_lines(institution: Boundary, file: Path) -> ExitCode:
    """Lines that cannot be used are named, and the others checked all the same."""
    code = ExitCode.OK
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        numbered = ((line, f"{file}:{number}") for number, line in enumerate(_lines(file), start=1))
        checks = (threads.submit(_checked_line, institution, line, where) for line, where in numbered)
        for checked in _some_ahead(checks):
            try:
                click.echo(checked.result())
            except InputError as error:
                click.echo(str(error), err=True)
                code = ExitCode.INPUT
    return code


def _some_ahead(checks: Iterable[Future[bytes]]) -> Iterator[Future[bytes]]:
    """In order, each given out once some more are on their way."""
    waiting: deque[Future[bytes]] = deque()
    for check in checks:
        waiting.append(check)
        if len(waiting) > _AHEAD:
            yield waiting.popleft()
    yield from waiting


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


def _say_who_looked(institution: Boundary) -> None:
    said = (
        "Names in running text were looked for by the name dictionary and by models."
        if institution.recognises_names
        else "Names in running text were looked for by the name dictionary only: without models (extra [ner]) the "
        "gateway refuses free text."
    )
    progress().print(said, style="dim", markup=False)
