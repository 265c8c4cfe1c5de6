"""The live defence of one institution: telemetry in; incidents, verdicts and responses out, as they develop.

It wires the rooms and decides nothing itself. All that it does is in the database and the ledger before the next thing
happens, so it can die at any moment and be started again; one process at a time defends an institution (``Watch``).
What a round found, the open windows of correlations and how far each followed log was read are kept in one transaction:
a restart neither loses nor repeats an event.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sakimori import incidents
from sakimori.access.rights import Rights
from sakimori.collect import AlertRead, Follower, Item
from sakimori.core import Nanos
from sakimori.detect import Detector
from sakimori.investigate import Case, InvestigationFailed, Investigator
from sakimori.records import (
    Entity,
    EventBatch,
    Execution,
    Finding,
    Incident,
    Inventory,
    LedgerEntry,
    Plan,
    Ruling,
    Severity,
    Source,
    Verdict,
)
from sakimori.respond import Executor, Grounds, Playbook, RegisteredApprovers, ResponsePolicy, plan
from sakimori.respond.connectors import Connector
from sakimori.service.alerts import severest
from sakimori.service.approvals import go_on
from sakimori.service.evidence import RecentEvents
from sakimori.service.installation import Installation
from sakimori.service.keeping import keep_evidence
from sakimori.service.measures import Round
from sakimori.service.progress import Progress, Step
from sakimori.service.reading import ReadingCount
from sakimori.service.watch import Watch
from sakimori.store import Transaction
from sakimori.store.journal import standing

LATENESS: Nanos = 15 * 60 * 10**9
"""How late telemetry may arrive in a live defence, for ``SigmaDetector.load``: what Windows Event Forwarding may hold
back in its normal mode. Longer: correlations that ask for few or none of something are answered later. Shorter: they
may be answered before all is there."""
_WORTH_INVESTIGATING = Severity.HIGH
_REMEMBERED = 1000
_RECOVER_EVERY: Nanos = 60 * 10**9
_RETRY_AFTER: Nanos = 60 * 10**9
"""How long an approved step that failed is left before it is tried again, while its request lasts."""
_AFTER_FAILURE: Nanos = 3600 * 10**9
"""How long a model is left alone that did not answer usefully."""


@dataclass(slots=True)
class Development:
    """What one round of new telemetry led to."""

    findings: list[Finding] = field(default_factory=list[Finding])
    incidents: list[Incident] = field(default_factory=list[Incident])
    """New or changed ones."""
    verdicts: list[Verdict] = field(default_factory=list[Verdict])
    plans: list[Plan] = field(default_factory=list[Plan])
    executions: list[Execution] = field(default_factory=list[Execution])
    failures: list[str] = field(default_factory=list[str])
    """Why the model had nothing to add: one sentence each."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a defence works with, besides the install itself."""

    detector: Detector
    """New: the defence gives it the state that was kept."""
    offline: Investigator
    """Needs no outside party, and comes first: containment never waits for a provider."""
    model: Investigator | None
    """Asked afterwards, where there is one: what it adds, it adds."""
    inventory: Inventory
    playbooks: Sequence[Playbook]
    connectors: Sequence[Connector]
    policy: ResponsePolicy


class Defence:
    """Defends while it has the institution's lease; where another process has it, whatever is asked of this one
    raises ``HeldElsewhere``, a StoreError that says who and until when, and nothing is read or written."""

    def __init__(self, install: Installation, means: Means, *, holder: str, place: str | None = None) -> None:
        """``holder``: a random name of this process, which marks the lease and the response steps that it holds.

        ``place``: where it runs, as people are told; by default process and host.
        """
        self._install = install
        self._means = means
        self._watch = Watch(install, holder=holder, place=place)
        self._approvers = RegisteredApprovers(Rights())
        self._executor = Executor(
            install.database,
            install.ledger,
            connectors=means.connectors,
            policy=means.policy,
            clock=install.clock,
            holder=holder,
            approvers=self._approvers,
        )
        self.evidence = RecentEvents()
        self.reading = ReadingCount(endless=True)
        self._findings: list[Finding] = []
        self._incidents: dict[str, Incident] = {}
        self._alert_sources: dict[str, Source] = {}
        """Where this round's alerts were read, by the 24 hex digits that event ids carry."""
        self._asked: dict[str, tuple[Severity, frozenset[tuple[Entity, str]]]] = {}
        self._progress = Progress(install, means.detector)
        self._recovered: Nanos | None = None
        self._ask_again: Nanos = 0

    @property
    def incidents(self) -> list[Incident]:
        return list(self._incidents.values())

    @property
    def findings(self) -> list[Finding]:
        return self._findings

    def follow(self, path: Path) -> Follower:
        """A follower of a live log for ``take_in``, which goes on where this institution's last kept round ended.

        Raises:
            HeldElsewhere: another process defends the institution.
            StoreError: the install cannot be read.
        """
        self._watch.hold()
        follower, problem = self._progress.follow(path)
        if problem:
            self.reading.note(problem)
        return follower

    async def take_in(self, read: Iterable[Item]) -> Development:
        """Detect, group, investigate and respond to new telemetry; first settle what a dead process left open, and do
        what people consented to meanwhile.

        Call it also when there is nothing to read: time passes, and windows end.

        Raises:
            HeldElsewhere: another process defends the institution, or took over while this one was held up.
            StoreError: the install cannot be used, and nothing of this round was kept: go on with a new defence and new
                followers, which begin where the round before ended.
        """
        self._watch.hold()
        round = Round()
        await self._recover()
        development = Development(executions=await self._go_on())
        development.findings = self._detect(read, round)
        if development.findings:
            development.incidents = self._group(development.findings)
        self._keep(development)
        for incident in development.incidents:
            if incident.severity >= _WORTH_INVESTIGATING and incident.merged_into is None and self._is_news(incident):
                await self._pursue(incident, development)
        round.end(
            now=self._install.clock.now(),
            findings=development.findings,
            incidents=development.incidents,
            executions=development.executions,
        )
        return development

    def close(self) -> None:
        """Give up the lease, so that a successor need not wait for its end. Raises StoreError."""
        self._watch.end()

    async def undo(self, execution_id: str, *, actor: str) -> Execution:
        return await self._executor.undo(self._install.tenant, execution_id, actor=actor)

    def case_of(self, incident: Incident) -> Case:
        wanted = set(incident.finding_ids)
        return Case(
            incident=incident,
            findings=tuple(finding for finding in self._findings if finding.id in wanted),
            evidence=self.evidence,
        )

    async def _recover(self) -> None:
        """Take up what this or another process knew and left open."""
        now = self._install.clock.now()
        if self._recovered is None:
            self._remember()
            self._resume()
        if self._recovered is None or now - self._recovered >= _RECOVER_EVERY:
            self._recovered = now
            await self._executor.recover(self._install.tenant)

    async def _go_on(self) -> list[Execution]:
        """What people consented to since the last round, and approved steps that failed a while ago."""
        return await go_on(
            self._install,
            self._executor,
            self._approvers,
            connectors={connector.name for connector in self._means.connectors},
            failed_before=self._install.clock.now() - _RETRY_AFTER,
        )

    def _remember(self) -> None:
        """The newest incidents, with their findings: their stories go on. The inventory, for who goes on without us."""
        with self._install.database.transaction(self._install.tenant) as transaction:
            self._watch.renew(transaction)
            transaction.put(self._means.inventory)
        with self._install.database.snapshot(self._install.tenant) as snapshot:
            fresh = snapshot.all(Incident, newest_first=True, limit=_REMEMBERED)
            told = (snapshot.get(Finding, id) for incident in fresh for id in incident.finding_ids)
            self._findings = [finding for finding in told if finding]
        self._incidents = {incident.id: incident for incident in fresh}
        for incident in fresh:
            self._is_news(incident)  # investigated before

    def _resume(self) -> None:
        """Correlations go on where they were."""
        if problems := self._progress.resume():
            for problem in problems:
                self.reading.note(problem)
            self._record("detection.state_dropped", self._install.tenant, {"reasons": problems[:_REMEMBERED]})

    def _detect(self, read: Iterable[Item], round: Round) -> list[Finding]:
        found: list[Finding] = []
        alerts: list[Finding] = []
        self._alert_sources = {}
        for item in read:
            self.reading.count(item)
            self._progress.see(item)
            if isinstance(item, EventBatch):
                round.see(item)
                self.evidence.add(item)
                found.extend(self._means.detector.detect(item))
            elif isinstance(item, AlertRead):
                self._alert_sources[item.source.digest[:24]] = item.source
                alerts.append(item.finding)
        found.extend(self._means.detector.advance(self._install.clock.now()))
        return found + self._news(alerts)

    def _news(self, alerts: Sequence[Finding]) -> list[Finding]:
        """Those that were not told already, or not as severe."""
        if not alerts:
            return []
        with self._install.database.snapshot(self._install.tenant) as snapshot:
            known = {alert.id: snapshot.get(Finding, alert.id) for alert in alerts}
        stand = severest(alerts, known.get)
        return [alert for alert in stand if alert is not known[alert.id]]

    def _group(self, found: Sequence[Finding]) -> list[Incident]:
        """The incidents that ``found`` made or changed."""
        again = {finding.id for finding in found if finding.product}
        if again:
            self._findings = [finding for finding in self._findings if finding.id not in again]
        self._findings.extend(found)
        newest = max(finding.last_time for finding in self._findings)
        near = [finding for finding in self._findings if finding.last_time >= newest - incidents.HORIZON]
        before = self._incidents
        self._incidents = {incident.id: incident for incident in incidents.group(near, list(before.values()))}
        return [incident for incident in self._incidents.values() if before.get(incident.id) != incident]

    def _is_news(self, incident: Incident) -> bool:
        """Whether a host or account did something of a new kind since the incident was last investigated."""
        told = frozenset(
            (entity, tactic)
            for finding in self.case_of(incident).findings
            if finding.severity >= Severity.MEDIUM
            for entity in finding.entities
            for tactic in finding.tactics
        )
        state = (incident.severity, told)
        known = self._asked.get(incident.id)
        self._asked[incident.id] = state
        return known != state

    async def _pursue(self, incident: Incident, development: Development) -> None:
        """Conclude and contain offline at once; then see what a model adds."""
        case = self.case_of(incident)
        await self._follow(await self._means.offline.investigate(case), incident, development)
        model = self._means.model
        if model is None or self._install.clock.now() < self._ask_again:
            return
        try:
            async with self._watch.kept():
                verdict = await model.investigate(case)
        except InvestigationFailed as error:
            self._ask_again = self._install.clock.now() + _AFTER_FAILURE
            development.failures.append(str(error))
            self._record("investigation.failed", incident.id, {"investigator": "model"})
        else:
            await self._follow(verdict, incident, development)

    async def _follow(self, verdict: Verdict, incident: Incident, development: Development) -> None:
        """Keep a verdict, plan what it proposes, and do what policy allows."""
        development.verdicts.append(verdict)
        self._record("verdict.made", incident.id, _verdict_facts(verdict), verdict)
        if not verdict.proposals:
            return
        grounds = Grounds(verdict=verdict, incident=incident, inventory=self._means.inventory)
        with self._install.database.snapshot(self._install.tenant) as snapshot:
            now_standing = standing(snapshot, now=self._install.clock.now())
        planned = plan(
            grounds,
            playbooks=self._means.playbooks,
            connectors=self._means.connectors,
            policy=self._means.policy,
            standing=now_standing,
            clock=self._install.clock,
        )
        self._record("response.planned", planned.id, _plan_facts(planned), planned)
        development.plans.append(planned)
        if any(item.decision.ruling is not Ruling.DENY for item in planned.actions):
            development.executions.append(await self._executor.execute(planned, grounds))

    def _keep(self, development: Development) -> None:
        """What was found, and how far detection has come: all or nothing."""
        step = self._progress.step()
        if not development.findings:
            if step:
                with self._install.database.transaction(self._install.tenant) as transaction:
                    self._watch.renew(transaction)
                    step.keep(transaction)
            return
        for problem in keep_evidence(self._install, development.findings, self._source):
            self.reading.note(problem)
        facts = {
            "findings": len(development.findings),
            "incidents": sorted(incident.id for incident in development.incidents),
        }
        documents = (*development.findings, *development.incidents)
        self._record("detection.found", development.findings[0].id, facts, *documents, step=step)

    def _source(self, digest: str) -> Source | None:
        """Of a recent event, or of one that an open window kept over a restart."""
        if found := self.evidence.source(digest) or self._alert_sources.get(digest):
            return found
        with self._install.database.snapshot(self._install.tenant) as snapshot:
            return snapshot.find_source(digest)

    def _record(
        self,
        action: str,
        subject: str,
        facts: Mapping[str, object],
        *documents: Finding | Incident | Verdict | Plan,
        step: Step | None = None,
    ) -> None:
        """Keep documents, the step that led to them, and the ledger's word of them, or nothing."""
        now = self._install.clock.now()
        with self._install.database.transaction(self._install.tenant) as transaction:
            self._watch.renew(transaction)
            transaction.put(*documents)
            if step:
                step.keep(transaction)
            self._install.ledger.append(transaction, self._entry(transaction, action, subject, facts, now))

    def _entry(
        self, transaction: Transaction, action: str, subject: str, facts: Mapping[str, object], now: int
    ) -> LedgerEntry:
        return LedgerEntry(
            id=f"{action}:{subject}:{now}",
            tenant=transaction.tenant,
            time=now,
            actor="service:defence",
            action=action,
            subject=subject,
            detail=dict(facts),
        )


def _verdict_facts(verdict: Verdict) -> dict[str, object]:
    return {
        "verdict": verdict.id,
        "investigator": verdict.investigator,
        "model": verdict.model,
        "disposition": verdict.disposition,
        "severity": verdict.severity,
        "route": verdict.route,
        "claims": len(verdict.claims),
        "dropped": len(verdict.dropped),
        "rules": list(verdict.reasons),
    }


def _plan_facts(planned: Plan) -> dict[str, object]:
    return {
        "incident": planned.incident_id,
        "actions": [
            {
                "hash": item.action.hash,
                "command": item.action.command,
                "ruling": item.decision.ruling,
                "policies": list(item.decision.policies),
            }
            for item in planned.actions
        ],
    }
