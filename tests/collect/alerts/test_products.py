"""What each product's alert becomes, member by member."""

from typing import Any

import pytest

from sakimori.core import parse_rfc3339
from sakimori.records import EntityType, Severity

from .conftest import Taken, named
from .samples import (
    ALL,
    CROWDSTRIKE,
    DETECTION_SUMMARY,
    ELASTIC,
    EPP_DETECTION_SUMMARY,
    GRAPH,
    HOST,
    OCSF,
    SHA256,
    SPLUNK,
    USER,
    changed,
)


@pytest.mark.parametrize("product", ALL)
def test_every_product_names_host_and_account_as_our_own_detectors_do(product: str, taken: Taken) -> None:
    finding = taken(ALL[product])
    assert named(finding, EntityType.HOST) == [HOST]
    assert named(finding, EntityType.USER) == [USER]
    assert finding.severity is Severity.HIGH
    assert finding.product
    assert finding.event_ids == ("ev-" + "ab" * 12 + "-7",)
    assert finding.evidence[0].fields
    assert finding.source == "/exports/alerts.ndjson"


def test_ocsf(taken: Taken) -> None:
    finding = taken(OCSF)
    assert finding.product == "Acme Sentry"
    assert finding.rule_id == "ocsf:Acme Sentry:acme-77"
    assert finding.title == "Credentials were dumped"
    assert finding.first_time == 1781568060 * 10**9
    assert finding.last_time == 1781568065 * 10**9
    assert finding.tactics == ("credential-access",)
    assert finding.techniques == ("T1003.001", "T1003")
    assert named(finding, EntityType.HASH) == [SHA256]
    assert named(finding, EntityType.IP) == ["10.0.0.5"]


def test_ocsf_security_finding(taken: Taken) -> None:
    old = changed(
        OCSF,
        class_uid=2001,
        finding_info=None,
        status_id=None,
        state_id=1,
        finding={"uid": "old-1", "title": "Old", "types": ["x"]},
        analytic={"uid": "a-1", "type_id": 1},
        attacks=[{"tactics": [{"uid": "TA0008"}], "technique": {"uid": "T1021"}}],
    )
    finding = taken(old)
    assert (finding.rule_id, finding.title) == ("ocsf:Acme Sentry:a-1", "Old")
    assert (finding.tactics, finding.techniques) == (("lateral-movement",), ("T1021",))
    assert taken(changed(old, state_id=3)).severity is Severity.INFORMATIONAL


@pytest.mark.parametrize(
    ("severity_id", "severity"),
    [(0, Severity.MEDIUM), (1, Severity.INFORMATIONAL), (5, Severity.CRITICAL), (6, Severity.CRITICAL), (99, 3)],
)
def test_ocsf_severities(severity_id: int, severity: Severity, taken: Taken) -> None:
    assert taken(changed(OCSF, severity_id=severity_id)).severity == severity


def test_elastic(taken: Taken) -> None:
    finding = taken(ELASTIC)
    assert finding.product == "Elastic Security"
    assert finding.rule_id == "elastic:66177997-e44c-45a3-a2c9-c6196bb7b8ae"
    assert finding.first_time == finding.last_time == parse_rfc3339("2026-06-16T00:01:05Z")
    assert finding.tactics == ("execution",)
    assert finding.techniques == ("T1059.001", "T1059")
    assert finding.evidence[0].fields["elastic.kibana.alert.rule.name"] == "Suspicious PowerShell"


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        place = made
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return made


def test_elastic_alerts_are_the_same_nested_flattened_and_as_hits(taken: Taken) -> None:
    hit = {"_index": ".internal.alerts-security.alerts-default-000001", "_id": "elastic-1", "_score": 1}
    arrays = {
        "@timestamp": ["2026-06-16T00:03:00.000Z"],
        "host.name": [HOST],
        "kibana.alert.uuid": ["elastic-1"],
        "kibana.alert.rule.name": ["Suspicious PowerShell"],
        "kibana.alert.rule.rule_id": ["66177997-e44c-45a3-a2c9-c6196bb7b8ae"],
        "kibana.alert.severity": ["high"],
        "kibana.alert.original_time": ["2026-06-16T00:01:05.000Z"],
        "kibana.alert.rule.threat.tactic.id": ["TA0002"],
    }
    expected = taken(ELASTIC)
    assert taken(_nested(ELASTIC)) == expected
    assert taken({**hit, "_source": ELASTIC}) == expected
    shown = taken({**hit, "fields": arrays})
    assert (shown.id, shown.title, shown.severity) == (expected.id, expected.title, expected.severity)
    assert shown.evidence[0].fields["elastic.host.name"] == HOST


def test_an_elastic_alert_stands_for_those_suppressed_into_it(taken: Taken) -> None:
    suppressed = {"kibana.alert.suppression.docs_count": 4, "kibana.alert.suppression.start": "2026-06-16T00:00:00Z"}
    finding = taken(changed(ELASTIC, **suppressed))
    assert finding.count == 5
    assert finding.first_time == parse_rfc3339("2026-06-16T00:00:00Z")


def test_graph(taken: Taken) -> None:
    finding = taken(GRAPH)
    assert finding.product == "Microsoft Defender for Endpoint"
    assert finding.rule_id == "graph:e0da400f-affd-43ef-b1d5-afc2eb6f2756"
    assert finding.first_time == parse_rfc3339("2026-06-16T00:01:05.116Z")
    assert finding.last_time == parse_rfc3339("2026-06-16T00:02:05.116Z")
    assert (finding.tactics, finding.techniques) == (("defense-evasion",), ("T1564.001",))
    assert named(finding, EntityType.IP) == ["203.0.113.7"]
    assert named(finding, EntityType.FILE) == ["c:\\temp\\x.exe"]
    assert named(finding, EntityType.HASH) == [SHA256]


def test_splunk(taken: Taken) -> None:
    finding = taken(SPLUNK)
    assert finding.product == "Splunk Enterprise Security"
    assert finding.rule_id == "splunk:Access - Brute Force Access Behavior Detected - Rule"
    assert finding.title == "Brute force against WS-01"
    assert finding.first_time == parse_rfc3339("2026-06-16T00:01:05Z")
    assert (finding.tactics, finding.techniques) == (("credential-access",), ("T1110", "T1110.003"))
    assert named(finding, EntityType.IP) == ["203.0.113.7"]
    assert taken({"preview": False, "offset": 0, "result": SPLUNK}) == finding
    assert taken(changed(SPLUNK, _time="1781568065.000")).first_time == 1781568065 * 10**9


def test_crowdstrike(taken: Taken) -> None:
    finding = taken(CROWDSTRIKE)
    assert finding.product == "CrowdStrike Falcon"
    assert (finding.rule_id, finding.title) == ("crowdstrike:5761", "Credential theft")
    assert finding.first_time == parse_rfc3339("2026-06-16T00:01:05.328Z")
    assert (finding.tactics, finding.techniques) == (("credential-access",), ("T1003",))
    assert named(finding, EntityType.HASH) == [SHA256]  # the SHA-1 of zeros stands for none


@pytest.mark.parametrize(
    ("number", "severity"),
    [(1, Severity.INFORMATIONAL), (20, Severity.LOW), (50, Severity.MEDIUM), (79, Severity.HIGH), (100, 5)],
)
def test_crowdstrike_severities_without_a_name(number: int, severity: Severity, taken: Taken) -> None:
    assert taken(changed(CROWDSTRIKE, severity=number, severity_name=None)).severity == severity


def test_detection_summaries(taken: Taken) -> None:
    finding = taken(DETECTION_SUMMARY)
    assert (finding.rule_id, finding.title) == ("crowdstrike:5728", "NGAV")
    assert finding.first_time == 1781568065 * 10**9
    assert finding.tactics == ()  # Malware is Falcon's own
    assert named(finding, EntityType.IP) == ["203.0.113.7"]
    metadata = {**DETECTION_SUMMARY["metadata"], "eventType": "EPPDetectionSummaryEvent"}
    assert taken(changed(EPP_DETECTION_SUMMARY, metadata=metadata)).id == taken(EPP_DETECTION_SUMMARY).id


@pytest.mark.parametrize(
    "harmless",
    [
        changed(OCSF, verdict_id=1),
        changed(OCSF, status_id=3),
        changed(
            ELASTIC, **{"kibana.alert.workflow_status": "closed", "kibana.alert.workflow_reason": "false_positive"}
        ),
        changed(
            ELASTIC, **{"kibana.alert.workflow_status": "closed", "kibana.alert.workflow_tags": ["False Positive"]}
        ),
        changed(GRAPH, classification="falsePositive"),
        changed(GRAPH, classification="informationalExpectedActivity"),
        changed(SPLUNK, disposition="disposition:3"),
        changed(SPLUNK, disposition_label="Benign Positive - Suspicious But Expected"),
        changed(CROWDSTRIKE, status="closed", tags=["false_positive"]),
    ],
)
def test_what_was_marked_harmless_is_told_and_weighs_nothing(harmless: dict[str, Any], taken: Taken) -> None:
    assert taken(harmless).severity is Severity.INFORMATIONAL


@pytest.mark.parametrize(
    "closed",
    [
        changed(OCSF, status_id=4),
        changed(ELASTIC, **{"kibana.alert.workflow_status": "closed"}),
        changed(ELASTIC, **{"kibana.alert.workflow_tags": ["False Positive"]}),
        changed(GRAPH, status="resolved", classification="truePositive"),
        changed(SPLUNK, status_label="Closed"),
        changed(CROWDSTRIKE, status="closed", tags=["true_positive"]),
    ],
)
def test_closing_an_alert_there_does_not_make_it_harmless(closed: dict[str, Any], taken: Taken) -> None:
    assert taken(closed).severity is Severity.HIGH
