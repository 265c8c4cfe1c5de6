"""Erasing content that the law says must go. Leaf and proofs stay; an entry tells what was erased, by whom and why."""

from collections.abc import Mapping
from typing import Any

from sakimori.core import InputError, Nanos
from sakimori.ledger import rows, tables
from sakimori.ledger.entry import new_entry
from sakimori.ledger.errors import LedgerError
from sakimori.ledger.merkle import HASH_BYTES
from sakimori.records import LedgerEntry, parse_object
from sakimori.store import Transaction

ACTION = "ledger.erased"
_LONGEST_REASON = 500


def erase(transaction: Transaction, position: int, *, reason: str, actor: str, now: Nanos) -> LedgerEntry:
    """Remove the content of a leaf; the entry about it is to be appended in the same transaction.

    It names the leaf by its position and digest only: the id that went may itself tell of a person.

    Raises:
        InputError: there is no such content, it tells of an erasure itself, or the reason is empty or too long.
        LedgerError: leaf and content do not fit: what was tampered with must not vanish.
    """
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise InputError(f"an erasure needs a reason of at most {_LONGEST_REASON} characters")
    at = tables.content.c.position == position
    try:
        row = next(rows.leaves(transaction, position, position + 1), None)
        whole = row is None or row.body is None or rows.fits(row.salt, row.body, row.leaf[HASH_BYTES:])
    except rows.Alien:
        row, whole = None, False
    if not whole:
        raise LedgerError(
            f"leaf {position} of the ledger and its content do not fit, so nothing was erased: "
            "run `sakimori ledger verify`"
        )
    if row is None or row.body is None:
        raise InputError(f"there is no content at position {position} of the ledger: it was erased, or never sealed")
    if parse_object(row.body, what=LedgerEntry.SCHEMA).get("action") == ACTION:
        raise InputError(f"the entry at position {position} tells of an erasure and stays: it holds nothing else")
    transaction.connection.execute(transaction.delete(tables.content).where(at))
    return new_entry(
        transaction,
        at=now,
        actor=actor,
        action=ACTION,
        subject=f"leaf:{position}",
        detail={"position": position, "digest": row.leaf[HASH_BYTES:].hex(), "reason": reason},
    )


def told_by(entry: Mapping[str, Any]) -> tuple[int, bytes] | None:
    """Position and digest of the leaf whose content an entry says was erased; None: it says nothing of that."""
    if entry.get("action") != ACTION:
        return None
    try:
        return int(entry["detail"]["position"]), bytes.fromhex(entry["detail"]["digest"])
    except (KeyError, TypeError, ValueError):
        return None
