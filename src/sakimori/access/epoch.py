"""Whether anything about who may get in has changed: one random value per institution, new with every change.

It is random rather than a number, so that a database that was restored to yesterday is a change too.
"""

from secrets import token_bytes

from sqlalchemy import Column, LargeBinary, Named, Select, Table

from sakimori.store import Snapshot, Transaction
from sakimori.store.kept import run
from sakimori.store.schema import TenantColumns, metadata

_BYTES = 16


class EpochColumns(TenantColumns):
    epoch: Named[bytes] = Column(LargeBinary)


access_epoch = Table("access_epoch", metadata, EpochColumns)


def changed(transaction: Transaction) -> None:
    """Say that people or keys of the institution changed: in the transaction that changes them."""
    transaction.replace(access_epoch, [{"epoch": token_bytes(_BYTES)}])


def current(snapshot: Snapshot) -> bytes:
    """The value as of this snapshot; empty where nothing ever changed."""
    return run(snapshot, _epoch, {}).scalar_one_or_none() or b""


def _epoch(view: Transaction) -> "Select[bytes]":
    return view.rows(access_epoch).with_only_columns(access_epoch.c.epoch)
