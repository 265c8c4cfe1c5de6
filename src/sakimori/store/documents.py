"""Documents in tables: one table per type, the JSON form beside the columns that are searched or sorted by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import BigInteger, Column, Index, Named, Table, Text

from sakimori.records import (
    ApprovalRequest,
    Document,
    Execution,
    Finding,
    Grant,
    Incident,
    Inventory,
    Plan,
    Source,
    Verdict,
    to_json,
)
from sakimori.store.schema import AnyText, TenantColumns, metadata

D = TypeVar("D", bound=Document)


class DocumentColumns(TenantColumns):
    id: Named[str] = Column(AnyText, primary_key=True)
    time: Named[int] = Column(BigInteger)
    """What the documents are ordered by: when it happened or was made; 0 for documents without a time."""
    body: Named[str] = Column(Text)
    """The versioned JSON form (``records.to_json``)."""


@dataclass(frozen=True, slots=True)
class Shelf(Generic[D]):
    """Where documents of one type stand."""

    cls: type[D]
    table: Table[DocumentColumns]
    time: Callable[[D], int]
    keys: tuple[str, ...]
    """Attributes that are columns of their own, for ``Snapshot.all(…, where=…)``."""

    def row(self, document: D) -> dict[str, Any]:
        """The columns of one document, without the institution."""
        row: dict[str, Any] = {key: getattr(document, key) for key in self.keys}
        row.update(id=document.id, time=self.time(document), body=to_json(document).decode())
        return row


_shelves: dict[type[Document], Shelf[Any]] = {}


def _shelf(name: str, cls: type[D], *, time: Callable[[D], int], keys: tuple[str, ...] = ()) -> None:
    columns = [Column(key, AnyText, nullable=False) for key in keys]
    table = Table(name, metadata, DocumentColumns, *columns)
    Index(None, table.c.tenant, table.c.time)
    for column in columns:
        Index(None, table.c.tenant, column)
    _shelves[cls] = Shelf(cls, table, time, keys)


_shelf("source", Source, time=lambda source: 0)
_shelf("finding", Finding, time=lambda finding: finding.last_time, keys=("rule_id",))
_shelf("incident", Incident, time=lambda incident: incident.last_time, keys=("status",))
_shelf("verdict", Verdict, time=lambda verdict: verdict.made_at, keys=("incident_id",))
_shelf("plan", Plan, time=lambda plan: plan.made_at, keys=("incident_id",))
_shelf("execution", Execution, time=lambda execution: execution.started_at, keys=("incident_id", "plan_id"))
_shelf(
    "approval_request",
    ApprovalRequest,
    time=lambda request: request.asked_at,
    keys=("action_hash", "execution_id", "state"),
)
_shelf("inventory", Inventory, time=lambda inventory: inventory.taken_at)
_shelf("grant", Grant, time=lambda grant: grant.not_before)


def shelf(cls: type[D]) -> Shelf[D]:
    """Where documents of a type stand.

    Raises:
        TypeError: the store does not keep this type.
    """
    if found := _shelves.get(cls):
        return cast("Shelf[D]", found)
    raise TypeError(f"the store keeps no {cls.__name__}")
