"""The turn of one process to defend an institution live: a lease that it renews while it works.

A process that dies without a word (kill -9) is succeeded when its lease ends. One that was only held up, and finds that
another took over, keeps nothing: each of its transactions asks ``renew`` first.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from sakimori.core import Nanos
from sakimori.service.installation import Installation
from sakimori.store import StoreError, Transaction
from sakimori.store.lease import DefenceLease, give_up, renew, take

LEASE: Nanos = 60 * 10**9
"""How long an institution can be without defence after its process died: time passes, but no event is lost. Longer
than a round takes; while a model is awaited, the lease is renewed."""
_RENEW_EVERY_S = LEASE / 10**9 / 3


class Watch:
    def __init__(self, install: Installation, *, holder: str, place: str | None) -> None:
        self._install = install
        self._holder = holder
        self._place = place or f"process {os.getpid()} on {socket.gethostname()}"
        self._lease: DefenceLease | None = None

    def hold(self) -> None:
        """Have the turn from now on, for at least two thirds of a lease.

        Raises:
            HeldElsewhere: another process has it; ask again when its lease has ended.
            StoreError: the install cannot be used.
        """
        now = self._install.clock.now()
        if self._lease is not None and self._lease.until - now >= LEASE * 2 // 3:
            return
        with self._install.database.transaction(self._install.tenant) as transaction:
            if self._lease is not None:
                self.renew(transaction)
                return
            taken = take(transaction, holder=self._holder, place=self._place, now=now, until=now + LEASE)
        self._lease = taken  # only once it is committed

    def renew(self, transaction: Transaction) -> None:
        """Make the transaction depend on having the turn. Raises HeldElsewhere where another took over."""
        assert self._lease is not None, "hold() comes first"
        self._lease = renew(transaction, self._lease, until=self._install.clock.now() + LEASE)

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[None]:
        """Keep the turn while something is awaited that takes longer than a lease."""

        async def again() -> None:
            while True:
                await asyncio.sleep(_RENEW_EVERY_S)
                await asyncio.to_thread(self.hold)

        renewing = asyncio.create_task(again())
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError, StoreError):  # what was lost, the next transaction finds out
                await renewing

    def end(self) -> None:
        """Give the turn up, where this process has it. Raises StoreError."""
        if self._lease is not None:
            with self._install.database.transaction(self._install.tenant) as transaction:
                give_up(transaction, self._lease)
            self._lease = None
