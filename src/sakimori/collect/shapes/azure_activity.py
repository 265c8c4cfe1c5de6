"""Azure activity logs: who did what to the bank's cloud resources.

https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema. As diagnostic settings write them (known
by their ``category`` beside a ``resourceId``), as the REST API and ``az monitor activity-log list`` do
(``eventTimestamp``, names as ``{"value": …, "localizedValue": …}``), and as Log Analytics' table ``AzureActivity``.
Fields have the names of the first, with ``resourceProvider``, ``caller`` and ``status`` from the others.
"""

from typing import Any, cast

from sakimori.collect.shapes import Fields, Shaped
from sakimori.collect.shapes.nested import flattened
from sakimori.collect.times import time_of

_CATEGORIES = frozenset(
    {"Administrative", "Security", "ServiceHealth", "Alert", "Recommendation", "Policy", "Autoscale", "ResourceHealth"}
)
_API = frozenset({"eventTimestamp", "operationName", "resourceId", "category"})
_COLUMNS = frozenset({"OperationNameValue", "CategoryValue"})
_RENAMED = {
    "OperationNameValue": "operationName",
    "CategoryValue": "category",
    "ResourceProviderValue": "resourceProvider",
    "ActivityStatusValue": "status",
    "_ResourceId": "resourceId",
    "resourceProviderName": "resourceProvider",
}
_TIMES = ("eventTimestamp", "time", "timeGenerated")


def recognises(record: Fields) -> bool:
    names = record.keys()
    return (
        names >= _API
        or names >= _COLUMNS
        or ("resourceId" in record and "operationName" in record and _text(record.get("category")) in _CATEGORIES)
    )


def shaped(record: Fields) -> Shaped:
    capital = record.keys() >= _COLUMNS
    if capital and "OperationName" in record:
        del record["OperationName"]  # what the portal shows, in the portal's language
    named: Fields = {}
    for name, value in record.items():
        ours = _RENAMED.get(name) or (name[:1].lower() + name[1:] if capital else name)
        named.setdefault(ours, _value(value))
    times = (time_of(named.get(name)) for name in _TIMES)
    time = next((time for time in times if time is not None), None)
    return Shaped(("azure", "activitylogs", ""), time, flattened(named))


def _value(value: Any) -> Any:
    """Of a name that the API gives in the portal's language too, the one that is the same everywhere."""
    if value.__class__ is dict and value.keys() <= {"value", "localizedValue"}:
        return cast("Fields", value).get("value")
    return value


def _text(value: Any) -> str:
    return value if value.__class__ is str else ""
