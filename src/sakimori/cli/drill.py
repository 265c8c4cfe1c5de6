"""``sakimori drill``: attacks on the cyber range, with and without the defence."""

from pathlib import Path

import click
import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from sakimori.cli.group import Group
from sakimori.cli.output import progress as progress_console
from sakimori.cli.output import results
from sakimori.core import Settings
from sakimori.evals.outcome import Comparison, Summary, compare, summary


@click.group(cls=Group)
def drill() -> None:
    """Let a simulated crew attack a simulated bank, and measure what the defence is worth."""


@drill.command(name="compare")
@click.option("--seeds", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many attacks.")
@click.option("--first", type=click.IntRange(0), default=1, show_default=True, help="The first seed.")
@click.option("--hosts", type=click.IntRange(20, 500), default=50, show_default=True)
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Detect with these Sigma rules instead of those that ship with Sakimori.",
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def compare_command(seeds: int, first: int, hosts: int, rules: tuple[Path, ...], form: str) -> None:
    """Play each attack twice, with and without the defence (offline investigator: no model), and compare."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=progress_console(), transient=True) as bar:
        task = bar.add_task("drills", total=seeds)
        comparisons = compare(
            range(first, first + seeds),
            hosts=hosts,
            rules=rules,
            cache_dir=Settings.from_environment().home / "cache",
            on_done=lambda _: bar.advance(task),
        )
    if form == "json":
        click.echo(orjson.dumps(_plain(comparisons), option=orjson.OPT_INDENT_2))
    else:
        _show(comparisons)


def _show(comparisons: list[Comparison]) -> None:
    table = Table("seed", title="Hosts lost, and how the defence did", title_justify="left")
    for heading in ("lost without", "lost with", "first containment", "contained", "needless", "incidents", "events"):
        table.add_column(heading, justify="right")
    for item in comparisons:
        play = item.defended
        table.add_row(
            str(item.seed),
            f"{item.undefended.lost} / {item.undefended.hosts}",
            f"{play.lost} / {play.hosts}",
            _minutes(play.minutes_to_first_containment),
            _minutes(play.minutes_to_contain),
            f"{play.needless} / {len(play.containments)}",
            str(play.incidents),
            f"{play.events:,}",
        )
    console = results()
    console.print(table)
    total = summary(comparisons)
    console.print(
        f"Mean share of hosts lost: {total.lost_undefended:.0%} without, {total.lost_defended:.0%} with the defence. "
        f"Median simulated minutes from the first malicious event to the first containment: "
        f"{_minutes(total.minutes_to_first_containment)}, to the last: {_minutes(total.minutes_to_contain)}."
    )


def _minutes(minutes: float | None) -> str:
    return "never" if minutes is None else f"{minutes:.0f} min"


def _plain(comparisons: list[Comparison]) -> dict[str, object]:
    total: Summary = summary(comparisons)
    return {
        "drills": [
            {
                "seed": item.seed,
                "hosts": item.defended.hosts,
                "lost_without": item.undefended.lost,
                "lost_with": item.defended.lost,
                "minutes_to_first_containment": item.defended.minutes_to_first_containment,
                "minutes_to_contain": item.defended.minutes_to_contain,
                "containments": len(item.defended.containments),
                "needless": item.defended.needless,
                "incidents": item.defended.incidents,
                "findings": item.defended.findings,
                "events": item.defended.events,
            }
            for item in comparisons
        ],
        "summary": {name: getattr(total, name) for name in Summary.__slots__},
    }
