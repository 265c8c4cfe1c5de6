"""``sakimori rules``: what a rule collection holds, needs and covers, and whether it works."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sakimori import collect
from sakimori.cli.group import Group
from sakimori.cli.output import progress as progress_console
from sakimori.cli.output import results
from sakimori.cli.rule_choice import RuleChoice, choosing_rules, percent, placeholder_advice, placeholders_option
from sakimori.cli.view import severity_text
from sakimori.cli.writing import write_whole
from sakimori.core import ExitCode, InputError, Settings, SystemClock, plain
from sakimori.detect import Placeholders, Rule
from sakimori.detect.sigma.catalogue import Catalogue, Entry, catalogue
from sakimori.records import EventBatch, EventRef
from sakimori.share import CoveredRule, coverage_matrix, render_coverage
from sakimori.share.attack import tactic_name

if TYPE_CHECKING:
    from sakimori.detect.sigma.trial import Trial

_PATHS = click.argument(
    "paths", metavar="DIR...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)

_SHOWN = 10
"""Techniques of a tactic that a terminal is shown; the HTML file has all."""


@click.group(cls=Group)
def rules() -> None:
    """Look at Sigma rules: whether they can be used, what they need and cover, whether and why they match."""


@rules.command()
@_PATHS
@choosing_rules
def check(paths: tuple[Path, ...], choice: RuleChoice) -> ExitCode:
    """Check that every rule in the folders can be used: each problem, and what a rule waits for, with file and line."""
    found = _catalogue(paths, choice)
    for error in found.errors:
        click.echo(plain(str(error)))
    waiting = [entry for entry in found.entries if entry.placeholders]
    for entry in waiting:
        place = f"{entry.header.path}:{entry.header.line}"
        whose = "" if entry.type == "rule" else " in a rule that it refers to"
        click.echo(f"{plain(place)}: does not run before {percent(entry.placeholders)} has values{whose}")
    summary = f"{len(found.entries):,} rules can be used, {len(found.errors):,} problems"
    if waiting:
        summary += f"; {len(waiting):,} of them do not run before their placeholders have values"
    click.echo(summary, err=True)
    if waiting:
        click.echo(placeholder_advice(Counter(name for entry in waiting for name in entry.placeholders)), err=True)
    return ExitCode.FOUND if found.errors else ExitCode.OK


@rules.command(name="list")
@_PATHS
@choosing_rules
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def list_command(paths: tuple[Path, ...], choice: RuleChoice, form: str) -> ExitCode:
    """List the rules with the log sources and fields that each needs, level, status and ATT&CK."""
    found = _catalogue(paths, choice)
    if form == "jsonl":
        for entry in found.entries:
            click.echo(_entry_line(entry))
    else:
        results().print(_entry_table(found))
    return _left_out(found)


@rules.command()
@_PATHS
@choosing_rules
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the picture to this HTML file.")
def coverage(paths: tuple[Path, ...], choice: RuleChoice, out: Path | None) -> ExitCode:
    """Show which ATT&CK techniques the rules cover, by tactic, and with how many rules."""
    found = _catalogue(paths, choice)
    covered = [
        CoveredRule(
            title=entry.header.title,
            title_ja=entry.header.title_ja,
            severity=entry.header.severity,
            tactics=entry.header.tactics,
            techniques=entry.header.techniques,
        )
        for entry in found.entries
    ]
    if out is None:
        _show_coverage(results(), covered)
    else:
        settings = Settings.from_environment()
        page = render_coverage(covered, made_at=SystemClock().now(), language=settings.language)
        write_whole(out, page.encode())
        progress_console().print(f"written to {out}", markup=False)
    return _left_out(found)


@rules.command(name="test")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Recordings with their info.yml. Default: DIR/regression_data, or DIR itself.",
)
@choosing_rules
def test_command(folder: Path, data: Path | None, choice: RuleChoice) -> ExitCode:
    """Test the rules in DIR against labelled recordings: each must match as many events as its info.yml says."""
    # Imported here because no other command needs it.
    from sakimori.evals.rules import evaluate, labelled_tests, rules_under_test

    if data is None:
        data = folder / "regression_data" if (folder / "regression_data").is_dir() else folder
    tests = labelled_tests(data)
    detector, known = rules_under_test(
        folder, tests, placeholders=choice.placeholders, min_level=choice.min_level, statuses=choice.statuses
    )
    for problem in detector.errors:
        click.echo(f"rule not used: {plain(str(problem))}", err=True)
    run = [test for test in tests if test.rule_id in known]
    if not run:
        raise InputError(f"{data}: none of the {len(tests):,} recordings is for a rule in {folder} that is asked for")
    waiting = {rule.header.id: rule.placeholders for rule in detector.rules if isinstance(rule, Rule)}
    outcome = evaluate(run, detector)
    failed = [result for result in outcome if not result.passed]
    for result in failed:
        test = result.test
        reason = result.problem or f"{result.found} of {test.matches} events matched"
        if names := waiting.get(test.rule_id):
            reason = f"does not run before {percent(names)} has values (--placeholders FILE)"
        click.echo(plain(f"failed: {test.title} ({test.rule_id}): {reason} in {test.recording}"))
    click.echo(f"{len(outcome) - len(failed):,} of {len(outcome):,} recordings matched")
    if len(run) < len(tests):
        others = f"{len(tests) - len(run):,} recordings are for rules that are not in {folder}, or not asked for"
        click.echo(others, err=True)
    return ExitCode.FOUND if failed or detector.errors else ExitCode.OK


@rules.command(name="try")
@click.argument("rule", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--event", "event_id", metavar="ID", help="Explain this event.")
@click.option(
    "--events",
    "most",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How many events to explain; of a correlation, how many groups.",
)
@click.option(
    "--rules",
    "others",
    metavar="PATH",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="File or folder with the rules that a correlation in RULE refers to, and filters; may be repeated.",
)
@placeholders_option
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def try_command(
    rule: Path,
    paths: tuple[Path, ...],
    event_id: str | None,
    most: int,
    others: tuple[Path, ...],
    placeholders: Placeholders | None,
    form: str,
) -> ExitCode:
    """Show why RULE matches an event or does not: each condition, what it wants and what it sees.

    Without --event, the first events of the rule's log source are explained. Where RULE holds a correlation, all events
    are read instead, and it is shown which rules matched how often and which groups came nearest to its condition.
    """
    # Imported here because pySigma takes half a second to load, which other commands do not need.
    from sakimori.detect.sigma.trial import Trial

    cache = Settings.from_environment().home / "cache"
    if event_id is None and (trial := Trial.load(rule, others, placeholders=placeholders, cache_dir=cache)):
        _try_correlations(trial, paths, most, form)
    else:
        _try_events(rule, paths, event_id, most, placeholders, form)
    return ExitCode.OK


def _try_correlations(trial: "Trial", paths: tuple[Path, ...], most: int, form: str) -> None:
    from sakimori.cli.correlation_account import account_line, show_account

    seen = 0
    with progress_console().status("reading events"):
        for batch in _batches(paths):
            seen += len(batch)
            trial.detect(batch)
    if not seen:
        raise InputError("no event was read: give files with events of the rules' log sources")
    console = results()
    for account in trial.end(most):
        if form == "jsonl":
            click.echo(account_line(account))
        else:
            show_account(console, account)


def _try_events(
    rule: Path, paths: tuple[Path, ...], event_id: str | None, most: int, placeholders: Placeholders | None, form: str
) -> None:
    from sakimori.cli.explanation import explanation_line, show_explanation
    from sakimori.detect.sigma.explain import explainers

    made = explainers(rule, placeholders)
    wanted = EventRef.parse(event_id) if event_id else None
    console, shown, seen, left = results(), 0, 0, dict.fromkeys((item.line for item in made), most)
    for batch in _batches(paths):
        seen += len(batch)
        for explainer in made:
            for row in _rows(batch, wanted, left[explainer.line] if explainer.looks_at(batch.kind) else 0):
                explanation = explainer.explain(batch.kind, batch.fields(row))
                if form == "jsonl":
                    click.echo(explanation_line(explainer, batch, row, explanation))
                else:
                    show_explanation(console, explainer, batch, row, explanation)
                left[explainer.line] -= 1
                shown += 1
        if not any(left.values()) or (wanted and shown):
            break
    if not shown:
        raise InputError(_nothing_to_explain(event_id, seen, sorted({str(item.source) for item in made})))


def _batches(paths: tuple[Path, ...]) -> Iterator[EventBatch]:
    """What is read; a source that cannot be is named on standard error."""
    for item in collect.read(paths, tenant=Settings.from_environment().tenant, clock=SystemClock()):
        if isinstance(item, collect.SourceRead) and item.outcome is collect.Outcome.FAILED:
            click.echo(plain(f"{item.path}: {item.reason}"), err=True)
        if isinstance(item, EventBatch):
            yield item


def _nothing_to_explain(event_id: str | None, seen: int, sources: list[str]) -> str:
    if event_id:
        return f"no event {event_id} is among the {seen:,} events read: give the file that holds it"
    return f"none of the {seen:,} events read is of the rule's log source ({', '.join(sources)})"


def _rows(batch: EventBatch, wanted: EventRef | None, most: int) -> list[int]:
    if wanted is None:
        return list(range(min(most, len(batch))))
    if batch.source.digest[:24] != wanted.digest:
        return []
    return [row for row in range(len(batch)) if batch.event_id(row) == wanted.event_id]


def _catalogue(paths: tuple[Path, ...], choice: RuleChoice) -> Catalogue:
    with progress_console().status("reading rules"):
        found = catalogue(
            paths,
            Settings.from_environment().home / "cache",
            placeholders=choice.placeholders,
            min_level=choice.min_level,
            statuses=choice.statuses,
        )
    if not found.entries and not found.errors:
        asked = choice.min_level is not None or choice.statuses is not None
        such = " of this level and status" if asked else ""
        raise InputError(f"{', '.join(map(str, paths))}: holds no rules{such}: give a folder with Sigma rules (.yml)")
    return found


def _left_out(found: Catalogue) -> ExitCode:
    if not found.errors:
        return ExitCode.OK
    click.echo(f"{len(found.errors):,} rules cannot be used and are left out: sakimori rules check", err=True)
    return ExitCode.INPUT


def _entry_line(entry: Entry) -> bytes:
    header = entry.header
    line = {
        "id": header.id,
        "title": header.title,
        "type": entry.type,
        "level": header.severity.label,
        "status": header.status,
        "logsources": [
            {"product": source.product, "category": source.category, "service": source.service}
            for source in entry.sources
        ],
        "fields": entry.fields,
        "keywords": entry.keywords,
        "placeholders": entry.placeholders,
        "tactics": header.tactics,
        "techniques": header.techniques,
        "path": header.path.encode("utf-8", "backslashreplace").decode(),  # a file's name may be no UTF-8
        "line": header.line,
    }
    return orjson.dumps(line)


def _entry_table(found: Catalogue) -> Table:
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("level", width=13, no_wrap=True)
    table.add_column("status", width=12, no_wrap=True)
    table.add_column("rule", ratio=5)
    table.add_column("log source", ratio=3)
    table.add_column("fields", ratio=4)
    table.add_column("ATT&CK", ratio=2)
    for entry in found.entries:
        fields = [*entry.fields, *(["any field"] if entry.keywords else [])]
        fields += [f"%{name}% (placeholder)" for name in entry.placeholders]
        table.add_row(
            severity_text(entry.header.severity),
            Text(entry.header.status, style="dim"),
            Text(plain(entry.header.title) + ("" if entry.type == "rule" else f" [{entry.type}]")),
            Text(plain(", ".join(map(str, entry.sources)))),
            Text(plain(", ".join(fields)), style="dim"),
            Text(" ".join(entry.header.techniques or entry.header.tactics)),
        )
    return table


def _show_coverage(console: Console, covered: list[CoveredRule]) -> None:
    matrix = coverage_matrix(covered)
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("tactic", width=22, no_wrap=True)
    table.add_column("rules", width=6, justify="right")
    table.add_column("techniques", width=10, justify="right")
    table.add_column("with how many rules", ratio=1)
    for column in matrix.columns:
        fullest = sorted(column.cells, key=lambda cell: -cell.rules)
        cells = Text("  ").join(
            Text(f"{cell.technique}").append(f" {cell.rules}", style="dim") for cell in fullest[:_SHOWN]
        )
        if len(fullest) > _SHOWN:
            cells.append(f"  … and {len(fullest) - _SHOWN} more", style="dim")
        table.add_row(tactic_name(column.tactic)[0], f"{column.rules:,}", f"{len(column.cells):,}", cells)
    console.print(table)
    tagged = f"{matrix.tagged:,} of {matrix.rules:,} rules"
    console.print(f"{matrix.techniques:,} techniques in {len(matrix.columns)} tactics by {tagged}")
