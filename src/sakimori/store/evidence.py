"""Raw records that findings rest on, kept so that they can be shown when their source is gone."""

from sakimori.store.schema import evidence
from sakimori.store.transaction import Snapshot, Transaction


def put_raw(transaction: Transaction, event_id: str, raw: bytes) -> None:
    """Keep the raw record of an event. Evidence never changes: a second record under the same id is not taken."""
    transaction.insert_missing(evidence, [{"event_id": event_id, "raw": raw}])


def get_raw(snapshot: Snapshot, event_id: str) -> bytes | None:
    found = snapshot.rows(evidence).where(evidence.c.event_id == event_id).with_only_columns(evidence.c.raw)
    return snapshot.connection.execute(found).scalar_one_or_none()
