"""The Sigma detector: rule files in; event batches in, findings out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sakimori.core import Nanos
from sakimori.detect.sigma.correlate import Correlator
from sakimori.detect.sigma.finding import EntityFields, evidence, finding
from sakimori.detect.sigma.kind import KindPlans
from sakimori.detect.sigma.library import load_plan
from sakimori.detect.sigma.logsource import LogSources
from sakimori.detect.sigma.match import Hit, KindMatcher
from sakimori.detect.sigma.occurrence import Occurrence, kept_cell, kept_evidence
from sakimori.detect.sigma.placeholders import Placeholders
from sakimori.detect.sigma.plan import Correlation, Plan, Rule, RuleError
from sakimori.detect.sigma.scan import Databases
from sakimori.detect.sigma.selection import select
from sakimori.detect.sigma.windows import StatePart
from sakimori.records import EventBatch, EventKind, EventRef, Finding, Severity

_MOST_KINDS = 4096
"""Prepared kinds are forgotten beyond this many: channel names come from outside."""


@dataclass(slots=True)
class Matches:
    findings: list[Finding] = field(default_factory=list[Finding])
    occurrences: list[Occurrence] = field(default_factory=list[Occurrence])
    """What correlations listen to."""


class SigmaDetector:
    """Rules of one collection, ready to match. One detector serves one thread."""

    def __init__(self, plan: Plan, *, cache_dir: Path | None = None, lateness: Nanos | None = None) -> None:
        """``lateness``: how far behind a group's newest event correlations still take one; None: any distance."""
        self._plan = plan
        self._plans = KindPlans(plan, LogSources.packaged())
        self._databases = Databases(cache_dir)
        self._entities = EntityFields.packaged()
        self._kinds: dict[EventKind, KindMatcher] = {}
        self._by_plan: dict[int, KindMatcher] = {}
        """By identity of the ``KindPlan``, which kinds may share."""
        self.correlator = Correlator(plan.correlations, lateness=lateness)
        """The state of correlations."""
        self._told = self._entities.names | self.correlator.fields | LogSources.packaged().code_fields

    @staticmethod
    def load(
        paths: Iterable[Path],
        cache_dir: Path | None = None,
        *,
        lateness: Nanos | None = None,
        placeholders: Placeholders | None = None,
        min_level: Severity | None = None,
        statuses: Collection[str] | None = None,
    ) -> "SigmaDetector":
        """Compile all rules in the files and folders, or take them from ``cache_dir`` if they are unchanged.

        ``placeholders``: values for ``expand`` (see ``read_placeholders``). ``min_level``, ``statuses``: which rules to
        run (see ``selection``); None: all.

        Raises:
            InputError: a path that does not exist or cannot be read, or an unknown status. What is wrong within a file
                is in ``errors``.
        """
        plan = select(load_plan(paths, cache_dir, placeholders), min_level=min_level, statuses=statuses)
        return SigmaDetector(plan, cache_dir=cache_dir, lateness=lateness)

    @property
    def errors(self) -> Sequence[RuleError]:
        """Rules that were left out, in order of file and line."""
        return self._plan.errors

    @property
    def rules(self) -> Sequence[Rule | Correlation]:
        """All rules that were compiled, those without values for their placeholders included."""
        return (*self._plan.rules, *self._plan.correlations)

    def wanted(self, kind: EventKind) -> frozenset[str] | None:
        """The fields, without spaces, that rules ask a kind's events about; None: all (for ``collect.read``)."""
        return self._matcher(kind).wanted

    @property
    def told(self) -> frozenset[str]:
        """Fields that findings may tell of besides ``wanted`` ones: of entities, what joins events, an event's code."""
        return self._told

    def detect(self, batch: EventBatch) -> list[Finding]:
        """Findings for events of this batch, in order of rows, rules in order of their files; then of correlations."""
        matches = self.match(batch)
        return matches.findings + self.correlate(matches.occurrences)

    def match(self, batch: EventBatch) -> Matches:
        """The part of ``detect`` that depends on the batch alone: what several processes may do side by side."""
        matches = Matches()
        for row, hits in self._matcher(batch.kind).match(batch):
            cells = batch.cells(row, self._told.union(*map(self._shown, hits)))
            entities = self._entities.of(cells, batch.kind)
            for hit in hits:
                proof = evidence(batch, row, cells, hit.fields)
                rule = hit.rule.rule
                if not rule.silent:
                    matches.findings.append(
                        finding(
                            rule.header,
                            tenant=batch.tenant,
                            source=batch.source.path,
                            evidence=(proof,),
                            entities=entities,
                            count=1,
                        )
                    )
                if self.correlator.listens(rule.header.id):
                    names = ((name, hit.rule.names.get(name, name)) for name in self.correlator.fields)
                    matches.occurrences.append(
                        Occurrence(
                            rule=rule.header.id,
                            tenant=batch.tenant,
                            source=batch.source.path,
                            time=proof.time,
                            event=EventRef.parse(proof.event_id),
                            values={name: kept_cell(cells[own]) for name, own in names if own in cells},
                            entities=entities,
                            evidence=(kept_evidence(proof),),
                        )
                    )
        return matches

    def _shown(self, hit: Hit) -> list[str]:
        """The fields that findings of a hit show, under the event's names."""
        return [*hit.fields, *(hit.rule.names.get(name, name) for name in self.correlator.fields)]

    def correlate(self, occurrences: Iterable[Occurrence]) -> list[Finding]:
        """The findings that these matches complete."""
        return [found for occurrence in occurrences for found in self.correlator.add(occurrence)]

    def advance(self, now: Nanos) -> list[Finding]:
        """What is decided by the clock saying ``now``; with a stated lateness only (see ``Correlator``)."""
        return self.correlator.advance(now)

    def changes(self) -> list[StatePart]:
        """What of the state is new, different or gone since this was asked last; at first, everything."""
        return self.correlator.changes()

    def restore(self, parts: Iterable[StatePart]) -> Mapping[str, str]:
        """Go on from a state; of each part that was left out, its key and why."""
        return self.correlator.restore(parts)

    def flush(self) -> list[Finding]:
        """What only the end of the input decides. Afterwards correlations begin anew."""
        return self.correlator.flush()

    def _matcher(self, kind: EventKind) -> KindMatcher:
        matcher = self._kinds.get(kind)
        if matcher is None:
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            plan = self._plans.build(kind)
            matcher = self._by_plan.get(id(plan)) or KindMatcher(plan, self._databases)
            self._kinds[kind] = self._by_plan[id(plan)] = matcher
        return matcher
