"""Sealing, now and then, what calls have written in the ledgers of their institutions."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from sakimori.core import SakimoriError
from sakimori.gateway import telemetry
from sakimori.ledger import Fenced, Ledger, LedgerError
from sakimori.observe import log
from sakimori.store import Database

_SECONDS = 1.0
_STUCK_SECONDS = 30.0
"""Without any sealing that came to its end: something hangs, or nobody's entries can be sealed."""


class Sealer:
    """For what this process wrote. Used from one event loop; it seals in a thread of its own."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
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

    async def run(self) -> None:
        """Seal every second, until cancelled."""
        self._sealed_at = time.monotonic()
        while True:
            await asyncio.sleep(_SECONDS)
            await self.seal()

    async def seal(self) -> None:
        """Seal what waits; what cannot be is tried next time, and keeps no other institution from its turn."""
        waiting, self._waiting = self._waiting, {}
        sealed = not waiting
        for tenant, entries in waiting.items():
            try:
                await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._ledger.sequence, self._database, tenant
                )
            except Fenced:  # another process sealed them at this moment, or others: look again
                self._waiting[tenant] = self._waiting.get(tenant, 0) + entries
                sealed = True
            except SakimoriError as error:
                telemetry.seal_failed()
                self._waiting[tenant] = self._waiting.get(tenant, 0) + entries
                if tenant not in self._unsealable:
                    self._unsealable.add(tenant)
                    log(telemetry.LedgerUnsealed(tenant=tenant, error=error))
            else:
                sealed = True
                telemetry.pending(-entries)
                if tenant in self._unsealable:
                    self._unsealable.discard(tenant)
                    log(telemetry.LedgerSealed(tenant=tenant))
        if sealed:
            self._sealed_at = time.monotonic()

    def refuse_if_stuck(self) -> None:
        """Raises LedgerError where entries are written and no longer sealed."""
        stuck = time.monotonic() - self._sealed_at
        if stuck > _STUCK_SECONDS:
            raise LedgerError(
                f"no ledger was sealed for {stuck:.0f} s: entries stay pending; see gateway.ledger_unsealed in the log"
            )

    async def close(self) -> None:
        """Seal what waits, for the last time."""
        await self.seal()
        self._thread.shutdown()
