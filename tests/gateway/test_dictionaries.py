"""An institution's dictionaries, from the file to what leaves."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from sakimori.access.secrets import Secrets
from sakimori.core import InputError
from sakimori.gateway import Passage
from sakimori.gateway.dictionaries import boundary_of, load
from sakimori.store import Database, StoreError, dictionaries


@pytest.fixture
def secrets(home: Path) -> Secrets:
    return Secrets.embedded(home)


def put(database: Database, secrets: Secrets, tenant: str, kind: str, entries: Iterable[str], name: str = "l") -> None:
    with database.transaction(tenant) as transaction:
        load(transaction, secrets, name, kind, entries, now=1)


def sent(database: Database, secrets: Secrets, tenant: str, text: str) -> str:
    with database.snapshot(tenant) as snapshot:
        return Passage(boundary_of(snapshot, secrets)).tokenise(text).text


@pytest.mark.parametrize(
    ("kind", "entry", "text", "hidden"),
    [
        ("staff", "ぬば たま", "昨日はぬばたまと会う", "ぬば"),
        ("customer-number", "KK-20031", "顧客 ｋｋ-20031 の件", "20031"),
        ("project", "Project Quartzfern", "the project quartzfern plan", "quartzfern"),
        ("domain", "harvest", "on files.harvest now", "harvest"),
        ("host-pattern", "paper-*-tree?", "paper-core-trees is down", "paper"),
    ],
)
def test_what_a_list_holds_does_not_leave(
    database: Database, secrets: Secrets, kind: str, entry: str, text: str, hidden: str
) -> None:
    put(database, secrets, "a", kind, [entry])
    assert hidden not in sent(database, secrets, "a", text)
    assert sent(database, secrets, "b", text) == text  # another institution's list


def test_a_list_is_replaced_and_removed(database: Database, secrets: Secrets) -> None:
    put(database, secrets, "a", "project", ["Quartzfern"])
    put(database, secrets, "a", "project", ["Brackenrill"])
    assert sent(database, secrets, "a", "quartzfern") == "quartzfern"
    assert "brackenrill" not in sent(database, secrets, "a", "brackenrill")
    with database.transaction("a") as transaction:
        assert dictionaries.remove(transaction, "l")
        assert not dictionaries.remove(transaction, "l")
    assert sent(database, secrets, "a", "brackenrill") == "brackenrill"


def test_large_lists_come_back_whole(database: Database, secrets: Secrets) -> None:
    put(database, secrets, "a", "customer-number", map(_spelt, range(150_000)))
    known, unknown = _spelt(149_999), _spelt(150_000)
    assert sent(database, secrets, "a", f"{known} {unknown}").endswith(f" {unknown}")


def _spelt(number: int) -> str:
    """A number in letters, which nothing but a list tells."""
    return f"{number:08}".translate(str.maketrans("0123456789", "bcdfghjklm"))


@pytest.mark.parametrize(
    ("name", "kind", "entry"),
    [("l", "domain", "not a domain"), ("l", "host-pattern", "*"), ("L!", "staff", "青空花子")],
)
def test_what_cannot_be_used_is_refused_and_the_old_list_stays(
    database: Database, secrets: Secrets, name: str, kind: str, entry: str
) -> None:
    put(database, secrets, "a", "project", ["Quartzfern"])
    with pytest.raises(InputError):
        put(database, secrets, "a", kind, [entry], name=name)
    assert "quartzfern" not in sent(database, secrets, "a", "quartzfern")


def test_a_list_that_was_tampered_with_makes_no_boundary(database: Database, secrets: Secrets) -> None:
    put(database, secrets, "a", "project", ["Quartzfern"])
    with database.transaction("a") as transaction:
        kept = dictionaries.contents(transaction, "l")
        [listed] = dictionaries.listed(transaction)
        dictionaries.replace(transaction, listed, kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(StoreError, match="cannot be opened"):
        sent(database, secrets, "a", "quartzfern")
