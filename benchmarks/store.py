"""Store. Beside each figure stands the same work by the bare ``sqlite3`` module."""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from benchmarks import transactions
from benchmarks.figure import Figure
from sakimori.records import Source, to_json
from sakimori.store import Database

_COMMAND = "make bench ONLY=store"
_TENANT = "local"


def run() -> list[Figure]:
    # In the checkout and not in the system's temporary folder, which may be memory: durable means a real disk.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        home = Path(folder)
        database = Database.embedded(home)
        bare = sqlite3.connect(home / "bare.db", isolation_level=None)
        bare.execute("PRAGMA journal_mode = WAL")
        bare.execute("PRAGMA synchronous = FULL")
        bare.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, body TEXT)")
        figures = [
            _transaction(database, bare),
            *transactions.figures(),
        ]
        bare.close()
        database.close()
    return figures


def _transaction(database: Database, bare: sqlite3.Connection) -> Figure:
    numbers = count()

    def put() -> None:
        with database.transaction(_TENANT) as transaction:
            transaction.put(_source(next(numbers)))

    def insert() -> None:
        body = to_json(_source(next(numbers)))
        bare.execute("BEGIN IMMEDIATE")
        bare.execute("INSERT INTO record (body) VALUES (?)", (body.decode(),))
        bare.execute("COMMIT")

    put()
    _, cpu = _timed(put, 300)
    _, bare_cpu = _timed(insert, 300)
    return Figure(
        "Transaction that writes one document, CPU",
        cpu * 1e3,
        "ms",
        f"{bare_cpu * 1e3:.2f} ms by bare sqlite3",
        _COMMAND,
    )


def _timed(work: Callable[[], None], times: int) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        work()
    return (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times


def _source(number: int) -> Source:
    return Source(tenant=_TENANT, digest=f"{number:064x}", path="logs/host.evtx", format="evtx", size=1 << 20)
