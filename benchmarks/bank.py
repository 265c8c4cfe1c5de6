"""The bank whose calls the gateway's measurements make."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from sakimori.access import keys
from sakimori.access.secrets import Secrets
from sakimori.core import LOCAL_TENANT, SystemClock
from sakimori.records import DataClass, Grant, GrantState, Inventory, Limit, Window
from sakimori.store import Database

_DAY = 86_400_000_000_000


def bank(home: Path, *, model: str, inventories: Sequence[Inventory] = ()) -> str:
    """An install at ``home`` with a grant for ``model`` that is never used up; its key in clear."""
    database, secrets, clock = Database.embedded(home), Secrets.embedded(home), SystemClock()
    grant = Grant(
        id="gr-bench",
        tenant=LOCAL_TENANT,
        state=GrantState.READY,
        models=(model,),
        purposes=("bench",),
        data_classes=(DataClass.STRUCTURED,),
        limits=(Limit(window=Window.DAY, tokens=10**12, yen=Decimal(10**9)),),
        not_before=clock.now() - _DAY,
        not_after=clock.now() + _DAY,
    )
    with database.transaction(LOCAL_TENANT) as transaction:
        transaction.put(grant, *inventories)
        _, key = keys.issue(transaction, secrets, name="bench", scopes=["gateway", "structured"], clock=clock)
    database.close()
    return key
