"""A small world of ledgers: keys that are always the same, entries by number."""

from collections.abc import Callable

import pytest

from sakimori.ledger import Checkpoint, Ledger, LocalSigner
from sakimori.records import LedgerEntry
from sakimori.store import Database


class Keys:
    """Seeds by purpose and institution; the cosigner's differs from the log's."""

    def key(self, tenant: str, purpose: str) -> bytes:
        return f"{tenant[:8]:.<8}{purpose[:24]:.<24}".encode()[-32:]

    def provision_all(self, wanted: object) -> None:
        """They are there for everybody."""


@pytest.fixture
def signer() -> LocalSigner:
    return LocalSigner(Keys())


@pytest.fixture
def cosigning() -> LocalSigner:
    return LocalSigner(Keys(), purpose="ledger-cosigning")


@pytest.fixture
def ledger(signer: LocalSigner) -> Ledger:
    return Ledger(signer)


def entry(number: int, *, tenant: str = "a", time: int | None = None) -> LedgerEntry:
    return LedgerEntry(
        id=f"le-{number}",
        tenant=tenant,
        time=number if time is None else time,
        actor="person:山田\u2028\x7f",
        action="gateway.call",
        subject='"rq\\1"\x1b\n',
        detail={"tokens": number, "名": "ＦＵＬＬ😀", "nested": {"b": 1, "a": None}},
    )


Write = Callable[..., Checkpoint]


@pytest.fixture
def write(database: Database, ledger: Ledger) -> Write:
    """``write(3, 2)`` appends and seals three entries, then two; ids go on from call to call."""
    count = 0

    def write(*groups: int) -> Checkpoint:
        nonlocal count
        newest = None
        for group in groups:
            with database.transaction("a") as transaction:
                ledger.append(transaction, *(entry(count + number) for number in range(group)))
            count += group
            newest = ledger.sequence(database, "a")
        assert newest is not None
        return newest

    return write
