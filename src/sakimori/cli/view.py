"""How incidents and findings look in a terminal and as JSON lines."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sakimori.core import Nanos, plain, rfc3339
from sakimori.records import Entity, EntityType, Finding, Incident, Severity
from sakimori.share.attack import tactic_name
from sakimori.share.words import claimed_by, word


def moment(time: Nanos) -> str:
    """To the second, UTC, for tables."""
    return rfc3339(time)[:19].replace("T", " ") + "Z"


def severity_text(severity: Severity, language: str = "en") -> Text:
    return Text(word(severity.label)[language == "ja"], style=f"severity.{severity.label}")


@dataclass(frozen=True, slots=True)
class _RuleLine:
    """All findings of one rule, as one line."""

    severity: Severity
    title: str
    count: int
    first: Nanos
    where: str
    event_id: str


def show_incident(
    console: Console, incident: Incident, findings: Sequence[Finding], *, rules: int, language: str = "en"
) -> None:
    """The incident's head line, its story, and its findings by rule, at most ``rules`` lines of them."""
    ja = language == "ja"
    title = incident.title_ja if ja else incident.title
    console.print()
    console.print(severity_text(incident.severity, language), Text(plain(title), style="bold"), sep="  ")
    tactics = " → ".join(tactic_name(tactic)[ja] for tactic in incident.tactics)
    span = f"{moment(incident.first_time)} – {moment(incident.last_time)}"
    console.print(Text(f"  {incident.id}  score {incident.score:.0f}  {span}", style="dim"))
    if tactics:
        console.print(Text(f"  {tactics}"))
    show_rules(console, findings, most=rules, language=language)


def show_rules(console: Console, findings: Iterable[Finding], *, most: int, language: str = "en") -> None:
    lines = _by_rule(findings, language)
    table = Table(box=None, padding=(0, 1), show_header=False, expand=True)
    for ratio, width in ((None, 15), (None, 6), (5, None), (None, 20), (3, None), (None, 42)):
        table.add_column(ratio=ratio, width=width, no_wrap=True, overflow="ellipsis")
    for line in lines[:most]:
        table.add_row(
            severity_text(line.severity, language),
            Text(f"×{line.count}" if line.count > 1 else ""),
            Text(plain(line.title)),
            Text(moment(line.first), style="dim"),
            Text(plain(line.where), style="dim"),
            Text(line.event_id, style="dim"),
        )
    console.print(table)
    if len(lines) > most:
        console.print(Text(f"    … and {len(lines) - most} more rules", style="dim"))


def _by_rule(findings: Iterable[Finding], language: str) -> list[_RuleLine]:
    groups: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.rule_id].append(finding)
    lines = [
        _RuleLine(
            severity=group[0].severity,
            title=_title(group[0], language),
            count=sum(finding.count for finding in group),
            first=min(finding.first_time for finding in group),
            where=_where(entity for finding in group for entity in finding.entities),
            event_id=group[0].event_ids[0] if group[0].event_ids else "",
        )
        for group in groups.values()
    ]
    return sorted(lines, key=lambda line: (-line.severity, line.first, line.title))


def _title(finding: Finding, language: str) -> str:
    title = (language == "ja" and finding.title_ja) or finding.title
    return f"{claimed_by(finding.product)[language == 'ja']}: {title}" if finding.product else title  # ends are cut


def _where(entities: Iterable[Entity]) -> str:
    hosts = list(dict.fromkeys(entity.value for entity in entities if entity.type is EntityType.HOST))
    return hosts[0] + (f" +{len(hosts) - 1}" if len(hosts) > 1 else "") if hosts else ""


def finding_line(finding: Finding, incident_of: Mapping[str, str]) -> bytes:
    """One finding as a JSON line; ``fields`` are the matched values of its first event."""
    line = {
        "id": finding.id,
        "rule_id": finding.rule_id,
        "title": finding.title,
        "severity": finding.severity.label,
        "time": rfc3339(finding.first_time),
        "last_time": rfc3339(finding.last_time),
        "count": finding.count,
        "tactics": finding.tactics,
        "techniques": finding.techniques,
        "entities": [str(entity) for entity in finding.entities],
        "event_ids": finding.event_ids,
        "source": finding.source,
        "product": finding.product,
        "fields": finding.evidence[0].fields if finding.evidence else {},
        "incident": incident_of.get(finding.id),
    }
    return orjson.dumps(line) + b"\n"


def incident_of(incidents: Iterable[Incident]) -> dict[str, str]:
    """Incident id by finding id."""
    return {finding_id: incident.id for incident in incidents for finding_id in incident.finding_ids}
