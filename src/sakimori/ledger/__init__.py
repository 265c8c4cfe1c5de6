"""The ledger: what happened, who did it and under which authority, in a log that cannot be edited unnoticed.

``Ledger(signer, memory).append(transaction, new_entry(…))`` writes an entry in the transaction of what it tells of;
``sequence(database, tenant)`` (or ``seal``, in a transaction of one's own) gives the pending ones their places in a
hash chain and Merkle tree (RFC 6962) and signs a ``Checkpoint`` (C2SP, Ed25519); ``verify`` reads all of it again and
says what it found in a ``Verification``. For others: ``export`` (a file that ``tools/verify_ledger.py`` checks alone),
``proof`` (that one entry is in the log), ``witness`` (another party's cosignature), ``erasure``.
"""

from sakimori.ledger.checkpoint import Checkpoint
from sakimori.ledger.cosignature import Cosigner
from sakimori.ledger.entry import new_entry
from sakimori.ledger.errors import Fenced, LedgerError
from sakimori.ledger.log import Ledger, Line, Sealed
from sakimori.ledger.memory import Memory
from sakimori.ledger.note import LocalSigner, NoteError, Signer, Verifier
from sakimori.ledger.verification import Verification

__all__ = [
    "Checkpoint",
    "Cosigner",
    "Fenced",
    "Ledger",
    "LedgerError",
    "Line",
    "LocalSigner",
    "Memory",
    "NoteError",
    "Sealed",
    "Signer",
    "Verification",
    "Verifier",
    "new_entry",
]
