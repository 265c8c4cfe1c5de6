import base64

import pytest
from tests.ledger.conftest import Write, entry

from sakimori.core import InputError
from sakimori.ledger import Ledger, LedgerError, erasure, proof
from sakimori.ledger.leaf import content_digest
from sakimori.ledger.merkle import leaf_hash, root_of_inclusion
from sakimori.store import Database


def leads_to(text: str) -> bytes | None:
    """The root of a proof, computed from the file alone."""
    head, _, note = text.partition("\n\n")
    magic, extra, index, *path = head.split("\n")
    assert magic == "c2sp.org/tlog-proof@v1"
    parts = base64.b64decode(extra.removeprefix("extra "))
    leaf = parts if len(parts) == 64 else parts[:32] + content_digest(parts[32:64], parts[64:])
    size = int(note.split("\n")[1])
    hashes = [base64.b64decode(line) for line in path]
    return root_of_inclusion(leaf_hash(leaf), int(index.removeprefix("index ")), size, hashes)


@pytest.mark.parametrize("read_at_once", [1, 2, 1024])
def test_every_entry_is_proved_whatever_groups_it_was_sealed_in(
    database: Database, ledger: Ledger, write: Write, monkeypatch: pytest.MonkeyPatch, read_at_once: int
) -> None:
    """With few leaves read at once, proofs are made of the frontiers that checkpoints keep."""
    monkeypatch.setattr(proof, "_READ", read_at_once)
    newest = write(1, 2, 1, 5, 1, 1, 7, 16, 3)
    with database.snapshot("a") as snapshot:
        for position in range(newest.size):
            assert leads_to(proof.prove(snapshot, position, newest)) == newest.root
        for old in range(newest.size + 1):
            proof.prove_growth(snapshot, old, newest)


def test_a_proof_still_holds_when_its_content_was_erased(database: Database, ledger: Ledger, write: Write) -> None:
    write(5)
    with database.transaction("a") as transaction:
        told = erasure.erase(transaction, 2, reason="r", actor="person:p", now=9)
        ledger.append(transaction, told)
    newest = ledger.sequence(database, "a")
    assert newest is not None
    with database.snapshot("a") as snapshot:
        made = proof.prove(snapshot, proof.position_of(snapshot, "#2"), newest)
    assert leads_to(made) == newest.root


def test_nothing_is_proved_of_a_log_that_was_altered(database: Database, ledger: Ledger, write: Write) -> None:
    newest = write(3, 3)
    for damage in ("UPDATE ledger_leaf SET leaf = salt FROM ledger_content", "DELETE FROM ledger_leaf"):
        with database.transaction("a") as transaction:
            transaction.connection.exec_driver_sql("SAVEPOINT before")
            transaction.connection.exec_driver_sql(f"{damage} WHERE ledger_leaf.position = 1")
            for position in range(4):
                with pytest.raises(LedgerError, match="does not fit its last checkpoint"):
                    proof.prove(transaction, position, newest)
            with pytest.raises(LedgerError, match="does not fit its last checkpoint"):
                proof.prove_growth(transaction, 3, newest)
            transaction.connection.exec_driver_sql("ROLLBACK TO before")


def test_an_entry_is_found_by_id_or_place_and_otherwise_it_is_said_why_not(
    database: Database, ledger: Ledger, write: Write
) -> None:
    write(2)
    with database.transaction("a") as transaction:
        ledger.append(transaction, entry(1), entry(7))
    write_again = ledger.sequence(database, "a")
    assert write_again is not None
    with database.transaction("a") as transaction:
        ledger.append(transaction, entry(8))
        assert proof.position_of(transaction, "le-0") == 0
        assert proof.position_of(transaction, "#3") == 3
        for wanted, reason in {
            "le-1": "several entries of the ledger have the id 'le-1': name one of #1, #2",
            "le-8": "is not sealed yet: run `sakimori ledger seal`",
            "le-9": "has no entry 'le-9'",
            "#4": "has no position #4: it has 4 entries",
            "#" + "9" * 50: "has no position",
            "#x": "has no entry '#x'",
        }.items():
            with pytest.raises(InputError, match=reason):
                proof.position_of(transaction, wanted)
