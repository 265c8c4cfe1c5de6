"""Merkle trees of RFC 6962, section 2.1 (unchanged in RFC 9162): hashing, inclusion and consistency proofs."""

from collections.abc import Callable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of the tree without leaves."""

Subtree = Callable[[int, int], bytes]
"""Merkle tree hash of the leaves from the first position to before the second."""


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


def split(width: int) -> int:
    """How many of ``width`` > 1 leaves are in the left subtree: the largest power of two below it."""
    return 1 << (width - 1).bit_length() - 1


def inclusion_proof(position: int, size: int, subtree: Subtree) -> list[bytes]:
    """That the leaf at ``position`` is in the tree of ``size`` leaves: PATH of RFC 6962, section 2.1.1."""
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if position < middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, size: int, subtree: Subtree) -> list[bytes]:
    """That the tree of ``old`` leaves is the beginning of that of ``size``: PROOF of RFC 6962, section 2.1.2."""
    proof: list[bytes] = []
    start, end = 0, size
    if not 0 < old < size:
        return proof
    while end != old:
        middle = start + split(end - start)
        if old <= middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start = middle
    if start:
        proof.append(subtree(start, end))
    return proof[::-1]


def root_of_inclusion(hashed: bytes, position: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that the proof leads to from a leaf's hash (RFC 9162, section 2.1.3.2); None: it is no such proof."""
    if not 0 <= position < size:
        return None
    node, last, root = position, size - 1, hashed
    for beside in proof:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(beside, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, beside)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the smaller tree is the beginning of the larger (RFC 9162, section 2.1.4.2).

    Of the empty tree nothing need be shown.
    """
    if old == 0 or old == size:
        return not proof and (old == 0 or old_root == root)
    if not 0 < old < size or not proof:
        return False
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for beside in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(beside, first), node_hash(beside, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, beside)
        node, last = node >> 1, last >> 1
    return last == 0 and first == old_root and second == root
