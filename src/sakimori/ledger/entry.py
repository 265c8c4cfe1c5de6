"""Making entries whose id is nobody else's."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from sakimori.core import Nanos
from sakimori.records import LedgerEntry
from sakimori.store import Snapshot


def new_entry(
    of: Snapshot, *, at: Nanos, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> LedgerEntry:
    """An entry of the institution that ``of`` is bound to, with a random id; it is to be appended.

    Where an act can be told of twice, as after a restart, make the entry's id from the act instead.
    """
    return LedgerEntry(
        id=f"le-{token_hex(12)}",
        tenant=of.tenant,
        time=at,
        actor=actor,
        action=action,
        subject=subject,
        detail=dict(detail),
    )
