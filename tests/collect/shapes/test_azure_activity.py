"""Azure activity logs come out alike, whichever way they were exported."""

from typing import Any

import pytest

from sakimori.collect.json_records import shaped
from sakimori.core import parse_rfc3339

_RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"
EXPORTS: dict[str, dict[str, Any]] = {
    "diagnostic settings": {
        "time": "2026-12-01T16:03:24.123Z",
        "resourceId": _RESOURCE,
        "operationName": "MICROSOFT.KEYVAULT/VAULTS/WRITE",
        "category": "Administrative",
        "callerIpAddress": "203.0.113.9",
        "identity": {"claims": {"name": "佐藤"}},
        "properties": {"message": "x"},
    },
    "REST": {
        "eventTimestamp": "2026-12-01T16:03:24.123Z",
        "resourceId": _RESOURCE,
        "operationName": {"value": "Microsoft.KeyVault/vaults/write", "localizedValue": "コンテナーの更新"},
        "category": {"value": "Administrative", "localizedValue": "管理"},
        "httpRequest": {"clientIpAddress": "203.0.113.9"},
        "caller": "sato@bank.example",
    },
    "Log Analytics": {
        "TimeGenerated": "2026-12-01T16:03:24.123Z",
        "_ResourceId": _RESOURCE,
        "OperationName": "コンテナーの更新",
        "OperationNameValue": "MICROSOFT.KEYVAULT/VAULTS/WRITE",
        "CategoryValue": "Administrative",
        "CallerIpAddress": "203.0.113.9",
        "Caller": "sato@bank.example",
    },
}


@pytest.mark.parametrize("export", EXPORTS)
def test_activities(export: str) -> None:
    kind, time, fields, _ = shaped(dict(EXPORTS[export]))
    assert kind == ("azure", "activitylogs", "")
    assert time == parse_rfc3339("2026-12-01T16:03:24.123Z")
    assert fields["operationName"].upper() == "MICROSOFT.KEYVAULT/VAULTS/WRITE"
    assert (fields["category"], fields["resourceId"]) == ("Administrative", _RESOURCE)
