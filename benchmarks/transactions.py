"""Transactions bound to an institution, on a file and on a server: CPU of our process and, apart, of the server's.

The server's is that of the backend process that serves the connection, from ``/proc/PID/stat`` (proc(5)).
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from itertools import count, cycle, islice
from pathlib import Path

import psycopg
from tests.postgres_cluster import ORDINARY, Cluster

from benchmarks.figure import Figure
from sakimori.records import DataClass, Grant, GrantState, Limit, Source, Window
from sakimori.store import Database, budgets
from sakimori.store.budgets import Amount

_COMMAND = "make bench ONLY=store"
_TENANT = "local"
_MANY = 10_000


def figures() -> Iterator[Figure]:
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder,
        closing(Database.embedded(Path(folder))) as database,
    ):
        write, read = _work(database)
        _, cpu = _timed(write, 500)
        yield Figure("Transaction on SQLite that writes one document, CPU", cpu * 1e3, "ms", None, _COMMAND)
        _, cpu = _timed(read, 500)
        yield Figure("Snapshot on SQLite that reads one document, CPU", cpu * 1e3, "ms", None, _COMMAND)
        with closing(sqlite3.connect(Path(folder) / "sakimori.db")) as bare, bare:
            bare.executemany(
                "INSERT INTO budget_window VALUES (?, 'gr-1', '1970-01-01', 0, 0, 0)",
                ((_name(n),) for n in range(_MANY)),
            )
        yield _many_institutions(database, "SQLite")
    try:
        cluster = Cluster()
    except FileNotFoundError as error:
        print(f"(left out: {error})", flush=True)
        return
    try:
        yield from _on_server(cluster)
    finally:
        cluster.remove()


def _on_server(cluster: Cluster) -> Iterator[Figure]:
    name = cluster.new()
    bare_write, bare_read = _bare(cluster, name)
    with closing(Database.open(cluster.url(name))) as database:
        write, read = _work(database)
        for what, work, bare in (
            ("Transaction on PostgreSQL that writes one document", write, bare_write),
            ("Snapshot on PostgreSQL that reads one document", read, bare_read),
        ):
            _, cpu = _timed(work, 500)
            _, bare_cpu = _timed(bare, 500)
            beside = f"{bare_cpu * 1e3:.2f} ms by bare psycopg"
            yield Figure(f"{what}, CPU of the client", cpu * 1e3, "ms", beside, _COMMAND)
            yield Figure(f"{what}, CPU of the server", _of_server(cluster, work, 1000) * 1e3, "ms", None, _COMMAND)
        names = f"SELECT '銀行 ' || n, 'gr-1', '1970-01-01', 0, 0, 0 FROM generate_series(0, {_MANY - 1}) n"  # noqa: S608 # our own words
        cluster.sql("INSERT INTO budget_window " + names, database=name)
        yield _many_institutions(database, "PostgreSQL")


def _work(database: Database) -> tuple[Callable[[], None], Callable[[], None]]:
    numbers = count()

    def write() -> None:
        with database.transaction(_TENANT) as transaction:
            transaction.put(_source(next(numbers)))

    def read() -> None:
        with database.snapshot(_TENANT) as snapshot:
            if snapshot.get(Source, _source(0).id) is None:
                raise RuntimeError("the benchmark's own row is gone")

    for _ in range(20):
        write()
        read()
    return write, read


def _bare(cluster: Cluster, name: str) -> tuple[Callable[[], None], Callable[[], None]]:
    connection = psycopg.connect(host=str(cluster.folder), dbname=name, user=ORDINARY)
    numbers = count()
    body = "x" * 250

    def write() -> None:
        connection.execute("SELECT set_config('sakimori.tenant', 'bare', true)")
        connection.execute("INSERT INTO source VALUES ('bare', %s, 0, %s)", [f"{next(numbers):064x}", body])
        connection.commit()

    def read() -> None:
        connection.execute("SELECT set_config('sakimori.tenant', 'bare', true)")
        connection.execute("SELECT body FROM source WHERE tenant = 'bare' AND id = %s", [f"{0:064x}"]).fetchone()
        connection.rollback()

    for _ in range(20):
        write()
        read()
    return write, read


def _many_institutions(database: Database, where: str) -> Figure:
    """Reserve and settle a budget for one institution after another, and for the same one again and again."""
    amount = Amount(tokens=1, yen=Decimal(0))

    def spend(tenant: str) -> None:
        grant = Grant(
            id="gr-1",
            tenant=tenant,
            state=GrantState.READY,
            models=("m",),
            purposes=("p",),
            data_classes=(DataClass.STRUCTURED,),
            limits=(Limit(window=Window.DAY, tokens=10**9, yen=Decimal(10**6)),),
            not_before=0,
            not_after=1 << 62,
        )
        with database.transaction(tenant) as transaction:
            lifetime = timedelta(hours=1)
            held = budgets.reserve(transaction, grant, model="m", upper=amount, now=1, lifetime=lifetime)
            budgets.settle(transaction, held.id, amount)

    names = cycle([_name(number * 7 % _MANY) for number in range(_MANY)])
    for name in islice(names, 20):
        spend(name)
    _, one = _timed(lambda: spend("one"), 500)
    _, many = _timed(lambda: spend(next(names)), 500)
    return Figure(
        f"Budget reserved and settled on {where}, each time for another of {_MANY:,} institutions, CPU of the client",
        many * 1e3,
        "ms",
        f"{one * 1e3:.2f} ms for one",
        _COMMAND,
    )


def _of_server(cluster: Cluster, work: Callable[[], None], times: int) -> float:
    """CPU seconds of one call in the server processes of the ordinary role."""
    query = f"SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE usename = '{ORDINARY}'"  # noqa: S608
    pids = cluster.sql(query).split()
    before = sum(_cpu(pid) for pid in pids)
    for _ in range(times):
        work()
    return (sum(_cpu(pid) for pid in pids) - before) / times


def _cpu(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _timed(work: Callable[[], None], times: int) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        work()
    return (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times


def _name(number: int) -> str:
    return f"銀行 {number}"


def _source(number: int) -> Source:
    return Source(tenant=_TENANT, digest=f"{number:064x}", path="logs/host.evtx", format="evtx", size=1 << 20)
