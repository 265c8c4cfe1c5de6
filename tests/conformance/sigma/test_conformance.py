"""Sakimori against the conformance suite in this folder (see README.md for the format)."""

import uuid
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
import yaml

from sakimori.core.clock import NANOS_PER_SECOND
from sakimori.detect import SigmaDetector
from sakimori.records import HASH, OFFSET, TIME, EventBatch, EventKind, EventRef, Finding, Source, encode_cell

_FILES = sorted(Path(__file__).parent.glob("*.yaml"))


def _cases() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{path.stem}: {case['case']}", case)
        for path in _FILES
        for case in cast("list[dict[str, Any]]", yaml.safe_load(path.read_text("utf-8")))
    ]


def _rules(case: dict[str, Any]) -> list[dict[str, Any]]:
    given = case.get("rules") or [{"name": "the_rule", "detection": case["detection"]}]
    return [_completed(rule, case["case"]) for rule in given]


def _completed(rule: dict[str, Any], case: str) -> dict[str, Any]:
    name = rule["name"]
    defaults = {"title": name, "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{case}/{name}")), "level": "high"}
    if "correlation" not in rule:
        defaults["logsource"] = {"product": "test", "service": "log"}
    return {**defaults, **rule}


def _batch(events: list[dict[str, Any]], times: list[float], first: int) -> EventBatch:
    names = list(dict.fromkeys(name for event in events for name in event))
    cells = [[encode_cell(event[name]) if name in event else None for event in events] for name in names]
    moments = [round(at * 1000) * NANOS_PER_SECOND // 1000 + round(at * 1e9) % 1_000_000 for at in times]
    rows = pa.RecordBatch.from_arrays(
        [
            pa.array(list(range(first, first + len(events))), pa.int64()),
            pa.array(moments, pa.int64()),
            pa.array([bytes(16)] * len(events), pa.binary(16)),
            *(pa.array(column, pa.string()).dictionary_encode() for column in cells),
        ],
        names=[OFFSET, TIME, HASH, *names],
    )
    source = Source(tenant="bank", digest="00" * 32, path="events", format="ndjson", size=1)
    kind = EventKind(product="test", channel="log", code="")
    return EventBatch(source=source, kind=kind, ingested=0, rows=rows)


def _load(case: dict[str, Any], folder: Path) -> SigmaDetector:
    path = folder / "rules.yml"
    path.write_text(yaml.safe_dump_all(_rules(case), allow_unicode=True, sort_keys=False), "utf-8")
    values = cast("dict[str, list[str]]", case.get("placeholders") or {})
    return SigmaDetector.load([path], placeholders={name: tuple(given) for name, given in values.items()})


def _found(findings: list[Finding]) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = {}
    for finding in findings:
        ordered = sorted(finding.evidence, key=lambda item: (item.time, EventRef.parse(item.event_id).offset))
        found.setdefault(finding.title, []).append([EventRef.parse(item.event_id).offset for item in ordered])
    return found


@pytest.mark.parametrize("size", [1, 1000], ids=["one by one", "at once"])
@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in _cases()])
def test_case(case: dict[str, Any], size: int, tmp_path: Path) -> None:
    detector = _load(case, tmp_path)
    if "refused" in case:
        reasons = [error.reason for error in detector.errors]
        assert reasons, "was not refused"
        assert any(case["refused"] in reason for reason in reasons), reasons
        return
    assert not detector.errors
    events = cast("list[dict[str, Any]]", case["events"])
    times = cast("list[float]", case.get("times") or list(range(len(events))))
    findings: list[Finding] = []
    for first in range(0, len(events), size):
        findings += detector.detect(_batch(events[first : first + size], times[first : first + size], first))
    findings += detector.flush()
    expected = case["matches"]
    if isinstance(expected, list):
        expected = {"the_rule": [[position] for position in cast("list[int]", expected)]} if expected else {}
    assert _found(findings) == expected


def test_names_of_cases_are_unique() -> None:
    names = [name for name, _ in _cases()]
    assert len(names) == len(set(names))
