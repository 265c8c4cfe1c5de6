"""Keys, policy and programme. Beside each figure stands the bound it is held to, or the same work done plainly."""

import hmac
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figure import Figure
from sakimori.access import Directory, Principal, Role, keys
from sakimori.access.rights import Resource, Right, Rights
from sakimori.access.secrets import Secrets
from sakimori.core import SystemClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.programme import GrantsFile, Programme
from sakimori.store import Database

_COMMAND = "make bench ONLY=access"
_TENANT = "local"
_KEYS = 100_000
_SHOWN = 10_000
"""Of the keys, those that are looked up, one after another."""
_INSTITUTIONS = 10_000


def run() -> list[Figure]:
    # In the checkout and not in the system's temporary folder, which may be memory: durable means a real disk.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        home = Path(folder)
        database = Database.embedded(home)
        secrets = Secrets.embedded(home)
        figures = [*_lookups(database, secrets), *_decisions(), *_programme(database, secrets)]
        database.close()
    return figures


def _lookups(database: Database, secrets: Secrets) -> list[Figure]:
    clock = SystemClock()
    digest = os.urandom(32)
    row = {"name": "n", "scopes": "[]", "digest": digest, "created_at": 0, "expires_at": None, "revoked_at": None}
    with database.transaction(_TENANT) as transaction:
        shown = [keys.issue(transaction, secrets, name="n", scopes=["gateway"], clock=clock)[1] for _ in range(_SHOWN)]
        transaction.insert(keys.service_key, ({**row, "id": f"k{number:09d}"} for number in range(_KEYS - _SHOWN)))
    directory = Directory(database, secrets, clock)

    def look_up() -> None:
        for key in shown:
            if directory.authenticate(key) is None:
                raise RuntimeError("the benchmark's own key is unknown")

    first = _cpu(look_up) / _SHOWN
    again = _cpu(look_up) / _SHOWN

    def hash_only() -> None:
        for key in shown:
            hmac.compare_digest(digest, hmac.digest(digest, key.encode(), "sha256"))

    bare = _cpu(hash_only) / _SHOWN
    name = f"Key lookup among {_KEYS:,}, CPU"
    return [
        Figure(name, again * 1e3, "ms", f"at most 0.05; {bare * 1e3:.4f} for the keyed hash alone", _COMMAND),
        Figure(f"{name}, first time in a process", first * 1e3, "ms", None, _COMMAND),
    ]


def _decisions() -> list[Figure]:
    rights = Rights()
    lead = Principal(_TENANT, "lead", "person", frozenset(), frozenset({Role.LEAD}), signs=True)
    things = [Resource.about(Right.READ_INCIDENTS, _TENANT, f"in-{number}") for number in range(2_000)]

    def decide() -> None:
        for thing in things:
            if not rights.decide(lead, Right.READ_INCIDENTS, thing).allowed:
                raise RuntimeError("the benchmark's own lead may not read")

    new = _cpu(decide) / len(things)
    known = _cpu(decide) / len(things)
    return [
        Figure("Policy decision, CPU", new * 1e3, "ms", "at most 0.2", _COMMAND),
        Figure("Policy decision that was asked for before, CPU", known * 1e3, "ms", None, _COMMAND),
    ]


def _programme(database: Database, secrets: Secrets) -> list[Figure]:
    text = "institutions:\n" + "".join(
        f"- name: 第{number}銀行\n  people: [{{name: 山田, identity: y{number}, roles: [lead]}}]\n"
        f"  keys: [{{name: k, scopes: [gateway]}}]\n"
        for number in range(_INSTITUTIONS)
    )
    owner = Principal("authority", "bench", "owner", frozenset())
    ledger = Ledger(LocalSigner(secrets))
    programme = Programme(database, secrets, ledger, Rights(), operator="authority", clock=SystemClock())
    started = time.perf_counter()
    plan = programme.plan(GrantsFile.parse(text, where="bench"), owner)
    planned = time.perf_counter()
    programme.apply(plan, owner, show=lambda _: None)
    applied = time.perf_counter()
    if not programme.plan(GrantsFile.parse(text, where="bench"), owner).is_empty:
        raise RuntimeError("the benchmark's own programme is not as its file says")
    again = time.perf_counter()
    size = f"{_INSTITUTIONS:,} institutions, a person and a key each"
    return [
        Figure(f"Programme of {size}: read and plan", (planned - started), "s", None, _COMMAND),
        Figure(f"Programme of {size}: apply durably, with ledger", (applied - planned), "s", None, _COMMAND),
        Figure(f"Programme of {size}: read and plan again", (again - applied), "s", None, _COMMAND),
    ]


def _cpu(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
