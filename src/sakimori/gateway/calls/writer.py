"""The writer: what calls write, committed in groups, so that all who wait share one flush to the disk.

A flush takes milliseconds and holds one writer at a time, so that calls which each waited for their own would queue up
behind it. Here one thread takes all that waits, runs it in one transaction per institution, and commits; meanwhile the
next group gathers. Nobody hears of a result before it is durable.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sakimori.core import SakimoriError
from sakimori.gateway.refusal import Refusal
from sakimori.store import Database, StoreError, Transaction

T = TypeVar("T")
BUSY = "gateway_busy"
"""Code of what is refused because too much waits: the refusal is not written down either."""
_MOST_WAITING = 2_000
"""Pieces of work; at a few hundred microseconds each, about a second's worth."""
_LARGEST_ROUND = 128
"""Pieces of work in one transaction, which others of the institution wait for."""


@dataclass(frozen=True, slots=True)
class _Job:
    tenant: str
    work: Callable[[Transaction], Any]
    heard: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    job: _Job
    value: Any = None
    error: BaseException | None = None


class Writer:
    """One thread that writes for one event loop. ``close`` it when done."""

    def __init__(self, database: Database, *, most_waiting: int = _MOST_WAITING) -> None:
        """To be made within the event loop."""
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._most = most_waiting
        self._waiting = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="gateway-writer", daemon=True)
        self._thread.start()

    async def submit(self, tenant: str, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in a transaction of the institution; its result, once that is committed.

        ``work`` runs in the writer's thread, and a second time where a neighbour's mistake undid the first. What it
        raises undoes what it wrote, and nothing else. One whose caller is cancelled before it began is not run.

        Raises:
            Refusal: too much waits already.
            StoreError: the database cannot be used; nothing was written.
            Exception: whatever ``work`` raises.
        """
        if self._waiting >= self._most:
            message = "More calls are waiting to be written down than the gateway's database can take; ask again."
            raise Refusal(503, BUSY, message, retry_after=1, may_retry=True)
        return await self.complete(tenant, work)

    async def complete(self, tenant: str, work: Callable[[Transaction], T]) -> T:
        """Like ``submit``, for what must be written however much waits: what became of a call that was submitted."""
        heard: asyncio.Future[T] = self._loop.create_future()
        self._waiting += 1
        self._jobs.put(_Job(tenant, work, heard))
        return await heard

    async def close(self) -> None:
        """Finish what waits. Nothing may be submitted any more: nobody would ever hear of it."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        closing = False
        while not closing:
            job = self._jobs.get()
            waiting = [] if job is None else [job]
            while job is not None and len(waiting) < _LARGEST_ROUND and not self._jobs.empty():
                job = self._jobs.get()  # nobody else takes any: one that is there stays there
                waiting += [] if job is None else [job]
            closing = job is None
            by_tenant: dict[str, list[_Job]] = {}
            for each in waiting:
                by_tenant.setdefault(each.tenant, []).append(each)
            for group in by_tenant.values():
                # Told group by group: an institution does not wait for another one's commit.
                self._loop.call_soon_threadsafe(self._tell, self._write(group))

    def _tell(self, outcomes: list[_Outcome]) -> None:
        self._waiting -= len(outcomes)
        for outcome in outcomes:
            heard = outcome.job.heard
            if heard.cancelled():
                continue
            if outcome.error is None:
                heard.set_result(outcome.value)
            else:
                heard.set_exception(outcome.error)

    def _write(self, group: list[_Job]) -> list[_Outcome]:
        """One transaction for all; one for each where somebody's mistake undid the whole of it."""
        try:
            with self._database.transaction(group[0].tenant) as transaction:
                if len(group) == 1:
                    return [_Outcome(group[0], _run(transaction, group[0]))]
                return [_run_beside_others(transaction, job) for job in group]
        except StoreError as error:
            return [_Outcome(job, error=error) for job in group]
        except Exception as error:  # noqa: BLE001 - whatever it is: who waits must hear it, and the thread must live on
            if len(group) == 1:
                return [_Outcome(group[0], error=error)]
            return [outcome for job in group for outcome in self._write([job])]


def _run(transaction: Transaction, job: _Job) -> Any:
    return None if job.heard.cancelled() else job.work(transaction)


def _run_beside_others(transaction: Transaction, job: _Job) -> _Outcome:
    """Raises where it is not known what that did to the transaction: for the database's own errors, and for bugs."""
    try:
        with transaction.part():
            return _Outcome(job, _run(transaction, job))
    except (Refusal, SakimoriError) as error:
        return _Outcome(job, error=error)
