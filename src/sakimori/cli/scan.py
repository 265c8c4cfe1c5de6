"""``sakimori scan``: look for attacks in telemetry at rest."""

import contextlib
import io
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sakimori.access.rights import Right
from sakimori.cli.group import Command
from sakimori.cli.output import progress as progress_console
from sakimori.cli.output import results
from sakimori.cli.rule_choice import RuleChoice, choosing_rules, percent
from sakimori.cli.view import finding_line, incident_of, show_incident, show_rules
from sakimori.cli.writing import write_whole
from sakimori.collect import Period, Survey, read_mapping
from sakimori.collect import Progress as ReadProgress
from sakimori.core import ExitCode, InputError, Nanos, Settings, SystemClock, parse_rfc3339, plain
from sakimori.detect import Rule, SigmaDetector
from sakimori.records import Severity
from sakimori.records.ocsf import detection_finding, incident_finding
from sakimori.service import RuleSet, ScanResult, Team, installation, own_rules, scan_paths
from sakimori.share import Case, Reading, Report, render

_WORTH_A_WORKER = 64 * 1024 * 1024
"""Bytes on disk."""
_SHOWN_INCIDENTS = 25
_SHOWN_RULES = 12
_SHOWN_NOTES = 12


@click.command(cls=Command, right=Right.SCAN_TELEMETRY)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--rules",
    "rule_paths",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Sigma rules: a file or folder; may be repeated. Default: the rules that ship with Sakimori.",
)
@choosing_rules
@click.option(
    "--format", "form", type=click.Choice(["table", "jsonl", "ocsf", "html"]), default="table", show_default=True
)
@click.option(
    "--mapping",
    "mapping_paths",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What a log of your own means, JSON or CSV (docs/collect.md); may be repeated.",
)
@click.option("--since", metavar="TIME", help="Only events from this time on (RFC 3339; UTC where it names no zone).")
@click.option("--until", metavar="TIME", help="Only events before this time.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the result to this file.")
@click.option(
    "--fail-on",
    type=click.Choice([severity.label for severity in Severity]),
    help="End with exit code 1 if there is a finding of this severity or above.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="How many files are read at a time, each by a process of its own. Default: one per core, for large input.",
)
def scan(
    paths: tuple[Path, ...],
    rule_paths: tuple[Path, ...],
    choice: RuleChoice,
    form: str,
    mapping_paths: tuple[Path, ...],
    since: str | None,
    until: str | None,
    out: Path | None,
    fail_on: str | None,
    workers: int | None,
) -> None:
    """Look for attacks in telemetry: files, folders and archives of any mix of formats (docs/collect.md)."""
    settings = Settings.from_environment()
    if form == "html" and out is None:
        raise InputError("an HTML report needs a file: add --out report.html")
    period = Period(_moment("--since", since), _moment("--until", until))
    mappings = [read_mapping(path) for path in mapping_paths]
    console = progress_console()
    with console.status("compiling rules"):
        rules = RuleSet(
            paths=rule_paths or (own_rules(),),
            cache_dir=settings.home / "cache",
            placeholders=choice.placeholders,
            min_level=choice.min_level,
            statuses=choice.statuses,
        )
        detector = rules.load()
    _say_rules(console, detector)
    size = workers or _fitting_workers(paths)
    team = Team(rules, size) if size > 1 else None
    with installation(settings, SystemClock()) as install, _progress(console) as on_progress:
        result = scan_paths(
            install, paths, detector, team=team, mappings=mappings, period=period, on_progress=on_progress
        )
    if out:
        write_whole(out, _written(form, result, settings, rules=len(detector.rules)))
        console.print(f"written to {out}", markup=False)
    elif form == "table":
        _show(results(), result)
    else:
        for piece in _written(form, result, settings, rules=len(detector.rules)):
            click.echo(piece, nl=False)
    _say_accounts(console, result)
    raise click.exceptions.Exit(_exit_code(result, None if fail_on is None else Severity[fail_on.upper()]))


def _fitting_workers(paths: Sequence[Path]) -> int:
    """As many as there are cores, files, and shares of the input that are worth starting a process for."""
    survey = Survey(paths)
    return max(1, min(os.cpu_count() or 1, len(survey.files), survey.total // _WORTH_A_WORKER))


def _moment(option: str, text: str | None) -> Nanos | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise InputError(f"{option}: '{plain(text)}' is no time: write it like 2026-06-16T09:30:00+09:00") from error


def _say_rules(console: Console, detector: SigmaDetector) -> None:
    for error in detector.errors[:10]:
        console.print(f"rule not used: {plain(str(error))}", markup=False)
    if len(detector.errors) > 10:
        console.print(f"… and {len(detector.errors) - 10} more rules not used")
    waiting = [rule for rule in detector.rules if isinstance(rule, Rule) and rule.placeholders]
    if waiting:
        names = percent(sorted({name for rule in waiting for name in rule.placeholders})[:10])
        said = f"{len(waiting):,} rules do not run for lack of values for {names}"
        console.print(f"{said}: give them with --placeholders FILE (see sakimori rules check)", markup=False)
    if not detector.rules:
        raise InputError("no rule can be used: give --rules a folder with Sigma rules, or ask for more of them")


@contextlib.contextmanager
def _progress(console: Console) -> Generator[Callable[[ReadProgress, ScanResult], None]]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None, counts="")

        def show(step: ReadProgress, result: ScanResult) -> None:
            speed = result.reading.read / max(time.monotonic() - began, 0.1)
            counts = f"{result.reading.read:,} events, {speed:,.0f}/s, {len(result.findings):,} findings"
            if result.reading.rejected:
                counts += f", {result.reading.rejected:,} rejected"
            name = Path(step.path).name
            bar.update(task, total=step.total, completed=step.done, description=name[:40], counts=counts)

        yield show


def _written(form: str, result: ScanResult, settings: Settings, *, rules: int) -> Iterator[bytes]:
    """In pieces, since a hundred thousand findings are a large text."""
    match form:
        case "jsonl":
            incidents = incident_of(result.incidents)
            for finding in result.findings:
                yield finding_line(finding, incidents)
        case "ocsf":
            for event in _ocsf(result):
                yield orjson.dumps(event) + b"\n"
        case "html":
            yield render(_report(result, settings, rules=rules)).encode()
        case _:
            text = io.StringIO()
            _show(results(text), result)
            yield text.getvalue().encode()


def _ocsf(result: ScanResult) -> Iterator[dict[str, Any]]:
    """Detection Findings (class 2004), then Incident Findings (2005) about them."""
    yield from map(detection_finding, result.findings)
    by_id = {finding.id: finding for finding in result.findings}
    for incident in result.incidents:
        yield incident_finding(incident, [by_id[id] for id in incident.finding_ids if id in by_id], None)


def _show(console: Console, result: ScanResult) -> None:
    """Incidents first, then what made none."""
    by_id = {finding.id: finding for finding in result.findings}
    for incident in result.incidents[:_SHOWN_INCIDENTS]:
        show_incident(console, incident, [by_id[id] for id in incident.finding_ids if id in by_id], rules=_SHOWN_RULES)
    if len(result.incidents) > _SHOWN_INCIDENTS:
        console.print(f"\n… and {len(result.incidents) - _SHOWN_INCIDENTS} more incidents: sakimori incidents list")
    taken = incident_of(result.incidents)
    rest = [finding for finding in result.findings if finding.id not in taken]
    if rest:
        console.print(f"\n{len(rest):,} findings too weak to make an incident")
        show_rules(console, rest, most=_SHOWN_RULES)
    if not result.findings:
        console.print("nothing found" if result.reading.sources else "nothing was read")


def _report(result: ScanResult, settings: Settings, *, rules: int) -> Report:
    by_id = {finding.id: finding for finding in result.findings}
    cases = tuple(
        Case(incident=incident, findings=tuple(by_id[id] for id in incident.finding_ids if id in by_id))
        for incident in result.incidents
    )
    reading = result.reading
    english, japanese = _titles(result)
    return Report(
        tenant=settings.tenant,
        title_en=english,
        title_ja=japanese,
        made_at=SystemClock().now(),
        reading=Reading(
            sources=len(reading.sources),
            evaluated=reading.evaluated,
            rejected=reading.rejected,
            rules=rules,
            notes=tuple(reading.notes[:100]),
        ),
        cases=cases,
        other_findings=len(result.findings) - sum(len(case.findings) for case in cases),
        language=settings.language,
    )


def _titles(result: ScanResult) -> tuple[str, str]:
    if not result.complete:
        return "What the scan found (interrupted: partial)", "走査の結果（中断・一部のみ）"
    if not result.reading.sources:
        return "Nothing was read", "読み取れたデータはありません"
    return "What the scan found", "走査の結果"


def _say_accounts(console: Console, result: ScanResult) -> None:
    reading = result.reading
    for note in reading.notes[:_SHOWN_NOTES]:
        console.print(plain(note), markup=False, style="dim", soft_wrap=True)
    if len(reading.notes) > _SHOWN_NOTES:
        console.print(f"… and {len(reading.notes) - _SHOWN_NOTES} more notes", style="dim")
    if reading.skipped:
        kinds = ", ".join(f"{count:,} × {reason}" for reason, count in reading.skipped.most_common())
        console.print(f"{reading.skipped.total():,} files are no telemetry that is read here: {kinds}", soft_wrap=True)
    console.print(
        f"{reading.read:,} events read from {len(reading.sources):,} sources = {reading.evaluated:,} evaluated + "
        f"{reading.rejected:,} rejected; {len(result.findings):,} findings; {len(result.incidents):,} incidents"
    )
    if result.unkept:
        console.print(f"not everything was kept: {plain(result.unkept)}", style="bold", markup=False, soft_wrap=True)
    if result.complete and not reading.sources:
        console.print("nothing was read: there is no telemetry here that can be", style="bold")
    if reading.rejected or reading.failed:
        console.print(f"all that could not be read, with reasons: {result.dead_letters}", markup=False, soft_wrap=True)
    if reading.outside:
        console.print(f"{reading.outside:,} events lie outside the asked time and were not looked at")
    if reading.untimed:
        console.print(f"{reading.untimed:,} events carry no usable time and were given the time of reading")
    if reading.repaired:
        console.print(f"{reading.repaired:,} events hold text that is no UTF-8: it was read with \ufffd in its place")
    if not result.complete:
        console.print("interrupted: this is part of the input; what is here is right, and kept", style="bold")
    if not result.copied:
        console.print("interrupted: the raw records behind the incidents were not all copied; scan again to copy them")


def _exit_code(result: ScanResult, fail_on: Severity | None) -> ExitCode:
    reading = result.reading
    if not result.complete or not result.copied:
        return ExitCode.INTERRUPTED
    if result.unkept:
        return ExitCode.ENVIRONMENT
    if fail_on is not None and any(finding.severity >= fail_on for finding in result.findings):
        return ExitCode.FOUND
    return ExitCode.INPUT if reading.rejected or reading.failed or not reading.sources else ExitCode.OK
