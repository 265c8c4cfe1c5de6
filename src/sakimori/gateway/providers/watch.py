"""What processes of a programme know of each other: who is cut off, which keys are stored, how providers fare."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex

from sakimori.core import Clock, Nanos, SakimoriError
from sakimori.gateway.providers.credentials import Credentials
from sakimori.gateway.providers.health import Health, Record
from sakimori.observe import Event, Level, log
from sakimori.store import Database
from sakimori.store import providers as rows

_EVERY_SECONDS = 0.25
_NANOS_PER_SECOND = 1_000_000_000
_REPORT_EVERY: Nanos = _NANOS_PER_SECOND
HEARD_OF: Nanos = 30 * _NANOS_PER_SECOND
"""A process that said nothing for so long is gone."""
_STILL_HERE: Nanos = 10 * _NANOS_PER_SECOND
_BLIND_SECONDS = 10.0


@dataclass(frozen=True)
class WatchFailed(Event, id="gateway.providers_unwatched", level=Level.ERROR):
    """Who is cut off could not be looked up, or a stored key not opened: what was known last stays, and this is told
    once."""

    error: Exception


@dataclass(frozen=True)
class WatchBack(Event, id="gateway.providers_watched", level=Level.INFO):
    """It can be looked up again."""


class Watch:
    """Looks every quarter of a second, so that a cut counts within half a second in every process."""

    def __init__(self, database: Database, credentials: Credentials, health: Health, clock: Clock) -> None:
        self._database = database
        self._credentials = credentials
        self._health = health
        self._clock = clock
        self._process = f"gw-{token_hex(8)}"
        self._reported: dict[str, Record] = {}
        self._reported_at: Nanos | None = None
        self._failing = False
        self._blind_for = 0.0

    def begin(self) -> None:
        """Look for the first time, before any call. Blocks.

        Raises:
            ProviderMissing: a provider's key is to be in the database and is not.
            SecretsError, StoreError: what is there cannot be read.
        """
        self._health.cut = self._look()
        self._read_keys()

    async def run(self, cut: Callable[[frozenset[str]], None]) -> None:
        """Look, and report what this process saw at most once a second, until cancelled. ``cut``: ``Upstreams.cut``."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                cut(await asyncio.to_thread(self._look))
                await asyncio.to_thread(self._read_keys)
                if (seen := self.news()) is not None:
                    await asyncio.to_thread(self._report, seen)
            except SakimoriError as error:
                self._blind_for += _EVERY_SECONDS
                if not self._failing:
                    self._failing = True
                    log(WatchFailed(error=error))
            else:
                self._blind_for = 0.0
                if self._failing:
                    self._failing = False
                    log(WatchBack())

    def refuse_if_blind(self) -> None:
        """For /readyz. Raises SakimoriError where nobody knows any more who is cut off."""
        if self._blind_for >= _BLIND_SECONDS:
            raise SakimoriError("which providers are cut off cannot be looked up: see gateway.providers_unwatched")

    def _look(self) -> frozenset[str]:
        with self._database.snapshot(rows.PROGRAMME) as snapshot:
            return frozenset(cut.provider for cut in rows.cuts(snapshot))

    def _read_keys(self) -> None:
        with self._database.snapshot(rows.PROGRAMME) as snapshot:
            self._credentials.read(snapshot)

    def news(self) -> dict[str, Record] | None:
        """What there is to report; None: nothing, or it is too early."""
        now, records = self._clock.now(), self._health.records()
        since = None if self._reported_at is None else now - self._reported_at
        if since is not None and 0 <= since < (_REPORT_EVERY if records != self._reported else _STILL_HERE):
            return None
        self._reported, self._reported_at = records, now
        return records

    def _report(self, records: dict[str, Record]) -> None:
        now = self._clock.now()
        seen = [
            rows.Seen(
                name,
                self._process,
                now,
                record.state,
                record.answered,
                record.failed,
                record.last_failure,
                record.last_failure_at,
            )
            for name, record in records.items()
        ]
        with self._database.transaction(rows.PROGRAMME) as transaction:
            rows.report(transaction, seen, now=now)
