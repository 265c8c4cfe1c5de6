"""The writer: what calls write, committed in groups, so that all who wait share one flush to the disk.

A flush takes milliseconds and holds one writer at a time, so that calls which each waited for their own would queue up
behind it. Here one thread takes turns for institutions: it begins a transaction, in which the work of all who wait by
then is done, and commits; meanwhile the next group gathers. Nobody hears of a result before it is durable.

What waits for others (the turn, the disk, a server) waits in that thread. The work itself is done in the event loop
where the database answers at once (a file): two threads that both compute get in each other's way at every statement.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
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
_LARGEST_GROUP = 64
"""Pieces of work in one transaction, which others of the institution, and the event loop, wait for."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Transaction], Any]
    heard: asyncio.Future[Any]
    long: bool


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
        self._unheard = 0
        self._waiting: dict[str, list[_Job]] = {}
        """By institution. Each that is there has a turn coming."""
        self._lock = threading.Lock()
        self._turns: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="gateway-writer", daemon=True)
        self._thread.start()

    async def submit(self, tenant: str, work: Callable[[Transaction], T], *, long: bool = False) -> T:
        """Run ``work`` in a transaction of the institution; its result, once that is committed.

        ``work`` runs in the event loop or, if it takes ``long`` (a millisecond), in the writer's thread; a second time
        where a neighbour's mistake undid the first. What it raises undoes what it wrote, and nothing else. One whose
        caller is cancelled before it began is not run.

        Raises:
            Refusal: too much waits already.
            StoreError: the database cannot be used; nothing was written.
            Exception: whatever ``work`` raises.
        """
        if self._unheard >= self._most:
            message = "More calls are waiting to be written down than the gateway's database can take; ask again."
            raise Refusal(503, BUSY, message, retry_after=1, may_retry=True)
        return await self.complete(tenant, work, long=long)

    async def complete(self, tenant: str, work: Callable[[Transaction], T], *, long: bool = False) -> T:
        """Like ``submit``, for what must be written however much waits: what became of a call that was submitted."""
        heard: asyncio.Future[T] = self._loop.create_future()
        self._unheard += 1
        with self._lock:
            known = self._waiting.get(tenant)
            if known is None:
                self._waiting[tenant] = [_Job(work, heard, long)]
                self._turns.put(tenant)
            else:
                known.append(_Job(work, heard, long))
        return await heard

    async def close(self) -> None:
        """Finish what waits. Nothing may be submitted any more: nobody would ever hear of it."""
        self._turns.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        closing = False
        while not (closing and not self._waiting):
            tenant = self._turns.get()
            if tenant is None:
                closing = True
            else:
                self._loop.call_soon_threadsafe(self._tell, self._write(tenant))

    def _take(self, tenant: str) -> list[_Job]:
        """Whoever waits by now, and is one group."""
        with self._lock:
            waiting = self._waiting.pop(tenant)
            if len(waiting) > _LARGEST_GROUP:
                self._waiting[tenant] = waiting[_LARGEST_GROUP:]
                self._turns.put(tenant)
        return waiting[:_LARGEST_GROUP]

    def _tell(self, outcomes: Sequence[_Outcome]) -> None:
        self._unheard -= len(outcomes)
        for outcome in outcomes:
            heard = outcome.job.heard
            if heard.cancelled():
                continue
            if outcome.error is None:
                heard.set_result(outcome.value)
            else:
                heard.set_exception(outcome.error)

    def _write(self, tenant: str, job: _Job | None = None) -> list[_Outcome]:
        """One transaction for all who wait, or for one; for each its own where somebody's mistake undid the whole."""
        group = [job] if job else []
        try:
            with self._database.transaction(tenant) as transaction:
                group = group or self._take(tenant)  # not before it is their turn: until then others may come
                if self._database.answers_at_once and not any(job.long for job in group):
                    return self._in_loop(lambda: _do(transaction, group))
                return _do(transaction, group)
        except StoreError as error:
            return [_Outcome(job, error=error) for job in group or self._take(tenant)]
        except Exception as error:  # noqa: BLE001 - whatever it is: who waits must hear it, and the thread must live on
            if len(group) == 1:
                return [_Outcome(group[0], error=error)]
            return [outcome for job in group or self._take(tenant) for outcome in self._write(tenant, job)]

    def _in_loop(self, do: Callable[[], list[_Outcome]]) -> list[_Outcome]:
        done: Future[list[_Outcome]] = Future()

        def run() -> None:
            try:
                done.set_result(do())
            except BaseException as error:  # noqa: BLE001 - the transaction is the thread's to undo
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result()


def _do(transaction: Transaction, group: Sequence[_Job]) -> list[_Outcome]:
    if len(group) == 1:
        return [_Outcome(group[0], _run(transaction, group[0]))]
    return [_run_beside_others(transaction, job) for job in group]


def _run(transaction: Transaction, job: _Job) -> Any:
    return None if job.heard.cancelled() else job.work(transaction)


def _run_beside_others(transaction: Transaction, job: _Job) -> _Outcome:
    """Raises where it is not known what that did to the transaction: for the database's own errors, and for bugs."""
    try:
        with transaction.part():
            return _Outcome(job, _run(transaction, job))
    except (Refusal, SakimoriError) as error:
        return _Outcome(job, error=error)
