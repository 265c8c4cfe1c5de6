"""``sakimori usage``: what an institution used of models, as sums."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access import Principal
from sakimori.access.rights import Resource, Right, Rights
from sakimori.cli.group import Command
from sakimori.cli.naming import Name
from sakimori.cli.output import results
from sakimori.core import InputError, Settings, SystemClock, plain
from sakimori.service import installation
from sakimori.store import usage as store
from sakimori.store.usage import Outcome, Used

_NANOS_PER_SECOND = 1_000_000_000
_AMOUNTS = ("calls", "input_tokens", "output_tokens", "yen")
_MISSED = ("outcome", "code", "model", "purpose", "calls")


class _Day(click.ParamType[date]):
    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"'{value}' is no date: write it as 2026-12-01")


@click.command(cls=Command, right=Right.READ_GRANTS)
@click.argument("institution", type=Name(), required=False)
@click.option("--from", "first", type=_Day(), help="First day, of UTC (default: the first of the last day's month).")
@click.option("--until", "last", type=_Day(), help="Last day, of UTC (default: today).")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def usage(by: Principal, institution: str | None, first: date | None, last: date | None, form: str) -> None:
    """Show the calls, tokens, money and refusals of INSTITUTION, by model and purpose; sums only."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        where = institution or install.tenant
        Rights().require(by, Right.READ_GRANTS, Resource.about(Right.READ_GRANTS, where))
        last = last or datetime.fromtimestamp(install.clock.now() // _NANOS_PER_SECOND, UTC).date()
        first = first or last.replace(day=1)
        if first > last:
            raise InputError(f"--from {first} lies after --until {last}: exchange them")
        with install.database.snapshot(where) as snapshot:
            found = store.between(snapshot, first, last)
    used = _summed((each for each in found if each.outcome is not Outcome.REFUSED), "model", "purpose")
    unanswered = (each for each in found if each.outcome is not Outcome.ANSWERED)
    missed = _summed(unanswered, "outcome", "code", "model", "purpose")
    if form == "json":
        days = {"from": first.isoformat(), "until": last.isoformat()}
        missed = [{name: line[name] for name in _MISSED} for line in missed]
        click.echo(orjson.dumps({"institution": where, **days, "used": used, "unanswered": missed}))
    else:
        _print(where, first, last, used, missed)


def _summed(found: Iterable[Used], *names: str) -> list[dict[str, Any]]:
    """Sums over calls that have the same under all these names, in order of those."""
    groups: dict[tuple[str, ...], list[Used]] = {}
    for used in found:
        groups.setdefault(tuple(str(getattr(used, name)) for name in names), []).append(used)
    return [
        {
            **dict(zip(names, key, strict=True)),
            "calls": sum(used.calls for used in group),
            "input_tokens": sum(used.input_tokens for used in group),
            "output_tokens": sum(used.output_tokens for used in group),
            "yen": str(sum((used.yen for used in group), Decimal(0))),
        }
        for key, group in sorted(groups.items())
    ]


def _print(institution: str, first: date, last: date, used: list[dict[str, Any]], missed: list[dict[str, Any]]) -> None:
    console = results()
    days = (last - first).days + 1
    span = f"{first} to {last}, {days} day{'' if days == 1 else 's'} of UTC"
    console.print(Text(f"{plain(institution)}  {span}", style="bold"))
    if not used and not missed:
        console.print("no calls")
    if used:
        total: dict[str, Any] = {"model": "total", "purpose": ""}
        for name in _AMOUNTS:
            total[name] = sum((Decimal(line[name]) for line in used), Decimal(0))
        console.print(_table(used if len(used) == 1 else [*used, total], "model", "purpose", *_AMOUNTS))
    if missed:
        console.print(_table(missed, *_MISSED))


def _table(lines: list[dict[str, Any]], *names: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name.replace("_", " "), justify="right" if name in _AMOUNTS else "left", overflow="fold")
    for line in lines:
        table.add_row(*(Text(_shown(name, line[name])) for name in names))
    return table


def _shown(name: str, value: object) -> str:
    if name == "yen":
        return f"{Decimal(str(value)):,.2f}"
    return f"{int(str(value)):,}" if name in _AMOUNTS else plain(str(value))
