"""Checking a ledger from its first leaf to its last checkpoint."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import TypeVarTuple, cast

import orjson
from sqlalchemy import Row, Select, and_, func
from sqlalchemy.exc import DBAPIError

from sakimori.ledger import tables
from sakimori.ledger.checkpoint import Checkpoint
from sakimori.ledger.leaf import LEAF_BYTES, SALT_BYTES, before_first, content_digest
from sakimori.ledger.merkle import HASH_BYTES, Frontier, leaf_hash
from sakimori.ledger.note import NoteError, Verifier
from sakimori.store import Snapshot
from sakimori.store.errors import unreadable_value


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of the ledger found."""

    problem: str | None
    """The first thing that is wrong, in one sentence; None: all that can be checked is right."""
    leaves: int
    """Leaves that were found right, from the first on."""
    pending: int
    """Entries that are written and not sealed yet. They are not protected."""
    checkpoint: Checkpoint | None
    """The newest checkpoint, where all is right."""
    undetectable: tuple[str, ...]
    """What would have gone unnoticed in this check."""

    @property
    def ok(self) -> bool:
        return self.problem is None


Values = TypeVarTuple("Values")
_Leaf = tuple[int, bytes, str, bytes, bytes | None]
"""Position and leaf; id, salt and body of its content (without a body: there is no content)."""


_Signed = tuple[Checkpoint, bytes]
"""A checkpoint and the frontier beside it."""


class _Broken(Exception):
    """Found what is wrong: the message is the sentence."""


class _Alien(Exception):
    """A value has a form that none of our statements writes: SQLite keeps anything in any column."""


class Chain:
    """A log that is read again from its start: each leaf must name the one before."""

    def __init__(self, tenant: str) -> None:
        self._before = before_first(tenant)
        self.frontier = Frontier()

    def extend(self, leaf: bytes) -> bool:
        """Add the next leaf; False, and nothing is added, where it does not continue the chain."""
        if len(leaf) != LEAF_BYTES or leaf[:HASH_BYTES] != self._before:
            return False
        self._before = leaf_hash(leaf)
        self.frontier.append(self._before)
        return True


def verify(
    snapshot: Snapshot, verifier_of: Callable[[str], Verifier], *, anchor: Checkpoint | None = None
) -> Verification:
    """Read the institution's whole log and check places, chain, content, Merkle roots and signatures.

    Args:
        verifier_of: who signs an institution's checkpoints; asked only where there are some.
        anchor: an earlier checkpoint that was kept outside: the log must still contain exactly what it covered.
    """
    chain = Chain(snapshot.tenant)
    pending = 0
    newest = None
    problem = None
    try:
        pending = _check_pending(snapshot)
        newest = _check_log(snapshot, chain, _checkpoints(snapshot, verifier_of), anchor)
    except _Broken as broken:
        problem = str(broken)
    except _Alien:
        problem = f"something that comes after {chain.frontier.size} good leaves has a form that was never written"
    return Verification(
        problem=problem,
        leaves=chain.frontier.size,
        pending=pending,
        checkpoint=newest,
        undetectable=_undetectable(anchor, pending),
    )


def _check_log(
    snapshot: Snapshot, chain: Chain, checkpoints: list[_Signed], anchor: Checkpoint | None
) -> Checkpoint | None:
    """Walk through the leaves, comparing the root wherever a checkpoint was made."""
    signed_at = {checkpoint.size: (checkpoint, frontier) for checkpoint, frontier in checkpoints}
    for row in _leaves(snapshot):
        position = chain.frontier.size
        if row.position != position:
            raise _Broken(f"leaf {position} is missing: the next one is {row.position}")
        _check_content(row)
        if not chain.extend(row.leaf):
            raise _Broken(f"leaf {position} does not continue the chain: it, or the one before, was altered or moved")
        size = position + 1
        if size in signed_at:
            checkpoint, frontier = signed_at[size]
            if checkpoint.root != chain.frontier.root():
                raise _Broken(f"the first {size} leaves are not what the checkpoint of size {size} signed")
            if frontier != bytes(chain.frontier):
                raise _Broken(f"the frontier beside the checkpoint of size {size} was altered")
        if anchor and size == anchor.size and anchor.root != chain.frontier.root():
            raise _Broken(f"the first {size} leaves are not what the anchor signed: history was rewritten")
    size = chain.frontier.size
    newest = checkpoints[-1][0] if checkpoints else None
    signed = newest.size if newest else 0
    if size < signed:
        raise _Broken(f"the log was cut off: {size} leaves are left of the {signed} that were signed")
    if size > signed:
        raise _Broken(f"leaves from {signed} on are not signed: they were added, or their checkpoint was removed")
    if anchor and size < anchor.size:
        raise _Broken(f"the log was cut off: {size} leaves are left of the {anchor.size} that the anchor signed")
    counted = snapshot.rows(tables.content).with_only_columns(func.count())
    stray = snapshot.connection.execute(counted).scalar_one() - size
    if stray:
        raise _Broken(f"content of {stray} entries has no leaf: the end of the log was cut off")
    return newest


def _leaves(snapshot: Snapshot) -> Iterator[Row[*_Leaf]]:
    leaf, content = tables.leaf, tables.content
    same = and_(content.c.tenant == leaf.c.tenant, content.c.position == leaf.c.position)
    found = (
        snapshot.rows(leaf)
        .select_from(leaf.outerjoin(content, same))
        .with_only_columns(leaf.c.position, leaf.c.leaf, content.c.id, content.c.salt, content.c.body)
        .order_by(leaf.c.position)
        .execution_options(yield_per=1000)
    )
    types = (int, bytes, str | None, bytes | None, bytes | None)
    yield from cast("Iterable[Row[*_Leaf]]", _read(snapshot, found, *types))


def _read(snapshot: Snapshot, found: Select[*Values], *types: type | UnionType) -> Iterator[Row[*Values]]:
    """Rows whose values are of these types. Raises _Alien."""
    try:
        for row in snapshot.connection.execute(found):
            if not all(map(isinstance, row, types)):
                raise _Alien
            yield row
    except DBAPIError as error:
        if not unreadable_value(error):
            raise
        raise _Alien from error


def _check_content(row: Row[*_Leaf]) -> None:
    position, leaf, id, salt, body = row
    if body is None:
        raise _Broken(f"the content of leaf {position} was removed")
    if not _fits(salt, body, leaf[HASH_BYTES:]):
        raise _Broken(f"leaf {position} and its content do not fit: one of them was altered")
    if _id_in(body) != id:
        raise _Broken(f"the content of leaf {position} is filed under a wrong id")


def _fits(salt: bytes, body: bytes, digest: bytes) -> bool:
    if len(salt) != SALT_BYTES:
        raise _Alien
    return content_digest(salt, body) == digest


def _id_in(body: bytes) -> object:
    try:
        entry: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, object]", entry).get("id") if isinstance(entry, dict) else None


def _check_pending(snapshot: Snapshot) -> int:
    """How many there are."""
    count = 0
    columns = (tables.pending.c.id, tables.pending.c.salt, tables.pending.c.digest, tables.pending.c.body)
    waiting = snapshot.rows(tables.pending).with_only_columns(*columns).execution_options(yield_per=1000)
    for row in _read(snapshot, waiting, str, bytes, bytes, bytes):
        if not _fits(row.salt, row.body, row.digest):
            raise _Broken(f"the pending entry {row.id} was altered")
        count += 1
    return count


def _checkpoints(snapshot: Snapshot, verifier_of: Callable[[str], Verifier]) -> list[_Signed]:
    """All that were kept, smallest first, each with a good signature, and the frontiers beside them."""
    kept = tables.checkpoint.c
    ordered = snapshot.rows(tables.checkpoint).with_only_columns(kept.size, kept.note, kept.frontier)
    rows = list(_read(snapshot, ordered.order_by(kept.size), int, bytes, bytes))
    if not rows:
        return []
    verifier = verifier_of(snapshot.tenant)
    found: list[_Signed] = []
    for row in rows:
        try:
            checkpoint = Checkpoint.parse(str(row.note, errors="replace"), verifier)
        except NoteError as error:
            raise _Broken(f"the checkpoint of size {row.size} cannot be trusted: {error}") from error
        if checkpoint.size != row.size:
            raise _Broken(f"the checkpoint of size {checkpoint.size} is filed under size {row.size}")
        found.append((checkpoint, row.frontier))
    return found


def _undetectable(anchor: Checkpoint | None, pending: int) -> tuple[str, ...]:
    if anchor is None:
        cut = "removal of the newest entries with their checkpoints: keep a checkpoint elsewhere and give it as anchor"
    else:
        cut = f"removal, with their checkpoints, of entries after the first {anchor.size}, which the anchor covers"
    rewritten = "history rewritten with the institution's own signing key, but for what an anchor covers"
    limits = [cut, rewritten]
    if pending:
        limits.append(f"removal or replacement of the {pending} pending entries: they are protected once sealed")
    return tuple(limits)
