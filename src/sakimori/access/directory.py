"""Recognising keys and people from memory, no more than half a second behind the database.

Keys and people change rarely and are looked up all the time. What was read is kept until the institution's epoch
(``access.epoch``) differs, which is looked at again once the last look is half a second old: so what is revoked in one
process opens nothing in any other within a second. Where the database cannot be asked then, nobody is let in.
"""

import threading
from dataclasses import dataclass, field
from itertools import count

from sakimori.access import epoch, keys, people, sign_in
from sakimori.access.keys import Held
from sakimori.access.people import Person
from sakimori.access.principal import Principal
from sakimori.access.secrets import Secrets
from sakimori.access.sign_in import SignIn
from sakimori.core import Clock, Nanos
from sakimori.store import Database, Snapshot

_FRESH: Nanos = 500_000_000
_MOST = 200_000
"""Keys and people held in memory; about 1 kB each."""

_Entry = Held | Person | SignIn | None
"""None is kept for people only: who has a good token and no place in the programme may ask again and again."""


@dataclass(slots=True)
class _Shelf:
    """What is known of an institution as of one epoch."""

    epoch: bytes
    ticket: int
    """Of the newest reading that found this epoch: readings are ordered by it, since clocks may be set back."""
    looked_at: Nanos
    entries: dict[tuple[str, str], _Entry] = field(default_factory=dict[tuple[str, str], _Entry])


class Directory:
    """Safe to use from several threads."""

    def __init__(self, database: Database, secrets: Secrets, clock: Clock) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._shelves: dict[str, _Shelf] = {}
        self._held = 0
        self._tickets = count()
        self._lock = threading.Lock()

    def authenticate(self, plaintext: str) -> Principal | None:
        """Who shows this service key, or None where it is malformed, unknown, expired or revoked.

        Raises:
            StoreError: the database cannot be asked.
            SecretsError: there is such a key, and the secret for its hash is missing.
        """
        parsed = keys.parse(plaintext)
        if parsed is None:
            return None
        tenant, id = parsed
        held = self._entry(tenant, "key", id)
        return keys.recognise(held, self._secrets, plaintext, self._clock.now()) if isinstance(held, Held) else None

    def known(self, plaintext: str) -> Principal | None:
        """Like ``authenticate``, from memory: None where the database must be asked. Does not block."""
        parsed = keys.parse(plaintext)
        if parsed is None:
            return None
        tenant, id = parsed
        _, held = self._remembered(tenant, ("key", id))
        return keys.recognise(held, self._secrets, plaintext, self._clock.now()) if isinstance(held, Held) else None

    def person(self, tenant: str, identity: str) -> Person | None:
        """Who is named so by the institution's identity provider, and was not removed. Raises StoreError."""
        found = self._entry(tenant, "person", identity)
        return found if isinstance(found, Person) else None

    def sign_in(self, tenant: str) -> SignIn | None:
        """How people of the institution sign in; None: they do not. Raises StoreError."""
        found = self._entry(tenant, "sign-in", "")
        return found if isinstance(found, SignIn) else None

    def _entry(self, tenant: str, kind: str, id: str) -> _Entry:
        known, entry = self._remembered(tenant, (kind, id))
        return entry if known else self._read(tenant, kind, id)

    def _remembered(self, tenant: str, what: tuple[str, str]) -> tuple[bool, _Entry]:
        with self._lock:
            shelf = self._shelves.get(tenant)
            # A clock that was set back makes nothing last longer.
            if shelf is None or not 0 <= self._clock.now() - shelf.looked_at < _FRESH:
                return False, None
            return what in shelf.entries, shelf.entries.get(what)

    def _read(self, tenant: str, kind: str, id: str) -> _Entry:
        # Both before the snapshot: it may be older than it seems, never newer.
        ticket, looked_at = next(self._tickets), self._clock.now()
        with self._database.snapshot(tenant) as snapshot:
            now = epoch.current(snapshot)
            with self._lock:
                shelf = self._shelves.get(tenant)
                entries = shelf.entries if shelf is not None and shelf.epoch == now else {}
                known, entry = (kind, id) in entries, entries.get((kind, id))
            if not known:
                entry = _find(snapshot, kind, id)
        # A key that is not there says nothing about the next: attackers can make up any number of them.
        if entry is not None or kind != "key":
            self._keep(tenant, (kind, id), entry, _Shelf(now, ticket, looked_at))
        return entry

    def _keep(self, tenant: str, what: tuple[str, str], entry: _Entry, read: _Shelf) -> None:
        with self._lock:
            shelf = self._shelves.get(tenant)
            if shelf is not None and shelf.epoch != read.epoch:
                if shelf.ticket > read.ticket:
                    return
                self._drop(tenant)
                shelf = None
            if shelf is None:
                if self._held >= _MOST:
                    self._shelves.clear()
                    self._held = 0
                shelf = self._shelves[tenant] = read
                self._held += 1
            elif read.ticket > shelf.ticket:
                shelf.ticket, shelf.looked_at = read.ticket, read.looked_at
            if what not in shelf.entries:
                if self._held >= _MOST:
                    shelf.entries.pop(next(iter(shelf.entries), what), None)
                    self._held -= 1
                shelf.entries[what] = entry
                self._held += 1

    def _drop(self, tenant: str) -> None:
        self._held -= 1 + len(self._shelves.pop(tenant).entries)


def _find(snapshot: Snapshot, kind: str, id: str) -> _Entry:
    if kind == "key":
        return keys.find(snapshot, id)
    return people.of_identity(snapshot, id) if kind == "person" else sign_in.get(snapshot)
