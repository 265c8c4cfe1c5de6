from hypothesis import assume, given
from hypothesis import strategies as st

from sakimori.ledger.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    node_hash,
    root_of_inclusion,
    split,
)

LEAVES = [leaf_hash(bytes([number])) for number in range(130)]


def subtree(start: int, end: int) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if start == end:
        return EMPTY_ROOT
    if end - start == 1:
        return LEAVES[start]
    middle = start + split(end - start)
    return node_hash(subtree(start, middle), subtree(middle, end))


SIZES = st.integers(1, len(LEAVES))


def test_proofs_are_those_of_the_example_of_rfc_6962() -> None:
    """Section 2.1.3: the tree of seven leaves."""
    a, b, c, d, _, f, j = LEAVES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(LEAVES[4], f)
    k = node_hash(g, h)
    l_ = node_hash(i, j)
    assert inclusion_proof(0, 7, subtree) == [b, h, l_]
    assert inclusion_proof(3, 7, subtree) == [c, g, l_]
    assert inclusion_proof(4, 7, subtree) == [f, j, k]
    assert inclusion_proof(6, 7, subtree) == [i, k]
    assert consistency_proof(3, 7, subtree) == [c, d, g, l_]
    assert consistency_proof(4, 7, subtree) == [l_]
    assert consistency_proof(6, 7, subtree) == [i, j, k]


@given(SIZES, st.data())
def test_an_inclusion_proof_leads_to_the_root_from_its_leaf_and_place_only(size: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(position, size, subtree)
    root = subtree(0, size)
    assert root_of_inclusion(LEAVES[position], position, size, proof) == root
    other = data.draw(st.integers(-1, size + 1).filter(lambda place: place != position))
    assert root_of_inclusion(LEAVES[position], other, size, proof) != root
    assert root_of_inclusion(LEAVES[position - 1], position, size, proof) != root or size == 1
    assert root_of_inclusion(LEAVES[position], position, size, [*proof, root]) != root
    assert not proof or root_of_inclusion(LEAVES[position], position, size, proof[1:]) != root


@given(SIZES, st.data())
def test_a_consistency_proof_holds_between_its_two_trees_only(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    proof = consistency_proof(old, size, subtree)
    before, after = subtree(0, old), subtree(0, size)
    assert is_consistent(old, before, size, after, proof)
    assume(old)
    forged = leaf_hash(b"forged")
    assert not is_consistent(old, forged, size, after, proof)
    assert not is_consistent(old, before, size, forged, proof)
    assert not is_consistent(old, before, size, after, [*proof, forged])
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not is_consistent(old, before, size, after, [*proof[:at], forged, *proof[at + 1 :]])
        assert not is_consistent(old, before, size, after, proof[:at] + proof[at + 1 :])
    assert not is_consistent(size + 1, before, size, after, proof)
