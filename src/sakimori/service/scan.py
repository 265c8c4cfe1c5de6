"""One look over telemetry at rest: sources in, findings and incidents out, all of it kept in the install."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sakimori import collect, incidents
from sakimori.collect import Progress, Rejected, SourceRead
from sakimori.core import InputError
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch, EventRef, Finding, Incident, LedgerEntry, Source
from sakimori.service.installation import Installation
from sakimori.service.reading import DeadLetters, ReadingCount
from sakimori.store import evidence

_KEPT_AT_ONCE = 2000


@dataclass(slots=True)
class ScanResult:
    """What a scan saw; ``reading.read == reading.evaluated + reading.rejected``."""

    reading: ReadingCount
    dead_letters: Path
    """Where the rejected records lie, where there were any."""
    findings: list[Finding] = field(default_factory=list[Finding])
    incidents: list[Incident] = field(default_factory=list[Incident])
    complete: bool = True
    """False: interrupted; what is here is right, but not everything was read."""


def scan_paths(
    install: Installation,
    paths: Sequence[Path],
    detector: SigmaDetector,
    *,
    on_progress: Callable[[Progress, ScanResult], None] | None = None,
) -> ScanResult:
    """Read, detect, group and keep. Interrupted by Ctrl-C, it keeps what it has and says so in the result.

    Raises:
        StoreError: the install cannot be written.
    """
    started = install.clock.now()
    name = hashlib.blake2b(f"{started}\0{paths}".encode(), digest_size=8).hexdigest()
    letters = DeadLetters(install.settings.home / "rejected" / f"{install.tenant}-{name}.jsonl")
    result = ScanResult(reading=ReadingCount(), dead_letters=letters.path)

    def progress(step: Progress) -> None:
        if on_progress:
            on_progress(step, result)

    try:
        for item in collect.read(paths, tenant=install.tenant, clock=install.clock, on_progress=progress):
            _take(item, result, letters, detector)
        result.findings.extend(detector.flush())
    except KeyboardInterrupt:
        result.complete = False
    finally:
        letters.close()
    result.incidents = [
        incident for incident in incidents.group(result.findings, known=()) if incident.merged_into is None
    ]
    _keep_evidence(install, result)
    _keep(install, result, scan_id=f"sc-{name}", rules=len(detector.rules))
    return result


def _take(
    item: EventBatch | Rejected | SourceRead, result: ScanResult, letters: DeadLetters, detector: SigmaDetector
) -> None:
    result.reading.count(item)
    match item:
        case EventBatch():
            result.findings.extend(detector.detect(item))
        case Rejected():
            letters.keep(item)
        case SourceRead():
            pass


def _keep_evidence(install: Installation, result: ScanResult) -> None:
    """Copy the raw records behind incidents, so that they can be shown when their files have moved on.

    A source that changed or went since it was read keeps no copies, and a note says so.
    """
    cited = {finding_id for incident in result.incidents for finding_id in incident.finding_ids}
    offsets: defaultdict[str, set[int]] = defaultdict(set)
    for finding in result.findings:
        if finding.id in cited:
            for ref in map(EventRef.parse, finding.event_ids):
                offsets[ref.digest].add(ref.offset)
    sources = {source.digest[:24]: source for source in result.reading.sources}
    for digest, places in offsets.items():
        try:
            records = list(collect.raw_records(sources[digest], sorted(places)))
        except InputError as error:
            result.reading.note(f"no copies of its evidence were kept: {error}")
            continue
        with install.database.transaction(install.tenant) as transaction:
            for offset, raw in records:
                evidence.put_raw(transaction, EventRef(digest=digest, offset=offset).event_id, raw)


def _keep(install: Installation, result: ScanResult, *, scan_id: str, rules: int) -> None:
    """Sources, findings and incidents, so that later commands can refer to them; the ledger's word comes last."""
    documents: list[Source | Finding | Incident] = [*result.reading.sources, *result.findings, *result.incidents]
    for start in range(0, len(documents), _KEPT_AT_ONCE):
        with install.database.transaction(install.tenant) as transaction:
            transaction.put(*documents[start : start + _KEPT_AT_ONCE])
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
