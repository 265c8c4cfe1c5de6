"""What a leaf of the log is: 64 bytes that bind an entry's content and everything before it.

``leaf = hash of the leaf before ‖ SHA-256(salt ‖ content)``, where the first leaf has SHA-256(origin) before it. The
random salt (32 bytes) keeps content that was erased from being guessed from its hash.
"""

from hashlib import sha256

from sakimori.ledger.checkpoint import origin
from sakimori.ledger.merkle import HASH_BYTES

SALT_BYTES = 32
LEAF_BYTES = 2 * HASH_BYTES


def content_digest(salt: bytes, body: bytes) -> bytes:
    """Raises ValueError where the salt has another length: what it is and what content would be ambiguous."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt of {len(salt)} bytes")
    return sha256(salt + body).digest()


def before_first(tenant: str) -> bytes:
    """What stands in for the hash of the leaf before the first."""
    return sha256(origin(tenant).encode()).digest()
