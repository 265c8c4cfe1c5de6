"""Evidence: what findings cite can be shown when its file is gone, and what could not be kept is said."""

from pathlib import Path

from tests.service.conftest import DUMP, ENCODED, line

from sakimori.collect import read
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch, Finding, Source
from sakimori.service import Installation
from sakimori.service.keeping import keep_evidence
from sakimori.store import evidence


def _found(install: Installation, detector: SigmaDetector, path: Path) -> tuple[list[Finding], Source]:
    (batch,) = (
        item for item in read([path], tenant=install.tenant, clock=install.clock) if isinstance(item, EventBatch)
    )
    return detector.detect(batch), batch.source


def _copies(install: Installation, findings: list[Finding]) -> list[bytes | None]:
    with install.database.snapshot(install.tenant) as snapshot:
        return [evidence.get_raw(snapshot, event_id) for finding in findings for event_id in finding.event_ids]


def test_sources_and_raw_records_are_kept_and_keeping_them_again_is_no_harm(
    install: Installation, detector: SigmaDetector, tmp_path: Path
) -> None:
    raws = [line(minute, ENCODED if minute % 2 else DUMP) for minute in range(150)]
    (tmp_path / "log").write_bytes(b"".join(raws))
    findings, source = _found(install, detector, tmp_path / "log")
    for _ in range(2):
        assert keep_evidence(install, findings, {source.digest[:24]: source}.get) == []
    assert _copies(install, findings) == [raw.rstrip() for raw in raws]
    with install.database.snapshot(install.tenant) as snapshot:
        assert snapshot.all(Source) == [source]


def test_a_source_that_changed_or_is_unknown_is_named_and_the_others_are_kept(
    install: Installation, detector: SigmaDetector, tmp_path: Path
) -> None:
    findings: list[Finding] = []
    sources: dict[str, Source] = {}
    for minute, name in enumerate(("good", "changed", "unknown")):
        (tmp_path / name).write_bytes(line(minute, ENCODED))
        found, source = _found(install, detector, tmp_path / name)
        findings += found
        if name != "unknown":
            sources[source.digest[:24]] = source
    (tmp_path / "changed").write_bytes(b"something else")
    problems = keep_evidence(install, findings, sources.get)
    unknown = findings[2].event_ids[0].split("-")[1]
    assert sorted(problems) == [
        f"no copies of evidence were kept: the source with SHA-256 {unknown}… is not known any more",
        f"no copies of its evidence were kept: {tmp_path}/changed has changed since it was read: "
        "restore the file to see its raw records",
    ]
    assert _copies(install, findings) == [line(0, ENCODED).rstrip(), None, None]
