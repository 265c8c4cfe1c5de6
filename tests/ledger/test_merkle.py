from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.ledger.merkle import Frontier, leaf_hash, node_hash


def tree_hash(leaves: list[bytes]) -> bytes:
    """Merkle tree hash as RFC 6962, section 2.1, defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


@given(st.lists(st.binary(max_size=8), max_size=70), st.integers(0, 70))
def test_the_frontier_gives_the_root_of_rfc_6962_wherever_it_was_saved(leaves: list[bytes], saved_at: int) -> None:
    frontier = Frontier()
    for number, leaf in enumerate(leaves):
        if number == saved_at:
            frontier = Frontier(frontier.size, bytes(frontier))
        frontier.append(leaf_hash(leaf))
    assert frontier.size == len(leaves)
    assert frontier.root() == tree_hash(leaves)


def test_roots_are_those_of_the_certificate_transparency_test_vectors() -> None:
    """The reference vectors of the Certificate Transparency implementation (merkletree tests)."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    frontier = Frontier()
    found = {0: frontier.root().hex()}
    for leaf in leaves:
        frontier.append(leaf_hash(bytes.fromhex(leaf)))
        found[frontier.size] = frontier.root().hex()
    assert {size: found[size] for size in roots} == roots


def test_a_frontier_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="no frontier of a tree of 3 leaves"):
        Frontier(3, b"\0" * 32)
