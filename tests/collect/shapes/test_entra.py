"""Entra ID's sign-ins and audits come out alike, whichever way they were exported."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.collect.conftest import Reading

from sakimori.collect.json_records import shaped
from sakimori.collect.shapes import ShapeError
from sakimori.core import parse_rfc3339

SIGN_IN: dict[str, Any] = {
    "id": "66ea54eb-6301-4ee5-be62-ff5a759b0100",
    "createdDateTime": "2026-12-01T16:03:24.123Z",
    "userPrincipalName": "tanaka@bank.example",
    "appId": "de8bc8b5-d9f9-48b1-a8ad-b748da725064",
    "appDisplayName": "Graph Explorer",
    "ipAddress": "203.0.113.9",
    "clientAppUsed": "IMAP",
    "correlationId": "c1",
    "conditionalAccessStatus": "notApplied",
    "authenticationProtocol": "deviceCode",
    "authenticationRequirement": "singleFactorAuthentication",
    "networkLocationDetails": [],
    "status": {"errorCode": 50158, "failureReason": "External security challenge", "additionalDetails": "MFA denied"},
    "deviceDetail": {"deviceId": "", "displayName": "WS-01", "trustType": None},
    "location": {"city": "東京", "countryOrRegion": "JP"},
}
"""https://learn.microsoft.com/graph/api/signin-list, shortened."""
AUDIT: dict[str, Any] = {
    "id": "Directory_1",
    "category": "UserManagement",
    "correlationId": "c2",
    "result": "success",
    "resultReason": "",
    "activityDisplayName": "Consent to application",
    "activityDateTime": "2026-12-02T18:05:06Z",
    "loggedByService": "Core Directory",
    "initiatedBy": {"user": {"userPrincipalName": "sato@bank.example", "ipAddress": "203.0.113.7"}, "app": None},
    "targetResources": [
        {
            "displayName": "App",
            "type": "ServicePrincipal",
            "modifiedProperties": [
                {"displayName": "ConsentContext.IsAdminConsent", "oldValue": None, "newValue": '"False"'},
                {"displayName": "UserType", "oldValue": '["Guest"]', "newValue": '["Member"]'},
            ],
        }
    ],
    "additionalDetails": [{"key": "additionalInfo", "value": "by device id"}],
}
"""https://learn.microsoft.com/graph/api/directoryaudit-list, shortened."""


def _diagnostic(category: str, graph: dict[str, Any], **more: Any) -> dict[str, Any]:
    """https://learn.microsoft.com/entra/identity/monitoring-health/concept-diagnostic-settings-logs-options."""
    time = graph.get("createdDateTime") or graph["activityDateTime"]
    return {"time": time, "category": category, "operationName": "x", "properties": graph, **more}


def _log_analytics(table: str, graph: dict[str, Any], renamed: dict[str, str]) -> dict[str, Any]:
    """Capitals, and objects as JSON text: https://learn.microsoft.com/azure/azure-monitor/reference/tables/signinlogs."""
    row: dict[str, Any] = {"TimeGenerated": "2026-12-03T00:00:00Z", "Type": table}
    for name, value in graph.items():
        text = json.dumps(value) if isinstance(value, dict | list) else value
        row[renamed.get(name, name[0].upper() + name[1:])] = text
    return row


SIGN_INS = {
    "Graph": SIGN_IN,
    "diagnostic settings": _diagnostic("SignInLogs", SIGN_IN, resultType="50158", location="JP"),
    "diagnostic settings, text": _diagnostic("SignInLogs", SIGN_IN) | {"properties": json.dumps(SIGN_IN)},
    "Log Analytics": _log_analytics("SigninLogs", SIGN_IN, {"ipAddress": "IPAddress", "location": "LocationDetails"})
    | {"ResultType": "50158", "Location": "JP"},
}
AUDITS = {
    "Graph": AUDIT,
    "diagnostic settings": _diagnostic("AuditLogs", AUDIT),
    "Log Analytics": _log_analytics("AuditLogs", AUDIT, {}),
}


@pytest.mark.parametrize("export", SIGN_INS)
def test_sign_ins(export: str) -> None:
    kind, time, fields, _ = shaped(copy.deepcopy(SIGN_INS[export]))
    assert kind == ("azure", "signinlogs", "")
    assert time == parse_rfc3339("2026-12-01T16:03:24.123Z")
    expected = {
        "userPrincipalName": "tanaka@bank.example",
        "ipAddress": "203.0.113.9",
        "clientAppUsed": "IMAP",
        "status.errorCode": 50158,
        "status.failureReason": "External security challenge",
        "signInStatus": ["Failure", "External security challenge", "MFA denied"],
        "message": "Device Code",
        "networkLocationDetails": "[]",
        "deviceDetail.deviceId": "",
        "deviceDetail.trustType": None,
        "location.city": "東京",
        "location.countryOrRegion": "JP",
    }
    assert {name: fields[name] for name in expected} == expected


def test_what_only_the_envelope_says_is_kept() -> None:
    """As of sign-ins of service principals, whose Graph object some exports leave thin."""
    thin = {"createdDateTime": "2026-12-01T16:03:24Z", "appId": "a", "correlationId": "c"}
    record = _diagnostic("ServicePrincipalSignInLogs", thin, resultType=0, callerIpAddress="203.0.113.9", location="JP")
    fields = shaped(record).fields
    assert (fields["status.errorCode"], fields["signInStatus"]) == (0, ["Success"])
    assert (fields["ipAddress"], fields["location.countryOrRegion"]) == ("203.0.113.9", "JP")


@pytest.mark.parametrize("export", AUDITS)
def test_audits(export: str) -> None:
    kind, time, fields, _ = shaped(copy.deepcopy(AUDITS[export]))
    assert kind == ("azure", "auditlogs", "")
    assert time == parse_rfc3339("2026-12-02T18:05:06Z")
    expected = {
        "category": "UserManagement",
        "activityDisplayName": "Consent to application",
        "initiatedBy.user.userPrincipalName": "sato@bank.example",
        "targetResources": AUDIT["targetResources"],
        "targetResources.type": ["ServicePrincipal"],
        "targetResources.modifiedProperties.newValue": ['"False"', '["Member"]'],
        "modifiedProperties.ConsentContext.IsAdminConsent": "False",
        "modifiedProperties.UserType": ["Member"],
        "additionalDetails.additionalInfo": "by device id",
    }
    assert {name: fields[name] for name in expected} == expected


def test_risk_detections() -> None:
    """https://learn.microsoft.com/graph/api/resources/riskdetection."""
    graph = {"riskEventType": "unlikelyTravel", "detectedDateTime": "2026-12-01T00:00:00Z", "ipAddress": "203.0.113.9"}
    for record in (graph, {"category": "UserRiskEvents", "time": "x", "properties": graph}):
        kind, time, fields, _ = shaped(dict(record))
        assert (kind, time) == (("azure", "riskdetection", ""), parse_rfc3339("2026-12-01T00:00:00Z"))
        assert fields["riskEventType"] == "unlikelyTravel"


@pytest.mark.parametrize("form", ["Graph's answer", "Event Hubs", "storage", "array"])
def test_files_are_read_by_content(form: str, lines: Callable[[bytes], Reading]) -> None:
    match form:
        case "Graph's answer":
            text = json.dumps({"@odata.context": "x", "@odata.nextLink": "y", "value": [SIGN_IN] * 50})
        case "Event Hubs":
            text = "\n".join(json.dumps({"records": [SIGN_INS["diagnostic settings"]] * 5}) for _ in range(10))
        case "storage":
            text = "\n".join(json.dumps(SIGN_INS["diagnostic settings"]) for _ in range(50))
        case _:
            text = json.dumps([SIGN_IN] * 50, indent=2)
    reading = lines(text.encode())
    assert (reading.account.evaluated, reading.account.rejected, reading.account.untimed) == (50, 0, 0)
    assert {batch.kind.channel for batch in reading.batches} == {"signinlogs"}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"category": "AuditLogs", "properties": 5}, "properties is no object"),
        ({"category": "AuditLogs", "properties": "{oops"}, "properties is no object"),
        ({"category": ["AuditLogs"], "properties": {}}, "no known event shape"),
    ],
)
def test_what_is_no_event_says_why(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(ShapeError, match=reason):
        shaped(record)


@pytest.mark.parametrize("odd", [None, 5, "x", [], {}, [None], [[]], [{"modifiedProperties": 5}], {"a": {"b": []}}])
def test_members_of_odd_types_are_kept_as_they_are(odd: Any) -> None:
    for graph in (SIGN_IN, AUDIT):
        for name in graph:
            shaped(dict(graph) | {name: odd})
