"""The ledger itself: writing entries, sealing them under a signature, reading them."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from secrets import token_bytes

from sqlalchemy import func

from sakimori.ledger import rows, sealing, tables
from sakimori.ledger.checkpoint import Checkpoint, origin, verifier
from sakimori.ledger.cosignature import Cosigner
from sakimori.ledger.errors import LedgerError, damaged
from sakimori.ledger.leaf import SALT_BYTES, content_digest
from sakimori.ledger.memory import Memory
from sakimori.ledger.note import Signer, Verifier
from sakimori.ledger.verification import Verification, verify
from sakimori.records import LedgerEntry, as_plain, canonical_json, from_plain, parse_object
from sakimori.store import Database, Snapshot, Transaction, WrongTenant


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with its place in the log."""

    position: int | None
    """None: pending."""
    entry: LedgerEntry


@dataclass(frozen=True, slots=True)
class Sealed:
    newest: Checkpoint | None
    """None while the ledger is empty."""
    entries: int
    """How many were sealed just now."""


class Ledger:
    """One append-only log per institution. Entries are written in the transaction of what they tell of."""

    def __init__(self, signer: Signer, memory: Memory | None = None) -> None:
        """``memory``: where the highest checkpoint is kept outside of the database; None: nowhere."""
        self._signer = signer
        self._memory = memory

    def append(self, transaction: Transaction, *entries: LedgerEntry) -> None:
        """Write entries that become part of the log when they are sealed; they stand or fall with the transaction.

        Raises:
            WrongTenant: an entry is another institution's.
        """
        written: list[dict[str, object]] = []
        for entry in entries:
            if entry.tenant != transaction.tenant:
                raise WrongTenant(
                    f"ledger entry {entry.id} belongs to institution '{entry.tenant}' and cannot be kept "
                    f"for '{transaction.tenant}'"
                )
            body = canonical_json(as_plain(entry))
            salt = token_bytes(SALT_BYTES)
            written.append({"id": entry.id, "salt": salt, "digest": content_digest(salt, body), "body": body})
        transaction.insert(tables.pending, written)

    def sequence(self, database: Database, tenant: str) -> Checkpoint | None:
        """Seal all that is pending, a group and a transaction at a time; the newest checkpoint, None while empty.

        Raises:
            LedgerError: as ``seal``; what was sealed before stays.
        """
        while True:
            with database.transaction(tenant) as transaction:
                newest = self.seal(transaction)
                finished = transaction.is_empty(tables.pending)
            if finished:
                return newest

    def seal(self, transaction: Transaction) -> Checkpoint | None:
        """Give the oldest pending entries, at most ``sealing.GROUP``, their places in the log and sign the result.

        Returns the newest checkpoint; None while the ledger is empty. It counts, and is remembered, once the
        transaction is committed.

        Raises:
            LedgerError: what is there does not fit its last checkpoint, or is less than this install saw already;
                entries stay pending until that is looked into.
            Fenced: another sequencer was faster.
            SakimoriError: there is a checkpoint, and the key that signed it is missing.
        """
        newest = self.seal_some(transaction, sealing.GROUP).newest
        if newest is not None:
            transaction.after_commit(partial(self.remember, transaction.tenant, newest))
        return newest

    def seal_some(self, transaction: Transaction, most: int) -> Sealed:
        """Like ``seal``, for who has others wait for it, and ``remember``s the checkpoint once it is committed."""
        end = sealing.end_of_log(transaction, self.verifier)
        self._refuse_if_older(transaction, end.checkpoint)
        before = end.frontier.size
        newest = sealing.seal_group(transaction, self._signer, end, most=most) or end.checkpoint
        return Sealed(newest, 0 if newest is None else newest.size - before)

    def provision(self, snapshots: Iterable[Snapshot]) -> None:
        """Make the signing keys of logs that have nothing sealed yet, together: ``seal`` makes them one by one.

        Raises:
            SakimoriError: they cannot be made.
        """
        self._signer.provision(*(snapshot.tenant for snapshot in snapshots if snapshot.is_empty(tables.checkpoint)))

    def verify(
        self,
        snapshot: Snapshot,
        *,
        anchor: Checkpoint | None = None,
        remembered: Checkpoint | None = None,
        cosigners: Collection[Cosigner] = (),
        demanded: int = 0,
    ) -> Verification:
        """Check the whole log of the institution: see ``ledger.verification.verify``."""
        return verify(
            snapshot, self.verifier, anchor=anchor, remembered=remembered, cosigners=cosigners, demanded=demanded
        )

    def checkpoint(self, snapshot: Snapshot) -> Checkpoint | None:
        """The newest checkpoint. Keep it elsewhere: with it, removal of everything since is noticed too.

        Raises:
            LedgerError: it is damaged or not signed by this institution's key.
        """
        if snapshot.is_empty(tables.checkpoint):
            return None
        return rows.newest_checkpoint(snapshot, self.verifier(snapshot.tenant))

    def verifier(self, tenant: str) -> Verifier:
        """By what others recognise the institution's checkpoints.

        Raises:
            SakimoriError: the signing key is missing.
        """
        return verifier(tenant, self._signer)

    def remembered(self, tenant: str) -> Checkpoint | None:
        """The highest checkpoint that this install saw. Ask before a snapshot begins: it must hold at least that.

        Raises:
            LedgerError: what is kept is no checkpoint of this log.
            SakimoriError: it cannot be read, or the signing key is missing.
        """
        if self._memory is None:
            return None
        note = self._memory.recall(origin(tenant))
        if note is None:
            return None
        return rows.trusted(note.encode(), self.verifier(tenant), tenant, where=str(self._memory.path(origin(tenant))))

    def remember(self, tenant: str, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, which must be committed, if it is the highest so far. Raises SakimoriError."""
        if self._memory is None:
            return
        known = self.remembered(tenant)
        if known is not None and known.size >= checkpoint.size:
            return
        with self._memory.alone(origin(tenant)):
            known = self.remembered(tenant)
            if known is None or known.size < checkpoint.size:
                self._memory.keep(origin(tenant), checkpoint.note)

    def forget(self, tenant: str, newest: Checkpoint | None) -> None:
        """Remember ``newest`` alone, after a person accepted that what came after it is lost. Raises SakimoriError."""
        if self._memory is None:
            return
        with self._memory.alone(origin(tenant)):
            if newest is None:
                self._memory.path(origin(tenant)).unlink(missing_ok=True)
            else:
                self._memory.keep(origin(tenant), newest.note)

    def lines(self, snapshot: Snapshot, *, newest: int | None = None) -> Iterator[Line]:
        """Entries (only the ``newest`` so many), oldest first; the pending come last. Nothing is verified.

        Raises:
            LedgerError: what is there has a form that was never written.
        """
        pending, content = tables.pending, tables.content
        waiting = snapshot.rows(pending).with_only_columns(pending.c.body).order_by(pending.c.arrival)
        unsealed = snapshot.connection.execute(waiting).scalars().all()
        sealed = snapshot.rows(content).with_only_columns(content.c.position, content.c.body)
        if newest is not None:
            unsealed = unsealed[max(0, len(unsealed) - newest) :]
            end = snapshot.rows(content).with_only_columns(func.coalesce(func.max(content.c.position) + 1, 0))
            first = snapshot.connection.execute(end).scalar_one() - (newest - len(unsealed))
            sealed = sealed.where(content.c.position >= first)
        try:
            for position, body in rows.read(snapshot, sealed.order_by(content.c.position), int, bytes):
                yield Line(position, _entry(body))
        except rows.Alien as error:
            raise damaged(snapshot.tenant) from error
        for body in unsealed:
            yield Line(None, _entry(body))

    def _refuse_if_older(self, transaction: Transaction, newest: Checkpoint | None) -> None:
        """Sealing on an earlier state of the log would sign a second history beside the one that others hold."""
        tenant = transaction.tenant
        seen = self.remembered(tenant)
        if seen is None:
            return
        if newest is None or newest.size < seen.size:
            raise LedgerError(
                f"the ledger of '{tenant}' ends at {newest.size if newest else 0} entries, and this install saw "
                f"{seen.size} of them signed: an older state of the database was restored, or the end was cut off; "
                "restore a newer backup, or accept the loss with `sakimori ledger accept-loss`"
            )
        if newest.size == seen.size:
            kept = newest
        else:
            kept = rows.checkpoint_from(transaction, self.verifier(tenant), seen.size)
        if kept is None or (kept.size, kept.root) != (seen.size, seen.root):
            raise LedgerError(
                f"the ledger of '{tenant}' no longer holds what this install saw signed at {seen.size} entries: its "
                "history was rewritten; run `sakimori ledger verify` and restore a backup"
            )


def _entry(body: bytes) -> LedgerEntry:
    return from_plain(LedgerEntry, parse_object(body, what=LedgerEntry.SCHEMA))
