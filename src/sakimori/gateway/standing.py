"""Who may ask for what, as the database has it: read again once it is half a second old.

So a key or a grant that is revoked, and an inventory that is taken anew, count within a second in every process. What
is refused is never refused by an old reading.
"""

from dataclasses import dataclass

from sakimori.access import Directory, Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, Nanos
from sakimori.gateway.boundary import Boundary, Dictionary
from sakimori.gateway.keys import tokens_key
from sakimori.records import Grant, Inventory
from sakimori.store import Database, Snapshot, inventories

_FRESH: Nanos = 500_000_000
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Institution:
    """What an institution may do and what must not leave it."""

    grants: tuple[Grant, ...]
    boundary: Boundary
    inventory_taken_at: Nanos | None
    read_at: Nanos


class Standing:
    """Safe to use from several threads."""

    def __init__(self, database: Database, secrets: Secrets, clock: Clock) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._directory = Directory(database, secrets, clock)
        self._institutions: dict[str, Institution] = {}

    def principal(self, key: str) -> Principal | None:
        """Who shows this service key; None where it is not good."""
        return self._directory.authenticate(key)

    def known_principal(self, key: str) -> Principal | None:
        """The same from memory, as long as that is fresh."""
        return self._directory.known(key)

    def known(self, tenant: str) -> Institution | None:
        """The institution from memory, as long as that is fresh. Does not block."""
        known = self._institutions.get(tenant)
        return known if known is not None and self._is_fresh(known.read_at) else None

    def reread(self, tenant: str) -> Institution:
        """The institution as it is at this moment."""
        known = self._institutions.get(tenant)
        read_at = self._clock.now()
        with self._database.snapshot(tenant) as snapshot:
            taken_at = inventories.taken_at(snapshot)
            same = known is not None and known.inventory_taken_at == taken_at
            boundary = known.boundary if known is not None and same else self._boundary(snapshot)
            grants = tuple(snapshot.all(Grant))
        if len(self._institutions) >= _MOST:
            self._institutions.clear()
        read = self._institutions[tenant] = Institution(grants, boundary, taken_at, read_at)
        return read

    def _is_fresh(self, read_at: Nanos) -> bool:
        # A clock that was set back makes nothing last longer.
        return 0 <= self._clock.now() - read_at < _FRESH

    def _boundary(self, snapshot: Snapshot) -> Boundary:
        dictionary = Dictionary.of(snapshot.get(Inventory, "current"))
        return Boundary(snapshot.tenant, tokens_key(snapshot, self._secrets), dictionary)
