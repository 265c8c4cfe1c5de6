"""The ledger of an institution as one file of JSON lines, which an auditor checks alone (docs/ledger.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import orjson

from sakimori.core import InputError
from sakimori.ledger import rows, tables
from sakimori.ledger.checkpoint import origin
from sakimori.ledger.errors import LedgerError, damaged
from sakimori.ledger.merkle import HASH_BYTES
from sakimori.ledger.note import Verifier
from sakimori.ledger.proof import hash_before
from sakimori.store import Snapshot

SCHEMA = "sakimori.ledger-export/1"


@dataclass(frozen=True, slots=True)
class Range:
    """Which leaves: from ``start`` to before ``end``. Both lie where a checkpoint was made (or at 0)."""

    start: int
    end: int
    frontier: bytes
    """Roots of the complete subtrees before ``start``, largest first."""


def choose(
    snapshot: Snapshot, verifier: Verifier, *, first: int = 0, to: int | None = None, cosigned: bool = False
) -> Range:
    """The smallest range between checkpoints that holds the leaves from ``first`` to before ``to`` (None: all).

    ``cosigned``: end at the newest checkpoint that somebody cosigned.

    Raises:
        InputError: there are no such leaves.
        LedgerError: a checkpoint cannot be trusted.
    """
    tenant = snapshot.tenant
    if cosigned:
        to = rows.newest_cosigned(snapshot)
        if to == 0:
            raise InputError(f"no checkpoint of the ledger of '{tenant}' is cosigned: see `sakimori ledger cosign`")
    end = rows.newest_checkpoint(snapshot, verifier) if to is None else rows.checkpoint_from(snapshot, verifier, to)
    if end is None:
        sealed = rows.newest_checkpoint(snapshot, verifier)
        raise InputError(f"the ledger of '{tenant}' has {sealed.size if sealed else 0} sealed entries: name fewer")
    if not 0 <= first < end.size:
        raise InputError(f"the range of the ledger of '{tenant}' is empty: it would end at {end.size}")
    kept = tables.checkpoint
    start = snapshot.rows(kept).with_only_columns(kept.c.size, kept.c.frontier).where(kept.c.size <= first)
    for size, frontier in rows.read(snapshot, start.order_by(kept.c.size.desc()).limit(1), int, bytes):
        return Range(size, end.size, frontier)
    return Range(0, end.size, b"")


def lines(snapshot: Snapshot, verifier: Verifier, chosen: Range) -> Iterator[bytes]:
    """The lines of the file: a header, entries and checkpoints in order, and a trailer with the hash of all of it.

    What is exported is what is there; nothing of it is verified.

    Raises:
        LedgerError: leaves are missing, or something has a form that was never written.
    """
    hashed = sha256()
    try:
        for record in _records(snapshot, verifier, chosen):
            line = orjson.dumps(record) + b"\n"
            hashed.update(line)
            yield line
    except (rows.Alien, orjson.JSONEncodeError, UnicodeDecodeError) as error:
        raise damaged(snapshot.tenant) from error
    yield orjson.dumps({"end": chosen.end, "sha256": hashed.hexdigest()}) + b"\n"


def _records(snapshot: Snapshot, verifier: Verifier, chosen: Range) -> Iterator[dict[str, object]]:
    roots = chosen.frontier
    yield {
        "schema": SCHEMA,
        "origin": origin(snapshot.tenant),
        "start": chosen.start,
        "end": chosen.end,
        "frontier": [roots[at : at + HASH_BYTES].hex() for at in range(0, len(roots), HASH_BYTES)],
        "before": hash_before(snapshot, chosen.start).hex(),
    }
    checkpoint = _checkpoint_from(snapshot, verifier, chosen.start + 1)
    expected = chosen.start
    for position, leaf, _, salt, body in rows.leaves(snapshot, chosen.start, chosen.end):
        if position != expected:
            raise rows.Alien
        expected += 1
        if body is None or salt is None:
            yield {"n": position, "digest": leaf[HASH_BYTES:].hex()}
        else:
            yield {"n": position, "salt": salt.hex(), "entry": str(body, "utf-8")}
        if expected == checkpoint[0]:
            yield {"checkpoint": checkpoint[1]}
            if expected < chosen.end:
                checkpoint = _checkpoint_from(snapshot, verifier, expected + 1)
    if expected != chosen.end:
        raise rows.Alien


def _checkpoint_from(snapshot: Snapshot, verifier: Verifier, size: int) -> tuple[int, str]:
    found = rows.checkpoint_from(snapshot, verifier, size)
    if found is None:
        raise LedgerError(f"a checkpoint of the ledger of '{snapshot.tenant}' is gone: run `sakimori ledger verify`")
    return found.size, found.note
