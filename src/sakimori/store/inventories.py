"""The institution's inventory, read only where it changed."""

from sakimori.core import Nanos
from sakimori.records import Inventory
from sakimori.store.documents import shelf
from sakimori.store.transaction import Snapshot


def taken_at(snapshot: Snapshot) -> Nanos | None:
    """When the current inventory was taken, without reading it; None: there is none."""
    table = shelf(Inventory).table
    return snapshot.connection.execute(snapshot.rows(table).with_only_columns(table.c.time)).scalar_one_or_none()
