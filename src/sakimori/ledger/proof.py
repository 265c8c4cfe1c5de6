"""Proofs that an entry is in the log, as one small file (C2SP tlog-proof, ``c2sp.org/tlog-proof@v1``)."""

import base64

from sqlalchemy import func

from sakimori.core import InputError
from sakimori.ledger import tables
from sakimori.ledger.checkpoint import Checkpoint
from sakimori.ledger.errors import damaged
from sakimori.ledger.leaf import before_first
from sakimori.ledger.merkle import (
    HASH_BYTES,
    Frontier,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    node_hash,
    root_of_inclusion,
    split,
)
from sakimori.ledger.rows import Alien, LeafRow, leaves, read
from sakimori.store import Snapshot

MAGIC = "c2sp.org/tlog-proof@v1"
_READ = 1024
"""Leaves that are hashed one by one before looking for a frontier that has their root."""


class Tree:
    """Roots of subtrees of an institution's log.

    The frontiers that were kept beside the checkpoints are roots of large subtrees, so that a proof in a log of
    millions of entries reads a few thousand. They are not signed: who makes a proof of them checks what it leads to.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def subtree(self, start: int, end: int) -> bytes:
        """Merkle tree hash of the leaves from ``start``, a place where RFC 6962 divides trees, to before ``end``.

        Raises:
            Alien: leaves are missing or have a form that was never written.
        """
        width = end - start
        if width > _READ:
            kept = self._kept(start, width) if width & (width - 1) == 0 else None
            middle = start + split(width)
            return kept or node_hash(self.subtree(start, middle), self.subtree(middle, end))
        frontier = Frontier()
        for row in leaves(self._snapshot, start, end):
            frontier.append(leaf_hash(row.leaf))
        if frontier.size != width:
            raise Alien
        return frontier.root()

    def _kept(self, start: int, width: int) -> bytes | None:
        """The root of a complete subtree, where a checkpoint was made while it stood in the frontier."""
        if start & width:
            return None  # a right child: joined with the left one as soon as it was complete
        kept = tables.checkpoint
        found = self._snapshot.rows(kept).with_only_columns(kept.c.size, kept.c.frontier).order_by(kept.c.size).limit(1)
        between = kept.c.size.between(start + width, start + 2 * width - 1)
        for size, frontier in read(self._snapshot, found.where(between), int, bytes):
            place = (size >> width.bit_length() - 1).bit_count() - 1
            return frontier[place * HASH_BYTES : (place + 1) * HASH_BYTES]
        return None


def position_of(snapshot: Snapshot, entry_id: str) -> int:
    """Where the entry with this id is in the log; ``#12`` names the one at position 12, erased or not.

    Raises:
        InputError: there is none, it is pending, or several have this id.
    """
    if entry_id.startswith("#") and entry_id[1:].isdecimal():
        leaf = tables.leaf
        end = snapshot.rows(leaf).with_only_columns(func.coalesce(func.max(leaf.c.position) + 1, 0))
        size = snapshot.connection.execute(end).scalar_one()
        if len(entry_id) > 19 or int(entry_id[1:]) >= size:
            raise InputError(f"the ledger of '{snapshot.tenant}' has no position {entry_id}: it has {size} entries")
        return int(entry_id[1:])
    content, pending = tables.content, tables.pending
    same = snapshot.rows(content).where(content.c.id == entry_id).with_only_columns(content.c.position)
    found = snapshot.connection.execute(same.order_by(content.c.position).limit(9)).scalars().all()
    if len(found) > 1:
        places = ", ".join(f"#{position}" for position in found)
        raise InputError(f"several entries of the ledger have the id '{entry_id}': name one of {places}")
    if found:
        return found[0]
    waiting = snapshot.rows(pending).where(pending.c.id == entry_id).with_only_columns(pending.c.id).limit(1)
    if snapshot.connection.execute(waiting).first():
        raise InputError(f"the entry '{entry_id}' is not sealed yet: run `sakimori ledger seal`, then try again")
    raise InputError(f"the ledger of '{snapshot.tenant}' has no entry '{entry_id}': `sakimori ledger show` lists them")


def prove(snapshot: Snapshot, position: int, checkpoint: Checkpoint) -> str:
    """The proof that the leaf at ``position`` is among those that ``checkpoint`` covers.

    Its ``extra`` is what the leaf is made of: the hash of the leaf before (32 bytes), then salt and content, or the
    digest of content that was erased (32 bytes).

    Raises:
        LedgerError: leaf, content and checkpoint do not fit.
    """
    try:
        row = next(leaves(snapshot, position, position + 1))
        proof = inclusion_proof(position, checkpoint.size, Tree(snapshot).subtree)
    except (Alien, StopIteration) as error:
        raise damaged(snapshot.tenant) from error
    if root_of_inclusion(leaf_hash(row.leaf), position, checkpoint.size, proof) != checkpoint.root:
        raise damaged(snapshot.tenant)
    extra = row.leaf if row.body is None else row.leaf[:HASH_BYTES] + (row.salt or b"") + row.body
    lines = [MAGIC, f"extra {_base64(extra)}", f"index {position}", *map(_base64, proof), "", checkpoint.note]
    return "\n".join(lines)


def prove_growth(snapshot: Snapshot, old: int, checkpoint: Checkpoint) -> list[bytes]:
    """That the first ``old`` leaves are the beginning of what ``checkpoint`` covers (RFC 6962, section 2.1.2).

    Raises:
        LedgerError: what is there does not give the signed root.
    """
    tree = Tree(snapshot)
    try:
        proof = consistency_proof(old, checkpoint.size, tree.subtree)
        before = _root(tree, old)
    except Alien as error:
        raise damaged(snapshot.tenant) from error
    if not is_consistent(old, before, checkpoint.size, checkpoint.root, proof):
        raise damaged(snapshot.tenant)
    return proof


def hash_before(snapshot: Snapshot, position: int) -> bytes:
    """The hash of the leaf before this position. Raises Alien where there is none."""
    if position == 0:
        return before_first(snapshot.tenant)
    row: LeafRow | None = next(leaves(snapshot, position - 1, position), None)
    if row is None:
        raise Alien
    return leaf_hash(row.leaf)


def _root(tree: Tree, size: int) -> bytes:
    return tree.subtree(0, size) if size else b""


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
