"""What an install keeps under its home, opened together: database, secrets, ledger."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sakimori.access.secrets import Secrets
from sakimori.core import Clock, Settings
from sakimori.ledger import Ledger, LocalSigner, Memory
from sakimori.store import Database


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
