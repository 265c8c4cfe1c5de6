"""The watch itself: everything is kept once, whatever comes twice, late or out of order, or dies in between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from sakimori.core import Clock
from sakimori.gateway.oversight import observed
from sakimori.gateway.oversight.api import Api, OversightError, Scope
from sakimori.gateway.oversight.observed import Kind, Observed
from sakimori.ledger import Ledger, new_entry
from sakimori.observe import Code, Event, Level, log
from sakimori.records import Finding, LedgerEntry
from sakimori.store import Database, StoreError, Transaction
from sakimori.store import oversight as rows
from sakimori.store.oversight import Notice

_FEEDS = {Scope.ORGANIZATION: "openai.audit", Scope.TENANT: "openai.audit.tenant"}
"""How far its audit log was read: when what is newest took effect, in Unix seconds."""
_WHOLE, _WHOLE_AT = "whole", "whole_at"
"""How far it had been read when all that may come late was last looked through, and when that was."""
_NANOS_PER_SECOND = 1_000_000_000
_OVERLAP = 3_600
"""Seconds that are read again each time: entries come late and out of order."""
LATE = 24 * 3_600
"""Seconds after which an entry may still turn up, unless said otherwise: OpenAI names no bound. Its cursors (``after``)
are places in a list whose order it does not state, and entries say when they took effect, not when they were written:
nothing that it offers tells what turned up since the last look."""
_WHOLE_EVERY = 3_600
"""Seconds between two times at which all of those are read again."""
_FIRST = 7 * 86_400
"""Seconds of the past that are read the first time."""
_AT_ONCE = 100
_LONGEST_WAIT = 900.0
_PATIENCE = 24 * 3_600 * _NANOS_PER_SECOND
"""After which something that was announced and cannot be fetched is kept as it was announced."""

Keep = Callable[[Transaction, list[Finding]], None]
"""Keeps findings in the transaction."""


@dataclass(frozen=True)
class OversightUnavailable(Event, id="oversight.unavailable", level=Level.WARNING):
    """A look at the provider's oversight failed; the next one is some seconds away."""

    feed: Code
    code: Code
    retry_seconds: float


class Oversight:
    """Of one institution: the one whose account at the provider it is."""

    def __init__(
        self, database: Database, ledger: Ledger, tenant: str, *, keep: Keep, clock: Clock, late: int = LATE
    ) -> None:
        """``late``: seconds after taking effect within which entries of the audit log turn up; then none is missed."""
        self._late = late
        self._database = database
        self._ledger = ledger
        self._tenant = tenant
        self._keep = keep
        self._clock = clock

    def announced(self, kind: Kind, id: str) -> None:
        """Remember durably that the provider has something to be fetched."""
        with self._database.transaction(self._tenant) as transaction:
            rows.note(transaction, kind=kind, id=id, now=self._clock.now())

    async def read_audit_log(self, api: Api, scope: Scope = Scope.ORGANIZATION) -> int:
        """Keep what is new in the audit log; returns how many entries that was.

        Raises:
            OversightError: the provider does not answer as it should; what was read before that is kept.
            StoreError: it cannot be kept.
        """
        now = self._clock.now()
        seconds = now // _NANOS_PER_SECOND
        feed = _FEEDS[scope]
        names = (feed, f"{feed}.{_WHOLE}", f"{feed}.{_WHOLE_AT}")
        with self._database.snapshot(self._tenant) as snapshot:
            position, whole, whole_at = (rows.position(snapshot, name) for name in names)
        is_whole = whole_at is None or not 0 <= seconds - whole_at < _WHOLE_EVERY
        if position is None:
            since = seconds - max(_FIRST, self._late)
        elif is_whole:
            # What was not there when all was last looked through took effect at most so long before that.
            since = min(position - _OVERLAP, (position if whole is None else whole) - self._late)
        else:
            since = position - _OVERLAP
        new, newest = 0, position or 0
        async for page in api.audit_log(scope, max(0, since)):
            entries = [observed.audit_entry(entry, now) for entry in page]
            new += self.keep(entries)
            # A clock of theirs that runs ahead must not make us skip what comes after.
            newest = max([newest, *(min(entry.time, now) // _NANOS_PER_SECOND for entry in entries)])
        # Only now: pages may come newest first, and a death between two must not skip the rest.
        reached = (newest, newest, seconds) if is_whole and newest else (newest,) if newest > (position or 0) else ()
        if reached:
            with self._database.transaction(self._tenant) as transaction:
                for name, at in zip(names, reached, strict=False):
                    rows.advance(transaction, name, at)
        return new

    async def fetch_announced(self, api: Api) -> int:
        """Fetch and keep what was announced; returns how many that were. Raises like ``read_audit_log``."""
        with self._database.snapshot(self._tenant) as snapshot:
            waiting = rows.waiting(snapshot, limit=_AT_ONCE)
        fetched = 0
        for notice in waiting:
            found = await self._fetched(api, notice)
            if found is not None:
                fetched += self.keep([found], of=notice)
        return fetched

    async def watch(self, api: Api, scopes: Collection[Scope], *, every: float, stop: asyncio.Event) -> None:
        """Look every some seconds until told to stop; where that fails, say so and look less often.

        Args:
            scopes: of the audit log, where it is read.
        """
        feeds: list[tuple[str, Callable[[Api], Awaitable[int]]]] = [("announced", self.fetch_announced)]
        if api.reads_audit_log:
            feeds += [(f"audit_log_{scope}", partial(self.read_audit_log, scope=scope)) for scope in scopes]
        async with asyncio.TaskGroup() as group:
            for name, look in feeds:
                group.create_task(_repeat(name, look, api, every, stop))

    def keep(self, found: Sequence[Observed], *, of: Notice | None = None) -> int:
        """Keep what is not known yet, with an entry in the ledger each; returns how many that were."""
        new: list[Finding] = []
        with self._database.transaction(self._tenant) as transaction:
            for item in {item.finding(self._tenant).id: item for item in found}.values():
                finding = item.finding(self._tenant)
                if transaction.get(Finding, finding.id) is None:
                    new.append(finding)
                    self._ledger.append(transaction, self._entry(transaction, item, finding))
            if of is not None:
                rows.take(transaction, of, now=self._clock.now())
            if new:
                self._keep(transaction, new)
                self._ledger.seal(transaction)
        return len(new)

    async def _fetched(self, api: Api, notice: Notice) -> Observed | None:
        """None: the provider does not have it yet."""
        kind, now = Kind(notice.kind), self._clock.now()
        answer = None
        if api.fetches:
            answer = await (api.alert(notice.id) if kind is Kind.ALERT else api.case(notice.id))
        if answer is not None:
            found = observed.alert(answer, now) if kind is Kind.ALERT else observed.case(answer, now)
            if found.id == notice.id:
                return found
        if not api.fetches or now - notice.received_at > _PATIENCE:
            return observed.announced_only(kind, notice.id, notice.received_at)
        return None

    def _entry(self, transaction: Transaction, item: Observed, finding: Finding) -> LedgerEntry:
        return new_entry(
            transaction,
            at=self._clock.now(),
            actor="service:oversight",
            action=f"oversight.{item.kind}",
            subject=finding.id,
            detail={"provider": "openai", "id": item.id, "what": item.what, "at": item.time, **item.facts},
        )


async def _repeat(
    name: str, look: Callable[[Api], Awaitable[int]], api: Api, every: float, stop: asyncio.Event
) -> None:
    failures = 0
    while not stop.is_set():
        wait = every
        try:
            await look(api)
            failures = 0
        except (OversightError, StoreError) as error:
            failures += 1
            asked, code = (error.retry_after, error.code) if isinstance(error, OversightError) else (None, "store")
            wait = max(min(every * 2 ** min(failures, 10), _LONGEST_WAIT), asked or 0)
            log(OversightUnavailable(name, code, wait))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait)
