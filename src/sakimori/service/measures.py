"""What an operator sees of a live defence: how far behind it is, what it found, what it did. No content, no names."""

import time
from collections.abc import Iterable

from opentelemetry import metrics

from sakimori.core import Nanos
from sakimori.observe.metrics import SECONDS
from sakimori.records import EventBatch, Execution, Finding, Incident
from sakimori.records.event import TIME

_NANOS_PER_SECOND = 1_000_000_000
_meter = metrics.get_meter("sakimori.defence")
_events = _meter.create_counter("sakimori.defence.events", description="Events that were looked at.")
_lag = _meter.create_gauge(
    "sakimori.defence.lag",
    unit="s",
    description="How old the newest event of the last round that had any was, when the round had dealt with it.",
)
_round_seconds = _meter.create_histogram(
    "sakimori.defence.round.duration",
    unit="s",
    description="From new telemetry to the end of what it led to; rounds without telemetry included.",
    explicit_bucket_boundaries_advisory=SECONDS,
)
_findings = _meter.create_counter("sakimori.defence.findings", description="Findings, by severity.")
_incidents = _meter.create_counter("sakimori.defence.incidents", description="Incidents made or changed, by severity.")
_steps = _meter.create_counter(
    "sakimori.defence.steps", description="Steps of responses (containments), by command and the state they came to."
)


class Round:
    """One round of a defence, from the moment that this is made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._events = 0
        self._newest: Nanos | None = None

    def see(self, batch: EventBatch) -> None:
        if len(batch):
            self._events += len(batch)
            newest = int(batch.rows.column(TIME).to_numpy().max())
            self._newest = newest if self._newest is None else max(self._newest, newest)

    def end(
        self,
        *,
        now: Nanos,
        findings: Iterable[Finding],
        incidents: Iterable[Incident],
        executions: Iterable[Execution],
    ) -> None:
        """It is over, and this is what it led to."""
        _round_seconds.record(time.perf_counter() - self._began)
        _events.add(self._events)
        if self._newest is not None:
            _lag.set((now - self._newest) / _NANOS_PER_SECOND)
        for finding in findings:
            _findings.add(1, {"severity": finding.severity.name.lower()})
        for incident in incidents:
            _incidents.add(1, {"severity": incident.severity.name.lower()})
        for execution in executions:
            for step in execution.steps:
                _steps.add(1, {"command": str(step.action.command), "state": str(step.state)})
