"""Merkle tree hashing of RFC 6962, section 2.1, built from left to right in logarithmic space."""

from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of the tree without leaves."""


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """The roots of the complete subtrees that tile a tree, largest first: all that is needed to add leaves to it."""

    def __init__(self, size: int = 0, roots: bytes = b"") -> None:
        """``roots``: what ``bytes(frontier)`` gave at that size.

        Raises:
            ValueError: the roots do not fit the size.
        """
        if len(roots) != HASH_BYTES * size.bit_count():
            raise ValueError(f"{len(roots)} bytes are no frontier of a tree of {size} leaves")
        self.size = size
        self._roots = [roots[start : start + HASH_BYTES] for start in range(0, len(roots), HASH_BYTES)]

    def append(self, leaf_hash: bytes) -> None:
        """Add a leaf, by its hash, at the right."""
        roots, complete = self._roots, self.size
        while complete & 1:
            leaf_hash = sha256(b"\1" + roots.pop() + leaf_hash).digest()
            complete >>= 1
        roots.append(leaf_hash)
        self.size += 1

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root

    def __bytes__(self) -> bytes:
        return b"".join(self._roots)
