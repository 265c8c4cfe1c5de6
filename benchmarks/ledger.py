"""The ledger: durable entries per second with the sequencer included, and how fast others can check them."""

import gc
import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from benchmarks.figure import Figure
from sakimori.access.secrets import Secrets
from sakimori.ledger import Ledger, LocalSigner, Memory, export, proof
from sakimori.ledger.leaf import before_first
from sakimori.ledger.merkle import leaf_hash
from sakimori.ledger.verification import Chain
from sakimori.records import LedgerEntry
from sakimori.store import Database

_COMMAND = "make bench ONLY=ledger"
_TENANT = "local"
_GROUP = 64
"""Entries per transaction of who writes them: what a gateway under load commits together."""
_SEALED_EVERY = 32
"""Transactions of writers between two of the sequencer, which seals all of theirs as one group."""
_TRANSACTIONS = 480


def run() -> list[Figure]:
    # In the checkout and not in the system's temporary folder, which may be memory: durable means a real disk.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        home = Path(folder)
        database = Database.embedded(home)
        ledger = Ledger(LocalSigner(Secrets.embedded(home)), Memory.embedded(home))
        figures = [*_writing(database, ledger, home), *_checking(database, ledger, home), _raw_leaves()]
        database.close()
    return figures


def _writing(database: Database, ledger: Ledger, home: Path) -> list[Figure]:
    numbers = count()
    prepared = [[_entry(next(numbers)) for _ in range(_GROUP)] for _ in range(_TRANSACTIONS)]
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    for number, entries in enumerate(prepared, 1):
        with database.transaction(_TENANT) as transaction:
            ledger.append(transaction, *entries)
        if number % _SEALED_EVERY == 0:
            ledger.sequence(database, _TENANT)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    written = _TRANSACTIONS * _GROUP
    return [
        Figure(
            f"Ledger entries, durable (FULL sync), appended in groups of {_GROUP}, sealed in groups of "
            f"{_GROUP * _SEALED_EVERY} by a sequencer of its own transactions",
            written / wall,
            "records/s",
            f"{_bare(home):,.0f} rows/s by bare sqlite3 in groups of {_GROUP}",
            _COMMAND,
        ),
        Figure("Ledger, CPU per entry, appended and sealed", cpu / written * 1e6, "µs", None, _COMMAND),
    ]


def _bare(home: Path) -> float:
    bare = sqlite3.connect(home / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, body TEXT)")
    groups = 100
    wall = time.perf_counter()
    for _ in range(groups):
        bare.execute("BEGIN IMMEDIATE")
        for _ in range(_GROUP):
            bare.execute("INSERT INTO record (body) VALUES (?)", ("x" * 250,))
        bare.execute("COMMIT")
    wall = time.perf_counter() - wall
    bare.close()
    return groups * _GROUP / wall


def _checking(database: Database, ledger: Ledger, home: Path) -> list[Figure]:
    remembered = ledger.remembered(_TENANT)
    with database.snapshot(_TENANT) as snapshot:
        started = time.perf_counter()
        verified = ledger.verify(snapshot, remembered=remembered)
        verify_wall = time.perf_counter() - started
        if not verified.ok or verified.checkpoint is None:
            raise RuntimeError(f"the benchmark's own ledger is broken: {verified.problem}")
        started = time.perf_counter()
        position = proof.position_of(snapshot, f"le-{verified.leaves // 3:024x}")
        proof.prove(snapshot, position, verified.checkpoint)
        prove_wall = time.perf_counter() - started
        verifier = ledger.verifier(_TENANT)
        path = home / "export.jsonl"
        started = time.perf_counter()
        with path.open("wb") as file:
            file.writelines(export.lines(snapshot, verifier, export.choose(snapshot, verifier)))
        export_wall = time.perf_counter() - started
    command = [sys.executable, "tools/verify_ledger.py", str(path), "--key", str(verifier)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    tool_wall = time.perf_counter() - started
    return [
        Figure(
            "Ledger verification with content and signatures, from the database",
            verified.leaves / verify_wall,
            "leaves/s",
            None,
            _COMMAND,
        ),
        Figure("Ledger export", verified.leaves / export_wall, "entries/s", None, _COMMAND),
        Figure(
            "`tools/verify_ledger.py` over an export, start included",
            verified.leaves / tool_wall,
            "entries/s",
            None,
            _COMMAND,
        ),
        Figure(f"Inclusion proof in a ledger of {verified.leaves:,} entries", prove_wall * 1e3, "ms", None, _COMMAND),
    ]


def _raw_leaves() -> Figure:
    """Chain and Merkle root over leaves in memory, one core: what any auditor's program has to compute."""
    before, leaves = before_first(_TENANT), list[bytes]()
    for _ in range(200_000):
        leaf = before + os.urandom(32)
        before = leaf_hash(leaf)
        leaves.append(leaf)
    chain = Chain(_TENANT)
    started = time.process_time()
    intact = all(chain.extend(leaf) for leaf in leaves)
    chain.frontier.root()
    taken = time.process_time() - started
    if not intact:
        raise RuntimeError("the benchmark's own chain is broken")
    started = time.process_time()
    for leaf in leaves:
        hashlib.sha256(leaf).digest()
        hashlib.sha256(leaf).digest()
    hashing = time.process_time() - started
    return Figure(
        "Ledger verification over raw leaf bytes (chain and Merkle root, CPU, one core)",
        len(leaves) / taken,
        "leaves/s",
        f"{len(leaves) / hashing:,.0f} /s for the two hashes alone",
        _COMMAND,
    )


def _entry(number: int) -> LedgerEntry:
    return LedgerEntry(
        id=f"le-{number:024x}",
        tenant=_TENANT,
        time=time.time_ns(),
        actor="key:0123456789",
        action="gateway.call",
        subject=f"rq-{number:024x}",
        detail={"model": "m-1", "tokens_in": 1200, "tokens_out": 300, "tokenised": 7, "policies": ["structured-only"]},
    )
