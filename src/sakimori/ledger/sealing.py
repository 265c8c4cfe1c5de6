"""The sequencer: gives pending entries their places in the log, group by group, and signs each group.

It is fenced. Every group raises the institution's epoch by one, in the transaction that assigns the leaves and only
where it is still what was read; whoever comes second is undone as a whole. Neither a clock nor a lease is needed, and
a process that slept through another one's work cannot fork the log when it wakes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Delete, Select, Update, bindparam, func

from sakimori.core import plain
from sakimori.ledger import tables
from sakimori.ledger.checkpoint import Checkpoint
from sakimori.ledger.errors import Fenced, LedgerError, damaged
from sakimori.ledger.leaf import before_first
from sakimori.ledger.merkle import Frontier, leaf_hash
from sakimori.ledger.note import Signer, Verifier
from sakimori.ledger.rows import Alien, Altered, PendingRow, oldest_pending, read_all, trusted
from sakimori.store import Transaction
from sakimori.store.kept import run

GROUP = 4096
"""Entries sealed together at most: what a transaction holds in memory, and for how long it keeps others waiting."""
_EPOCHS = 1 << 62
"""More than there will ever be; databases take 63 bits."""


@dataclass(frozen=True, slots=True)
class End:
    """Where a log ends, before a group is added to it."""

    checkpoint: Checkpoint | None
    """The newest; None: nothing was sealed yet."""
    frontier: Frontier
    before: bytes
    """Hash of the last leaf."""
    epoch: int
    """How often this log was sealed."""


def end_of_log(transaction: Transaction, verifier_of: Callable[[str], Verifier]) -> End:
    """Raises LedgerError where what is there does not fit its last checkpoint."""
    tenant = transaction.tenant
    # Read first: whatever another sequencer does from here on changes it.
    try:
        epoch = next((row.epoch for row in read_all(transaction, _epoch, {}, int)), 0)
        if not 0 <= epoch < _EPOCHS:
            raise Alien
    except Alien as error:
        raise damaged(tenant) from error
    row = run(transaction, _newest_checkpoint, {}).one_or_none()
    last, frontier = None, Frontier()
    if row is not None:
        last = trusted(row.note, verifier_of(tenant), tenant)
        try:
            frontier = Frontier(last.size, row.frontier)
            fits = frontier.root() == last.root
        except (ValueError, TypeError) as error:
            raise damaged(tenant) from error
        if not fits:
            raise damaged(tenant)
    position = run(transaction, _last_position, {}).scalar_one_or_none()
    if (0 if position is None else position + 1) != frontier.size:
        raise damaged(tenant)
    if position is None:
        return End(last, frontier, before_first(tenant), epoch)
    leaf = run(transaction, _leaf, {"position": position}).scalar_one()
    return End(last, frontier, leaf_hash(leaf), epoch)


def seal_group(transaction: Transaction, signer: Signer, end: End, *, most: int = GROUP) -> Checkpoint | None:
    """Seal the oldest pending entries, at most so many; None: there are none.

    Raises:
        LedgerError: an entry was altered while it was pending: sealed, it would fail every later check.
        Fenced: another sequencer added to the log since ``end`` was read.
        SakimoriError: there is a checkpoint, and the key that signed it is missing.
    """
    waiting = _waiting(transaction, most)
    if not waiting:
        return None
    _fence(transaction, end.epoch)
    frontier, before = end.frontier, end.before
    leaves: list[dict[str, object]] = []
    contents: list[dict[str, object]] = []
    for row in waiting:
        leaf = before + row.digest
        before = leaf_hash(leaf)
        leaves.append({"position": frontier.size, "leaf": leaf})
        contents.append({"position": frontier.size, "id": row.id, "salt": row.salt, "body": row.body})
        frontier.append(before)
    transaction.insert(tables.leaf, leaves)
    transaction.insert(tables.content, contents)
    run(transaction, _sealed, {"arrival": waiting[-1].arrival})
    if end.checkpoint is None:
        signer.provision(transaction.tenant)
    made = Checkpoint.sign(transaction.tenant, frontier.size, frontier.root(), signer)
    row = {"size": made.size, "note": made.note.encode(), "frontier": bytes(frontier)}
    transaction.insert(tables.checkpoint, [row])
    return made


def _waiting(transaction: Transaction, most: int) -> list[PendingRow]:
    try:
        return oldest_pending(transaction, most)
    except Alien as error:
        raise damaged(transaction.tenant) from error
    except Altered as altered:
        raise LedgerError(
            f"the pending entry '{plain(str(altered))}' of the ledger of '{transaction.tenant}' was altered: nothing "
            "is sealed until it is restored from a backup"
        ) from altered


def _fence(transaction: Transaction, epoch: int) -> None:
    if epoch == 0:
        transaction.insert_missing(tables.sequencer, [{"epoch": 0}])
    raised = run(transaction, _raised, {"read": epoch, "next": epoch + 1})
    if raised.rowcount != 1:
        raise Fenced(
            f"another process sealed entries of '{transaction.tenant}' at the same moment: nothing was changed; "
            "try again"
        )


def _epoch(view: Transaction) -> Select[int]:
    return view.rows(tables.sequencer).with_only_columns(tables.sequencer.c.epoch)


def _newest_checkpoint(view: Transaction) -> "Select[tuple[object, ...]]":
    return view.rows(tables.checkpoint).order_by(tables.checkpoint.c.size.desc()).limit(1)


def _last_position(view: Transaction) -> "Select[int | None]":
    return view.rows(tables.leaf).with_only_columns(func.max(tables.leaf.c.position))


def _leaf(view: Transaction) -> "Select[bytes]":
    at = tables.leaf.c.position == bindparam("position")
    return view.rows(tables.leaf).with_only_columns(tables.leaf.c.leaf).where(at)


def _sealed(view: Transaction) -> Delete:
    return view.delete(tables.pending).where(tables.pending.c.arrival <= bindparam("arrival"))


def _raised(view: Transaction) -> Update:
    unchanged = tables.sequencer.c.epoch == bindparam("read")
    return view.update(tables.sequencer).where(unchanged).values(epoch=bindparam("next"))
