"""Findings -> incidents, extending the incidents known before."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sakimori.incidents import links, story
from sakimori.records import Finding, Incident, IncidentStatus, Severity


def group(findings: Iterable[Finding], known: Sequence[Incident]) -> list[Incident]:
    """All incidents after ``findings``: most severe first, merged ones last.

    The answer does not depend on the order of ``findings`` or ``known``, and handing in the same again changes nothing.
    A known incident keeps its id and its findings; two that turn out to be one are merged into the older, and the
    younger says so in ``merged_into``. A resolved incident stays as it is: what goes on from it becomes a new incident
    that says so in ``follows``. Institutions never mix.
    """
    by_tenant: defaultdict[str, dict[str, Finding]] = defaultdict(dict)
    for finding in findings:
        by_tenant[finding.tenant][finding.id] = finding
    known_by_tenant: defaultdict[str, list[Incident]] = defaultdict(list)
    for incident in known:
        known_by_tenant[incident.tenant].append(incident)
    grouped = [
        incident
        for tenant in by_tenant.keys() | known_by_tenant.keys()
        for incident in _group_tenant(by_tenant[tenant].values(), known_by_tenant[tenant])
    ]
    return sorted(grouped, key=_queue_order)


def _queue_order(incident: Incident) -> tuple[bool, int, float, int, str, str]:
    merged = incident.merged_into is not None
    return merged, -incident.severity, -incident.score, incident.first_time, incident.tenant, incident.id


def _group_tenant(unordered: Iterable[Finding], known: Sequence[Incident]) -> list[Incident]:
    findings = sorted(unordered, key=lambda finding: (finding.first_time, finding.id))
    incidents = {incident.id: incident for incident in known}
    home = _homes(findings, incidents)

    threads = _Threads(len(findings))
    threads.join_all(links.joined(findings, [finding.severity for finding in findings]))
    weighs = _severest(findings, threads)
    threads.join_all(links.joined(findings, weighs))
    _join_members(threads, home)
    threads.join_all((minor, major) for minor, major in links.attached(findings, weighs).items() if minor not in home)

    for members in threads.all():
        homes = {home[index] for index in members if index in home}
        resolved = {id for id in homes if incidents[id].status is IncidentStatus.RESOLVED}
        thread = [findings[index] for index in members if home.get(index) not in resolved]
        for incident in _settled(
            thread, [incidents[id] for id in homes - resolved], [incidents[id] for id in resolved]
        ):
            incidents[incident.id] = incident
    return list(incidents.values())


def _settled(findings: Sequence[Finding], open_: Sequence[Incident], resolved: Sequence[Incident]) -> list[Incident]:
    """The incidents that are new or changed because ``findings`` are one story, some of it told already."""
    if open_:
        oldest, *younger = sorted(open_, key=_age)
        return [
            story.told(story.absorbed(oldest, younger), findings),
            *(replace(incident, merged_into=oldest.id) for incident in younger),
        ]
    if any(finding.severity >= links.SIGNIFICANT for finding in findings):
        return [_new(findings, follows=max(resolved, key=_age).id if resolved else None)]
    return []


def _age(incident: Incident) -> tuple[int, str]:
    return incident.first_time, incident.id


def _homes(findings: Sequence[Finding], incidents: dict[str, Incident]) -> dict[int, str]:
    """By index, the id of the incident that holds a finding already."""
    index_of = {finding.id: index for index, finding in enumerate(findings)}
    return {
        index_of[id]: _root(incident, incidents)
        for incident in sorted(incidents.values(), key=_age)
        for id in incident.finding_ids
        if id in index_of
    }


def _root(incident: Incident, incidents: dict[str, Incident]) -> str:
    """The incident that ``incident`` was merged into at last; itself where it was not, or where that one is gone."""
    passed: set[str] = set()
    while incident.merged_into in incidents and incident.id not in passed:
        passed.add(incident.id)
        incident = incidents[incident.merged_into]
    return incident.id


def _severest(findings: Sequence[Finding], threads: "_Threads") -> list[Severity]:
    """For each finding the highest severity in its thread."""
    severest: dict[int, Severity] = {}
    for index, finding in enumerate(findings):
        thread = threads.find(index)
        severest[thread] = max(severest.get(thread, finding.severity), finding.severity)
    return [severest[threads.find(index)] for index in range(len(findings))]


def _join_members(threads: "_Threads", home: dict[int, str]) -> None:
    first: dict[str, int] = {}
    for index, id in home.items():
        threads.join(first.setdefault(id, index), index)


def _new(findings: Sequence[Finding], *, follows: str | None) -> Incident:
    first = findings[0]
    digest = hashlib.blake2b(f"{first.tenant}\0{first.id}".encode(), digest_size=12).hexdigest()
    return story.told(
        Incident(
            id=f"in-{digest}",
            tenant=first.tenant,
            title="",
            title_ja="",
            severity=first.severity,
            score=0.0,
            first_time=first.first_time,
            last_time=first.last_time,
            finding_ids=(),
            entities=(),
            follows=follows,
        ),
        findings,
    )


class _Threads:
    """Disjoint sets of the indexes 0 to ``size`` - 1 (union by smallest index, path halving)."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, index: int) -> int:
        parent = self._parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(self, one: int, other: int) -> None:
        one, other = sorted((self.find(one), self.find(other)))
        self._parent[other] = one

    def join_all(self, pairs: Iterable[tuple[int, int]]) -> None:
        for one, other in pairs:
            self.join(one, other)

    def all(self) -> list[list[int]]:
        """Each set in ascending order, the sets by their first members."""
        sets: defaultdict[int, list[int]] = defaultdict(list)
        for index in range(len(self._parent)):
            sets[self.find(index)].append(index)
        return list(sets.values())
