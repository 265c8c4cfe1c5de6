import pytest
from tests.ledger.conftest import Write, entry

from sakimori.core import InputError
from sakimori.ledger import Ledger, LedgerError, erasure
from sakimori.records import LedgerEntry
from sakimori.store import Database, Transaction


def erase(transaction: Transaction, position: int, reason: str = "依頼により") -> LedgerEntry:
    return erasure.erase(transaction, position, reason=reason, actor="person:p", now=99)


def test_content_goes_proofs_stay_and_an_entry_says_why(database: Database, ledger: Ledger, write: Write) -> None:
    write(2, 3)
    with database.transaction("a") as transaction:
        told = erase(transaction, 3)
        ledger.append(transaction, told)
    ledger.sequence(database, "a")
    with database.snapshot("a") as snapshot:
        found = ledger.verify(snapshot)
        left = [line.position for line in ledger.lines(snapshot)]
    assert (found.problem, found.leaves, found.erased) == (None, 6, 1)
    assert left == [0, 1, 2, 4, 5]
    assert told.subject == "leaf:3"
    assert told.detail["reason"] == "依頼により"
    assert "'le-3'" not in str(told), "an id may itself tell of a person"


def test_content_that_nobody_accounts_for_is_noticed(database: Database, ledger: Ledger, write: Write) -> None:
    write(5)
    with database.transaction("a") as transaction:
        told = erase(transaction, 3)
        assert ledger.verify(transaction).problem == (
            "the content of leaf 3 was removed, and no entry says that it was erased"
        )
        ledger.append(transaction, told)
    ledger.sequence(database, "a")
    with database.transaction("a") as transaction:
        transaction.connection.exec_driver_sql("DELETE FROM ledger_content WHERE position = 1")
        found = ledger.verify(transaction)
    assert (found.leaves, found.problem) == (
        1,
        "the content of leaf 1 was removed, and no entry says that it was erased",
    )


def test_an_entry_that_tells_of_another_leaf_accounts_for_nothing(
    database: Database, ledger: Ledger, write: Write
) -> None:
    write(5)
    with database.transaction("a") as transaction:
        told = erase(transaction, 3)
        wrong: list[dict[str, object]] = [
            {},
            {**told.detail, "position": 2},
            {**told.detail, "digest": "00" * 32},
            {"position": [], "digest": 7},
        ]
        for detail in wrong:
            ledger.append(transaction, entry(9))
            other = LedgerEntry(
                id="le-x",
                tenant="a",
                time=1,
                actor="person:p",
                action=erasure.ACTION,
                subject="leaf:3",
                detail=detail,
            )
            ledger.append(transaction, other)
        ledger.seal(transaction)
        assert "the content of leaf 3 was removed" in str(ledger.verify(transaction).problem)


def test_what_may_not_be_erased_is_said(database: Database, ledger: Ledger, write: Write) -> None:
    write(2)
    with database.transaction("a") as transaction:
        ledger.append(transaction, erase(transaction, 0))
        ledger.seal(transaction)
        for position, sentence in {
            0: "there is no content at position 0",
            9: "there is no content at position 9",
            2: "tells of an erasure and stays",
        }.items():
            with pytest.raises(InputError, match=sentence):
                erase(transaction, position)
        for reason in ("", " \t", "x" * 501):
            with pytest.raises(InputError, match="needs a reason of at most 500 characters"):
                erase(transaction, 1, reason)
        changed = "UPDATE ledger_content SET salt = digest FROM (SELECT substr(leaf, 1, 32) AS digest FROM ledger_leaf)"
        if transaction.connection.dialect.name == "postgresql":
            changed += " AS l"
        shortened = "UPDATE ledger_content SET salt = substr(salt, 1, 3)"
        for damage in (changed, shortened):
            transaction.connection.exec_driver_sql(damage)
            with pytest.raises(LedgerError, match="do not fit, so nothing was erased"):
                erase(transaction, 1)
