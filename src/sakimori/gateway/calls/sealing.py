"""Sealing, now and then, what calls have written in the ledgers of their institutions.

It is done in transactions of the writer, some entries at a time: beside calls, in a thread of its own, it would hold up
those that are under way three times as long.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from sakimori.core import SakimoriError
from sakimori.gateway import telemetry
from sakimori.gateway.calls.writer import Writer
from sakimori.ledger import Fenced, Ledger, LedgerError, Sealed
from sakimori.observe import log
from sakimori.store import Transaction

_SECONDS = 1.0
_GROUP = 32
"""Entries sealed in one transaction, for which calls wait: a millisecond or so."""
_MOST_GROUPS = 16
"""In a second; with more entries, groups are larger."""
_STUCK_SECONDS = 30.0
"""Without any sealing that came to its end: something hangs, or nobody's entries can be sealed."""


class Sealer:
    """For what this process wrote. Used from one event loop; what it remembers, it writes in a thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: dict[str, int] = {}
        """Entries since the last sealing, by institution."""
        self._unsealable: set[str] = set()
        self._sealed_at = time.monotonic()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gateway-sealer")

    def wrote(self, tenant: str, entries: int = 1) -> None:
        """Note entries that are durable and not sealed yet."""
        telemetry.pending(entries)
        self._waiting[tenant] = self._waiting.get(tenant, 0) + entries

    async def run(self, writer: Writer) -> None:
        """Seal all the time, spread over each second, until cancelled."""
        self._sealed_at = time.monotonic()
        while True:
            over = time.monotonic() + _SECONDS
            await self.seal(writer, seconds=_SECONDS)
            await asyncio.sleep(over - time.monotonic())

    async def seal(self, writer: Writer, *, seconds: float = 0.0) -> None:
        """Seal what waits, spread over so much time.

        What cannot be sealed is tried next time, and keeps no other institution from its turn.
        """
        waiting = dict(self._waiting)
        sealed = not waiting
        group = max(_GROUP, sum(waiting.values()) // _MOST_GROUPS)
        pause = seconds / (1 + sum(entries // group + 1 for entries in waiting.values()))
        for tenant, entries in waiting.items():
            try:
                await self._seal(tenant, writer, group, pause)
            except Fenced:  # another process sealed them at this moment, or others: look again
                sealed = True
            except SakimoriError as error:
                telemetry.seal_failed()
                if tenant not in self._unsealable:
                    self._unsealable.add(tenant)
                    log(telemetry.LedgerUnsealed(tenant=tenant, error=error))
            else:
                sealed = True
                telemetry.pending(-entries)
                self._waiting[tenant] -= entries
                if not self._waiting[tenant]:
                    del self._waiting[tenant]
                if tenant in self._unsealable:
                    self._unsealable.discard(tenant)
                    log(telemetry.LedgerSealed(tenant=tenant))
        if sealed:
            self._sealed_at = time.monotonic()

    async def _seal(self, tenant: str, writer: Writer, group: int, pause: float) -> None:
        def some(transaction: Transaction) -> Sealed:
            return self._ledger.seal_some(transaction, group)

        sealed = Sealed(None, group)
        while sealed.entries == group:
            sealed = await writer.complete(tenant, some)
            await asyncio.sleep(pause)
        if sealed.newest is not None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._ledger.remember, tenant, sealed.newest)

    def refuse_if_stuck(self) -> None:
        """Raises LedgerError where entries are written and no longer sealed."""
        stuck = time.monotonic() - self._sealed_at
        if stuck > _STUCK_SECONDS:
            raise LedgerError(
                f"no ledger was sealed for {stuck:.0f} s: entries stay pending; see gateway.ledger_unsealed in the log"
            )

    async def close(self, writer: Writer) -> None:
        """Seal what waits, for the last time."""
        await self.seal(writer)
        self._thread.shutdown()
