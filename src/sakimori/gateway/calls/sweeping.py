"""Sweeping: calls whose process died are ended, and entered, though their institution may never call again.

Each process looks through all institutions of the programme, some at a time. Several may do so at once: what is over is
ended in a transaction of its institution, which finds it ended if another was first.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sakimori.access import members
from sakimori.core import Clock, SakimoriError
from sakimori.gateway.calls.sealing import Sealer
from sakimori.gateway.calls.settlement import Settlement
from sakimori.gateway.calls.writer import Writer
from sakimori.observe import Event, Level, log
from sakimori.records import Reservation
from sakimori.store import Database, Transaction, budgets

_EVERY_SECONDS = 60.0
"""From the beginning of a round to that of the next, at least."""
_PAUSE_SECONDS = 2.0
"""Between two slices of a round: whoever asks all of 10,000 institutions at once holds up those who call."""
_SLICE = 200
"""Institutions looked at in one snapshot."""


@dataclass(frozen=True)
class SweepFailed(Event, id="gateway.sweep_failed", level=Level.ERROR):
    """Calls of processes that died could not be looked for; the next round tries again, and this is told once."""

    error: Exception


@dataclass(frozen=True)
class SweepBack(Event, id="gateway.sweep_back", level=Level.INFO):
    """They can be looked for again."""


class Sweeper:
    """Used from one event loop; it reads in threads."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        settlement: Settlement,
        sealer: Sealer,
        clock: Clock,
        institutions: Callable[[], Sequence[str]],
    ) -> None:
        """``institutions``: all that may have calls under way; it may block."""
        self._database = database
        self._writer = writer
        self._settlement = settlement
        self._sealer = sealer
        self._clock = clock
        self._institutions = institutions
        self._failing = False

    async def run(self) -> None:
        """Go round after round, until cancelled."""
        while True:
            begun = time.monotonic()
            try:
                await self.round(pause=_PAUSE_SECONDS)
            except SakimoriError as error:
                if not self._failing:
                    self._failing = True
                    log(SweepFailed(error=error))
            else:
                if self._failing:
                    self._failing = False
                    log(SweepBack())
            await asyncio.sleep(max(_PAUSE_SECONDS, begun + _EVERY_SECONDS - time.monotonic()))

    async def round(self, *, pause: float = 0.0) -> int:
        """Look at every institution once; the number of calls that were ended.

        Raises:
            SakimoriError: the database cannot be used; what was ended before that stays so.
        """
        ended = 0
        names = await asyncio.to_thread(self._institutions)
        for start in range(0, len(names), _SLICE):
            if start:
                await asyncio.sleep(pause)
            for name in await asyncio.to_thread(self._with_some_over, names[start : start + _SLICE]):
                ended += await self._sweep(name)
        return ended

    def _with_some_over(self, names: Sequence[str]) -> list[str]:
        now = self._clock.now()
        with self._database.snapshots(names) as each:
            return [snapshot.tenant for snapshot in each if budgets.are_over(snapshot, now=now)]

    async def _sweep(self, tenant: str) -> int:
        ended, entered = await self._writer.complete(tenant, self._end, long=True)
        if entered:
            self._sealer.wrote(tenant, entered)
        return ended

    def _end(self, transaction: Transaction) -> tuple[int, int]:
        """How many calls were ended, and how many entries that made."""
        presumed: list[Reservation] = []

        def presume(over: Reservation) -> None:
            self._settlement.presume(transaction, over)
            presumed.append(over)

        ended = budgets.expire(transaction, now=self._clock.now(), on_presumed=presume)
        return ended, len(presumed)


def institutions_of(database: Database, programme: str) -> list[str]:
    """Whoever runs a programme, and all that belong to it or did."""
    with database.snapshot(programme) as snapshot:
        return sorted({programme, *(member.name for member in members.every(snapshot))})
