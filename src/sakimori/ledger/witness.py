"""Cosigning between two parties who exchange files: a request out, a cosigned checkpoint back.

The request is the body of ``add-checkpoint`` (C2SP tlog-witness): ``old SIZE``, a consistency proof, the checkpoint.
The witness keeps nothing but the last checkpoint that it saw of each log, and signs only what continues it.
"""

import base64
import binascii
import re

from sakimori.core import InputError
from sakimori.ledger import rows, tables
from sakimori.ledger.checkpoint import Checkpoint
from sakimori.ledger.cosignature import Cosigner, cosign, cosigner
from sakimori.ledger.errors import LedgerError
from sakimori.ledger.memory import Memory
from sakimori.ledger.merkle import HASH_BYTES, is_consistent
from sakimori.ledger.note import NoteError, Signer, Verifier
from sakimori.ledger.proof import prove_growth
from sakimori.store import Snapshot, Transaction

LONGEST_REQUEST = 128 << 10
"""Bytes: 63 hashes and a checkpoint need a tenth of that."""
_REQUEST = re.compile(r"old (0|[1-9][0-9]{0,18})\n((?:[0-9A-Za-z+/]{43}=\n){0,63})\n(.+)", re.DOTALL)


class Conflict(LedgerError):
    """The witness saw something else of that log: either a request is out of date, or the log was rewritten."""


def request(snapshot: Snapshot, verifier: Verifier, *, old: int | None = None) -> str:
    """A request for the newest checkpoint.

    Args:
        old: how many entries the witness saw last; None: as many as the newest checkpoint that anybody cosigned.

    Raises:
        InputError: nothing was sealed yet, or the log has fewer than ``old`` entries.
        LedgerError: the log does not fit its checkpoint.
    """
    newest = rows.newest_checkpoint(snapshot, verifier)
    if newest is None:
        raise InputError(f"the ledger of '{snapshot.tenant}' has no checkpoint yet: nothing was sealed")
    old = rows.newest_cosigned(snapshot) if old is None else old
    if not 0 <= old <= newest.size:
        raise InputError(f"the ledger of '{snapshot.tenant}' has {newest.size} sealed entries, not {old}")
    proof = "".join(f"{base64.b64encode(hashed).decode()}\n" for hashed in prove_growth(snapshot, old, newest))
    return f"old {old}\n{proof}\n{newest.note}"


class Witness:
    """A second party, with a key and a memory of its own."""

    def __init__(self, memory: Memory, signer: Signer, tenant: str, name: str | None = None) -> None:
        """``tenant``: whose key signs; ``name``: under which others know it (default: made of the tenant's name)."""
        self._memory = memory
        self._signer = signer
        self._tenant = tenant
        self._name = name

    @property
    def key(self) -> Cosigner:
        """By what others recognise its cosignatures. Raises SakimoriError where its key is missing."""
        return cosigner(self._tenant, self._signer, self._name)

    def cosign(self, asked: str, log: Verifier, *, first: bool, seconds: int) -> tuple[Checkpoint, str]:
        """The requested checkpoint, and its note with this witness's line, made at ``seconds`` (POSIX time).

        What is signed is remembered before it is handed out, so that nothing else is ever signed beside it.

        Args:
            log: whose log it must be.
            first: the witness is to begin with this log. Without, a log that it knows nothing of is refused.

        Raises:
            InputError: it is no request, or not about that log.
            SakimoriError: the key of this witness is missing.
            Conflict: it does not continue what this witness saw.
        """
        by = self.key
        old, proof, checkpoint = _parse(asked, log)
        with self._memory.alone(log.name):
            note = self._memory.recall(log.name)
            if note is None and not first:
                raise Conflict(
                    f"this witness never saw the log '{log.name}': if that is as it should be, begin with --first"
                )
            if note is not None:
                _continue(
                    rows.trusted(note.encode(), log, log.name, where="this witness's memory"), old, proof, checkpoint
                )
            elif proof:
                raise Conflict(f"the request must begin at 0: this witness never saw the log '{log.name}'")
            self._memory.keep(log.name, checkpoint.note)
            return checkpoint, cosign(checkpoint.note, by, self._tenant, self._signer, seconds=seconds)


def keep(transaction: Transaction, verifier: Verifier, by: Cosigner, note: str) -> Checkpoint:
    """Keep a cosignature beside the checkpoint of ours that it is about.

    Raises:
        InputError: it is not by that cosigner, or not about a checkpoint of this ledger.
    """
    try:
        cosigned = Checkpoint.parse(note, verifier)
        found = by.line_in(note)
    except NoteError as error:
        raise InputError(f"the cosigned checkpoint cannot be used: {error}") from error
    if found is None:
        raise InputError(f"the checkpoint is not cosigned by '{by.name}': name the cosigner whose key it was")
    ours = rows.checkpoint_from(transaction, verifier, cosigned.size)
    if ours is None or (ours.size, ours.root) != (cosigned.size, cosigned.root):
        raise InputError(
            f"the ledger of '{transaction.tenant}' never made that checkpoint of {cosigned.size} entries, though its "
            "key signed it: an older database was restored, or history was rewritten"
        )
    text = ours.note.rpartition("\n\n")[0]
    if text != note.rpartition("\n\n")[0]:
        raise InputError("the cosigned checkpoint has another text than ours: ask for a cosignature of ours")
    line, _ = found
    transaction.replace(tables.cosignature, [{"size": ours.size, "cosigner": str(by), "line": line}])
    return ours


def _parse(asked: str, log: Verifier) -> tuple[int, list[bytes], Checkpoint]:
    form = _REQUEST.fullmatch(asked) if len(asked) <= LONGEST_REQUEST else None
    if form is None:
        raise InputError("it is no request to cosign: make one with `sakimori ledger cosign request`")
    try:
        proof = [base64.b64decode(line, validate=True) for line in form[2].splitlines()]
        checkpoint = Checkpoint.parse(form[3], log)
    except (NoteError, binascii.Error) as error:
        raise InputError(f"the request cannot be cosigned: {error}") from error
    if any(len(hashed) != HASH_BYTES for hashed in proof):
        raise InputError("the request cannot be cosigned: a hash in it has another length")
    return int(form[1]), proof, checkpoint


def _continue(seen: Checkpoint, old: int, proof: list[bytes], checkpoint: Checkpoint) -> None:
    if old != seen.size:
        raise Conflict(
            f"this witness last saw {seen.size} entries of that log, and the request begins at {old}: "
            f"ask for a request with --old {seen.size}; if there can be none, the log was cut off or rewritten"
        )
    if not is_consistent(seen.size, seen.root, checkpoint.size, checkpoint.root, proof):
        raise Conflict(
            f"the log does not continue the {seen.size} entries that this witness saw: its history was rewritten, or "
            "the request was damaged; nothing was signed, keep the request as evidence"
        )
