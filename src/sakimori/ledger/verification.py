"""Checking a ledger from its first leaf to its last checkpoint."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import func

from sakimori.ledger import erasure, rows, tables
from sakimori.ledger.checkpoint import Checkpoint
from sakimori.ledger.cosignature import Cosigner
from sakimori.ledger.leaf import LEAF_BYTES, before_first
from sakimori.ledger.merkle import HASH_BYTES, Frontier, leaf_hash
from sakimori.ledger.note import NoteError, Verifier
from sakimori.ledger.rows import Alien, LeafRow, leaves, read
from sakimori.store import Snapshot


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
    erased: int = 0
    """Entries whose content was erased, each told of by a later entry."""
    backwards: int = 0
    """Entries whose time is before that of the one before them: a clock that was set back, or several clocks."""
    cosigned: int = 0
    """How many leaves, from the first on, are covered by a checkpoint with as many cosigners as were demanded."""

    @property
    def ok(self) -> bool:
        return self.problem is None


_Signed = tuple[Checkpoint, bytes]
"""A checkpoint and the frontier beside it."""


class _Broken(Exception):
    """Found what is wrong: the message is the sentence."""

    def __init__(self, sentence: str, *, good: int | None = None) -> None:
        """``good``: how many leaves are right, where that is less than what was read."""
        super().__init__(sentence)
        self.good = good


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


class _Contents:
    """What the entries say, seen in order."""

    def __init__(self) -> None:
        self.absent = 0
        """Leaves without content."""
        self.erased = 0
        self.backwards = 0
        self._time: int | None = None
        self._missing: dict[int, bytes] = {}

    def see(self, row: LeafRow) -> None:
        position, leaf, id, salt, body = row
        if body is None:
            if id is not None or salt is not None:
                raise Alien
            self.absent += 1
            self._missing[position] = leaf[HASH_BYTES:]
            return
        if not rows.fits(salt, body, leaf[HASH_BYTES:]):
            raise _Broken(f"leaf {position} and its content do not fit: one of them was altered")
        entry = rows.parsed(body)
        if entry.get("id") != id:
            raise _Broken(f"the content of leaf {position} is filed under a wrong id")
        time = entry.get("time")
        if isinstance(time, int):
            self.backwards += self._time is not None and time < self._time
            self._time = time
        erased = erasure.told_by(entry)
        if erased and self._missing.get(erased[0]) == erased[1]:
            del self._missing[erased[0]]
            self.erased += 1

    def finish(self) -> None:
        if self._missing:
            first = min(self._missing)
            raise _Broken(f"the content of leaf {first} was removed, and no entry says that it was erased", good=first)


def verify(
    snapshot: Snapshot,
    verifier_of: Callable[[str], Verifier],
    *,
    anchor: Checkpoint | None = None,
    remembered: Checkpoint | None = None,
    cosigners: Collection[Cosigner] = (),
    demanded: int = 0,
) -> Verification:
    """Read the institution's whole log and check places, chain, content, Merkle roots and signatures.

    Args:
        verifier_of: who signs an institution's checkpoints; asked only where there are some.
        anchor: an earlier checkpoint that was kept outside: the log must still contain exactly what it covered.
        remembered: the highest checkpoint that this install kept, recalled before the snapshot began: likewise.
        cosigners: whose cosignatures count, ``demanded`` of them under one checkpoint.
    """
    chain = Chain(snapshot.tenant)
    contents = _Contents()
    pending = cosigned = 0
    newest = problem = good = None
    outside = [(kept, whose) for kept, whose in ((anchor, "the anchor"), (remembered, "this install saw")) if kept]
    try:
        pending = _check_pending(snapshot)
        checkpoints = _checkpoints(snapshot, verifier_of)
        newest = _check_log(snapshot, chain, contents, checkpoints, outside)
        contents.finish()
        cosigned = _check_cosigners(snapshot, checkpoints, cosigners, demanded)
    except _Broken as broken:
        problem, good = str(broken), broken.good
    except Alien:
        problem = f"something that comes after {chain.frontier.size} good leaves has a form that was never written"
    covered = max([cosigned, *(kept.size for kept, _ in outside)])
    return Verification(
        problem=problem,
        leaves=chain.frontier.size if good is None else good,
        pending=pending,
        checkpoint=None if problem else newest,
        undetectable=_undetectable(covered, pending),
        erased=contents.erased,
        backwards=contents.backwards,
        cosigned=cosigned,
    )


def _check_log(
    snapshot: Snapshot,
    chain: Chain,
    contents: _Contents,
    checkpoints: list[_Signed],
    outside: list[tuple[Checkpoint, str]],
) -> Checkpoint | None:
    """Walk through the leaves, comparing the root wherever a checkpoint was made."""
    signed_at = {checkpoint.size: (checkpoint, frontier) for checkpoint, frontier in checkpoints}
    kept_at = {kept.size for kept, _ in outside}
    for row in leaves(snapshot):
        position = chain.frontier.size
        if row.position != position:
            raise _Broken(f"leaf {position} is missing: the next one is {row.position}")
        contents.see(row)
        if not chain.extend(row.leaf):
            raise _Broken(f"leaf {position} does not continue the chain: it, or the one before, was altered or moved")
        size = position + 1
        if size in signed_at:
            checkpoint, frontier = signed_at[size]
            if checkpoint.root != chain.frontier.root():
                raise _Broken(f"the first {size} leaves are not what the checkpoint of size {size} signed")
            if frontier != bytes(chain.frontier):
                raise _Broken(f"the frontier beside the checkpoint of size {size} was altered")
        if size in kept_at:
            for kept, whose in outside:
                if kept.size == size and kept.root != chain.frontier.root():
                    raise _Broken(f"the first {size} leaves are not what {whose} signed: history was rewritten")
    size = chain.frontier.size
    newest = checkpoints[-1][0] if checkpoints else None
    signed = newest.size if newest else 0
    if size < signed:
        raise _Broken(f"the log was cut off: {size} leaves are left of the {signed} that were signed")
    if size > signed:
        raise _Broken(f"leaves from {signed} on are not signed: they were added, or their checkpoint was removed")
    for kept, whose in outside:
        if size < kept.size:
            raise _Broken(
                f"the log was cut off, or an older state of the database was restored: {size} leaves are left of the "
                f"{kept.size} that {whose} signed"
            )
    counted = snapshot.rows(tables.content).with_only_columns(func.count())
    stray = snapshot.connection.execute(counted).scalar_one() - (size - contents.absent)
    if stray:
        raise _Broken(f"content of {stray} entries has no leaf: the end of the log was cut off")
    return newest


def _check_cosigners(snapshot: Snapshot, checkpoints: list[_Signed], known: Collection[Cosigner], demanded: int) -> int:
    """Check every cosignature that is kept; how many leaves ``demanded`` of the known cosigners confirm."""
    notes = {checkpoint.size: checkpoint.note for checkpoint, _ in checkpoints}
    keys = {cosigner.public_key for cosigner in known}
    kept = tables.cosignature
    ordered = snapshot.rows(kept).with_only_columns(kept.c.size, kept.c.cosigner, kept.c.line).order_by(kept.c.size)
    confirmed: dict[int, set[bytes]] = {}
    for size, vkey, line in read(snapshot, ordered, int, str, str):
        try:
            cosigner = Cosigner.parse(vkey)
            found = cosigner.line_in(notes[size] + line)
        except (NoteError, KeyError) as error:
            raise _Broken(f"a cosignature of the checkpoint of size {size} was altered or moved") from error
        if found is None or found[0] != line:
            raise _Broken(f"a cosignature of the checkpoint of size {size} was altered or moved")
        if cosigner.public_key in keys:
            confirmed.setdefault(size, set()).add(cosigner.public_key)
    enough = [size for size, by in confirmed.items() if len(by) >= max(demanded, 1)]
    if demanded and not enough:
        raise _Broken(f"no checkpoint is cosigned by {demanded} of the {len(keys)} cosigners that were named", good=0)
    return max(enough, default=0)


def _check_pending(snapshot: Snapshot) -> int:
    """How many there are."""
    try:
        return sum(1 for _ in rows.pending(snapshot))
    except rows.Altered as altered:
        raise _Broken(f"the pending entry {altered} was altered") from altered


def _checkpoints(snapshot: Snapshot, verifier_of: Callable[[str], Verifier]) -> list[_Signed]:
    """All that were kept, smallest first, each with a good signature, and the frontiers beside them."""
    kept = tables.checkpoint.c
    ordered = snapshot.rows(tables.checkpoint).with_only_columns(kept.size, kept.note, kept.frontier)
    signed = list(read(snapshot, ordered.order_by(kept.size), int, bytes, bytes))
    if not signed:
        return []
    verifier = verifier_of(snapshot.tenant)
    found: list[_Signed] = []
    for row in signed:
        try:
            checkpoint = Checkpoint.parse(str(row.note, errors="replace"), verifier)
        except NoteError as error:
            raise _Broken(f"the checkpoint of size {row.size} cannot be trusted: {error}") from error
        if checkpoint.size != row.size:
            raise _Broken(f"the checkpoint of size {checkpoint.size} is filed under size {row.size}")
        found.append((checkpoint, row.frontier))
    return found


def _undetectable(covered: int, pending: int) -> tuple[str, ...]:
    if covered:
        cut = f"removal, with their checkpoints, of entries after the first {covered}, which are confirmed from outside"
    else:
        cut = "removal of the newest entries with their checkpoints: keep a checkpoint elsewhere and give it as anchor"
    rewritten = "history rewritten with the institution's own signing key, but for what is confirmed from outside"
    limits = [cut, rewritten]
    if pending:
        limits.append(f"removal or replacement of the {pending} pending entries: they are protected once sealed")
    return tuple(limits)
