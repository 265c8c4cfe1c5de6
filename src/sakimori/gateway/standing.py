"""Who may ask for what, as the database has it: read again once it is half a second old.

So a key or a grant that is revoked, an inventory that is taken anew and a dictionary that is loaded count within a
second in every process. What is refused is never refused by an old reading.
"""

from dataclasses import dataclass

from sakimori.access import Directory, Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, Nanos
from sakimori.gateway.boundary import Boundary, Recogniser
from sakimori.gateway.dictionaries import boundary_of, version
from sakimori.records import Grant
from sakimori.store import Database, inventories

_FRESH: Nanos = 500_000_000
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Institution:
    """What an institution may do and what must not leave it."""

    grants: tuple[Grant, ...]
    boundary: Boundary
    made_of: tuple[Nanos | None, tuple[int, Nanos]]
    """When the inventory was taken, and the version of the dictionaries: the boundary is made anew with another."""
    read_at: Nanos


class Standing:
    """Safe to use from several threads."""

    def __init__(
        self, database: Database, secrets: Secrets, clock: Clock, recogniser: Recogniser | None = None
    ) -> None:
        """``recogniser``: looks for names in running text; without one no free text may leave."""
        self._recogniser = recogniser
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
            made_of = (inventories.taken_at(snapshot), version(snapshot))
            if known is not None and known.made_of == made_of:
                boundary = known.boundary
            else:
                boundary = boundary_of(snapshot, self._secrets, self._recogniser)
            grants = tuple(snapshot.all(Grant))
        if len(self._institutions) >= _MOST:
            self._institutions.clear()
        read = self._institutions[tenant] = Institution(grants, boundary, made_of, read_at)
        return read

    def _is_fresh(self, read_at: Nanos) -> bool:
        # A clock that was set back makes nothing last longer.
        return 0 <= self._clock.now() - read_at < _FRESH
