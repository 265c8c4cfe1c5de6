"""Entra ID (Azure AD) sign-ins, audits and risk detections. Fields have Microsoft Graph's names in every export.

- Microsoft Graph v1.0: ``signIn``, ``directoryAudit`` and ``riskDetection``
  (https://learn.microsoft.com/graph/api/resources/signin), as they come.
- Diagnostic settings (Event Hubs, storage): ``category`` says which; Graph's object lies in ``properties``.
- Log Analytics' tables ``SigninLogs``, ``AuditLogs``, ``AADUserRiskEvents`` …: Graph's names with a capital.

Sigma's rules mix all three namings and the portal's: ``content/mappings/products/azure.yaml`` leads them here. For
rules that ask for what only the portal shows, there are also ``signInStatus`` (``Success`` or ``Failure``, details),
``message`` (the protocol's name), ``modifiedProperties.<name>`` (the new value) and ``additionalDetails.<key>``.
"""

from typing import Any, cast

import orjson

from sakimori.collect.shapes import Fields, Numbers, Shaped, ShapeError, put
from sakimori.collect.shapes.nested import flattened
from sakimori.collect.times import time_of

_CATEGORIES = {
    "SignInLogs": "signinlogs",
    "NonInteractiveUserSignInLogs": "signinlogs",
    "ServicePrincipalSignInLogs": "signinlogs",
    "ManagedIdentitySignInLogs": "signinlogs",
    "MicrosoftServicePrincipalSignInLogs": "signinlogs",
    "ADFSSignInLogs": "signinlogs",
    "AuditLogs": "auditlogs",
    "UserRiskEvents": "riskdetection",
    "ServicePrincipalRiskEvents": "riskdetection",
}
_TABLES = {
    "SigninLogs": "signinlogs",
    "AADNonInteractiveUserSignInLogs": "signinlogs",
    "AADServicePrincipalSignInLogs": "signinlogs",
    "AADManagedIdentitySignInLogs": "signinlogs",
    "ADFSSignInLogs": "signinlogs",
    "AuditLogs": "auditlogs",
    "AADUserRiskEvents": "riskdetection",
    "AADServicePrincipalRiskEvents": "riskdetection",
}
_COLUMNS: dict[frozenset[str], str] = {
    frozenset({"AppDisplayName", "ResultType", "CorrelationId"}): "signinlogs",
    frozenset({"ActivityDisplayName", "TargetResources", "InitiatedBy"}): "auditlogs",
}
_GRAPH: dict[frozenset[str], str] = {
    frozenset({"createdDateTime", "appId", "status", "correlationId"}): "signinlogs",
    frozenset({"activityDateTime", "activityDisplayName", "targetResources"}): "auditlogs",
    frozenset({"riskEventType", "detectedDateTime"}): "riskdetection",
}
_TIMES = ("createdDateTime", "activityDateTime", "detectedDateTime", "activityDateTime", "time", "timeGenerated")
_OBJECTS = frozenset(
    {
        "additionalDetails",
        "authenticationDetails",
        "authenticationProcessingDetails",
        "conditionalAccessPolicies",
        "deviceDetail",
        "initiatedBy",
        "location",
        "mfaDetail",
        "networkLocationDetails",
        "status",
        "targetResources",
    }
)
"""Log Analytics exports write these as JSON text."""
_PROTOCOLS = {"deviceCode": "Device Code", "ropc": "ROPC"}
_RENAMED = {"IPAddress": "ipAddress", "IpAddress": "ipAddress", "LocationDetails": "location", "Location": "country"}


def recognises(record: Fields) -> bool:
    return _channel(record) is not None


def shaped(record: Fields) -> Shaped:
    channel = _channel(record) or ""
    if "properties" in record and record.get("category") in _CATEGORIES:
        graph = _of_diagnostics(record)
    elif "TimeGenerated" in record or record.get("Type") in _TABLES:
        graph = _of_log_analytics(record)
    else:
        graph = record
    for name in _OBJECTS & graph.keys():
        graph[name] = _parsed(graph[name])
    times = (time_of(graph.get(name)) for name in _TIMES)
    time = next((time for time in times if time is not None), None)
    fields = flattened(graph)
    _ADDED.get(channel, _nothing)(graph, fields)
    return Shaped(("azure", channel, ""), time, fields)


def _channel(record: Fields) -> str | None:
    category, table = record.get("category"), record.get("Type")
    if "properties" in record and category.__class__ is str and category in _CATEGORIES:
        return _CATEGORIES[category]
    if table.__class__ is str and table in _TABLES:
        return _TABLES[table]
    for known in (_GRAPH, _COLUMNS):
        for names, channel in known.items():
            if names <= record.keys():
                return channel
    return None


def _of_diagnostics(record: Fields) -> Fields:
    """What is in the envelope alone (see "common schema of resource logs") under Graph's names, where it has one."""
    graph = _parsed(record["properties"])
    if graph.__class__ is not dict:
        raise ShapeError("properties is no object")
    graph = dict(cast("Fields", graph))
    for name in ("time", "operationName", "tenantId", "correlationId", "identity", "resultType", "resultDescription"):
        if name in record:
            graph.setdefault(name, record[name])
    if "callerIpAddress" in record:
        graph.setdefault("ipAddress", record["callerIpAddress"])
    if record.get("location").__class__ is str:
        graph.setdefault("country", record["location"])
    return graph


def _of_log_analytics(record: Fields) -> Fields:
    return {_RENAMED.get(name, name[:1].lower() + name[1:]): value for name, value in record.items()}


def _parsed(value: Any) -> Any:
    if value.__class__ is str and value[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _of_sign_in(graph: Fields, fields: Fields) -> None:
    status = graph.get("status")
    known = cast("Fields", status) if status.__class__ is dict else {}
    code = fields.setdefault("status.errorCode", graph.get("resultType"))
    if graph.get("resultDescription"):
        fields.setdefault("status.failureReason", graph["resultDescription"])
    if code is not None:
        word = "Success" if str(code) == "0" else "Failure"
        fields["signInStatus"] = [
            word,
            *(known[name] for name in ("failureReason", "additionalDetails") if known.get(name)),
        ]
    if word := _PROTOCOLS.get(str(graph.get("authenticationProtocol"))):
        fields["message"] = word
    if "country" in graph:
        fields.setdefault("location.countryOrRegion", graph["country"])
    if graph.get("networkLocationDetails") == []:
        fields["networkLocationDetails"] = "[]"


def _of_audit(graph: Fields, fields: Fields) -> None:
    targets = graph.get("targetResources")
    last: Numbers = {}
    if targets.__class__ is list:
        fields["targetResources"] = targets
        changed = [change for target in cast("list[Any]", targets) for change in _objects(target, "modifiedProperties")]
        fields["targetResources.modifiedProperties"] = changed
        for change in changed:
            if change.get("displayName").__class__ is str:
                put(fields, last, f"modifiedProperties.{change['displayName']}", _unquoted(change.get("newValue")))
    if graph.get("initiatedBy").__class__ is dict:
        fields["initiatedBy"] = graph["initiatedBy"]
    for detail in _objects(graph, "additionalDetails"):
        if detail.get("key").__class__ is str:
            put(fields, last, f"additionalDetails.{detail['key']}", detail.get("value"))


def _objects(holder: Any, name: str) -> list[Fields]:
    items = cast("Fields", holder).get(name) if holder.__class__ is dict else None
    return [item for item in cast("list[Any]", items) if item.__class__ is dict] if items.__class__ is list else []


def _unquoted(value: Any) -> Any:
    """The audit log writes values as JSON text: ``"\\"False\\""``, ``"[\\"Member\\"]"``."""
    if value.__class__ is not str:
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _nothing(_: Fields, __: Fields) -> None:
    """Of risk detections, Graph's own fields are enough."""


_ADDED = {"signinlogs": _of_sign_in, "auditlogs": _of_audit}
