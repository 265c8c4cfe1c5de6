"""Tactics and techniques, however other products write them."""

import pytest

from sakimori.records import tactic_named, technique_id


@pytest.mark.parametrize("said", ["TA0008", "ta0008", "Lateral Movement", "lateral-movement", "LateralMovement"])
def test_a_tactic_is_known_by_id_and_name_in_any_spelling(said: str) -> None:
    assert tactic_named(said) == "lateral-movement"


@pytest.mark.parametrize("said", ["", "Malware", "CSTA0004", "TA9999", "防御回避", "x" * 10_000])
def test_what_is_no_tactic_of_attack_is_none(said: str) -> None:
    assert tactic_named(said) is None


def test_techniques_are_known_by_their_ids_alone() -> None:
    assert technique_id(" t1059.001 ") == "T1059.001"
    assert technique_id("T1003") == "T1003"
    assert [technique_id(said) for said in ("", "CST0007", "T10591", "T1059.1", "Brute Force", "T1003\n T1004")] == [
        None
    ] * 6
