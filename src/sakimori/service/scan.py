"""One look over telemetry at rest: sources in, findings and incidents out, all of it kept in the install."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sakimori import incidents
from sakimori.collect import ALWAYS, AlertRead, Item, LogMapping, Period, Progress
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch, EventRef, Finding, Incident, LedgerEntry, Source
from sakimori.service.alerts import severest
from sakimori.service.installation import Installation
from sakimori.service.interrupt import uninterrupted
from sakimori.service.keeping import keep_evidence
from sakimori.service.matching import Matched, Reading, Team, match_in_parallel
from sakimori.service.reading import DeadLetters, ReadingCount
from sakimori.service.telling import tell
from sakimori.store import StoreError

_KEPT_AT_ONCE = 2000


@dataclass(slots=True)
class ScanResult:
    """What a scan saw; ``reading.read == reading.evaluated + reading.rejected``."""

    reading: ReadingCount
    dead_letters: Path
    """A file of what could not be read, with reasons; there is none where all could."""
    findings: list[Finding] = field(default_factory=list[Finding])
    incidents: list[Incident] = field(default_factory=list[Incident])
    """Those that hold any of the findings; they may hold findings of earlier scans too."""
    complete: bool = True
    """False: interrupted; what is here is right, but not everything was read."""
    copied: bool = True
    """False: interrupted while the raw records behind the incidents were copied."""
    unkept: str = ""
    """Why later commands cannot refer to what was found: the install could not be written. Else empty."""


def scan_paths(
    install: Installation,
    paths: Sequence[Path],
    detector: SigmaDetector,
    *,
    team: Team | None = None,
    mappings: Sequence[LogMapping] = (),
    period: Period = ALWAYS,
    on_progress: Callable[[Progress, ScanResult], None] | None = None,
) -> ScanResult:
    """Read (with a ``team``, several files at a time), detect, group and keep.

    Interrupted by Ctrl-C, it keeps what it has and says so in the result.
    Where the install cannot be written, what was found is in the result all the same.
    """
    started = install.clock.now()
    name = hashlib.blake2b(f"{started}\0{paths}".encode(), digest_size=8).hexdigest()
    letters = DeadLetters(install.settings.home / "rejected" / f"{install.tenant}-{name}.jsonl")
    result = ScanResult(reading=ReadingCount(), dead_letters=letters.path)

    def progress(step: Progress) -> None:
        if on_progress:
            on_progress(step, result)

    reading = Reading(install.tenant, install.clock, mappings, period)
    items = match_in_parallel(paths, reading, team, progress) if team else reading.read(paths, detector, progress)
    try:
        with closing(items):
            for item in items:
                with uninterrupted():
                    _take(item, result, letters, detector)
    except KeyboardInterrupt:
        result.complete = False
    finally:
        letters.close()
    try:
        with uninterrupted():
            if result.complete:  # else what only the end of the input decides stays undecided
                result.findings.extend(detector.flush())
            _keep(install, result)
        _copy_evidence(install, result)
        with uninterrupted():
            _enter(install, result, scan_id=f"sc-{name}", rules=len(detector.rules))
    except KeyboardInterrupt:
        result.copied = False
        with suppress(KeyboardInterrupt), uninterrupted():
            _enter(install, result, scan_id=f"sc-{name}", rules=len(detector.rules))
    except StoreError as error:
        result.unkept = str(error)
        result.findings = severest(result.findings, lambda _: None)
        grouped = incidents.group(result.findings, known=())
        result.incidents = [incident for incident in grouped if incident.merged_into is None]
    result.unkept = result.unkept or letters.problem
    return result


def _take(item: Item | Matched, result: ScanResult, letters: DeadLetters, detector: SigmaDetector) -> None:
    if isinstance(item, EventBatch):
        result.findings.extend(detector.detect(item))
    elif isinstance(item, Matched):
        result.findings.extend(item.matches.findings)
        result.findings.extend(detector.correlate(item.matches.occurrences))
    elif isinstance(item, AlertRead):
        result.findings.append(item.finding)
    letters.keep(item)
    result.reading.count(item)


def _keep(install: Installation, result: ScanResult) -> None:
    """Sources, findings and incidents, so that later commands can refer to them."""
    with install.database.snapshot(install.tenant) as snapshot:
        result.findings = severest(result.findings, lambda id: snapshot.get(Finding, id))
    documents: list[Source | Finding] = [*result.reading.sources, *result.findings]
    for start in range(0, len(documents), _KEPT_AT_ONCE):
        with install.database.transaction(install.tenant) as transaction:
            transaction.put(*documents[start : start + _KEPT_AT_ONCE])
    if result.findings:
        with install.database.transaction(install.tenant) as transaction:
            result.incidents = tell(transaction, result.findings)


def _copy_evidence(install: Installation, result: ScanResult) -> None:
    cited = {finding_id for incident in result.incidents for finding_id in incident.finding_ids}
    sources = {source.digest[:24]: source for source in result.reading.sources}
    read_now = (finding for finding in result.findings if EventRef.parse(finding.event_ids[0]).digest in sources)
    behind = [finding for finding in read_now if finding.id in cited]  # what stands since earlier was copied then
    for problem in keep_evidence(install, behind, sources.get):
        result.reading.note(problem)


def _enter(install: Installation, result: ScanResult, *, scan_id: str, rules: int) -> None:
    """The ledger's word, which comes last."""
    now = install.clock.now()
    with install.database.transaction(install.tenant) as transaction:
        install.ledger.append(
            transaction,
            LedgerEntry(
                id=f"{scan_id}:done",
                tenant=install.tenant,
                time=now,
                actor="service:scan",
                action="scan.done",
                subject=scan_id,
                detail={
                    "complete": result.complete,
                    "sources": sorted({source.digest for source in result.reading.sources})[:1000],
                    "evaluated": result.reading.evaluated,
                    "rejected": result.reading.rejected,
                    "rules": rules,
                    "findings": len(result.findings),
                    "incidents": [incident.id for incident in result.incidents][:1000],
                },
            ),
        )
        install.ledger.seal(transaction)
