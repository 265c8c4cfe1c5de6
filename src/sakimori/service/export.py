"""Exporting telemetry: sources in, Parquet files out, and a word of it in the install and its ledger."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sakimori import collect
from sakimori.collect import EARLIER, Progress, SourceRead
from sakimori.core import Nanos
from sakimori.records import LedgerEntry
from sakimori.service.installation import Installation
from sakimori.service.interrupt import uninterrupted
from sakimori.service.reading import DeadLetters, ReadingCount

_KEPT_AT_ONCE = 2000


@dataclass(slots=True)
class ExportResult:
    reading: ReadingCount
    dead_letters: Path
    """As in ``ScanResult``."""
    unkept: str = ""
    """Why what could not be read could not be noted; else empty."""
    earlier: int = 0
    """Sources that the export had already."""
    complete: bool = True
    """False: interrupted; what is here is right, but not everything was exported."""


def export_paths(
    install: Installation,
    paths: Sequence[Path],
    folder: Path,
    *,
    on_progress: Callable[[Progress, ExportResult], None] | None = None,
) -> ExportResult:
    """Export what ``scan_paths`` would evaluate. Interrupted by Ctrl-C, what was read is in the export, and said to be
    a part.

    Raises:
        SakimoriError: the folder cannot be used, or the install cannot be written.
        OSError: the export cannot be written.
    """
    folder = folder.absolute()
    started = install.clock.now()
    name = hashlib.blake2b(f"{started}\0{paths}\0{folder}".encode(), digest_size=8).hexdigest()
    letters = DeadLetters(install.settings.home / "rejected" / f"{install.tenant}-{name}.jsonl")
    result = ExportResult(reading=ReadingCount(), dead_letters=letters.path)

    def progress(step: Progress) -> None:
        if on_progress:
            on_progress(step, result)

    items = collect.export(paths, folder, tenant=install.tenant, clock=install.clock, on_progress=progress)
    try:
        with closing(items):
            for item in items:
                letters.keep(item)
                if isinstance(item, SourceRead) and item.reason == EARLIER:
                    result.earlier += 1
                    continue
                result.reading.count(item)
    except KeyboardInterrupt:
        result.complete = False
    finally:
        letters.close()
    result.unkept = letters.problem
    with uninterrupted():
        _keep(install, result, folder)
        _enter(install, result, folder, export_id=f"ex-{name}", now=install.clock.now())
    return result


def _keep(install: Installation, result: ExportResult, folder: Path) -> None:
    """The sources, and where their raw records are found when the files are gone."""
    sources = [replace(source, export=str(folder)) for source in result.reading.sources]
    for start in range(0, len(sources), _KEPT_AT_ONCE):
        with install.database.transaction(install.tenant) as transaction:
            transaction.put(*sources[start : start + _KEPT_AT_ONCE])


def _enter(install: Installation, result: ExportResult, folder: Path, *, export_id: str, now: Nanos) -> None:
    with install.database.transaction(install.tenant) as transaction:
        install.ledger.append(
            transaction,
            LedgerEntry(
                id=f"{export_id}:done",
                tenant=install.tenant,
                time=now,
                actor="service:export",
                action="events.exported",
                subject=export_id,
                detail={
                    "folder": str(folder),
                    "complete": result.complete,
                    "sources": sorted({source.digest for source in result.reading.sources})[:1000],
                    "evaluated": result.reading.evaluated,
                    "rejected": result.reading.rejected,
                },
            ),
        )
        install.ledger.seal(transaction)
