"""The ledger: what happened, who did it and under which authority, in a log that cannot be edited unnoticed.

``Ledger(signer).append(transaction, entry)`` writes an entry in the transaction of what it tells of; ``seal`` gives the
pending ones their places in a hash chain and Merkle tree (RFC 6962) and signs a ``Checkpoint`` (C2SP, Ed25519);
``verify`` reads all of it again and says what it found in a ``Verification``.
"""

from sakimori.ledger.checkpoint import Checkpoint
from sakimori.ledger.log import Ledger, LedgerError, Line
from sakimori.ledger.note import LocalSigner, NoteError, Signer, Verifier
from sakimori.ledger.verification import Verification

__all__ = [
    "Checkpoint",
    "Ledger",
    "LedgerError",
    "Line",
    "LocalSigner",
    "NoteError",
    "Signer",
    "Verification",
    "Verifier",
]
