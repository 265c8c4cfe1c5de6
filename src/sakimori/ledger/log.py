"""The ledger itself: writing entries, and sealing them under a signature."""

from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_bytes

from sqlalchemy import func

from sakimori.core import SakimoriError
from sakimori.ledger import tables
from sakimori.ledger.checkpoint import Checkpoint, verifier
from sakimori.ledger.leaf import SALT_BYTES, before_first, content_digest
from sakimori.ledger.merkle import Frontier, leaf_hash
from sakimori.ledger.note import NoteError, Signer, Verifier
from sakimori.ledger.verification import Verification, verify
from sakimori.records import LedgerEntry, as_plain, canonical_json, from_plain, parse_object
from sakimori.store import Snapshot, Transaction, WrongTenant


class LedgerError(SakimoriError):
    """The ledger was tampered with or damaged: nothing is sealed on top of that."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with its place in the log."""

    position: int | None
    """None: pending."""
    entry: LedgerEntry


class Ledger:
    """One append-only log per institution. Entries are written in the transaction of what they tell of."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def append(self, transaction: Transaction, *entries: LedgerEntry) -> None:
        """Write entries that become part of the log with the next ``seal``; they stand or fall with the transaction.

        Raises:
            WrongTenant: an entry is another institution's.
        """
        rows: list[dict[str, object]] = []
        for entry in entries:
            if entry.tenant != transaction.tenant:
                raise WrongTenant(
                    f"ledger entry {entry.id} belongs to institution '{entry.tenant}' and cannot be kept "
                    f"for '{transaction.tenant}'"
                )
            body = canonical_json(as_plain(entry))
            salt = token_bytes(SALT_BYTES)
            rows.append({"id": entry.id, "salt": salt, "digest": content_digest(salt, body), "body": body})
        transaction.insert(tables.pending, rows)

    def seal(self, transaction: Transaction) -> Checkpoint | None:
        """Give every pending entry its place in the log and sign the result.

        Returns the newest checkpoint, which covers everything written before; None while the ledger is empty.

        Raises:
            LedgerError: what is there does not fit its last checkpoint; entries stay pending until that is looked into.
            SakimoriError: there is a checkpoint, and the key that signed it is missing.
        """
        tenant, connection = transaction.tenant, transaction.connection
        last, frontier, before = self._end(transaction)
        waiting = connection.execute(transaction.rows(tables.pending).order_by(tables.pending.c.arrival)).all()
        if not waiting:
            return last
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
        sealed = tables.pending.c.arrival <= waiting[-1].arrival
        connection.execute(transaction.delete(tables.pending).where(sealed))
        if last is None:
            self._signer.provision(tenant)
        made = Checkpoint.sign(tenant, frontier.size, frontier.root(), self._signer)
        row = {"size": made.size, "note": made.note.encode(), "frontier": bytes(frontier)}
        transaction.insert(tables.checkpoint, [row])
        return made

    def verify(self, snapshot: Snapshot, *, anchor: Checkpoint | None = None) -> Verification:
        """Check the whole log of the institution: see ``ledger.verification.verify``."""
        return verify(snapshot, self.verifier, anchor=anchor)

    def checkpoint(self, snapshot: Snapshot) -> Checkpoint | None:
        """The newest checkpoint. Keep it elsewhere: with it, removal of everything since is noticed too.

        Raises:
            LedgerError: it is damaged or not signed by this institution's key.
        """
        newest = snapshot.rows(tables.checkpoint).order_by(tables.checkpoint.c.size.desc()).limit(1)
        row = snapshot.connection.execute(newest).one_or_none()
        return None if row is None else self._signed(row.note, snapshot.tenant)

    def verifier(self, tenant: str) -> Verifier:
        """By what others recognise the institution's checkpoints.

        Raises:
            SakimoriError: the signing key is missing.
        """
        return verifier(tenant, self._signer)

    def lines(self, snapshot: Snapshot, *, newest: int | None = None) -> Iterator[Line]:
        """Entries (only the ``newest`` so many), oldest first; the pending come last. Nothing is verified."""
        pending, content = tables.pending, tables.content
        waiting = snapshot.rows(pending).with_only_columns(pending.c.body).order_by(pending.c.arrival)
        unsealed = snapshot.connection.execute(waiting).scalars().all()
        sealed = snapshot.rows(content).with_only_columns(content.c.position, content.c.body)
        if newest is not None:
            unsealed = unsealed[max(0, len(unsealed) - newest) :]
            end = snapshot.rows(content).with_only_columns(func.coalesce(func.max(content.c.position) + 1, 0))
            first = snapshot.connection.execute(end).scalar_one() - (newest - len(unsealed))
            sealed = sealed.where(content.c.position >= first)
        stream = sealed.order_by(content.c.position).execution_options(yield_per=1000)
        for row in snapshot.connection.execute(stream):
            yield Line(row.position, _entry(row.body))
        for body in unsealed:
            yield Line(None, _entry(body))

    def _end(self, transaction: Transaction) -> tuple[Checkpoint | None, Frontier, bytes]:
        """The last checkpoint, the frontier there, and the hash of the last leaf."""
        tenant, connection = transaction.tenant, transaction.connection
        newest = transaction.rows(tables.checkpoint).order_by(tables.checkpoint.c.size.desc()).limit(1)
        row = connection.execute(newest).one_or_none()
        if row is None:
            last, frontier = None, Frontier()
        else:
            last = self._signed(row.note, tenant)
            try:
                frontier = Frontier(last.size, row.frontier)
                fits = frontier.root() == last.root
            except (ValueError, TypeError) as error:
                raise _damaged(tenant) from error
            if not fits:
                raise _damaged(tenant)
        end = transaction.rows(tables.leaf).with_only_columns(func.max(tables.leaf.c.position))
        position = connection.execute(end).scalar_one_or_none()
        if (0 if position is None else position + 1) != frontier.size:
            raise _damaged(tenant)
        if position is None:
            return last, frontier, before_first(tenant)
        newest_leaf = transaction.rows(tables.leaf).where(tables.leaf.c.position == position)
        leaf = connection.execute(newest_leaf.with_only_columns(tables.leaf.c.leaf)).scalar_one()
        return last, frontier, leaf_hash(leaf)

    def _signed(self, note: bytes, tenant: str) -> Checkpoint:
        try:
            return Checkpoint.parse(str(note, errors="replace"), self.verifier(tenant))
        except (NoteError, TypeError) as error:
            raise LedgerError(
                f"the last checkpoint of the ledger of '{tenant}' cannot be trusted: {error}; "
                "run `sakimori ledger verify` and restore the ledger or its key"
            ) from error


def _entry(body: bytes) -> LedgerEntry:
    return from_plain(LedgerEntry, parse_object(body, what=LedgerEntry.SCHEMA))


def _damaged(tenant: str) -> LedgerError:
    return LedgerError(
        f"the ledger of '{tenant}' does not fit its last checkpoint: run `sakimori ledger verify`; "
        "entries are kept as pending until it is restored"
    )
