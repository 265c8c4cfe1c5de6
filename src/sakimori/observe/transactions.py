"""How long transactions take, from their begin to their end, on every database that SQLAlchemy speaks to."""

import time
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from sqlalchemy import Connection, Engine, event

from sakimori.observe.metrics import SECONDS

_began: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
"""Not in ``Connection.info``: of a connection that was lost, asking for that is an error of its own."""
_seconds = metrics.get_meter("sakimori.store").create_histogram(
    "sakimori.store.transaction.duration",
    unit="s",
    description="From begin to end, waiting for a turn to write included; those that only read end rolled back.",
    explicit_bucket_boundaries_advisory=SECONDS,
)
_COMMITTED = {"end": "committed"}
_ROLLED_BACK = {"end": "rolled_back"}


def time_all() -> None:
    """Time all transactions of this process from here on."""
    event.listen(Engine, "begin", _begin)
    event.listen(Engine, "commit", _commit)
    event.listen(Engine, "rollback", _roll_back)


def _begin(connection: Connection) -> None:
    _began[connection] = time.perf_counter()


def _commit(connection: Connection) -> None:
    _end(connection, _COMMITTED)


def _roll_back(connection: Connection) -> None:
    _end(connection, _ROLLED_BACK)


def _end(connection: Connection, end: dict[str, str]) -> None:
    began = _began.pop(connection, None)
    if began is not None:
        _seconds.record(time.perf_counter() - began, end)
