"""What we export is valid OCSF 1.8.0, by the published schema."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from sakimori.core import parse_rfc3339
from sakimori.records import (
    Disposition,
    Entity,
    EntityType,
    Evidence,
    Finding,
    Incident,
    IncidentStatus,
    Route,
    Severity,
    Verdict,
)
from sakimori.records.ocsf import VERSION, detection_finding, incident_finding

TIME = parse_rfc3339("2026-11-20T01:02:03.456Z")


@cache
def validator(class_name: str) -> Validator:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION)).get_class_schema(class_name)
    return Draft202012Validator(schema)


def problems(class_name: str, event: dict[str, Any]) -> list[str]:
    try:
        validator(class_name).validate(event)
    except ValidationError as error:
        return [f"{error.json_path}: {error.message}"]
    return []


FINDING = Finding(
    id="fn-1",
    tenant="bank",
    rule_id="rule-1",
    title="LSASS の読み取り",
    severity=Severity.HIGH,
    first_time=TIME,
    last_time=TIME,
    tactics=("credential-access", "a-tactic-of-tomorrow"),
    techniques=("T1003.001", "T1078"),
    entities=tuple(Entity(type=type, value="x") for type in EntityType),
    evidence=(Evidence(event_id="ev-1", time=TIME, fields={"Image": "a.exe"}),),
    count=3,
    source="log.evtx",
)
INCIDENT = Incident(
    id="in-1",
    tenant="bank",
    title="Theft",
    title_ja="窃取",
    severity=Severity.HIGH,
    score=61.5,
    first_time=TIME,
    last_time=TIME,
    finding_ids=("fn-1",),
    entities=FINDING.entities,
    tactics=FINDING.tactics,
    techniques=FINDING.techniques,
    follows="in-0",
)


def verdict(disposition: Disposition) -> Verdict:
    return Verdict(
        id="vd-1",
        tenant="bank",
        incident_id="in-1",
        investigator="offline",
        model=None,
        disposition=disposition,
        severity=Severity.CRITICAL,
        route=Route.PERSON,
        summary="It is so.",
        summary_ja="そうである。",
        claims=(),
        dropped=(),
        proposals=(),
        reasons=(),
        made_at=TIME,
    )


def test_a_finding_is_a_valid_detection_finding() -> None:
    event = detection_finding(FINDING)
    assert problems("detection_finding", event) == []
    assert event["type_uid"] == 200401
    assert event["time"] == 1795136523456
    assert event["finding_info"]["attacks"][0]["tactic"] == {"uid": "TA0006", "name": "Credential Access"}
    assert {"technique": {"uid": "T1003"}, "sub_technique": {"uid": "T1003.001"}} in event["finding_info"]["attacks"]


def test_an_alert_of_another_product_names_it() -> None:
    event = detection_finding(replace(FINDING, product="CrowdStrike Falcon"))
    assert problems("detection_finding", event) == []
    assert event["finding_info"]["product"] == {"name": "CrowdStrike Falcon"}


def test_the_schema_would_notice_a_wrong_member() -> None:
    assert problems("detection_finding", {**detection_finding(FINDING), "surprise": 1})
    assert problems("incident_finding", {**incident_finding(INCIDENT, [], None), "status_id": 77})


@pytest.mark.parametrize("status", IncidentStatus)
@pytest.mark.parametrize("disposition", [None, *Disposition])
def test_an_incident_is_a_valid_incident_finding(status: IncidentStatus, disposition: Disposition | None) -> None:
    event = incident_finding(replace(INCIDENT, status=status), [FINDING], verdict(disposition) if disposition else None)
    assert problems("incident_finding", event) == []
    assert event["severity_id"] == (5 if disposition else 4)
    assert ("verdict_id" in event) == (disposition is not None)


@settings(max_examples=25)
@given(
    st.text(max_size=20),
    st.sampled_from(Severity),
    st.lists(st.text(max_size=8), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
def test_any_text_in_a_finding_stays_valid(
    title: str, severity: Severity, tactics: list[str], fields: dict[str, str]
) -> None:
    finding = Finding(
        id="fn-1",
        tenant="bank",
        rule_id="r",
        title=title,
        severity=severity,
        first_time=TIME,
        last_time=TIME,
        tactics=tuple(tactics),
        evidence=(Evidence(event_id="ev-1", time=TIME, fields=fields),),
    )
    assert problems("detection_finding", detection_finding(finding)) == []
