"""The store: documents and evidence of each institution, in transactions.

``Database.of(settings)`` opens the install's database, on SQLite or PostgreSQL; its ``transaction(tenant)`` reads and
writes, its ``snapshot(tenant)`` only reads. Documents (records) go in with ``put`` and come out with ``get``, ``all``
and ``find_source``; raw records of events with ``evidence.put_raw`` and ``evidence.get_raw``. Repositories of other
rows are modules of their own: ``budgets``, ``journal``, ``vault``, ``detection``. What the machine refuses (locked,
full, read-only, damaged, gone, newer) is a ``StoreError`` of one sentence. ``backup`` and ``check`` are about the
database itself.
"""

from sakimori.store import evidence
from sakimori.store.database import Database
from sakimori.store.errors import Busy, StoreError, WrongTenant
from sakimori.store.transaction import Snapshot, Transaction

__all__ = ["Busy", "Database", "Snapshot", "StoreError", "Transaction", "WrongTenant", "evidence"]
