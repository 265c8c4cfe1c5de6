"""Scanning: whatever was evaluated is kept and counted truly, and the same input tells the same story."""

import json
import signal
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.service.conftest import DUMP, ENCODED, HARMLESS, line

from sakimori.collect import Progress
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch, Finding, Incident, IncidentStatus, Source
from sakimori.service import Installation, ScanResult, scan_paths
from sakimori.store import evidence

_ROUND = 16_384
"""At most so many events come at once from one source."""


def _kept_incidents(install: Installation) -> list[Incident]:
    with install.database.snapshot(install.tenant) as snapshot:
        return [incident for incident in snapshot.all(Incident) if incident.merged_into is None]


def _large(folder: Path) -> Path:
    """An attack in the first round of a log that takes three; a line is broken early."""
    path = folder / "large.ndjson"
    path.write_bytes(line(1, ENCODED) + b"{broken\n" + line(2, HARMLESS) * (3 * _ROUND - 1))
    return path


def _assert_partial(install: Installation, result: ScanResult, path: Path) -> None:
    assert not result.complete
    reading = result.reading
    assert 0 < reading.evaluated <= _ROUND
    assert (reading.rejected, reading.read) == (1, reading.evaluated + 1)
    assert len(result.dead_letters.read_bytes().splitlines()) == 1
    (finding,), (incident,) = result.findings, result.incidents
    assert incident.finding_ids == (finding.id,)
    with install.database.snapshot(install.tenant) as snapshot:
        assert snapshot.get(Finding, finding.id) == finding
        assert snapshot.all(Incident) == [incident]
        assert [source.path for source in snapshot.all(Source)] == [str(path)]
        assert evidence.get_raw(snapshot, finding.event_ids[0]) == line(1, ENCODED).rstrip()
        (done,) = (item.entry for item in install.ledger.lines(snapshot) if item.entry)
        assert install.ledger.verify(snapshot).ok
    assert (done.action, done.detail["complete"]) == ("scan.done", False)
    assert (done.detail["evaluated"], done.detail["rejected"]) == (reading.evaluated, 1)


def test_ctrl_c_between_two_rounds_keeps_the_first(
    install: Installation, detector: SigmaDetector, tmp_path: Path
) -> None:
    def interrupt(_: Progress, __: ScanResult) -> None:
        signal.raise_signal(signal.SIGINT)

    path = _large(tmp_path)
    _assert_partial(install, scan_paths(install, [path], detector, on_progress=interrupt), path)


def test_ctrl_c_within_detection_waits_for_the_round_to_end(
    install: Installation, detector: SigmaDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detect = detector.detect

    def interrupted(batch: EventBatch) -> list[Finding]:
        signal.raise_signal(signal.SIGINT)
        return detect(batch)

    monkeypatch.setattr(detector, "detect", interrupted)
    path = _large(tmp_path)
    _assert_partial(install, scan_paths(install, [path], detector), path)


def test_ctrl_c_while_evidence_is_copied_leaves_incidents_and_says_so(
    install: Installation, detector: SigmaDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Iterable[tuple[Source, Sequence[int]]]) -> None:
        signal.raise_signal(signal.SIGINT)

    (tmp_path / "log").write_bytes(line(1, ENCODED))
    with monkeypatch.context() as patched:
        patched.setattr("sakimori.service.keeping.raw_records_of", interrupted)
        result = scan_paths(install, [tmp_path / "log"], detector)
    assert (result.complete, result.copied) == (True, False)
    assert _kept_incidents(install) == result.incidents != []
    assert scan_paths(install, [tmp_path / "log"], detector).copied
    with install.database.snapshot(install.tenant) as snapshot:
        assert evidence.get_raw(snapshot, result.findings[0].event_ids[0]) == line(1, ENCODED).rstrip()


def test_an_interrupted_scan_that_is_repeated_goes_on_with_the_same_incident(
    install: Installation, detector: SigmaDetector, tmp_path: Path
) -> None:
    def interrupt(_: Progress, __: ScanResult) -> None:
        raise KeyboardInterrupt

    path = _large(tmp_path)
    with path.open("ab") as file:
        file.write(line(3, DUMP))
    (first,) = scan_paths(install, [path], detector, on_progress=interrupt).incidents
    (whole,) = scan_paths(install, [path], detector).incidents
    assert (first.id, len(first.finding_ids)) == (whole.id, 1)
    assert len(whole.finding_ids) == 2
    assert _kept_incidents(install) == [whole]


def test_what_only_the_end_decides_is_not_decided_by_an_interrupted_scan(install: Installation, tmp_path: Path) -> None:
    rule = {
        "title": "A process",
        "name": "process",
        "id": "7b6f2f0e-6ad4-4dd2-9f6f-2f2b3a4c5d6e",
        "logsource": {"product": "windows", "category": "process_creation"},
        "detection": {"selection": {"CommandLine|contains": "Get-Date"}, "condition": "selection"},
    }
    few = {
        "title": "Fewer processes than ever",
        "id": "8b6f2f0e-6ad4-4dd2-9f6f-2f2b3a4c5d6e",
        "correlation": {
            "type": "event_count",
            "rules": ["process"],
            "group-by": ["Computer"],
            "timespan": "1h",
            "condition": {"lt": 3 * _ROUND - 1},
        },
        "level": "high",
    }
    (tmp_path / "few.yml").write_text(f"{json.dumps(rule)}\n---\n{json.dumps(few)}\n")
    path = tmp_path / "large.ndjson"
    path.write_bytes(line(1, HARMLESS) + line(2, HARMLESS) * (3 * _ROUND - 2))

    def interrupt(_: Progress, __: ScanResult) -> None:
        raise KeyboardInterrupt

    detector = SigmaDetector.load([tmp_path / "few.yml"])
    assert scan_paths(install, [path], detector, on_progress=interrupt).findings == []


def test_the_same_scan_again_changes_nothing(install: Installation, detector: SigmaDetector, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(line(1, ENCODED) + line(2, DUMP) + line(900, ENCODED, host="ws-02.bank.example"))
    first = scan_paths(install, [tmp_path / "log"], detector)
    again = scan_paths(install, [tmp_path / "log"], detector)
    assert first.incidents == again.incidents
    assert len(first.incidents) == 2
    assert sorted(_kept_incidents(install), key=lambda item: item.id) == sorted(
        first.incidents, key=lambda item: item.id
    )


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_logs_scanned_one_by_one_tell_the_same_story_as_together(
    install: Installation, detector: SigmaDetector, tmp_path: Path, order: str
) -> None:
    (tmp_path / "a").write_bytes(line(1, ENCODED))
    (tmp_path / "b").write_bytes(line(9, DUMP))
    alone = [scan_paths(install, [tmp_path / name], detector).findings for name in order]
    result = scan_paths(install, [tmp_path / "a", tmp_path / "b"], detector)
    (incident,) = _kept_incidents(install)
    assert result.incidents == [incident]
    assert sorted(incident.finding_ids) == sorted(finding.id for findings in alone for finding in findings)
    assert len(incident.finding_ids) == 2


def test_a_story_that_a_later_scan_joins_is_one(install: Installation, detector: SigmaDetector, tmp_path: Path) -> None:
    """Two incidents on two hosts become one by what the same account did between them."""
    (tmp_path / "a").write_bytes(line(1, ENCODED, user="sato") + line(9, DUMP, host="fs-01.bank.example", user="kato"))
    (tmp_path / "b").write_bytes(
        line(4, DUMP, user="tanaka") + line(6, ENCODED, host="fs-01.bank.example", user="tanaka")
    )
    assert len(scan_paths(install, [tmp_path / "a"], detector).incidents) == 2
    (joined,) = scan_paths(install, [tmp_path / "b"], detector).incidents
    assert len(joined.finding_ids) == 4
    assert _kept_incidents(install) == [joined]


def test_a_resolved_incident_stays_resolved(install: Installation, detector: SigmaDetector, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(line(1, ENCODED))
    (incident,) = scan_paths(install, [tmp_path / "log"], detector).incidents
    with install.database.transaction(install.tenant) as transaction:
        transaction.put(replace(incident, status=IncidentStatus.RESOLVED))
    (again,) = scan_paths(install, [tmp_path / "log"], detector).incidents
    assert (again.id, again.status) == (incident.id, IncidentStatus.RESOLVED)
    assert len(_kept_incidents(install)) == 1


def test_copies_of_one_log_are_found_once(install: Installation, detector: SigmaDetector, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(line(1, ENCODED))
    result = scan_paths(install, [tmp_path / "a", tmp_path / "b"], detector)
    assert result.reading.evaluated == 2
    (finding,), (incident,) = result.findings, result.incidents
    assert incident.finding_ids == (finding.id,)
    assert finding.source == str(tmp_path / "a")


def test_another_institution_is_told_nothing(install: Installation, detector: SigmaDetector, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(line(1, ENCODED))
    (finding,) = scan_paths(install, [tmp_path / "log"], detector).findings
    with install.database.snapshot("other") as snapshot:
        assert snapshot.all(Incident) == snapshot.all(Finding) == snapshot.all(Source) == []
        assert evidence.get_raw(snapshot, finding.event_ids[0]) is None


def test_what_cannot_be_kept_is_shown_all_the_same(
    install: Installation, detector: SigmaDetector, tmp_path: Path
) -> None:
    """The database goes away in the middle of a scan; its user still gets what was found."""
    log = tmp_path / "log.ndjson"
    log.write_bytes(line(1, ENCODED) + b"{broken\n" + line(2, DUMP))
    database = install.settings.home / "sakimori.db"

    def lose_the_database(_step: Progress, _result: ScanResult) -> None:
        if database.exists():
            database.rename(database.with_name("elsewhere.db"))

    result = scan_paths(install, [log], detector, on_progress=lose_the_database)
    assert "sakimori.db" in result.unkept
    assert (result.reading.evaluated, result.reading.rejected) == (2, 1)
    assert len(result.findings) == 2
    assert {id for incident in result.incidents for id in incident.finding_ids} == {item.id for item in result.findings}
