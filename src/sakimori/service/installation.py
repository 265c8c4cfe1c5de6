"""What an install keeps under its home, opened together: database, secrets, ledger."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sakimori.access import Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, Settings
from sakimori.ledger import Ledger, LocalSigner, Memory, new_entry
from sakimori.records import LedgerEntry
from sakimori.store import Database, Transaction


@dataclass(frozen=True, slots=True)
class Installation:
    settings: Settings
    clock: Clock
    database: Database
    secrets: Secrets
    ledger: Ledger

    @property
    def tenant(self) -> str:
        return self.settings.tenant

    def enter(
        self, transaction: Transaction, by: Principal, action: str, subject: str, detail: Mapping[str, Any]
    ) -> LedgerEntry:
        """Write into the ledger what a person or service did, in the transaction of what was done, and seal it.

        Raises:
            LedgerError: the ledger cannot be sealed (see ``Ledger.seal``).
        """
        entry = new_entry(
            transaction, at=self.clock.now(), actor=by.actor, action=action, subject=subject, detail=detail
        )
        self.ledger.append(transaction, entry)
        self.ledger.seal(transaction)
        return entry


@contextmanager
def installation(settings: Settings, clock: Clock) -> Generator[Installation]:
    """Open the install at ``settings.home``, created where absent, with its database there or where it says.

    Raises:
        InputError: ``settings.database`` names no database that Sakimori can use.
        StoreError: the home or its database cannot be used.
    """
    database = Database.of(settings)
    try:
        secrets = Secrets.embedded(settings.home)
        yield Installation(
            settings=settings,
            clock=clock,
            database=database,
            secrets=secrets,
            ledger=Ledger(LocalSigner(secrets), Memory.embedded(settings.home)),
        )
    finally:
        database.close()
