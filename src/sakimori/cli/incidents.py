"""``sakimori incidents``: what scans and the live defence found, as stories."""

import click
import orjson
from rich.text import Text

from sakimori.access.rights import Right
from sakimori.cli.group import Group
from sakimori.cli.output import results
from sakimori.cli.view import moment, severity_text, show_incident
from sakimori.core import InputError, Settings, SystemClock, plain
from sakimori.records import Finding, Incident, Verdict, as_plain
from sakimori.service import installation
from sakimori.store import Snapshot


@click.group(cls=Group)
def incidents() -> None:
    """List the incidents that were found, and show one with its findings and verdict."""


@incidents.command(name="list", right=Right.READ_INCIDENTS)
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def list_incidents(form: str) -> None:
    """List incidents, most severe first."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.snapshot(install.tenant) as snapshot,
    ):
        found = sorted(snapshot.all(Incident), key=lambda incident: (-incident.severity, -incident.score))
    found = [incident for incident in found if incident.merged_into is None]
    console = results()
    for incident in found:
        if form == "jsonl":
            click.echo(orjson.dumps(as_plain(incident)))
        else:
            title = Text(plain(incident.title))
            console.print(Text(incident.id), severity_text(incident.severity), moment(incident.last_time), title)
    if not found and form == "table":
        console.print("no incidents: `sakimori scan PATH` looks for some")


@incidents.command(right=Right.READ_INCIDENTS)
@click.argument("incident_id", metavar="ID")
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def show(incident_id: str, form: str) -> None:
    """Show one incident: its findings, and what was concluded."""
    with (
        installation(Settings.from_environment(), SystemClock()) as install,
        install.database.snapshot(install.tenant) as snapshot,
    ):
        incident = _incident(snapshot, incident_id)
        findings = [finding for id in incident.finding_ids if (finding := snapshot.get(Finding, id))]
        verdicts = [verdict for verdict in snapshot.all(Verdict) if verdict.incident_id == incident.id]
    if form == "jsonl":
        for document in (incident, *findings, *verdicts):
            click.echo(orjson.dumps({"schema": type(document).SCHEMA, **as_plain(document)}))
        return
    console = results()
    show_incident(console, incident, findings, rules=1000)
    if verdicts:
        verdict = max(verdicts, key=lambda verdict: verdict.made_at)
        by = f"the model {plain(verdict.model)}" if verdict.model else "the offline investigator: no model was used"
        console.print(Text(f"\n  {verdict.disposition} → {verdict.route}  (by {by})", style="bold"))
        console.print(Text(f"  {plain(verdict.summary)}"))
        for claim in verdict.claims:
            cited = ", ".join(f"{cite.event_id} {cite.field}" for cite in claim.citations)
            console.print(Text(f"  - {plain(claim.statement)}"), Text(f"[{cited}]", style="dim"))


def _incident(snapshot: Snapshot, incident_id: str) -> Incident:
    """The incident, or the older one that it was merged into."""
    incident = snapshot.get(Incident, incident_id)
    if incident is None:
        raise InputError(f"there is no incident {incident_id}: `sakimori incidents list` shows those there are")
    return _incident(snapshot, incident.merged_into) if incident.merged_into else incident
